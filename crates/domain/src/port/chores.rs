use async_trait::async_trait;

use crate::error::Result;
use crate::model::{LeaseId, Timestamp};

/// What one of many asks for who share some work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Who asks.
    pub id: LeaseId,
    /// What is to be done.
    pub chore: &'static str,
}

/// Work in the background, shared by any number of instances: each chore is done by one of them at a time, and not before
/// it is due.
///
/// A lease saves work, and nothing relies on it: whoever was paused and goes on when it has run out does no harm. It is the
/// store's own housekeeping, and leaves no rows in the change log.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait Chores: Send + Sync {
    /// Takes the lease until `until` if at `now` nobody has it and the chore is due, as one is that was never done. Of any
    /// number who ask at once exactly one gets it.
    async fn claim(&self, lease: Lease, now: Timestamp, until: Timestamp) -> Result<bool>;

    /// Gives the lease back, if it is still held, for a chore that is due again at `next`.
    async fn finish(&self, lease: Lease, next: Timestamp) -> Result<()>;
}
