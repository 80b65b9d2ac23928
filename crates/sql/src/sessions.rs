//! New sessions.

use clouddrive_domain::model::Session;
use diesel::prelude::*;

use crate::schema::sessions;
use crate::types::DbId;

/// A row of `sessions` to be inserted.
#[derive(Insertable)]
#[diesel(table_name = sessions, treat_none_as_default_value = false)]
pub struct NewSessionRow {
    id: DbId,
    user_id: DbId,
    created_at: i64,
    last_used_at: i64,
    expires_at: i64,
    address: Option<String>,
    user_agent: Option<String>,
}

impl From<Session> for NewSessionRow {
    fn from(session: Session) -> Self {
        Self {
            id: session.id.into(),
            user_id: session.user.into(),
            created_at: session.created_at.as_millis(),
            last_used_at: session.created_at.as_millis(),
            expires_at: session.expires_at.as_millis(),
            address: session.address,
            user_agent: session.user_agent,
        }
    }
}
