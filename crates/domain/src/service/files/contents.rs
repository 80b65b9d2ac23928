use std::ops::Range;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::model::{BlobKey, BlobRef, Content};
use crate::port::{BlobRecordRepository, BlobStores, ByteStream};

/// Reads blobs, telling damaged ones from purged ones.
#[derive(Clone)]
pub struct Contents {
    stores: BlobStores,
    records: Arc<dyn BlobRecordRepository>,
}

impl Contents {
    /// Creates it on the `stores` and the `records` of their blobs.
    #[must_use]
    pub fn new(stores: BlobStores, records: Arc<dyn BlobRecordRepository>) -> Self {
        Self { stores, records }
    }

    /// The bytes of `content` in `range`.
    ///
    /// # Errors
    /// As [`read_blob`](Self::read_blob).
    pub(in crate::service) async fn read(&self, content: &Content, range: Range<u64>) -> Result<ByteStream> {
        self.read_blob(&content.blob, content.size, range).await
    }

    /// The bytes in `range` of the blob, which has `size` bytes.
    ///
    /// # Errors
    /// [`Damaged`](Error::Damaged) when a referenced blob is missing from the store or has other bytes; `NotFound` when
    /// it is no longer referenced; `Unavailable` when its store is not configured; store errors.
    pub(in crate::service) async fn read_blob(
        &self,
        blob: &BlobRef,
        size: u64,
        range: Range<u64>,
    ) -> Result<ByteStream> {
        match self.stores.get(&blob.store)?.get(&blob.key, size, range).await {
            Err(Error::NotFound) => Err(self.missing(&blob.key).await),
            outcome => outcome,
        }
    }

    /// The error for missing bytes under `key`: `Damaged`, or `NotFound` if they have been purged meanwhile.
    pub(in crate::service) async fn missing(&self, key: &BlobKey) -> Error {
        match self.records.is_referred_to(key).await {
            Ok(true) => Error::damaged(key, "it is missing"),
            Ok(false) => Error::NotFound,
            Err(error) => error,
        }
    }
}

#[cfg(test)]
mod tests;
