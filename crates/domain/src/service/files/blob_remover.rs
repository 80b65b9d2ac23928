use std::sync::Arc;

use futures_util::{StreamExt, stream};

use crate::error::Error;
use crate::model::{BlobKey, DriveId, Located, Upload};
use crate::port::{BlobRecordRepository, BlobStore, Saved};

/// How many blobs or uploads one call deletes concurrently.
const AT_ONCE: usize = 16;

/// How many records one transaction removes.
const BATCH: usize = 500;

/// Deletes unreferenced bytes right away.
///
/// Whatever cannot be deleted is left to the collector and counts against its drive until then.
#[derive(Clone)]
pub struct BlobRemover {
    records: Arc<dyn BlobRecordRepository>,
    store: Arc<dyn BlobStore>,
}

impl BlobRemover {
    /// Creates the remover.
    #[must_use]
    pub fn new(records: Arc<dyn BlobRecordRepository>, store: Arc<dyn BlobStore>) -> Self {
        Self { records, store }
    }

    /// Removes blobs that are marked for deletion and releases their quota. Returns how many are gone, and the first
    /// error.
    pub(in crate::service) async fn remove(&self, marked_for_deletion: Vec<BlobKey>) -> (u64, Option<Error>) {
        let (mut removed, mut first_error) = (0, None);
        for keys in marked_for_deletion.chunks(BATCH) {
            let deletions = stream::iter(keys.to_vec()).map(|key| async move {
                let outcome = self.store.delete(&key).await;
                outcome.map(|()| key)
            });
            let mut deletions = deletions.buffered(AT_ONCE);
            let mut gone = Vec::with_capacity(keys.len());
            while let Some(outcome) = deletions.next().await {
                match outcome {
                    Ok(key) => gone.push(key),
                    Err(error) => first_error = first_error.or(Some(error)),
                }
            }
            if gone.is_empty() {
                continue;
            }
            match self.records.remove(&self.store.name(), &gone).await {
                Ok(()) => removed += gone.len() as u64,
                Err(error) => first_error = first_error.or(Some(error)),
            }
        }
        (removed, first_error)
    }

    /// Deletes the [freed](Saved::freed) blobs, and returns the file or folder.
    pub(in crate::service) async fn clear_up(&self, saved: Saved) -> Located {
        // What cannot be deleted stays marked for deletion for the collector.
        self.remove(saved.freed).await;
        saved.located
    }

    /// Removes the data received for uploads that are over; what cannot be removed stays reserved.
    pub(in crate::service) async fn discard(&self, ended: &[Upload]) {
        let uploads = ended.to_vec();
        let all = stream::iter(uploads).map(|upload| async move { self.discard_one(&upload).await });
        all.buffered(AT_ONCE).for_each(|()| async {}).await;
    }

    async fn discard_one(&self, upload: &Upload) {
        let multipart = upload.multipart();
        if self.store.abort(&multipart).await.is_err() {
            // If the store cannot tell what it has, count the most that it would have accepted.
            let max = upload.announced.unwrap_or(0);
            let bytes = self.store.received_bytes(&multipart).await.unwrap_or(max);
            self.hold(&upload.blob, upload.drive, bytes).await;
        }
    }

    /// Deletes `stored` bytes that were streamed in or copied but became no file; if that fails, they stay reserved.
    pub(in crate::service) async fn delete(&self, key: &BlobKey, drive: DriveId, stored: u64) {
        if self.store.delete(key).await.is_err() {
            self.hold(key, drive, stored).await;
        }
    }

    /// If this fails too, the bytes go uncounted until the collector removes them.
    async fn hold(&self, key: &BlobKey, drive: DriveId, bytes: u64) {
        if bytes > 0 {
            let _ = self.records.hold(key, drive, bytes).await;
        }
    }
}
