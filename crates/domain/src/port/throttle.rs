use async_trait::async_trait;

use crate::error::Result;
use crate::model::{Bucket, Timestamp};

/// How much was attempted lately, counted for all instances together. A bucket that was never heard of is full.
///
/// It is housekeeping, part of no account and no drive: it leaves no rows in the change log.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait Throttle: Send + Sync {
    /// Takes one attempt from each of `buckets`, from all of them or from none: exact, however many do so at once. To be
    /// refused MUST cost next to nothing, for as long as it goes on.
    ///
    /// # Errors
    /// [`RateLimited`](crate::Error::RateLimited), of the first bucket of those given that is empty.
    async fn take(&self, buckets: &[Bucket], now: Timestamp) -> Result<()>;

    /// Puts one attempt back into each of `buckets`, each of which was taken from before.
    async fn give_back(&self, buckets: &[Bucket]) -> Result<()>;

    /// Forgets up to `most` buckets that are full at `now`, and tells how many.
    async fn forget_full(&self, now: Timestamp, most: u32) -> Result<u32>;
}
