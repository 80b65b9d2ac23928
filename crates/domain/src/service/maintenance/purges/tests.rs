use std::sync::Arc;

use mockall::Sequence;
use mockall::predicate::{always, eq};
use uuid::Uuid;

use crate::model::{DriveId, StoreName};
use crate::port::{Clearance, MockBlobRecords, MockBlobStore, MockTrash, Purge, PurgeStep};
use crate::service::testing::{ambient, made_key, request};
use crate::service::{BlobRemover, JobProgress, Purges};

const DRIVE: DriveId = DriveId::from_uuid(Uuid::from_u128(1));

fn service(trash: MockTrash, records: MockBlobRecords, blobs: MockBlobStore) -> Purges {
    Purges::new(Arc::new(trash), BlobRemover::new(Arc::new(records), Arc::new(blobs)), ambient())
}

#[tokio::test]
async fn a_step_deletes_the_bytes_that_it_frees() {
    for more in [true, false] {
        let mut trash = MockTrash::new();
        let purge = trash.expect_purge().with(always(), eq(Purge::In(DRIVE)), eq(500)).times(1);
        let step = PurgeStep { removed: 500, more, freed: vec![made_key(1)], ..PurgeStep::default() };
        purge.return_once(move |_, _, _| Ok(step));
        let mut blobs = MockBlobStore::new();
        blobs.expect_name().return_const(StoreName("disk"));
        blobs.expect_delete().with(eq(made_key(1))).times(1).returning(|_| Ok(()));
        let mut records = MockBlobRecords::new();
        records.expect_forget().withf(|_, keys| *keys == [made_key(1)]).times(1).returning(|_, _| Ok(()));
        let progress = service(trash, records, blobs).purge(DRIVE, &request()).await.unwrap();
        assert_eq!(progress, if more { JobProgress::More } else { JobProgress::Done });
    }
}

#[tokio::test]
async fn a_drive_is_removed_once_its_purges_are_done() {
    let (mut trash, mut order) = (MockTrash::new(), Sequence::new());
    let purged = |removed, more| Some(PurgeStep { removed, more, ..PurgeStep::default() });
    let steps = [
        (Clearance::Step, None, JobProgress::More),
        (Clearance::Nothing, purged(500, true), JobProgress::More),
        // Another instance works on it.
        (Clearance::Nothing, purged(0, true), JobProgress::More),
        (Clearance::Nothing, purged(3, false), JobProgress::More),
        (Clearance::Drive, None, JobProgress::Done),
        // A late repeat finds no drive.
        (Clearance::Nothing, purged(0, false), JobProgress::Done),
    ];
    for (clearance, step, _) in steps.clone() {
        let clear = trash.expect_clear_ownerless().with(always(), eq(Some(DRIVE)), eq(500));
        clear.times(1).in_sequence(&mut order).returning(move |_, _, _| Ok(clearance));
        if let Some(step) = step {
            let purge = trash.expect_purge().with(always(), eq(Purge::In(DRIVE)), eq(500));
            purge.times(1).in_sequence(&mut order).return_once(move |_, _, _| Ok(step));
        }
    }
    let purges = service(trash, MockBlobRecords::new(), MockBlobStore::new());
    for (_, _, progress) in steps {
        assert_eq!(purges.remove_drive(DRIVE, &request()).await.unwrap(), progress);
    }
}
