use clouddrive_domain::model::{DriveId, LeaseId, StoreName, Timestamp};
use clouddrive_domain::port::{
    BlobStores, MockAuditTrail, MockBlobRecordRepository, MockBlobStore, MockClock, MockJobRepository, MockRandom,
    MockTrashRepository, MockUploadRepository, PurgeStep,
};
use clouddrive_domain::service::{BlobRemover, EndedUploads, PurgeService};
use clouddrive_domain::uuid::Uuid;
use tokio::sync::oneshot;

use super::*;

const NOW: Timestamp = Timestamp::from_millis(0);

fn context() -> ServiceContext {
    let (mut clock, mut random) = (MockClock::new(), MockRandom::new());
    clock.expect_now().return_const(NOW);
    random.expect_fill().returning(|bytes| bytes.fill(7));
    ServiceContext::new(Arc::new(clock), Arc::new(random), Arc::new(MockAuditTrail::new()))
}

fn services(trash: MockTrashRepository) -> JobServices {
    let stores = BlobStores::new(StoreName::parse("disk").unwrap(), Arc::new(MockBlobStore::new()));
    let remover = BlobRemover::new(Arc::new(MockBlobRecordRepository::new()), stores);
    let ended = EndedUploads::new(Arc::new(MockUploadRepository::new()), remover.clone());
    JobServices { purges: PurgeService::new(Arc::new(trash), remover, context()), ended }
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_stops_gives_its_jobs_back_after_their_current_steps() {
    let claimed = ClaimedJob {
        job: Job::PurgeTrash(DriveId::from_uuid(Uuid::from_u128(1))),
        attempts: 1,
        lease: LeaseId::from_uuid(Uuid::from_u128(2)),
    };
    let (stop, stopped) = oneshot::channel();
    let (mut jobs, mut trash) = (MockJobRepository::new(), MockTrashRepository::new());
    jobs.expect_count().returning(|_| Ok(vec![]));
    jobs.expect_claim().times(1).return_once(move |_, _, _, _| {
        stop.send(()).unwrap();
        Ok(vec![claimed])
    });
    trash.expect_purge().times(1).returning(|_, _, _| Ok(PurgeStep { more: true, ..PurgeStep::default() }));
    // It is due at once, and the attempt does not count.
    let given_back =
        move |job: &ClaimedJob, outcome: &JobOutcome| (*job, *outcome) == (claimed, JobOutcome::Continue(NOW));
    jobs.expect_finish().withf(given_back).times(1).returning(|_, _| Ok(()));
    let queue = JobQueue::new(Arc::new(jobs), context());
    work(queue, services(trash), context(), async { drop(stopped.await) }).await;
}
