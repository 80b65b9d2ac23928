use async_trait::async_trait;

use crate::error::Result;
use crate::model::{LeaseId, Timestamp};

/// A lease on a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The holder.
    pub id: LeaseId,
    /// The task.
    pub task: &'static str,
}

/// Background tasks shared by any number of instances: one instance at a time runs a task, and only when it is due.
///
/// A lease only avoids duplicate work; correctness does not depend on it: a paused instance that resumes after its
/// lease has expired does no harm. Leases are housekeeping of the store and leave no rows in the change log.
///
/// ```
/// use std::time::Duration;
///
/// use clouddrive_domain::Result;
/// use clouddrive_domain::model::{LeaseId, Timestamp};
/// use clouddrive_domain::port::{Lease, TaskLeaseRepository};
///
/// /// Runs a task every ten minutes, on one instance.
/// async fn run_if_due(leases: &dyn TaskLeaseRepository, id: LeaseId, now: Timestamp) -> Result<()> {
///     let lease = Lease { id, task: "expire_uploads" };
///     if leases.claim(lease, now, now.plus(Duration::from_secs(60))).await? {
///         println!("running {}", lease.task);
///         leases.finish(lease, now.plus(Duration::from_secs(600))).await?;
///     }
///     Ok(())
/// }
/// ```
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait TaskLeaseRepository: Send + Sync {
    /// Takes the lease until `until` if, at `now`, it is free and the task is due. A task that never ran is due. Of
    /// any number of concurrent callers exactly one succeeds.
    async fn claim(&self, lease: Lease, now: Timestamp, until: Timestamp) -> Result<bool>;

    /// Releases the lease, if it is still held; the task is due again at `next`.
    async fn finish(&self, lease: Lease, next: Timestamp) -> Result<()>;
}
