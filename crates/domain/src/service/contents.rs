use std::ops::Range;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::model::{BlobKey, Content};
use crate::port::{BlobRecords, BlobStore, ByteStream};

/// The bytes that rows promise, as the store has them.
#[derive(Clone)]
pub struct Contents {
    store: Arc<dyn BlobStore>,
    records: Arc<dyn BlobRecords>,
}

impl Contents {
    /// Those in `store`, as `records` know of them.
    #[must_use]
    pub fn new(store: Arc<dyn BlobStore>, records: Arc<dyn BlobRecords>) -> Self {
        Self { store, records }
    }

    /// The bytes of `content` from `range.start` up to, not including, `range.end`.
    ///
    /// # Errors
    /// As [`read_blob`](Self::read_blob).
    pub(super) async fn read(&self, content: &Content, range: Range<u64>) -> Result<ByteStream> {
        self.read_blob(&content.blob, content.size, range).await
    }

    /// The same of the blob under `key`, which has `size` bytes.
    ///
    /// # Errors
    /// [`Damaged`](Error::Damaged) when something refers to the blob and the store lacks it, or has other bytes;
    /// `NotFound` when nothing refers to it any more; and those of the store.
    pub(super) async fn read_blob(&self, key: &BlobKey, size: u64, range: Range<u64>) -> Result<ByteStream> {
        match self.store.get(key, size, range).await {
            Err(Error::NotFound) => Err(self.missing(key).await),
            outcome => outcome,
        }
    }

    /// What it is that the bytes under `key` are missing. They may have been purged since they were promised.
    pub(super) async fn missing(&self, key: &BlobKey) -> Error {
        match self.records.is_referred_to(key).await {
            Ok(true) => Error::damaged(key, "it is missing"),
            Ok(false) => Error::NotFound,
            Err(fault) => fault,
        }
    }
}
