use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::model::{DOWNLOAD_WINDOW, RequestId, Timestamp};
use crate::port::{
    BlobRecords, BlobStore, Changes, Chores, Clearance, Doomed, Lease, LinkDownloads, Links, NameKeys, Purge, Receipts,
    Sessions, Throttle, Trash, Uploads,
};
use crate::service::Ambient;
use crate::service::files::blob_remover::BlobRemover;

/// How many rows one transaction touches.
const BATCH: u32 = 500;

/// How long the lease of a chore lasts. A longer chore may be run by another instance too, which is harmless.
const SHIFT: Duration = Duration::from_mins(1);

/// How long an expired public link is kept, so that its owner can extend it: 30 days.
const LINKS_KEPT: Duration = Duration::from_hours(24 * 30);

/// The time span of trash that one round purges, oldest first. Normally that covers everything due. If the clock jumps
/// ahead, all of the trash is due at once, and this leaves time to notice.
const PURGED_AT_ONCE: Duration = Duration::from_hours(1);

/// A kind of garbage collection. Instances share the work by chore.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chore {
    /// Ends expired uploads.
    ExpireUploads,
    /// Forgets uploads that ended long ago.
    ForgetUploads,
    /// Purges trash past its retention, continues purges, and removes drives without an owner.
    Purge,
    /// Forgets sessions and refresh tokens that ended long ago.
    ForgetSessions,
    /// Forgets public links that expired long ago, and downloads outside the counting window.
    ForgetLinks,
    /// Forgets attempts that no longer count.
    ForgetAttempts,
    /// Forgets the receipts of requests too old to be repeated.
    ForgetReceipts,
    /// Removes unreferenced blobs.
    RemoveBlobs,
    /// Removes the remains of interrupted writes.
    RemovePartialWrites,
    /// Recomputes name keys written by an older version of the server.
    RefreshNameKeys,
    /// Prunes the change log.
    PruneChanges,
}

impl Chore {
    /// All chores, in the order in which they run.
    pub const ALL: &'static [Self] = &[
        Self::ExpireUploads,
        Self::ForgetUploads,
        Self::Purge,
        Self::ForgetSessions,
        Self::ForgetLinks,
        Self::ForgetAttempts,
        Self::ForgetReceipts,
        Self::RemoveBlobs,
        Self::RemovePartialWrites,
        Self::RefreshNameKeys,
        Self::PruneChanges,
    ];

    /// The stable name of the chore, shared between instances.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ExpireUploads => "expire_uploads",
            Self::ForgetUploads => "forget_uploads",
            Self::Purge => "purge",
            Self::ForgetSessions => "forget_sessions",
            Self::ForgetLinks => "forget_links",
            Self::ForgetAttempts => "forget_attempts",
            Self::ForgetReceipts => "forget_receipts",
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
    /// Sessions that ended long ago and were forgotten.
    pub sessions_removed: u64,
    /// Refresh tokens of live sessions that expired long ago and were forgotten.
    pub refresh_tokens_removed: u64,
    /// Entries of the change log that were pruned.
    pub changes_pruned: u64,
}

/// The settings of the [`Collector`].
#[derive(Clone, Copy, Debug)]
pub struct CollectorSettings {
    /// How long an unreferenced blob is kept that never became the content of a file.
    pub grace: Duration,
    /// How long items stay in the trash.
    pub trash_retention: Duration,
    /// How long entries stay in the change log.
    pub changes_retention: Duration,
}

/// The ports of the collector.
#[derive(Clone)]
pub struct CollectorStores {
    /// Uploads.
    pub uploads: Arc<dyn Uploads>,
    /// The trash.
    pub trash: Arc<dyn Trash>,
    /// The blob records.
    pub records: Arc<dyn BlobRecords>,
    /// Public links.
    pub links: Arc<dyn Links>,
    /// Downloads through public links.
    pub link_downloads: Arc<dyn LinkDownloads>,
    /// Sessions.
    pub sessions: Arc<dyn Sessions>,
    /// Counted attempts.
    pub throttle: Arc<dyn Throttle>,
    /// Receipts.
    pub receipts: Arc<dyn Receipts>,
    /// The blobs.
    pub blobs: Arc<dyn BlobStore>,
    /// The leases of chores, shared between instances.
    pub chores: Arc<dyn Chores>,
    /// The keys of names.
    pub name_keys: Arc<dyn NameKeys>,
    /// The change log.
    pub changes: Arc<dyn Changes>,
}

