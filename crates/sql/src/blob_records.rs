//! New blobs, and what refers to blobs.

use clouddrive_domain::Result;
use clouddrive_domain::model::{BlobKey, StoreName, Timestamp};
use diesel::prelude::*;

use crate::schema::blobs;
use crate::types::bad_row;

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

/// The key of a row of `blobs`.
///
/// # Errors
/// When it is none.
pub fn key(text: &str) -> Result<BlobKey> {
    BlobKey::parse(text).ok_or_else(|| bad_row("blobs", text, "key"))
}
