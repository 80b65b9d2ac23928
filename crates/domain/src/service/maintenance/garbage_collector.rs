use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::model::{BlobRef, DOWNLOAD_WINDOW, RequestId, StoreName, Timestamp};
use crate::port::{
    BlobRecordRepository, BlobStore, BlobStores, ChangeRepository, CleanupProgress, IdempotencyRepository, Lease,
    LinkDownloadRepository, LinkRepository, NameKeyRepository, Purge, PurgeScope, Repositories, SessionRepository,
    TaskLeaseRepository, ThrottleRepository, TrashRepository, UploadRepository,
};
use crate::service::ServiceContext;
use crate::service::files::blob_remover::BlobRemover;
use crate::service::files::ended_uploads::EndedUploads;

/// How many rows one transaction touches.
const BATCH: u32 = 500;

/// How many batches of old changes one round prunes: 100,000 entries.
const MAX_PRUNED_BATCHES: u32 = 200;

/// How long the lease of a task lasts. A task that takes longer may be run by another instance too, which
/// is harmless.
const LEASE_DURATION: Duration = Duration::from_mins(1);

/// How long an expired public link is kept, so that its owner can extend it: 30 days.
const LINKS_KEPT: Duration = Duration::from_hours(24 * 30);

/// The time span of trash that one round purges, oldest first. Normally that covers everything due. If the clock jumps
/// ahead, all of the trash is due at once, and this leaves time to notice.
const PURGED_AT_ONCE: Duration = Duration::from_hours(1);

/// A kind of garbage collection. Instances share the work by maintenance task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MaintenanceTask {
    /// Ends expired uploads.
    ExpireUploads,
    /// Deletes uploads that ended long ago.
    PruneUploads,
    /// Purges trash past its retention, continues purges, and removes drives without an owner.
    Purge,
    /// Deletes sessions and refresh tokens that ended long ago.
    PruneSessions,
    /// Deletes public links that expired long ago, and downloads outside the counting window.
    PruneLinks,
    /// Deletes attempts that no longer count.
    PruneAttempts,
    /// Deletes the idempotency records of requests too old to be repeated.
    PruneIdempotencyRecords,
    /// Removes unreferenced blobs.
    RemoveBlobs,
    /// Removes the remains of interrupted writes.
    RemovePartialWrites,
    /// Recomputes name keys written by an older version of the server.
    RefreshNameKeys,
    /// Prunes the change log.
    PruneChanges,
}

impl MaintenanceTask {
    /// All maintenance tasks, in the order in which they run.
    pub const ALL: &'static [Self] = &[
        Self::ExpireUploads,
        Self::PruneUploads,
        Self::Purge,
        Self::PruneSessions,
        Self::PruneLinks,
        Self::PruneAttempts,
        Self::PruneIdempotencyRecords,
        Self::RemoveBlobs,
        Self::RemovePartialWrites,
        Self::RefreshNameKeys,
        Self::PruneChanges,
    ];

    /// The stable name of the maintenance task, shared between instances.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ExpireUploads => "expire_uploads",
            Self::PruneUploads => "forget_uploads",
            Self::Purge => "purge",
            Self::PruneSessions => "forget_sessions",
            Self::PruneLinks => "forget_links",
            Self::PruneAttempts => "forget_attempts",
            Self::PruneIdempotencyRecords => "forget_receipts",
            Self::RemoveBlobs => "remove_blobs",
            Self::RemovePartialWrites => "remove_partial_writes",
            Self::RefreshNameKeys => "refresh_name_keys",
            Self::PruneChanges => "prune_changes",
        }
    }
}

/// What one round of the collector did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CollectorReport {
    /// Uploads that were ended because they expired.
    pub uploads_expired: u64,
    /// Unreferenced blobs that were removed.
    pub blobs_removed: u64,
    /// Remains of interrupted writes that were removed.
    pub partial_writes_removed: u64,
    /// Files and folders that were purged.
    pub nodes_purged: u64,
    /// Drives without an owner that were removed.
    pub drives_removed: u64,
    /// Sessions that ended long ago and were deleted.
    pub sessions_removed: u64,
    /// Refresh tokens of live sessions that expired long ago and were deleted.
    pub refresh_tokens_removed: u64,
    /// Entries of the change log that were pruned.
    pub changes_pruned: u64,
}

/// The settings of the [`GarbageCollector`].
#[derive(Clone, Copy, Debug)]
pub struct CollectorSettings {
    /// How long an unreferenced blob is kept that never became the content of a file.
    pub grace: Duration,
    /// How long items stay in the trash.
    pub trash_retention: Duration,
    /// How long entries stay in the change log.
    pub changes_retention: Duration,
}

