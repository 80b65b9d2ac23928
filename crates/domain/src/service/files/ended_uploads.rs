use std::sync::Arc;

use super::blob_remover::BlobRemover;
use crate::model::Command;
use crate::port;

/// How many uploads to list and delete per step.
const BATCH: u32 = 500;

/// Deletes the bytes of open uploads that ended because their sender lost the right to send them.
///
/// They are listed after the change is committed, one step at a time, however many there are; if this is interrupted,
/// the collector removes the rest. The change itself already releases the quota of bytes that never arrived.
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

    /// Deletes the data of uploads that ended with the committed change of `command`. What cannot be deleted stays
    /// reserved until the collector removes it.
    pub(in crate::service) async fn discard(&self, command: &Command) {
        let mut after = None;
        // The change itself has succeeded: if listing fails, the collector removes the bytes.
        while let Ok(ended) = self.uploads.list_aborted(command.at, after, BATCH).await {
            self.remover.discard(&ended).await;
            after = ended.last().map(|upload| upload.id);
            if ended.len() < BATCH as usize {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests;
