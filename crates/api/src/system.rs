//! The system clock and the operating system's random number generator.

use std::cell::RefCell;
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

/// Identifiers take this many bytes at most; keys and tokens take more.
const MAX_ID_BYTES: usize = 10;

/// The random bytes that a thread reads in advance, for the identifiers of some requests.
const READ_AHEAD: usize = 48 * MAX_ID_BYTES;

thread_local! {
    /// Random bytes that are not used yet.
    static UNUSED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// The operating system's random number generator.
///
/// Bytes for identifiers, which are not secret and of which every request needs some, are read in advance: a system
/// call takes longer than the rest of making one. Those of secrets are read when they are needed.
pub(crate) struct OsRandom;

impl Random for OsRandom {
    fn fill(&self, bytes: &mut [u8]) {
        if bytes.len() > MAX_ID_BYTES {
            return read_random(bytes);
        }
        UNUSED.with_borrow_mut(|unused| {
            if unused.len() < bytes.len() {
                unused.resize(READ_AHEAD, 0);
                read_random(unused);
            }
            let left = unused.len() - bytes.len();
            bytes.iter_mut().zip(unused.drain(left..)).for_each(|(byte, random)| *byte = random);
        });
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the randomness")]
fn read_random(bytes: &mut [u8]) {
    if let Err(error) = getrandom::fill(bytes) {
        // Predictable keys and tokens are worse than no server.
        tracing::error!(%error, "the random number generator of the operating system failed");
        std::process::abort();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    clouddrive_conformance::clock! { #[tokio::test] clock = SystemClock => &clock }
    clouddrive_conformance::random! { #[tokio::test] random = OsRandom => &random }

    #[test]
    fn bytes_read_in_advance_are_used_once_on_whatever_thread() {
        let draw = || {
            let ids = (0..3 * READ_AHEAD).map(|drawn| {
                let mut id = [0; MAX_ID_BYTES];
                OsRandom.fill(&mut id);
                // Some bytes in between, so that what is left is not always a multiple.
                OsRandom.fill(&mut vec![0; drawn % (2 * MAX_ID_BYTES)]);
                id
            });
            ids.collect::<Vec<_>>()
        };
        let threads: Vec<_> = (0..2).map(|_| std::thread::spawn(draw)).collect();
        let ids: Vec<_> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        let distinct: HashSet<_> = ids.iter().collect();
        assert_eq!(distinct.len(), ids.len());
        assert!(!distinct.contains(&[0; MAX_ID_BYTES]));
    }
}
