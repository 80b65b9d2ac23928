//! Conformance suite for [`Probe`], with a part that works.
#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use clouddrive_domain::port::Probe;

use crate::case::suite;

suite! {
    $ probe(probe: &dyn Probe) (probe)

    self of "`Probe::check`: Performs the smallest operation that shows that the part works." {
        a_part_that_works_passes_repeatedly,
    }
}

async fn a_part_that_works_passes_repeatedly(probe: &dyn Probe) {
    for _ in 0..3 {
        probe.check().await.unwrap();
    }
}
