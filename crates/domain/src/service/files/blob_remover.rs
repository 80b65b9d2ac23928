use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::{StreamExt, stream};

use crate::error::{Error, Result};
use crate::model::{BlobKey, BlobRef, DriveId, Located, StoreName, Upload, UploadId};
use crate::port::{BlobRecordRepository, BlobStores, SavedNode};

/// How many blobs or uploads one call deletes concurrently.
const AT_ONCE: usize = 16;

/// How many records one transaction removes.
const BATCH: usize = 500;

/// Deletes unreferenced bytes right away.
///
/// Whatever cannot be deleted is left to a job or the collector and counts against its drive until then.
#[derive(Clone)]
pub struct BlobRemover {
    records: Arc<dyn BlobRecordRepository>,
    stores: BlobStores,
}

impl BlobRemover {
    /// Creates the remover.
    #[must_use]
    pub fn new(records: Arc<dyn BlobRecordRepository>, stores: BlobStores) -> Self {
        Self { records, stores }
    }

    /// Removes blobs that are marked for deletion, each from its store, and releases their quota. Returns how many are
    /// gone, and the first error.
    pub(in crate::service) async fn remove(&self, marked_for_deletion: Vec<BlobRef>) -> (u64, Option<Error>) {
        let (mut removed, mut first_error) = (0, None);
        for blobs in marked_for_deletion.chunks(BATCH) {
            let deletions = stream::iter(blobs.to_vec()).map(|blob| async move {
                let outcome = self.delete_bytes(&blob).await;
                outcome.map(|()| blob)
            });
            let mut deletions = deletions.buffered(AT_ONCE);
            let mut gone: BTreeMap<StoreName, Vec<BlobKey>> = BTreeMap::new();
            while let Some(outcome) = deletions.next().await {
                match outcome {
                    Ok(blob) => gone.entry(blob.store).or_default().push(blob.key),
                    Err(error) => first_error = first_error.or(Some(error)),
                }
            }
            for (store, keys) in gone {
                match self.records.remove(&store, &keys).await {
                    Ok(()) => removed += keys.len() as u64,
                    Err(error) => first_error = first_error.or(Some(error)),
                }
            }
        }
        (removed, first_error)
    }

    async fn delete_bytes(&self, blob: &BlobRef) -> Result<()> {
        self.stores.get(&blob.store)?.delete(&blob.key).await
    }

    /// Deletes the [freed](SavedNode::freed) blobs, and returns the file or folder.
    pub(in crate::service) async fn remove_freed(&self, saved: SavedNode) -> Located {
        // What cannot be deleted stays marked for deletion for the collector.
        self.remove(saved.freed).await;
        saved.located
    }

    /// Removes the data received for uploads that are over; what cannot be removed stays reserved. Returns those of
    /// which nothing is left.
    pub(in crate::service) async fn discard(&self, ended: &[Upload]) -> Vec<UploadId> {
        let uploads = ended.to_vec();
        let all = stream::iter(uploads)
            .map(|upload| async move { self.discard_one(&upload).await.is_ok().then_some(upload.id) });
        all.buffered(AT_ONCE).filter_map(|discarded| async move { discarded }).collect().await
    }

    /// Removes the data received for an upload that is over; if that fails, they stay reserved. Once its blob is no longer
    /// recorded, there is none.
    pub(in crate::service) async fn discard_one(&self, upload: &Upload) -> Result<()> {
        // Nothing would delete what a store may write to keep late bytes out: only the collector does, by the record.
        let Some(store) = &upload.store else { return Ok(()) };
        let outcome = self.abort(store, upload).await;
        if outcome.is_err() {
            // If the store cannot tell what it has, count the most that it would have accepted.
            let max = upload.announced.unwrap_or(0);
            let bytes = self.received_bytes(store, upload).await.unwrap_or(max);
            self.hold(&upload.blob, upload.drive, bytes).await;
        }
        outcome
    }

    async fn abort(&self, store: &StoreName, upload: &Upload) -> Result<()> {
        self.stores.get(store)?.abort(&upload.multipart()).await
    }

    async fn received_bytes(&self, store: &StoreName, upload: &Upload) -> Result<u64> {
        self.stores.get(store)?.received_bytes(&upload.multipart()).await
    }

    /// Deletes `stored` bytes that were streamed in or copied but became no file; if that fails, they stay reserved.
    pub(in crate::service) async fn delete(&self, blob: &BlobRef, drive: DriveId, stored: u64) {
        if self.delete_bytes(blob).await.is_err() {
            self.hold(&blob.key, drive, stored).await;
        }
    }

    /// If this fails too, the bytes go uncounted until the collector removes them.
    async fn hold(&self, key: &BlobKey, drive: DriveId, bytes: u64) {
        if bytes > 0 {
            let _ = self.records.hold(key, drive, bytes).await;
        }
    }
}

#[cfg(test)]
mod tests;
