use std::sync::Arc;
use std::time::Duration;

use super::Ambient;
use super::blob_remover::BlobRemover;
use crate::error::{Error, Result};
use crate::model::{DOWNLOAD_WINDOW, RequestId, Timestamp};
use crate::port::{
    BlobRecords, BlobStore, Chores, Clearance, Doomed, Lease, LinkDownloads, Links, NameKeys, Purge, Receipts,
    Sessions, Throttle, Trash, Unneeded, Uploads,
};

/// How many rows one transaction of the collector touches.
const BATCH: u32 = 500;

/// How long an instance has a chore to itself. A longer one may be taken up by another as well, which does no harm.
const SHIFT: Duration = Duration::from_mins(1);

/// How long a public link that has expired is kept, for its owner to give it more time: 30 days.
const LINKS_KEPT: Duration = Duration::from_hours(24 * 30);

/// How much of the trash one round purges: what was put there within so long a time, the oldest first. In ordinary times that
/// is all that is due. Should the clock jump ahead, all that lies in the trash is due at once, and there is time to notice it.
const PURGED_AT_ONCE: Duration = Duration::from_hours(1);

/// A kind of work of the collector. Instances share the work by taking up one or another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chore {
    /// Ends uploads whose time has run out.
    ExpireUploads,
    /// Forgets uploads that ended long ago.
    ForgetUploads,
    /// Purges what has lain in the trash for too long, goes on with purges, and clears drives without an owner away.
    Purge,
    /// Forgets sessions and refresh tokens that were over long ago.
    ForgetSessions,
    /// Forgets public links that expired long ago, and downloads that are counted anew by now.
    ForgetLinks,
    /// Forgets attempts that count no more.
    ForgetAttempts,
    /// Forgets the receipts of requests that are too old to be sent again.
    ForgetReceipts,
    /// Removes blobs to which nothing refers.
    RemoveBlobs,
    /// Removes what is left of broken writes.
    RemovePartialWrites,
    /// Computes the keys of names that an older version of the server has written.
    RefreshNameKeys,
}

impl Chore {
    /// All of them, in the order in which they are done.
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
    ];

    /// The stable word by which instances tell each other what they do.
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
        }
    }
}

/// What one round of the collector did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CollectorReport {
    /// Uploads whose time had run out and that were ended.
    pub uploads_expired: u64,
    /// Blobs to which nothing referred and that were removed.
    pub blobs_removed: u64,
    /// Remains of broken writes that were removed.
    pub partial_writes_removed: u64,
    /// Files and folders that were purged.
    pub nodes_purged: u64,
    /// Drives without an owner that were cleared away.
    pub drives_removed: u64,
    /// Sessions that had ended long ago and were forgotten.
    pub sessions_removed: u64,
    /// Refresh tokens, of sessions that go on, that had expired long ago and were forgotten.
    pub refresh_tokens_removed: u64,
}

/// What the [`Collector`] may be told.
#[derive(Clone, Copy, Debug)]
pub struct CollectorSettings {
    /// How long a blob is kept that never became the content of a file, and to which nothing refers.
    pub grace: Duration,
    /// How long a former content of a file is kept after its last version was replaced: for as long as URLs of it live.
    pub url_lifetime: Duration,
    /// How long something lies in the trash.
    pub trash_retention: Duration,
}

/// What the collector works with.
#[derive(Clone)]
pub struct CollectorStores {
    /// Uploads.
    pub uploads: Arc<dyn Uploads>,
    /// The trash.
    pub trash: Arc<dyn Trash>,
    /// The books of the blobs.
    pub records: Arc<dyn BlobRecords>,
    /// Public links.
    pub links: Arc<dyn Links>,
    /// Downloads through them.
    pub link_downloads: Arc<dyn LinkDownloads>,
    /// Sessions.
    pub sessions: Arc<dyn Sessions>,
    /// Attempts that are counted.
    pub throttle: Arc<dyn Throttle>,
    /// Receipts.
    pub receipts: Arc<dyn Receipts>,
    /// The blobs.
    pub blobs: Arc<dyn BlobStore>,
    /// What instances tell each other of their work.
    pub chores: Arc<dyn Chores>,
    /// The keys of names.
    pub name_keys: Arc<dyn NameKeys>,
}

/// Clears away what nothing needs any more.
///
/// A blob goes when nothing has referred to it for a grace: a long one if it never became the content of a file, since its
/// bytes may be on the way; as long as URLs live if it did; and none if its last version was purged. An open upload refers to
/// its own, however old it is. A blob is condemned in a transaction that checks so once more, then its bytes go, then its row,
/// and with it what it counted against a drive. Every step may be repeated, also by several at once.
pub struct Collector {
    stores: CollectorStores,
    ambient: Ambient,
    settings: CollectorSettings,
}

impl Collector {
    /// Puts the service together.
    #[must_use]
    pub fn new(stores: CollectorStores, ambient: Ambient, settings: CollectorSettings) -> Self {
        Self { stores, ambient, settings }
    }

    /// Does all chores, in bounded batches, whoever else may be at them, and adds what it did to `report`. One that fails
    /// does not keep the others.
    ///
    /// # Errors
    /// The first of those of the stores. What was done stays done; the next round goes on.
    pub async fn run(&self, request: &RequestId, report: &mut CollectorReport) -> Result<()> {
        let mut fault = None;
        for chore in Chore::ALL {
            fault = fault.or(self.perform(*chore, request, report).await.err());
        }
        fault.map_or(Ok(()), Err)
    }

    /// How many uploads are open, whoever sends them.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn count_open_uploads(&self) -> Result<u64> {
        self.stores.uploads.count_open().await
    }

    /// Does `chore`, if it was last begun an `interval` ago and is not another instance's, and adds what it did to `report`.
    /// Tells whether it was done here.
    ///
    /// # Errors
    /// Those of the stores. What was done stays done; whoever takes the chore up next goes on.
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
        // A little earlier than whoever comes by every interval: not to be passed over, should its clock tick early. What
        // failed here is due at once: another instance may be luckier.
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
        }
        Ok(())
    }

    /// Purges what has lain in the trash for too long and what drives without an owner hold, and goes on with purges that
    /// were begun.
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
            // What cannot be deleted now stays condemned.
            report.blobs_removed += self.remover().remove(step.freed).await.0;
            if clearance == Clearance::Nothing && idle {
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

    /// Discards the transfers that were begun before `before` and belong to no upload any more, and counts them. One that
    /// cannot be discarded does not keep the others.
    async fn discard_abandoned(&self, before: Timestamp, discarded: &mut u64) -> Result<()> {
        let CollectorStores { records, blobs, .. } = &self.stores;
        let (mut after, mut fault) = (None, None);
        loop {
            let begun = blobs.list_begun(before, after.as_ref()).await?;
            for transfer in &begun {
                // An upload that was given more time than others is older than any grace, and still open.
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

    /// Removes the blobs that are condemned, or may be, and counts them. One that cannot be removed stays condemned for the
    /// next round and does not keep the others of its batch.
    async fn remove_blobs(&self, never_used: Timestamp, removed: &mut u64) -> Result<()> {
        let unneeded = Unneeded { never_used, used: self.ambient.now().minus(self.settings.url_lifetime) };
        let store = self.stores.blobs.name();
        loop {
            let condemned = self.stores.records.condemn(&store, unneeded, BATCH).await?;
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
