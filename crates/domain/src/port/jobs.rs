use async_trait::async_trait;

use crate::error::Result;
use crate::model::{ClaimedJob, JobCount, JobOutcome, LeaseId, Timestamp};

/// The queue of background jobs, shared by any number of instances.
///
/// A job is queued by the mutation that causes it, in the mutation's own transaction: it exists if and only if the
/// mutation was committed. [`TrashRepository::begin_purge`](super::TrashRepository::begin_purge) and
/// [`begin_purges`](super::TrashRepository::begin_purges) of [all](super::PurgeScope::All) queue
/// [`PurgeTrash`](crate::model::Job::PurgeTrash), and [`AccountRepository::delete`](super::AccountRepository::delete)
/// queues [`RemoveDrive`](crate::model::Job::RemoveDrive). Whatever ends an upload that did not become a file queues
/// [`DiscardUpload`](crate::model::Job::DiscardUpload). A job is first due [`JOB_DELAY`](crate::model::JOB_DELAY) after
/// the command's time. A job that is queued already is not queued twice: one that waits keeps the earlier time;
/// one that runs loses its lease, since it may have missed the new work, and runs again; one that is dead is revived.
/// In any case its attempts are counted anew.
///
/// A lease only avoids duplicate work: a job must tolerate being run twice, even at once. The queue is housekeeping of
/// the store and leaves no rows in the change log.
///
/// ```
/// use std::time::Duration;
///
/// use clouddrive_domain::Result;
/// use clouddrive_domain::model::{JobOutcome, LeaseId, Timestamp};
/// use clouddrive_domain::port::JobRepository;
///
/// /// Does the job that has been due longest, if any is.
/// async fn work(jobs: &dyn JobRepository, lease: LeaseId, now: Timestamp) -> Result<()> {
///     for claimed in jobs.claim(lease, now, now.plus(Duration::from_secs(60)), 1).await? {
///         println!("doing {:?}", claimed.job);
///         jobs.finish(&claimed, JobOutcome::Done).await?;
///     }
///     Ok(())
/// }
/// ```
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait JobRepository: Send + Sync {
    /// Claims up to `max` jobs that are due at `now`, longest due first, and leases them until `until`. A job that was
    /// claimed but not finished is due again when its lease runs out. Of any number of concurrent callers exactly one
    /// gets a job, and none waits for another.
    async fn claim(&self, lease: LeaseId, now: Timestamp, until: Timestamp, max: u32) -> Result<Vec<ClaimedJob>>;

    /// Ends the attempt, unless the job has been claimed or queued again since: then nothing changes.
    async fn finish(&self, job: &ClaimedJob, outcome: JobOutcome) -> Result<()>;

    /// Counts the jobs by kind, as of `now`. Kinds without jobs may be missing.
    async fn count(&self, now: Timestamp) -> Result<Vec<JobCount>>;
}
