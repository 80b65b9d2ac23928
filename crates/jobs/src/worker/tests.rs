use std::future::pending;
use std::sync::atomic::AtomicUsize;

use clouddrive_domain::model::{DriveId, JobKind, LeaseId};
use clouddrive_domain::port::{
    MockBlobRecordRepository, MockJobRepository, MockTrashRepository, MockUploadRepository, PurgeStep,
};
use clouddrive_domain::service::{BlobRemover, EndedUploads, PurgeService};
use clouddrive_domain::uuid::Uuid;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

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
    jobs.expect_count().returning(|_| Ok(vec![JobCount { queued: 1, ..JobCount::none(JobKind::PurgeTrash) }]));
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

/// How often a worker asks for jobs within a minute in which the queue has these.
async fn questions_in_a_minute(counted: fn() -> Result<Vec<JobCount>>) -> usize {
    let (mut jobs, asked) = (MockJobRepository::new(), Arc::new(AtomicUsize::new(0)));
    let counter = asked.clone();
    jobs.expect_count().returning(move |_| counted());
    jobs.expect_claim().returning(move |_, _, _, _| {
        counter.fetch_add(1, Ordering::Relaxed);
        Ok(vec![])
    });
    let queue = JobQueue::new(Arc::new(jobs), context());
    let work = work(queue, services(MockTrashRepository::new()), context(), pending());
    timeout(Duration::from_mins(1), work).await.unwrap_err();
    asked.load(Ordering::Relaxed)
}

#[tokio::test(start_paused = true)]
async fn a_worker_asks_for_jobs_only_while_there_are_any() {
    const NONE: JobCount = JobCount::none(JobKind::PurgeTrash);
    assert_eq!(questions_in_a_minute(|| Ok(vec![])).await, 0);
    assert_eq!(questions_in_a_minute(|| Ok(vec![JobCount { dead: 3, ..NONE }])).await, 0);
    for counted in [
        || Ok(vec![JobCount { queued: 1, ..NONE }]),
        // Its lease may run out.
        || Ok(vec![JobCount { running: 1, ..NONE }]),
        || Err(Error::unavailable("database", "a test")),
    ] {
        assert!(questions_in_a_minute(counted).await >= 59);
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_job_is_asked_for_when_it_is_due() {
    let (mut jobs, begun) = (MockJobRepository::new(), Instant::now());
    let (claimed, claims) = oneshot::channel();
    let mut claimed = Some(claimed);
    // Queued three seconds after the start.
    let queued = move || u64::from(begun.elapsed() >= Duration::from_secs(3));
    jobs.expect_count()
        .returning(move |_| Ok(vec![JobCount { queued: queued(), ..JobCount::none(JobKind::RemoveDrive) }]));
    jobs.expect_claim().returning(move |_, _, _, _| {
        if let Some(claimed) = claimed.take_if(|_| begun.elapsed() >= Duration::from_secs(3) + JOB_DELAY) {
            claimed.send(begun.elapsed()).unwrap();
        }
        Ok(vec![])
    });
    let queue = JobQueue::new(Arc::new(jobs), context());
    tokio::select! {
        () = work(queue, services(MockTrashRepository::new()), context(), pending()) => panic!("it ends"),
        asked = claims => assert!(asked.unwrap() <= Duration::from_secs(4) + JOB_DELAY),
    }
}