/// 25 hours of grace, which is an hour more than an upload of the [default](crate::service::UploadSettings) lifetime
/// takes; 30 days in the trash, 90 in the change log.
impl Default for CollectorSettings {
    fn default() -> Self {
        Self {
            grace: Duration::from_hours(25),
            trash_retention: Duration::from_hours(24 * 30),
            changes_retention: Duration::from_hours(24 * 90),
        }
    }
}

/// The ports of the collector. A task whose port is missing has nothing to do.
#[derive(Clone)]
pub struct CollectorStores {
    /// The leases of maintenance tasks, shared between instances.
    pub task_leases: Arc<dyn TaskLeaseRepository>,
    /// The blobs.
    pub blobs: BlobStores,
    /// The blob records.
    pub records: Arc<dyn BlobRecordRepository>,
    /// Uploads.
    pub uploads: Arc<dyn UploadRepository>,
    /// The trash.
    pub trash: Option<Arc<dyn TrashRepository>>,
    /// Sessions.
    pub sessions: Option<Arc<dyn SessionRepository>>,
    /// Public links.
    pub links: Option<Arc<dyn LinkRepository>>,
    /// Downloads through public links.
    pub link_downloads: Option<Arc<dyn LinkDownloadRepository>>,
    /// Counted attempts.
    pub throttle: Option<Arc<dyn ThrottleRepository>>,
    /// Idempotency records.
    pub idempotency_records: Option<Arc<dyn IdempotencyRepository>>,
    /// The keys of names.
    pub name_keys: Option<Arc<dyn NameKeyRepository>>,
    /// The change log.
    pub changes: Option<Arc<dyn ChangeRepository>>,
}

impl CollectorStores {
    /// All ports that the collector knows.
    #[must_use]
    pub fn new(repositories: Repositories, blobs: BlobStores) -> Self {
        Self {
            task_leases: repositories.task_leases,
            blobs,
            records: repositories.records,
            uploads: repositories.uploads,
            trash: Some(repositories.trash),
            sessions: Some(repositories.sessions),
            links: Some(repositories.links),
            link_downloads: Some(repositories.link_downloads),
            throttle: Some(repositories.throttle),
            idempotency_records: Some(repositories.idempotency_records),
            name_keys: Some(repositories.name_keys),
            changes: Some(repositories.changes),
        }
    }
}

/// Garbage collection of everything that is no longer needed.
///
/// A blob that never became the content of a file is removed once it has been unreferenced for a grace period, since
/// its bytes may still be arriving. One that did is marked for deletion by the transaction that removes its last
/// version, so if that request fails to delete it, the next round does. An open upload references its blob, whatever
/// its age. A blob is marked for deletion in a transaction that checks this again; then its bytes are deleted, then its
/// row, which releases its quota. Every step is idempotent and safe to run concurrently.
pub struct GarbageCollector {
    stores: CollectorStores,
    context: ServiceContext,
    settings: CollectorSettings,
}

impl GarbageCollector {
    /// Creates the service.
    #[must_use]
    pub fn new(stores: CollectorStores, context: ServiceContext, settings: CollectorSettings) -> Self {
        Self { stores, context, settings }
    }

    /// Runs all maintenance tasks in bounded batches, also alongside other instances, and adds the results to `report`.
    /// A maintenance task that fails does not stop the others.
    ///
    /// Calls `UploadRepository::expire_due`, `BlobStore::abort`, `BlobStore::received_bytes`,
    /// `BlobRecordRepository::hold`, `UploadRepository::list_aborted`, `UploadRepository::note_discarded`,
    /// `UploadRepository::prune_ended`,
    /// `TrashRepository::find_oldest`, `TrashRepository::begin_purges`, `TrashRepository::delete_orphaned_drives`,
    /// `TrashRepository::purge`, `BlobStore::delete`, `BlobRecordRepository::remove`, `SessionRepository::prune_ended`,
    /// `SessionRepository::prune_tokens`, `LinkRepository::prune_expired`, `LinkDownloadRepository::prune`,
    /// `ThrottleRepository::prune_full`, `IdempotencyRepository::prune`, `BlobRecordRepository::mark_for_deletion`,
    /// `BlobStore::sweep`, `BlobStore::list_incomplete`, `BlobRecordRepository::is_referred_to`,
    /// `NameKeyRepository::refresh` and `ChangeRepository::prune`.
    ///
    /// # Errors
    /// The first store error. Completed work is kept; the next round continues.
    pub async fn run(&self, request: &RequestId, report: &mut CollectorReport) -> Result<()> {
        let mut first_error = None;
        for task in MaintenanceTask::ALL {
            first_error = first_error.or(self.perform(*task, request, report).await.err());
        }
        first_error.map_or(Ok(()), Err)
    }

