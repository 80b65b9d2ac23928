use async_trait::async_trait;

use crate::error::Result;
use crate::model::{Bucket, Timestamp};

/// Rate limiting, counted across all instances. An unknown bucket is full.
///
/// Buckets are housekeeping, not part of an account or drive, and leave no rows in the change log.
///
/// ```
/// use clouddrive_domain::Result;
/// use clouddrive_domain::model::{Bucket, UserId};
/// use clouddrive_domain::port::{Clock, ThrottleRepository};
///
/// /// Counts an attempt at a password, and forgets it if the password was right.
/// async fn attempt(throttle: &dyn ThrottleRepository, clock: &dyn Clock, user: UserId, is_right: bool) -> Result<()> {
///     let buckets = [Bucket::CurrentPassword(user)];
///     throttle.take(&buckets, clock.now()).await?;
///     if is_right { throttle.give_back(&buckets).await } else { Ok(()) }
/// }
/// ```
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait ThrottleRepository: Send + Sync {
    /// Takes one attempt from each of `buckets`, or from none: exact under any concurrency. Refusals MUST cost next to
    /// nothing, however long they go on. [`BucketLevel`](crate::model::BucketLevel) defines when a bucket is empty; an
    /// adapter that computes levels by itself MUST come to the same. A clock that lags behind the latest time that a
    /// bucket has seen by at most the [tolerance](crate::model::CLOCK_TOLERANCE) of 5 s is treated as if it did not; a
    /// greater lag counts as this much.
    ///
    /// # Errors
    /// [`RateLimited`](crate::Error::RateLimited) for the first of the given buckets that is empty, with the time
    /// until it is not.
    async fn take(&self, buckets: &[Bucket], now: Timestamp) -> Result<()>;

    /// Returns one attempt to each of `buckets`, each of which was taken from before.
    async fn give_back(&self, buckets: &[Bucket]) -> Result<()>;

    /// Deletes up to `max` buckets that are full at `now`, and returns the number.
    async fn prune_full(&self, now: Timestamp, max: u32) -> Result<u32>;
}
