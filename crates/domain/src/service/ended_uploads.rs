use std::sync::Arc;

use super::blob_remover::BlobRemover;
use crate::model::Command;
use crate::port;

/// Of how many uploads the bytes are deleted before the next are asked for.
const BATCH: u32 = 500;

/// Deletes the bytes of open uploads that ended with the right to send them.
///
/// Which these are is asked for once the change is committed, a step at a time however many there are; when this breaks off,
/// the collector removes the rest. Bytes that never arrived have given their room back with the change itself.
#[derive(Clone)]
pub struct EndedUploads {
    uploads: Arc<dyn port::Uploads>,
    remover: BlobRemover,
}

impl EndedUploads {
    /// Puts it together.
    #[must_use]
    pub fn new(uploads: Arc<dyn port::Uploads>, remover: BlobRemover) -> Self {
        Self { uploads, remover }
    }

    /// Deletes what arrived for the uploads that ended with what `command` changed, which is committed. What cannot be deleted
    /// stays reserved until the collector removes it.
    pub(super) async fn discard(&self, command: &Command) {
        let mut after = None;
        // The change itself has succeeded: should this fail, the bytes are the collector's.
        while let Ok(ended) = self.uploads.list_aborted(command.at, after, BATCH).await {
            self.remover.discard(&ended).await;
            after = ended.last().map(|upload| upload.id);
            if ended.len() < BATCH as usize {
                return;
            }
        }
    }
}