    /// The number of open uploads of all senders.
    ///
    /// Calls `UploadRepository::count_open`.
    pub async fn count_open_uploads(&self) -> Result<u64> {
        self.stores.uploads.count_open().await
    }

    /// Runs `task` if it was last begun an `interval` ago and no other instance holds it, and adds the results to
    /// `report`. Returns whether it ran here.
    ///
    /// Calls `TaskLeaseRepository::claim`, what [`run`](Self::run) calls for the task, and
    /// `TaskLeaseRepository::finish`.
    ///
    /// # Errors
    /// Store errors. Completed work is kept; the next run continues.
    pub async fn run_if_due(
        &self,
        task: MaintenanceTask,
        request: &RequestId,
        interval: Duration,
        report: &mut CollectorReport,
    ) -> Result<bool> {
        let (lease, now) = (Lease { id: self.context.id(), task: task.as_str() }, self.context.now());
        if !self.stores.task_leases.claim(lease, now, now.plus(LEASE_DURATION)).await? {
            return Ok(false);
        }
        let done = self.perform(task, request, report).await;
        // Due slightly early, so that a caller that polls every `interval` does not skip it when its timer fires early.
        // After a failure it is due at once: another instance may succeed.
        let pause = if done.is_ok() { interval - interval / 10 } else { Duration::ZERO };
        let finished = self.stores.task_leases.finish(lease, now.plus(pause)).await;
        done.and(finished)?;
        Ok(true)
    }

    async fn perform(&self, task: MaintenanceTask, request: &RequestId, report: &mut CollectorReport) -> Result<()> {
        let CollectorStores { uploads, links, link_downloads, throttle, idempotency_records, name_keys, .. } =
            &self.stores;
        let now = self.context.now();
        let before = now.minus(self.settings.grace);
        match task {
            MaintenanceTask::ExpireUploads => loop {
                let command = self.context.system_command(request);
                let expired = uploads.expire_due(&command, BATCH).await?;
                self.ended_uploads().discard_all(command.at, &expired).await;
                report.uploads_expired += expired.len() as u64;
                if expired.len() < BATCH as usize {
                    return Ok(());
                }
            },
            MaintenanceTask::PruneUploads => while uploads.prune_ended(before, BATCH).await? == BATCH {},
            MaintenanceTask::Purge => self.purge(request, report).await?,
            MaintenanceTask::PruneSessions => self.prune_sessions(before, report).await?,
            MaintenanceTask::PruneLinks => {
                if let Some(links) = links {
                    while links.prune_expired(now.minus(LINKS_KEPT), BATCH).await? == BATCH {}
                }
                if let Some(link_downloads) = link_downloads {
                    while link_downloads.prune(now.minus(DOWNLOAD_WINDOW), BATCH).await? == BATCH {}
                }
            }
            MaintenanceTask::PruneAttempts => {
                if let Some(throttle) = throttle {
                    while throttle.prune_full(self.context.now(), BATCH).await? == BATCH {}
                }
            }
            MaintenanceTask::PruneIdempotencyRecords => {
                if let Some(idempotency_records) = idempotency_records {
                    while idempotency_records.prune(self.context.now(), BATCH).await? == BATCH {}
                }
            }
            MaintenanceTask::RemoveBlobs => {
                let mut first_error = None;
                for (store, _) in self.stores.blobs.iter() {
                    let removed = self.remove_blobs(store, before, &mut report.blobs_removed).await;
                    first_error = first_error.or(removed.err());
                }
                return first_error.map_or(Ok(()), Err);
            }
            MaintenanceTask::RemovePartialWrites => {
                let mut first_error = None;
                for (_, store) in self.stores.blobs.iter() {
                    let removed = self.remove_partial_writes(store, before, &mut report.partial_writes_removed).await;
                    first_error = first_error.or(removed.err());
                }
                return first_error.map_or(Ok(()), Err);
            }
            MaintenanceTask::RefreshNameKeys => {
                if let Some(name_keys) = name_keys {
                    while name_keys.refresh(BATCH).await? == BATCH {}
                }
            }
            MaintenanceTask::PruneChanges => self.prune_changes(&mut report.changes_pruned).await?,
        }
        Ok(())
    }

