use std::sync::Arc;
use std::time::Duration;

use super::Ambient;
use crate::error::Result;
use crate::model::{RequestId, Timestamp};
use crate::port::{BlobRecords, BlobStore, Sessions, Throttle, Uploads};

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
    /// Sessions that had ended long ago and were forgotten.
    pub sessions_removed: u64,
    /// Refresh tokens, of sessions that go on, that had expired long ago and were forgotten.
    pub refresh_tokens_removed: u64,
    /// Uploads that are open afterwards.
    pub uploads_open: u64,
}

/// Clears away what nothing needs any more.
///
/// A blob goes when nothing has referred to it for a grace that is longer than any upload: it is condemned in a
/// transaction that checks so once more, then its bytes go, then its row. Every step may be repeated.
pub struct Collector {
    uploads: Arc<dyn Uploads>,
    records: Arc<dyn BlobRecords>,
    store: Arc<dyn BlobStore>,
    sessions: Arc<dyn Sessions>,
    throttle: Arc<dyn Throttle>,
    ambient: Ambient,
    grace: Duration,
}

impl Collector {
    /// Puts the service together.
    #[must_use]
    pub fn new(
        uploads: Arc<dyn Uploads>,
        records: Arc<dyn BlobRecords>,
        store: Arc<dyn BlobStore>,
        sessions: Arc<dyn Sessions>,
        throttle: Arc<dyn Throttle>,
        ambient: Ambient,
        grace: Duration,
    ) -> Self {
        Self { uploads, records, store, sessions, throttle, ambient, grace }
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
        let before = self.ambient.now().minus(self.grace);
        while self.uploads.forget_ended(before, BATCH).await? == BATCH {}
        self.forget_sessions(before, &mut report).await?;
        report.blobs_removed = self.remove_blobs(before).await?;
        report.partial_writes_removed = self.store.sweep(before).await? + self.discard_abandoned(before).await?;
        report.uploads_open = self.uploads.count_open().await?;
        Ok(report)
    }

    /// Forgets the sessions and tokens that have been over since `before`, and buckets of attempts that are full again.
    async fn forget_sessions(&self, before: Timestamp, report: &mut CollectorReport) -> Result<()> {
        loop {
            let forgotten = self.sessions.forget_ended(before, BATCH).await?;
            report.sessions_removed += u64::from(forgotten);
            if forgotten < BATCH {
                break;
            }
        }
        loop {
            let forgotten = self.sessions.forget_tokens(before, BATCH).await?;
            report.refresh_tokens_removed += u64::from(forgotten);
            if forgotten < BATCH {
                break;
            }
        }
        while self.throttle.forget_full(self.ambient.now(), BATCH).await? == BATCH {}
        Ok(())
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
