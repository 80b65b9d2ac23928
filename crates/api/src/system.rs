//! The system clock and the operating system's random number generator.

use std::time::{SystemTime, UNIX_EPOCH};

use clouddrive_domain::model::Timestamp;
use clouddrive_domain::port::{Clock, Random};

/// The system clock.
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

/// The operating system's random number generator.
pub(crate) struct OsRandom;

impl Random for OsRandom {
    #[expect(clippy::disallowed_methods, reason = "this is the randomness")]
    fn fill(&self, bytes: &mut [u8]) {
        if let Err(error) = getrandom::fill(bytes) {
            // Predictable keys and tokens are worse than no server.
            tracing::error!(%error, "the random number generator of the operating system failed");
            std::process::abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    clouddrive_conformance::clock! { #[tokio::test] clock = SystemClock => &clock }
    clouddrive_conformance::random! { #[tokio::test] random = OsRandom => &random }
}