    /// Purges trash past its retention and the contents of drives without an owner, and continues purges begun earlier.
    async fn purge(&self, request: &RequestId, report: &mut CollectorReport) -> Result<()> {
        let Some(trash) = &self.stores.trash else { return Ok(()) };
        let due = self.context.now().minus(self.settings.trash_retention);
        if let Some(oldest) = trash.find_oldest().await?.filter(|oldest| *oldest <= due) {
            let until = PurgeScope::Until(due.min(oldest.plus(PURGED_AT_ONCE)));
            while trash.begin_purges(&self.context.system_command(request), &until, BATCH).await? > 0 {}
        }
        loop {
            let command = self.context.system_command(request);
            let progress = trash.delete_orphaned_drives(&command, None, BATCH).await?;
            if progress == CleanupProgress::Step {
                // A drive waits for the bytes of the uploads that this ended.
                self.ended_uploads().discard(&command).await;
            }
            report.drives_removed += u64::from(progress == CleanupProgress::Drive);
            let step = trash.purge(&self.context.system_command(request), Purge::Any, BATCH).await?;
            report.nodes_purged += u64::from(step.removed);
            let idle = step.is_idle();
            // Blobs that cannot be deleted now stay marked for deletion.
            report.blobs_removed += self.remover().remove(step.freed).await.0;
            if progress == CleanupProgress::Nothing && idle {
                return Ok(());
            }
        }
    }

    async fn prune_changes(&self, pruned: &mut u64) -> Result<()> {
        let Some(changes) = &self.stores.changes else { return Ok(()) };
        let before = self.context.now().minus(self.settings.changes_retention);
        // The rest waits for the next round, so that a long log does not hold up the other tasks.
        for _ in 0..MAX_PRUNED_BATCHES {
            let step = changes.prune(before, BATCH).await?;
            *pruned += u64::from(step);
            if step < BATCH {
                break;
            }
        }
        Ok(())
    }

    async fn prune_sessions(&self, before: Timestamp, report: &mut CollectorReport) -> Result<()> {
        let Some(sessions) = &self.stores.sessions else { return Ok(()) };
        loop {
            let pruned = sessions.prune_ended(before, BATCH).await?;
            report.sessions_removed += u64::from(pruned);
            if pruned < BATCH {
                break;
            }
        }
        loop {
            let pruned = sessions.prune_tokens(before, BATCH).await?;
            report.refresh_tokens_removed += u64::from(pruned);
            if pruned < BATCH {
                return Ok(());
            }
        }
    }

    /// Removes and counts the remains of writes to `store` that were interrupted before `before`.
    async fn remove_partial_writes(&self, store: &dyn BlobStore, before: Timestamp, removed: &mut u64) -> Result<()> {
        *removed += store.sweep(before).await?;
        self.discard_abandoned(store, before, removed).await
    }

    /// Discards and counts the multipart uploads that began before `before` and belong to no upload any more. One that
    /// cannot be discarded does not stop the others.
    async fn discard_abandoned(&self, store: &dyn BlobStore, before: Timestamp, discarded: &mut u64) -> Result<()> {
        let records = &self.stores.records;
        let (mut after, mut first_error) = (None, None);
        loop {
            let begun = store.list_incomplete(before, after.as_ref()).await?;
            for multipart in &begun {
                // An open upload whose lifetime was extended may be older than the grace period.
                if !records.is_referred_to(&multipart.key).await? {
                    match store.abort(multipart).await {
                        Ok(()) => *discarded += 1,
                        Err(error) => first_error = first_error.or(Some::<Error>(error)),
                    }
                }
            }
            match begun.into_iter().next_back() {
                Some(last) => after = Some(last),
                None => return first_error.map_or(Ok(()), Err),
            }
        }
    }

    /// Removes and counts the blobs of `store` that are or can be marked for deletion. One that cannot be removed stays
    /// marked for deletion for the next round, in which it comes after those marked for deletion before this round, and
    /// does not stop the others of its batch.
    async fn remove_blobs(&self, store: &StoreName, before: Timestamp, removed: &mut u64) -> Result<()> {
        loop {
            let marked_for_deletion =
                self.stores.records.mark_for_deletion(store, before, self.context.now(), BATCH).await?;
            let count = marked_for_deletion.len();
            let blobs = marked_for_deletion.into_iter().map(|key| BlobRef { store: store.clone(), key }).collect();
            let (gone, first_error) = self.remover().remove(blobs).await;
            *removed += gone;
            if let Some(first_error) = first_error {
                return Err(first_error);
            }
            if count < BATCH as usize {
                return Ok(());
            }
        }
    }

    fn remover(&self) -> BlobRemover {
        BlobRemover::new(self.stores.records.clone(), self.stores.blobs.clone())
    }

    fn ended_uploads(&self) -> EndedUploads {
        EndedUploads::new(self.stores.uploads.clone(), self.remover())
    }
}

#[cfg(test)]
mod tests;
