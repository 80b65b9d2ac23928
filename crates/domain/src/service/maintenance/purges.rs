use std::sync::Arc;

use super::jobs::JobProgress;
use crate::error::Result;
use crate::model::{DriveId, RequestId};
use crate::port::{CleanupProgress, Purge, PurgeStep, TrashRepository};
use crate::service::ServiceContext;
use crate::service::files::blob_remover::BlobRemover;

/// How many nodes one step removes.
const BATCH: u32 = 500;

/// Removes in steps what no user sees any more: purged items, and the drives of deleted accounts.
#[derive(Clone)]
pub struct PurgeService {
    trash: Arc<dyn TrashRepository>,
    remover: BlobRemover,
    context: ServiceContext,
}

impl PurgeService {
    /// Creates the service.
    #[must_use]
    pub fn new(trash: Arc<dyn TrashRepository>, remover: BlobRemover, context: ServiceContext) -> Self {
        Self { trash, remover, context }
    }

    /// Does one step of the purges begun in `drive`. Bytes that cannot be deleted now are left to the collector.
    ///
    /// Calls `TrashRepository::purge`, `BlobStore::delete` and `BlobRecordRepository::remove`.
    ///
    /// # Errors
    /// Store errors.
    pub async fn purge(&self, drive: DriveId, request: &RequestId) -> Result<JobProgress> {
        let step = self.step(drive, request).await?;
        Ok(if step.more { JobProgress::More } else { JobProgress::Done })
    }

    /// Does one step of the removal of `drive`, unless it has an owner.
    ///
    /// Calls `TrashRepository::delete_orphaned_drives`, `TrashRepository::purge`, `BlobStore::delete` and
    /// `BlobRecordRepository::remove`.
    ///
    /// # Errors
    /// Store errors.
    pub async fn remove_drive(&self, drive: DriveId, request: &RequestId) -> Result<JobProgress> {
        let delete = async || {
            let command = self.context.system_command(request);
            self.trash.delete_orphaned_drives(&command, Some(drive), BATCH).await
        };
        let mut progress = delete().await?;
        if progress == CleanupProgress::Nothing {
            // It waits for its purges or the jobs of its uploads, or there is no such drive.
            let step = self.step(drive, request).await?;
            if !step.is_idle() || step.more {
                return Ok(JobProgress::More);
            }
            // Another worker may have ended the last purge meanwhile.
            progress = delete().await?;
        }
        Ok(match progress {
            CleanupProgress::Drive | CleanupProgress::Nothing => JobProgress::Done,
            CleanupProgress::Step => JobProgress::More,
        })
    }

    async fn step(&self, drive: DriveId, request: &RequestId) -> Result<PurgeStep> {
        let command = self.context.system_command(request);
        let mut step = self.trash.purge(&command, Purge::In(drive), BATCH).await?;
        self.remover.remove(std::mem::take(&mut step.freed)).await;
        Ok(step)
    }
}

#[cfg(test)]
mod tests;
