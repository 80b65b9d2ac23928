use clouddrive_domain::model::{DriveId, LeaseId};
use clouddrive_domain::port::{
    MockBlobRecordRepository, MockJobRepository, MockTrashRepository, MockUploadRepository, PurgeStep,
};
use clouddrive_domain::service::{BlobRemover, EndedUploads, PurgeService};
use clouddrive_domain::uuid::Uuid;
use tokio::sync::oneshot;

use super::*;
use crate::testing::{NOW, blob_stores, context};

fn services(trash: MockTrashRepository) -> JobServices {
    let remover = BlobRemover::new(Arc::new(MockBlobRecordRepository::new()), blob_stores());
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