/// Garbage collection of everything that is no longer needed.
///
/// A blob that never became the content of a file is removed once it has been unreferenced for a grace period, since
/// its bytes may still be arriving. One that did is condemned by the transaction that removes its last version, so if
/// that request fails to delete it, the next round does. An open upload references its blob, whatever its age. A blob
/// is condemned in a transaction that checks this again; then its bytes are deleted, then its row, which releases its
/// quota. Every step is idempotent and safe to run concurrently.
pub struct Collector {
    stores: CollectorStores,
    ambient: Ambient,
    settings: CollectorSettings,
}

impl Collector {
    /// Creates the service.
    #[must_use]
    pub fn new(stores: CollectorStores, ambient: Ambient, settings: CollectorSettings) -> Self {
        Self { stores, ambient, settings }
    }

    /// Runs all chores in bounded batches, also alongside other instances, and adds the results to `report`. A chore
    /// that fails does not stop the others.
    ///
    /// # Errors
    /// The first store error. Completed work is kept; the next round continues.
    pub async fn run(&self, request: &RequestId, report: &mut CollectorReport) -> Result<()> {
        let mut fault = None;
        for chore in Chore::ALL {
            fault = fault.or(self.perform(*chore, request, report).await.err());
        }
        fault.map_or(Ok(()), Err)
    }

    /// The number of open uploads of all senders.
    pub async fn count_open_uploads(&self) -> Result<u64> {
        self.stores.uploads.count_open().await
    }

    /// Runs `chore` if it was last begun an `interval` ago and no other instance holds it, and adds the results to
    /// `report`. Returns whether it ran here.
    ///
    /// # Errors
    /// Store errors. Completed work is kept; the next run continues.
    pub async fn take_up(
        &self,
        chore: Chore,
        request: &RequestId,
        interval: Duration,
        report: &mut CollectorReport,
    ) -> Result<bool> {
        let (lease, now) = (Lease { id: self.ambient.id(), chore: chore.as_str() }, self.ambient.now());
        if !self.stores.chores.claim(lease, now, now.plus(SHIFT)).await? {
            return Ok(false);
        }
        let done = self.perform(chore, request, report).await;
        // Due slightly early, so that a caller that polls every `interval` does not skip it when its timer fires early.
        // After a failure it is due at once: another instance may succeed.
        let pause = if done.is_ok() { interval - interval / 10 } else { Duration::ZERO };
        let finished = self.stores.chores.finish(lease, now.plus(pause)).await;
        done.and(finished)?;
        Ok(true)
    }

    async fn perform(&self, chore: Chore, request: &RequestId, report: &mut CollectorReport) -> Result<()> {
        let CollectorStores { uploads, links, link_downloads, throttle, receipts, name_keys, .. } = &self.stores;
        let before = self.ambient.now().minus(self.settings.grace);
        match chore {
            Chore::ExpireUploads => loop {
                let expired = uploads.expire_due(&self.ambient.own_command(request), BATCH).await?;
                self.remover().discard(&expired).await;
                report.uploads_expired += expired.len() as u64;
                if expired.len() < BATCH as usize {
                    return Ok(());
                }
            },
            Chore::ForgetUploads => while uploads.forget_ended(before, BATCH).await? == BATCH {},
            Chore::Purge => self.purge(request, report).await?,
            Chore::ForgetSessions => self.forget_sessions(before, report).await?,
            Chore::ForgetLinks => {
                let now = self.ambient.now();
                while links.forget_expired(now.minus(LINKS_KEPT), BATCH).await? == BATCH {}
                while link_downloads.forget(now.minus(DOWNLOAD_WINDOW), BATCH).await? == BATCH {}
            }
            Chore::ForgetAttempts => while throttle.forget_full(self.ambient.now(), BATCH).await? == BATCH {},
            Chore::ForgetReceipts => while receipts.forget(self.ambient.now(), BATCH).await? == BATCH {},
            Chore::RemoveBlobs => self.remove_blobs(before, &mut report.blobs_removed).await?,
            Chore::RemovePartialWrites => {
                report.partial_writes_removed += self.stores.blobs.sweep(before).await?;
                self.discard_abandoned(before, &mut report.partial_writes_removed).await?;
            }
            Chore::RefreshNameKeys => while name_keys.refresh(BATCH).await? == BATCH {},
            Chore::PruneChanges => self.prune_changes(&mut report.changes_pruned).await?,
        }
        Ok(())
    }

