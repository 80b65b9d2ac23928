use async_trait::async_trait;
use clouddrive_domain::Result;
use clouddrive_domain::model::{
    ClaimedJob, JOB_DELAY, Job, JobCount, JobKind, JobOutcome, LeaseId, Timestamp, UploadId,
};
use clouddrive_domain::port::JobRepository;

use crate::Database;
use crate::state::{JobRow, State};
use crate::table::Table;

/// Queues a job, in the mutation at `at` that causes it.
pub(crate) fn queue(state: &mut State, at: Timestamp, job: Job) {
    let run_at = at.plus(JOB_DELAY);
    let waiting = state.jobs.get(&job).filter(|row| row.lease.is_none() && row.dead_at.is_none());
    let run_at = waiting.map_or(run_at, |row| row.run_at.min(run_at));
    state.jobs.put(job, JobRow { run_at, attempts: 0, lease: None, dead_at: None });
}

/// Whether the bytes of the upload are still to be deleted by a job.
pub(crate) fn has_discard_job(jobs: &Table<Job, JobRow>, upload: UploadId) -> bool {
    jobs.contains(&Job::DiscardUpload(upload))
}

fn claim(state: &mut State, lease: LeaseId, now: Timestamp, until: Timestamp, max: u32) -> Vec<ClaimedJob> {
    let due = state.jobs.iter().filter(|(_, row)| row.dead_at.is_none() && row.run_at <= now);
    let mut due: Vec<(Timestamp, Job)> = due.map(|(job, row)| (row.run_at, *job)).collect();
    due.sort_unstable();
    due.truncate(max as usize);
    let mut claimed = Vec::with_capacity(due.len());
    for (_, job) in due {
        if let Some(row) = state.jobs.get_mut(&job) {
            (row.lease, row.run_at, row.attempts) = (Some(lease), until, row.attempts + 1);
            claimed.push(ClaimedJob { job, attempts: row.attempts, lease });
        }
    }
    claimed
}

fn finish(state: &mut State, job: &ClaimedJob, outcome: JobOutcome) {
    let Some(row) = state.jobs.get(&job.job).filter(|row| row.lease == Some(job.lease)).copied() else { return };
    let row = JobRow { lease: None, ..row };
    let row = match outcome {
        JobOutcome::Done => {
            state.jobs.remove(&job.job);
            return;
        }
        JobOutcome::Continue(at) => JobRow { run_at: at, attempts: 0, ..row },
        JobOutcome::Retry(at) => JobRow { run_at: at, ..row },
        JobOutcome::Dead(at) => JobRow { dead_at: Some(at), ..row },
    };
    state.jobs.put(job.job, row);
}

fn count(state: &State, kind: JobKind, now: Timestamp) -> JobCount {
    let mut count = JobCount::none(kind);
    for (_, row) in state.jobs.iter().filter(|(job, _)| job.kind() == kind) {
        let counter = match row {
            JobRow { dead_at: Some(_), .. } => &mut count.dead,
            JobRow { lease: Some(_), run_at, .. } if *run_at > now => &mut count.running,
            _ => &mut count.queued,
        };
        *counter += 1;
    }
    count
}

#[async_trait]
impl JobRepository for Database {
    async fn claim(&self, lease: LeaseId, now: Timestamp, until: Timestamp, max: u32) -> Result<Vec<ClaimedJob>> {
        self.write(|state| Ok(claim(state, lease, now, until, max)))
    }

    async fn finish(&self, job: &ClaimedJob, outcome: JobOutcome) -> Result<()> {
        self.write(|state| {
            finish(state, job, outcome);
            Ok(())
        })
    }

    async fn count(&self, now: Timestamp) -> Result<Vec<JobCount>> {
        self.read(|state| Ok(JobKind::ALL.iter().map(|kind| count(state, *kind, now)).collect()))
    }
}
