use async_trait::async_trait;

use crate::error::Result;
use crate::model::{Bucket, Timestamp};

/// Rate limiting, counted across all instances. An unknown bucket is full.
///
/// Buckets are housekeeping, not part of an account or drive, and leave no rows in the change log.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait Throttle: Send + Sync {
    /// Takes one attempt from each of `buckets`, or from none: exact under any concurrency. Refusals MUST cost next to
    /// nothing, however long they go on. [`BucketLevel`](crate::model::BucketLevel) defines when a bucket is empty, also
    /// to clocks that lag behind others.
    ///
    /// # Errors
    /// [`RateLimited`](crate::Error::RateLimited) for the first of the given buckets that is empty.
    async fn take(&self, buckets: &[Bucket], now: Timestamp) -> Result<()>;

    /// Returns one attempt to each of `buckets`, each of which was taken from before.
    async fn give_back(&self, buckets: &[Bucket]) -> Result<()>;

    /// Deletes up to `max` buckets that are full at `now`, and returns the number.
    async fn prune_full(&self, now: Timestamp, max: u32) -> Result<u32>;
}
