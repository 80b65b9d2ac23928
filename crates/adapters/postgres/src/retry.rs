//! Retries of what conflicts with other transactions.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

/// The most attempts at a unit of work, if other transactions conflict.
pub(crate) const MAX_ATTEMPTS: u32 = 5;

/// A random wait after that many attempts, so that conflicting transactions do not collide again.
pub(crate) fn backoff(attempt: u32) -> Duration {
    let max = 10_u64 << attempt;
    Duration::from_millis(RandomState::new().build_hasher().finish() % max)
}
