//! Conformance suite for [`Random`].

use std::collections::HashSet;

use clouddrive_domain::port::Random;

use crate::case::suite;

suite! {
    $ random(random: &dyn Random) (random)

    self of "`Random::fill`: Fills `bytes` with unpredictable bits" {
        outputs_do_not_repeat,
        every_byte_is_filled,
    }
}

async fn outputs_do_not_repeat(random: &dyn Random) {
    let mut seen = HashSet::new();
    for _ in 0..1000 {
        let mut bytes = [0; 32];
        random.fill(&mut bytes);
        assert!(seen.insert(bytes), "the same bits came twice");
    }
}

async fn every_byte_is_filled(random: &dyn Random) {
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
