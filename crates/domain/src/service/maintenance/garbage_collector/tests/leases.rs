use super::*;
use crate::port::Lease;
use crate::service::MaintenanceTask;
use crate::service::testing::made;

#[tokio::test]
async fn an_instance_runs_the_tasks_whose_lease_it_gets() {
    let interval = Duration::from_secs(100);
    let mut order = Sequence::new();
    let (mut task_leases, mut uploads) = (MockTaskLeaseRepository::new(), MockUploadRepository::new());
    for (nth, task) in (1..).zip(MaintenanceTask::ALL) {
        let mine = *task == MaintenanceTask::ExpireUploads;
        let lease = Lease { id: made(nth), task: task.as_str() };
        let claim = task_leases.expect_claim().with(eq(lease), eq(NOW), eq(NOW.plus(Duration::from_secs(60))));
        claim.times(1).in_sequence(&mut order).returning(move |_, _, _| Ok(mine));
        if mine {
            uploads.expect_expire_due().times(1).in_sequence(&mut order).returning(|_, _| Ok(vec![upload(); 7]));
            let finish = task_leases.expect_finish().with(eq(lease), eq(NOW.plus(Duration::from_secs(90))));
            finish.times(1).in_sequence(&mut order).returning(|_, _| Ok(()));
        }
    }
    uploads.expect_note_discarded().times(1).returning(|_, _| Ok(()));
    let mut store = MockBlobStore::new();
    store.expect_abort().times(7).returning(|_| Ok(()));
    let collector = collector(uploads, nothing_trashed(), MockBlobRecordRepository::new(), store, task_leases);
    let mut report = CollectorReport::default();
    for task in MaintenanceTask::ALL {
        let mine = collector.run_if_due(*task, &request(), interval, &mut report).await.unwrap();
        assert_eq!(mine, *task == MaintenanceTask::ExpireUploads);
    }
    assert_eq!(report.uploads_expired, 7);
}

#[tokio::test]
async fn a_task_that_failed_is_due_again_at_once() {
    let (mut task_leases, mut uploads) = (MockTaskLeaseRepository::new(), MockUploadRepository::new());
    task_leases.expect_claim().returning(|_, _, _| Ok(true));
    task_leases.expect_finish().withf(|_, next| *next == NOW).times(1).returning(|_, _| Ok(()));
    uploads.expect_prune_ended().times(1).returning(|_, _| Err(outage()));
    let collector =
        collector(uploads, nothing_trashed(), MockBlobRecordRepository::new(), MockBlobStore::new(), task_leases);
    let mut report = CollectorReport::default();
    let outcome = collector.run_if_due(MaintenanceTask::PruneUploads, &request(), GRACE, &mut report).await;
    assert!(matches!(outcome, Err(Error::Unavailable { .. })));
}
