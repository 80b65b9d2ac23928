//! Metrics of rate-limited attempts.

use std::sync::Arc;

use async_trait::async_trait;
use clouddrive_domain::model::{Bucket, Timestamp};
use clouddrive_domain::port::ThrottleRepository;
use clouddrive_domain::{Error, Result};
use metrics::counter;

/// A throttle whose refusals are counted by bucket.
pub(crate) struct MeteredThrottle(pub(crate) Arc<dyn ThrottleRepository>);

#[async_trait]
impl ThrottleRepository for MeteredThrottle {
    async fn take(&self, buckets: &[Bucket], now: Timestamp) -> Result<()> {
        let outcome = self.0.take(buckets, now).await;
        if let Err(Error::RateLimited { bucket, .. }) = &outcome {
            counter!("clouddrive_throttled_total", "bucket" => bucket.as_str()).increment(1);
        }
        outcome
    }

    async fn give_back(&self, buckets: &[Bucket]) -> Result<()> {
        self.0.give_back(buckets).await
    }

    async fn prune_full(&self, now: Timestamp, max: u32) -> Result<u32> {
        self.0.prune_full(now, max).await
    }
}
