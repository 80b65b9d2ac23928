use std::sync::Arc;

use mockall::Sequence;
use mockall::predicate::{always, eq};
use uuid::Uuid;

use crate::model::DriveId;
use crate::port::{CleanupProgress, MockBlobRecordRepository, MockBlobStore, MockTrashRepository, Purge, PurgeStep};
use crate::service::testing::{context, nth_blob, nth_key, one_store, request};
use crate::service::{BlobRemover, JobProgress, PurgeService};

const DRIVE: DriveId = DriveId::from_uuid(Uuid::from_u128(1));

fn service(trash: MockTrashRepository, records: MockBlobRecordRepository, blobs: MockBlobStore) -> PurgeService {
    PurgeService::new(Arc::new(trash), BlobRemover::new(Arc::new(records), one_store(blobs)), context())
}

#[tokio::test]
async fn a_step_deletes_the_bytes_that_it_frees() {
    for more in [true, false] {
        let mut trash = MockTrashRepository::new();
        let purge = trash.expect_purge().with(always(), eq(Purge::In(DRIVE)), eq(500)).times(1);
        let step = PurgeStep { removed: 500, more, freed: vec![nth_blob(1)], ..PurgeStep::default() };
        purge.return_once(move |_, _, _| Ok(step));
        let mut blobs = MockBlobStore::new();
        blobs.expect_delete().with(eq(nth_key(1))).times(1).returning(|_| Ok(()));
        let mut records = MockBlobRecordRepository::new();
        records.expect_remove().withf(|_, keys| *keys == [nth_key(1)]).times(1).returning(|_, _| Ok(()));
        let progress = service(trash, records, blobs).purge(DRIVE, &request()).await.unwrap();
        assert_eq!(progress, if more { JobProgress::More } else { JobProgress::Done });
    }
}

#[tokio::test]
async fn a_drive_is_removed_once_its_purges_are_done() {
    let (mut trash, mut order) = (MockTrashRepository::new(), Sequence::new());
    let purged = |removed, more| Some(PurgeStep { removed, more, ..PurgeStep::default() });
    let steps = [
        (CleanupProgress::Step, None, JobProgress::More),
        (CleanupProgress::Nothing, purged(500, true), JobProgress::More),
        // Another instance works on it.
        (CleanupProgress::Nothing, purged(0, true), JobProgress::More),
        (CleanupProgress::Nothing, purged(3, false), JobProgress::More),
        (CleanupProgress::Drive, None, JobProgress::Done),
    ];
    for (progress, step, _) in steps.clone() {
        let clear = trash.expect_delete_orphaned_drives().with(always(), eq(Some(DRIVE)), eq(500));
        clear.times(1).in_sequence(&mut order).returning(move |_, _, _| Ok(progress));
        if let Some(step) = step {
            let purge = trash.expect_purge().with(always(), eq(Purge::In(DRIVE)), eq(500));
            purge.times(1).in_sequence(&mut order).return_once(move |_, _, _| Ok(step));
        }
    }
    let purges = service(trash, MockBlobRecordRepository::new(), MockBlobStore::new());
    for (_, _, progress) in steps {
        assert_eq!(purges.remove_drive(DRIVE, &request()).await.unwrap(), progress);
    }
}

#[tokio::test]
async fn a_drive_whose_last_purge_ends_meanwhile_is_removed_at_once() {
    // A late repeat finds no drive.
    for (last, expected) in [
        (CleanupProgress::Drive, JobProgress::Done),
        (CleanupProgress::Step, JobProgress::More),
        (CleanupProgress::Nothing, JobProgress::Done),
    ] {
        let (mut trash, mut order) = (MockTrashRepository::new(), Sequence::new());
        let mut delete = |trash: &mut MockTrashRepository, progress| {
            let clear = trash.expect_delete_orphaned_drives().with(always(), eq(Some(DRIVE)), eq(500));
            clear.times(1).in_sequence(&mut order).returning(move |_, _, _| Ok(progress));
        };
        delete(&mut trash, CleanupProgress::Nothing);
        trash.expect_purge().times(1).returning(|_, _, _| Ok(PurgeStep::default()));
        delete(&mut trash, last);
        let purges = service(trash, MockBlobRecordRepository::new(), MockBlobStore::new());
        assert_eq!(purges.remove_drive(DRIVE, &request()).await.unwrap(), expected);
    }
}
