//! The worker, which runs queued jobs.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clouddrive_domain::model::{ClaimedJob, JOB_DELAY, Job, JobCount, JobOutcome, MAX_JOB_ATTEMPTS, RequestId};
use clouddrive_domain::service::{JobProgress, JobQueue, ServiceContext};
use clouddrive_domain::{Error, Result};
use metrics::{counter, gauge};
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{MissedTickBehavior, interval};
use tracing::Instrument;

use crate::convert::as_f64;
use crate::outage::Outage;
use crate::services::JobServices;
use crate::{discard_upload, purge_trash, remove_drive};

/// How often the queue is asked for jobs while there are any.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// How often the jobs are counted. As long as a new job waits before it is due, so that the polls begin in time.
const COUNT_INTERVAL: Duration = JOB_DELAY;

/// How many jobs run at once.
const MAX_RUNNING: usize = 4;

/// Runs jobs and counts them until `stop` resolves, and those that run then to the end of their attempts.
pub(crate) async fn work(
    queue: JobQueue,
    services: JobServices,
    context: ServiceContext,
    stop: impl Future<Output = ()>,
) {
    let (found, any) = watch::channel(false);
    tokio::select! {
        () = run_due(&queue, &services, &context, any, stop) => {}
        never = count(&queue, &found) => match never {},
    }
}

/// Runs jobs that are due, while there are `any`.
async fn run_due(
    queue: &JobQueue,
    services: &JobServices,
    context: &ServiceContext,
    mut any: watch::Receiver<bool>,
    stop: impl Future<Output = ()>,
) {
    let mut ticks = interval(POLL_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut running, mut claiming) = (JoinSet::new(), Outage::none("claiming jobs"));
    let (mut stop, stopping) = (pin!(stop), Arc::new(AtomicBool::new(false)));
    loop {
        tokio::select! {
            biased;
            () = &mut stop => break,
            // Never an error: the sender lives as long as this.
            _ = any.wait_for(|any| *any) => {}
        }
        tokio::select! {
            biased;
            () = &mut stop => break,
            _ = ticks.tick() => {}
        }
        while let Some(ended) = running.try_join_next() {
            log_panic(ended);
        }
        let room = u32::try_from(MAX_RUNNING.saturating_sub(running.len())).unwrap_or(0);
        if room == 0 {
            continue;
        }
        for job in claiming.note(queue.claim(room).await).into_iter().flatten() {
            running.spawn(attempt(queue.clone(), services.clone(), context.clone(), job, stopping.clone()));
        }
    }
    stopping.store(true, Ordering::Relaxed);
    while let Some(ended) = running.join_next().await {
        log_panic(ended);
    }
}

fn log_panic(ended: std::result::Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a job panicked");
    }
}

/// Runs a claimed job and records how that ended.
async fn attempt(
    queue: JobQueue,
    services: JobServices,
    context: ServiceContext,
    job: ClaimedJob,
    stopping: Arc<AtomicBool>,
) {
    let id = context.request_id();
    let kind = job.job.kind().as_str();
    // A span with an `id`, like that of a request, so that log lines can be found in the same way.
    let span = tracing::error_span!("job", id = id.as_str(), kind, subject = %job.job.subject());
    let work = async {
        let result = perform(&services, &context, &job, &id, &stopping).await;
        if let Err(error) = &result {
            let attempts = job.attempts;
            tracing::error!(attempts, %error, source = ?std::error::Error::source(error), "a job failed");
        }
        match queue.finish(&job, &result).await {
            Ok(outcome) => {
                counter!("clouddrive_jobs_runs_total", "kind" => kind, "outcome" => word(outcome)).increment(1);
            }
            Err(error) => tracing::error!(%error, source = ?std::error::Error::source(&error), "ending a job failed"),
        }
    };
    work.instrument(span).await;
}

async fn perform(
    JobServices { purges, ended }: &JobServices,
    context: &ServiceContext,
    job: &ClaimedJob,
    id: &RequestId,
    stopping: &AtomicBool,
) -> Result<JobProgress> {
    if job.attempts > MAX_JOB_ATTEMPTS {
        return Err(Error::internal("jobs", "its attempts did not end"));
    }
    match job.job {
        Job::PurgeTrash(drive) => purge_trash::run(purges, drive, id, stopping).await,
        Job::RemoveDrive(drive) => remove_drive::run(purges, drive, id, stopping).await,
        Job::DiscardUpload(upload) => discard_upload::run(ended, upload, context.now()).await,
    }
}

const fn word(outcome: JobOutcome) -> &'static str {
    match outcome {
        JobOutcome::Done => "done",
        JobOutcome::Continue(_) => "continued",
        JobOutcome::Retry(_) => "failed",
        JobOutcome::Dead(_) => "dead",
    }
}

/// Reports the numbers of jobs of all instances, and tells `found` whether there are any to run.
async fn count(queue: &JobQueue, found: &watch::Sender<bool>) -> Infallible {
    let mut ticks = interval(COUNT_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut counting = Outage::none("counting jobs");
    loop {
        ticks.tick().await;
        let counts = counting.note(queue.count().await);
        // While they cannot be counted, there may be some.
        found.send_replace(counts.as_deref().is_none_or(|counts| counts.iter().any(has_work)));
        for count in counts.into_iter().flatten() {
            let kind = count.kind.as_str();
            gauge!("clouddrive_jobs_queued", "kind" => kind).set(as_f64(count.queued));
            gauge!("clouddrive_jobs_running", "kind" => kind).set(as_f64(count.running));
            gauge!("clouddrive_jobs_dead", "kind" => kind).set(as_f64(count.dead));
        }
    }
}

/// Whether a job of this kind is to be run. Dead ones are not.
const fn has_work(count: &JobCount) -> bool {
    count.queued + count.running > 0
}

#[cfg(test)]
mod tests;
