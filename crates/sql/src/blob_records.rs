//! New blobs, and what refers to blobs.

use clouddrive_domain::Result;
use clouddrive_domain::model::{BlobKey, StoreName, Timestamp};
use diesel::prelude::*;
use diesel::sql_types::Text;

use crate::schema::blobs;
use crate::statement::{Parameter, Statement};
use crate::types::{bad_row, bytes};

/// A row of `blobs` to be inserted.
#[derive(Insertable)]
#[diesel(table_name = blobs, treat_none_as_default_value = false)]
pub struct NewBlobRow {
    key: String,
    store: &'static str,
    created_at: i64,
    unreferenced_at: Option<i64>,
}

impl NewBlobRow {
    /// The row of a blob, to which nothing refers since `unreferenced_at`, if that is given.
    #[must_use]
    pub fn new(key: &BlobKey, store: &StoreName, at: Timestamp, unreferenced_at: Option<Timestamp>) -> Self {
        Self {
            key: key.as_str().to_owned(),
            store: store.0,
            created_at: at.as_millis(),
            unreferenced_at: unreferenced_at.map(Timestamp::as_millis),
        }
    }
}

/// The key of a blob.
#[derive(QueryableByName)]
pub struct KeyRow {
    /// That.
    #[diesel(sql_type = Text)]
    pub key: String,
}

/// Asks for the [`KeyRow`]s of up to `most` blobs in `store` that nobody has condemned yet, and to which nothing refers since
/// `before` or longer, the oldest first.
#[must_use]
pub fn unneeded(store: &StoreName, before: Timestamp, most: u32) -> Statement {
    let text = "SELECT key FROM blobs WHERE store = ? AND condemned_at IS NULL AND unreferenced_at <= ?
        ORDER BY unreferenced_at LIMIT ?";
    let before = Parameter::Integer(before.as_millis());
    Statement::new(text, vec![Parameter::Text(store.0.to_owned()), before, Parameter::Integer(most.into())])
}

/// Asks for the [`KeyRow`]s of up to `most` blobs in `store` that have been condemned, those first that were first.
#[must_use]
pub fn condemned(store: &StoreName, most: usize) -> Statement {
    let text = "SELECT key FROM blobs WHERE store = ? AND condemned_at IS NOT NULL AND unreferenced_at IS NOT NULL
        ORDER BY condemned_at LIMIT ?";
    Statement::new(text, vec![Parameter::Text(store.0.to_owned()), Parameter::Integer(bytes(most as u64))])
}

/// The key of a row of `blobs`.
///
/// # Errors
/// When it is none.
pub fn key(text: &str) -> Result<BlobKey> {
    BlobKey::parse(text).ok_or_else(|| bad_row("blobs", text, "key"))
}
