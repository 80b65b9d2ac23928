use std::sync::Arc;

use crate::error::Result;
use crate::model::{Bucket, Timestamp};
use crate::port::ThrottleRepository;

/// Rate limiting of guesses and probes; can be off.
#[derive(Clone)]
pub struct Throttling(Option<Arc<dyn ThrottleRepository>>);

impl Throttling {
    /// With the counters of `store`.
    #[must_use]
    pub fn new(store: Arc<dyn ThrottleRepository>) -> Self {
        Self(Some(store))
    }

    /// No rate limiting.
    #[must_use]
    pub const fn off() -> Self {
        Self(None)
    }

    /// Takes one attempt from each bucket, or fails with `RateLimited` and takes none.
    pub(in crate::service) async fn take(&self, buckets: &[Bucket], now: Timestamp) -> Result<()> {
        match &self.0 {
            Some(store) => store.take(buckets, now).await,
            None => Ok(()),
        }
    }

    /// Returns attempts that were not guesses.
    pub(in crate::service) async fn give_back(&self, buckets: &[Bucket]) -> Result<()> {
        match &self.0 {
            Some(store) => store.give_back(buckets).await,
            None => Ok(()),
        }
    }
}
