use mockall::predicate::always;

use super::*;
use crate::port::{Purge, PurgeScope};
use crate::service::testing::nth_blob;

#[tokio::test]
async fn old_trash_is_purged_and_purges_run_to_completion() {
    let own = Command { actor: None, at: NOW, request: request(), idempotency_record: None };
    let mut order = Sequence::new();
    let mut trash = MockTrashRepository::new();
    trash.expect_find_oldest().times(1).in_sequence(&mut order).returning(|| Ok(Some(DUE)));
    for begun in [500, 2, 0] {
        let batch = trash.expect_begin_purges().with(eq(own.clone()), eq(PurgeScope::Until(DUE)), eq(500));
        batch.times(1).in_sequence(&mut order).returning(move |_, _, _| Ok(begun));
    }
    let step = |removed, reached, kept| PurgeStep { removed, reached, kept, more: true, freed: vec![nth_blob(1)] };
    for (progress, step) in [
        (CleanupProgress::Nothing, step(500, 0, 0)),
        (CleanupProgress::Nothing, step(0, 7, 0)),
        (CleanupProgress::Nothing, step(0, 0, 1)),
        (CleanupProgress::Step, step(0, 0, 0)),
        (CleanupProgress::Drive, step(3, 0, 0)),
        // Others may still be working on it.
        (CleanupProgress::Nothing, PurgeStep { more: true, ..PurgeStep::default() }),
    ] {
        let clear = trash.expect_delete_orphaned_drives().with(eq(own.clone()), eq(None), eq(500));
        clear.times(1).in_sequence(&mut order).returning(move |_, _, _| Ok(progress));
        let purge = trash.expect_purge().with(eq(own.clone()), eq(Purge::Any), eq(500));
        purge.times(1).in_sequence(&mut order).return_once(move |_, _, _| Ok(step));
    }
    let mut store = nothing_swept();
    store.expect_list_incomplete().returning(|_, _| Ok(vec![]));
    // The bytes of each step are deleted before the next.
    store.expect_delete().with(eq(nth_key(1))).times(5).returning(|_| Ok(()));
    let mut uploads = nothing_expired();
    uploads.expect_list_aborted().with(eq(NOW), eq(None), always()).times(1).returning(|_, _, _| Ok(vec![]));
    let collector = collector(uploads, trash, nothing_marked_for_deletion(), store, MockTaskLeaseRepository::new());
    let expected =
        CollectorReport { nodes_purged: 503, drives_removed: 1, blobs_removed: 5, ..CollectorReport::default() };
    assert_eq!(done(&collector).await, expected);
}

/// As after a clock jump: all of the trash is due at once, and one hour's worth is purged per round.
#[tokio::test]
async fn one_round_purges_what_was_trashed_within_an_hour() {
    let oldest = DUE.minus(Duration::from_secs(86_400));
    for (found, until) in [
        (Some(oldest), Some(oldest.plus(Duration::from_secs(3_600)))),
        (Some(DUE), Some(DUE)),
        (Some(DUE.plus(Duration::from_millis(1))), None),
        (None, None),
    ] {
        let mut trash = MockTrashRepository::new();
        trash.expect_find_oldest().times(1).returning(move || Ok(found));
        if let Some(until) = until {
            let begin = trash.expect_begin_purges().withf(move |_, scope, _| *scope == PurgeScope::Until(until));
            begin.times(1).returning(|_, _, _| Ok(0));
        }
        trash.expect_delete_orphaned_drives().returning(|_, _, _| Ok(CleanupProgress::Nothing));
        trash.expect_purge().returning(|_, _, _| Ok(PurgeStep::default()));
        let mut store = nothing_swept();
        store.expect_list_incomplete().returning(|_, _| Ok(vec![]));
        done(&collector(
            nothing_expired(),
            trash,
            nothing_marked_for_deletion(),
            store,
            MockTaskLeaseRepository::new(),
        ))
        .await;
    }
}
