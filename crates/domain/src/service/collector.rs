use std::sync::Arc;
use std::time::Duration;

use super::Ambient;
use crate::error::Result;
use crate::model::{RequestId, Timestamp};
use crate::port::{BlobRecords, BlobStore, Clearance, Doomed, Purge, Trash, Uploads};

/// How many rows one transaction of the collector touches.
const BATCH: u32 = 500;

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
    /// Uploads that are open afterwards.
    pub uploads_open: u64,
}

/// What the [`Collector`] may be told.
#[derive(Clone, Copy, Debug)]
pub struct CollectorSettings {
    /// How long a blob to which nothing refers is kept.
    pub grace: Duration,
    /// How long something lies in the trash.
    pub trash_retention: Duration,
}

/// Clears away what nothing needs any more.
///
/// A blob goes when nothing has referred to it for a grace that is longer than any upload: it is condemned in a
/// transaction that checks so once more, then its bytes go, then its row. Every step may be repeated.
pub struct Collector {
    uploads: Arc<dyn Uploads>,
    trash: Arc<dyn Trash>,
    records: Arc<dyn BlobRecords>,
    store: Arc<dyn BlobStore>,
    ambient: Ambient,
    settings: CollectorSettings,
}

impl Collector {
    /// Puts the service together.
    #[must_use]
    pub fn new(
        uploads: Arc<dyn Uploads>,
        trash: Arc<dyn Trash>,
        records: Arc<dyn BlobRecords>,
        store: Arc<dyn BlobStore>,
        ambient: Ambient,
        settings: CollectorSettings,
    ) -> Self {
        Self { uploads, trash, records, store, ambient, settings }
    }

    /// Does one round, in bounded batches.
    ///
    /// # Errors
    /// Those of the stores. What was done until then stays done; the next round goes on.
    pub async fn run(&self, request: &RequestId) -> Result<CollectorReport> {
        let mut report = CollectorReport::default();
        loop {
            let expired = self.uploads.expire_due(&self.ambient.own_command(request), BATCH).await?;
            report.uploads_expired += u64::from(expired);
            if expired < BATCH {
                break;
            }
        }
        (report.nodes_purged, report.drives_removed) = self.purge(request).await?;
        let before = self.ambient.now().minus(self.settings.grace);
        while self.uploads.forget_ended(before, BATCH).await? == BATCH {}
        report.blobs_removed = self.remove_blobs(before).await?;
        report.partial_writes_removed = self.store.sweep(before).await? + self.discard_abandoned(before).await?;
        report.uploads_open = self.uploads.count_open().await?;
        Ok(report)
    }

    /// Purges what has lain in the trash for too long and what drives without an owner hold, goes on with purges that were
    /// begun, and tells how many nodes and drives are gone.
    async fn purge(&self, request: &RequestId) -> Result<(u64, u64)> {
        let until = Doomed::Until(self.ambient.now().minus(self.settings.trash_retention));
        while self.trash.begin_purges(&self.ambient.own_command(request), &until, BATCH).await? > 0 {}
        let (mut nodes, mut drives) = (0, 0);
        loop {
            let clearance = self.trash.clear_ownerless(&self.ambient.own_command(request), BATCH).await?;
            drives += u64::from(clearance == Clearance::Drive);
            let step = self.trash.purge(&self.ambient.own_command(request), Purge::Any, BATCH).await?;
            nodes += u64::from(step.removed);
            if clearance == Clearance::Nothing && step.is_idle() {
                return Ok((nodes, drives));
            }
        }
    }

    /// Discards the transfers that were begun before `before` and belong to no upload any more, and tells how many.
    async fn discard_abandoned(&self, before: Timestamp) -> Result<u64> {
        let mut discarded = 0;
        let mut after = None;
        loop {
            let begun = self.store.list_begun(before, after.as_ref()).await?;
            for transfer in &begun {
                // An upload that was given more time than others is older than any grace, and still open.
                if !self.records.is_referred_to(&transfer.key).await? {
                    self.store.discard(transfer).await?;
                    discarded += 1;
                }
            }
            match begun.into_iter().next_back() {
                Some(last) => after = Some(last),
                None => return Ok(discarded),
            }
        }
    }

    /// Removes the blobs to which nothing has referred since `before`, and tells how many. One that cannot be removed
    /// stays condemned for the next round and does not keep the others of its batch.
    async fn remove_blobs(&self, before: Timestamp) -> Result<u64> {
        let store = self.store.name();
        let mut removed = 0;
        loop {
            let condemned = self.records.condemn(&store, before, BATCH).await?;
            let mut gone = Vec::with_capacity(condemned.len());
            let mut fault = None;
            for key in &condemned {
                match self.store.delete(key).await {
                    Ok(()) => gone.push(key.clone()),
                    Err(error) => fault = fault.or(Some(error)),
                }
            }
            self.records.forget(&gone).await?;
            removed += gone.len() as u64;
            if let Some(fault) = fault {
                return Err(fault);
            }
            if condemned.len() < BATCH as usize {
                return Ok(removed);
            }
        }
    }
}
