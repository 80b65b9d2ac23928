use std::sync::Arc;
use std::time::Duration;

use crate::error::Result;
use crate::model::{ClaimedJob, JobCount, JobKind, JobOutcome};
use crate::port;
use crate::service::ServiceContext;

/// How long a lease on a job lasts, several times as long as an attempt usually takes. After that the job is run again.
const LEASE: Duration = Duration::from_mins(5);

/// How far an attempt of a job came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobProgress {
    /// Nothing is left to do.
    Done,
    /// There is more to do.
    More,
}

/// The queue of background jobs: hands them out, and decides when a failed one is tried again.
#[derive(Clone)]
pub struct JobQueue {
    jobs: Arc<dyn port::JobRepository>,
    context: ServiceContext,
}

impl JobQueue {
    /// Creates the service.
    #[must_use]
    pub fn new(jobs: Arc<dyn port::JobRepository>, context: ServiceContext) -> Self {
        Self { jobs, context }
    }

    /// Claims up to `max` jobs that are due.
    ///
    /// Calls `JobRepository::claim`.
    ///
    /// # Errors
    /// Store errors.
    pub async fn claim(&self, max: u32) -> Result<Vec<ClaimedJob>> {
        let now = self.context.now();
        self.jobs.claim(self.context.id(), now, now.plus(LEASE), max).await
    }

    /// Ends an attempt with its result: a job with more to do continues, and one that failed is tried again after a
    /// growing pause, or given up after [`MAX_JOB_ATTEMPTS`](crate::model::MAX_JOB_ATTEMPTS).
    ///
    /// Calls `JobRepository::finish`.
    ///
    /// # Errors
    /// Store errors. The job is then run again when its lease runs out.
    pub async fn finish(&self, job: &ClaimedJob, result: &Result<JobProgress>) -> Result<JobOutcome> {
        let now = self.context.now();
        let outcome = match result {
            Ok(JobProgress::Done) => JobOutcome::Done,
            Ok(JobProgress::More) => JobOutcome::Continue(now),
            Err(_) => job.retry_at(now).map_or(JobOutcome::Dead(now), JobOutcome::Retry),
        };
        self.jobs.finish(job, outcome).await?;
        Ok(outcome)
    }

    /// Counts the jobs of all kinds.
    ///
    /// Calls `JobRepository::count`.
    ///
    /// # Errors
    /// Store errors.
    pub async fn count(&self) -> Result<Vec<JobCount>> {
        let counts = self.jobs.count(self.context.now()).await?;
        let of = |kind| counts.iter().copied().find(|count| count.kind == kind).unwrap_or(JobCount::none(kind));
        Ok(JobKind::ALL.iter().copied().map(of).collect())
    }
}

#[cfg(test)]
mod tests;
