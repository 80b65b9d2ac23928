//! Retries of what conflicts with other transactions.

use std::time::Duration;

/// The most attempts at a unit of work, if other transactions conflict.
pub(crate) const MAX_ATTEMPTS: u32 = 5;

/// A random wait after that many attempts, so that conflicting transactions do not collide again. It needs no
/// unpredictable bits, so it does not come from the port `Random`.
pub(crate) fn backoff(attempt: u32) -> Duration {
    Duration::from_millis(fastrand::u64(..10_u64 << attempt))
}
