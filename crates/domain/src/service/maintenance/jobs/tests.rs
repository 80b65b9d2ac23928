use std::sync::Arc;
use std::time::Duration;

use mockall::predicate::{always, eq};
use uuid::Uuid;

use crate::model::{ClaimedJob, Job, JobCount, JobKind, JobOutcome, LeaseId, MAX_JOB_ATTEMPTS};
use crate::port::MockJobRepository;
use crate::service::testing::{NOW, context, outage};
use crate::service::{JobProgress, JobQueue};

fn claimed(attempts: u32) -> ClaimedJob {
    let job = Job::new(JobKind::PurgeTrash, Uuid::from_u128(1));
    ClaimedJob { job, attempts, lease: LeaseId::from_uuid(Uuid::from_u128(2)) }
}

fn queue(jobs: MockJobRepository) -> JobQueue {
    JobQueue::new(Arc::new(jobs), context())
}

#[tokio::test]
async fn due_jobs_are_leased_for_five_minutes() {
    let mut jobs = MockJobRepository::new();
    let claim = jobs.expect_claim().with(always(), eq(NOW), eq(NOW.plus(Duration::from_mins(5))), eq(4));
    claim.times(1).returning(|_, _, _, _| Ok(vec![claimed(1)]));
    assert_eq!(queue(jobs).claim(4).await.unwrap(), [claimed(1)]);
}

#[tokio::test]
async fn a_job_ends_by_its_result() {
    let pause = |seconds| JobOutcome::Retry(NOW.plus(Duration::from_secs(seconds)));
    for (attempts, result, outcome) in [
        (1, Ok(JobProgress::Done), JobOutcome::Done),
        (MAX_JOB_ATTEMPTS, Ok(JobProgress::More), JobOutcome::Continue(NOW)),
        (1, Err(outage()), pause(10)),
        (2, Err(outage()), pause(30)),
        (MAX_JOB_ATTEMPTS, Err(outage()), JobOutcome::Dead(NOW)),
    ] {
        let mut jobs = MockJobRepository::new();
        jobs.expect_finish().with(eq(claimed(attempts)), eq(outcome)).times(1).returning(|_, _| Ok(()));
        assert_eq!(queue(jobs).finish(&claimed(attempts), &result).await.unwrap(), outcome);
    }
}

#[tokio::test]
async fn kinds_without_jobs_are_counted_as_none() {
    let mut jobs = MockJobRepository::new();
    let dead = JobCount { dead: 2, ..JobCount::none(JobKind::RemoveDrive) };
    jobs.expect_count().with(eq(NOW)).returning(move |_| Ok(vec![dead]));
    let [purges, discards] = [JobKind::PurgeTrash, JobKind::DiscardUpload].map(JobCount::none);
    assert_eq!(queue(jobs).count().await.unwrap(), [purges, dead, discards]);
}
