use std::sync::Arc;

use super::blob_remover::BlobRemover;
use crate::error::Result;
use crate::model::{Command, Timestamp, Upload, UploadId};
use crate::port;

/// How many uploads to list and delete per step.
const BATCH: u32 = 500;

/// Deletes the bytes of uploads that ended without becoming files.
///
/// The request that ends them does so at once, after its change is committed, which already releases the quota of bytes
/// that never arrived. Each upload also has a job: if the request is interrupted or fails, that deletes the rest.
#[derive(Clone)]
pub struct EndedUploads {
    uploads: Arc<dyn port::UploadRepository>,
    remover: BlobRemover,
}

impl EndedUploads {
    /// Creates it.
    #[must_use]
    pub fn new(uploads: Arc<dyn port::UploadRepository>, remover: BlobRemover) -> Self {
        Self { uploads, remover }
    }

    /// Deletes the data of uploads that ended with the committed change of `command`, one step at a time, however many
    /// there are. What cannot be deleted stays reserved until the jobs delete it.
    pub(in crate::service) async fn discard(&self, command: &Command) {
        let mut after = None;
        // The change itself has succeeded: if listing fails, the jobs delete the bytes.
        while let Ok(ended) = self.uploads.list_aborted(command.at, after, BATCH).await {
            self.discard_all(command.at, &ended).await;
            after = ended.last().map(|upload| upload.id);
            if ended.len() < BATCH as usize {
                return;
            }
        }
    }

    /// Deletes the data of uploads that have ended by `at`. What cannot be deleted stays reserved until the jobs delete
    /// it.
    pub(in crate::service) async fn discard_all(&self, at: Timestamp, ended: &[Upload]) {
        let discarded = self.remover.discard(ended).await;
        if !discarded.is_empty() {
            // If this fails, the jobs stay, and have nothing left to delete.
            let _ = self.uploads.note_discarded(at, &discarded).await;
        }
    }

    /// Deletes the data of an upload, unless it is open or became a file: the work of its job.
    ///
    /// Calls `UploadRepository::find_ended`, `BlobStore::abort`, `BlobStore::received_bytes`,
    /// `BlobRecordRepository::hold` and `UploadRepository::note_discarded`.
    ///
    /// # Errors
    /// Store errors. Data that cannot be deleted stay reserved.
    pub async fn finish(&self, upload: UploadId, at: Timestamp) -> Result<()> {
        if let Some(ended) = self.uploads.find_ended(upload).await? {
            self.remover.discard_one(&ended).await?;
            self.uploads.note_discarded(at, &[upload]).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
