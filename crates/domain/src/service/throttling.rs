use std::sync::Arc;

use crate::error::Result;
use crate::model::{Bucket, Timestamp};
use crate::port::Throttle;

/// What keeps guessing and probing slow, or nothing that does.
#[derive(Clone)]
pub struct Throttling(Option<Arc<dyn Throttle>>);

impl Throttling {
    /// By the counts of `store`.
    #[must_use]
    pub fn new(store: Arc<dyn Throttle>) -> Self {
        Self(Some(store))
    }

    /// None: everything may be tried as often as one likes.
    #[must_use]
    pub const fn off() -> Self {
        Self(None)
    }

    /// Takes one attempt from each bucket, or fails with `RateLimited` and takes none.
    pub(super) async fn take(&self, buckets: &[Bucket], now: Timestamp) -> Result<()> {
        match &self.0 {
            Some(store) => store.take(buckets, now).await,
            None => Ok(()),
        }
    }

    /// Puts back what was taken: it was no guess.
    pub(super) async fn give_back(&self, buckets: &[Bucket]) -> Result<()> {
        match &self.0 {
            Some(store) => store.give_back(buckets).await,
            None => Ok(()),
        }
    }
}