    /// Purges trash past its retention and the contents of drives without an owner, and continues purges begun earlier.
    async fn purge(&self, request: &RequestId, report: &mut CollectorReport) -> Result<()> {
        let trash = &self.stores.trash;
        let due = self.ambient.now().minus(self.settings.trash_retention);
        if let Some(oldest) = trash.find_oldest().await?.filter(|oldest| *oldest <= due) {
            let until = Doomed::Until(due.min(oldest.plus(PURGED_AT_ONCE)));
            while trash.begin_purges(&self.ambient.own_command(request), &until, BATCH).await? > 0 {}
        }
        loop {
            let clearance = trash.clear_ownerless(&self.ambient.own_command(request), BATCH).await?;
            report.drives_removed += u64::from(clearance == Clearance::Drive);
            let step = trash.purge(&self.ambient.own_command(request), Purge::Any, BATCH).await?;
            report.nodes_purged += u64::from(step.removed);
            let idle = step.is_idle();
            // Blobs that cannot be deleted now stay condemned.
            report.blobs_removed += self.remover().remove(step.freed).await.0;
            if clearance == Clearance::Nothing && idle {
                return Ok(());
            }
        }
    }

    async fn prune_changes(&self, pruned: &mut u64) -> Result<()> {
        let before = self.ambient.now().minus(self.settings.changes_retention);
        loop {
            let step = self.stores.changes.prune(before, BATCH).await?;
            *pruned += u64::from(step);
            if step < BATCH {
                return Ok(());
            }
        }
    }

    async fn forget_sessions(&self, before: Timestamp, report: &mut CollectorReport) -> Result<()> {
        let sessions = &self.stores.sessions;
        loop {
            let forgotten = sessions.forget_ended(before, BATCH).await?;
            report.sessions_removed += u64::from(forgotten);
            if forgotten < BATCH {
                break;
            }
        }
        loop {
            let forgotten = sessions.forget_tokens(before, BATCH).await?;
            report.refresh_tokens_removed += u64::from(forgotten);
            if forgotten < BATCH {
                return Ok(());
            }
        }
    }

    /// Discards and counts the transfers that began before `before` and belong to no upload any more. One that cannot
    /// be discarded does not stop the others.
    async fn discard_abandoned(&self, before: Timestamp, discarded: &mut u64) -> Result<()> {
        let CollectorStores { records, blobs, .. } = &self.stores;
        let (mut after, mut fault) = (None, None);
        loop {
            let begun = blobs.list_begun(before, after.as_ref()).await?;
            for transfer in &begun {
                // An open upload whose lifetime was extended may be older than the grace period.
                if !records.is_referred_to(&transfer.key).await? {
                    match blobs.discard(transfer).await {
                        Ok(()) => *discarded += 1,
                        Err(error) => fault = fault.or(Some::<Error>(error)),
                    }
                }
            }
            match begun.into_iter().next_back() {
                Some(last) => after = Some(last),
                None => return fault.map_or(Ok(()), Err),
            }
        }
    }

    /// Removes and counts the blobs that are or can be condemned. One that cannot be removed stays condemned for the
    /// next round, in which it comes after those condemned before this round, and does not stop the others of its batch.
    async fn remove_blobs(&self, before: Timestamp, removed: &mut u64) -> Result<()> {
        let store = self.stores.blobs.name();
        loop {
            let condemned = self.stores.records.condemn(&store, before, self.ambient.now(), BATCH).await?;
            let count = condemned.len();
            let (gone, fault) = self.remover().remove(condemned).await;
            *removed += gone;
            if let Some(fault) = fault {
                return Err(fault);
            }
            if count < BATCH as usize {
                return Ok(());
            }
        }
    }

    fn remover(&self) -> BlobRemover {
        BlobRemover::new(self.stores.records.clone(), self.stores.blobs.clone())
    }
}

#[cfg(test)]
mod tests;
