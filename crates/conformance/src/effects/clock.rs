//! Conformance suite for [`Clock`].

use clouddrive_domain::model::Timestamp;
use clouddrive_domain::port::Clock;

use crate::case::suite;

suite! {
    $ clock(clock: &dyn Clock) (clock)

    self of "`Clock::now`: The current time in milliseconds." {
        the_time_is_plausible,
    }
}

/// The time is after 1 January 2025 and before the year 3000.
async fn the_time_is_plausible(clock: &dyn Clock) {
    let now = clock.now();
    assert!(now > Timestamp::from_millis(1_735_689_600_000), "{now:?}");
    assert!(now < Timestamp::from_millis(32_503_680_000_000), "{now:?}");
}
