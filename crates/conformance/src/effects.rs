//! Conformance suites for [`Clock`], [`Random`] and [`Probe`].
#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use std::collections::HashSet;

use clouddrive_domain::model::Timestamp;
use clouddrive_domain::port::{Clock, Probe, Random};

/// The time is plausible: after 1 January 2025 and before the year 3000.
pub fn clock_suite(clock: &dyn Clock) {
    let now = clock.now();
    assert!(now > Timestamp::from_millis(1_735_689_600_000), "{now:?}");
    assert!(now < Timestamp::from_millis(32_503_680_000_000), "{now:?}");
}

/// Every byte of the buffer is filled, and outputs do not repeat.
pub fn random_suite(random: &dyn Random) {
    let mut seen = HashSet::new();
    for _ in 0..1000 {
        let mut bytes = [0; 32];
        random.fill(&mut bytes);
        assert!(seen.insert(bytes), "the same bits came twice");
    }
    for length in [0, 1, 7, 4096] {
        // A random byte may be 0, but not in twenty tries in a row.
        let mut changed = vec![false; length];
        for _ in 0..20 {
            let mut bytes = vec![0; length];
            random.fill(&mut bytes);
            changed.iter_mut().zip(&bytes).for_each(|(changed, byte)| *changed |= *byte != 0);
        }
        assert!(changed.iter().all(|changed| *changed), "of {length} bytes some are never filled");
    }
}

/// A healthy component passes the check repeatedly.
pub async fn probe_suite(probe: &dyn Probe) {
    for _ in 0..3 {
        probe.check().await.unwrap();
    }
}
