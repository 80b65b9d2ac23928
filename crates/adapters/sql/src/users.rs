//! New users.

use clouddrive_domain::port::Registration;
use diesel::prelude::*;

use crate::schema::{drives, users};
use crate::types::{DbId, bytes};

/// A row of `users` to be inserted.
#[derive(Insertable)]
#[diesel(table_name = users, treat_none_as_default_value = false)]
pub struct NewUserRow {
    id: DbId,
    username: String,
    username_key: String,
    email: String,
    email_key: String,
    password_hash: String,
    created_at: i64,
}

impl From<&Registration> for NewUserRow {
    fn from(new: &Registration) -> Self {
        let user = &new.user;
        Self {
            id: user.id.into(),
            username: user.username.as_str().to_owned(),
            username_key: user.username.key(),
            email: user.email.as_str().to_owned(),
            email_key: user.email.key(),
            password_hash: new.hash.expose().to_owned(),
            created_at: user.created_at.as_millis(),
        }
    }
}

/// A row of `drives` to be inserted.
#[derive(Insertable)]
#[diesel(table_name = drives, treat_none_as_default_value = false)]
pub struct NewDriveRow {
    id: DbId,
    owner_id: Option<DbId>,
    quota_bytes: i64,
    quota_entries: i64,
    created_at: i64,
}

impl From<&Registration> for NewDriveRow {
    fn from(new: &Registration) -> Self {
        Self {
            id: new.drive.into(),
            owner_id: Some(new.user.id.into()),
            quota_bytes: bytes(new.quota_bytes),
            quota_entries: bytes(new.quota_entries),
            created_at: new.user.created_at.as_millis(),
        }
    }
}
