//! The queue of background jobs.
//!
//! `run_at` is when a job may be claimed, so of a claimed one, when its lease runs out.

use clouddrive_domain::Result;
use clouddrive_domain::model::{ClaimedJob, JOB_DELAY, Job, JobCount, JobKind, JobOutcome, LeaseId, Timestamp};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use crate::statement::{Parameter, Statement};
use crate::types::{DbId, Id, invalid_row, size};

/// The two columns that identify a job.
fn key(job: Job) -> [Parameter; 2] {
    [Parameter::Text(job.kind().as_str().to_owned()), job.subject().into()]
}

/// What becomes of a job that is queued again.
const RENEW: &str = "ON CONFLICT (kind, subject_id) DO UPDATE SET attempts = 0, lease_id = NULL, dead_at = NULL,
        run_at = CASE WHEN jobs.lease_id IS NULL AND jobs.dead_at IS NULL AND jobs.run_at < excluded.run_at
            THEN jobs.run_at ELSE excluded.run_at END";

/// Queues `job`, caused by a mutation at `at`. If it is queued already, it takes back the lease and revives a dead job.
#[must_use]
pub fn queue(job: Job, at: Timestamp) -> Statement {
    let text = format!("INSERT INTO jobs (kind, subject_id, run_at, attempts) VALUES (?, ?, ?, 0) {RENEW}");
    let [kind, subject] = key(job);
    Statement::new(text, vec![kind, subject, Parameter::time(at.plus(JOB_DELAY))])
}

/// Queues, like [`queue`], the jobs of `kind` for the column `id` of `rows`, which are a table and a condition with one
/// parameter. Ordered, since the rows of jobs that exist are locked.
#[must_use]
pub fn queue_each(kind: JobKind, (rows, parameter): (&str, Parameter), at: Timestamp) -> Statement {
    let text = format!(
        "INSERT INTO jobs (kind, subject_id, run_at, attempts) SELECT '{}', id, ?, 0 FROM {rows} ORDER BY id {RENEW}",
        kind.as_str()
    );
    Statement::new(text, vec![Parameter::time(at.plus(JOB_DELAY)), parameter])
}

/// The condition for a job that may be claimed. A newer version may have queued kinds that this one does not know.
///
/// The expression around `kind` keeps SQLite from looking for the kinds in the primary key, which would read every job
/// that waits, instead of the due ones by their index.
fn is_due() -> String {
    let kinds: Vec<String> = JobKind::ALL.iter().map(|kind| format!("'{}'", kind.as_str())).collect();
    format!("dead_at IS NULL AND run_at <= ? AND coalesce(kind, '') IN ({})", kinds.join(", "))
}

/// Checks, by a [`FlagRow`](crate::statement::FlagRow), whether a job may be claimed at `now`.
#[must_use]
pub fn is_any_due(now: Timestamp) -> Statement {
    Statement::new(
        format!("SELECT EXISTS (SELECT 1 FROM jobs WHERE {}) AS holds", is_due()),
        vec![Parameter::time(now)],
    )
}

/// Claims up to `max` jobs and returns their [`ClaimedRow`]s; `locking` is the locking clause.
#[must_use]
pub fn claim(lease: LeaseId, now: Timestamp, until: Timestamp, max: u32, locking: &str) -> Statement {
    let text = format!(
        "WITH due AS MATERIALIZED (SELECT kind AS due_kind, subject_id AS due_subject FROM jobs WHERE {}
            ORDER BY run_at LIMIT ? {locking})
        UPDATE jobs SET lease_id = ?, run_at = ?, attempts = attempts + 1
        FROM due WHERE kind = due_kind AND subject_id = due_subject
        RETURNING kind, subject_id, attempts",
        is_due()
    );
    Statement::new(
        text,
        vec![Parameter::time(now), Parameter::Integer(max.into()), lease.into(), Parameter::time(until)],
    )
}

/// Ends the attempt of a job whose lease is still held.
#[must_use]
pub fn finish(job: &ClaimedJob, outcome: JobOutcome) -> Statement {
    let (change, parameter) = match outcome {
        JobOutcome::Done => ("DELETE FROM jobs", None),
        JobOutcome::Continue(at) => ("UPDATE jobs SET lease_id = NULL, attempts = 0, run_at = ?", Some(at)),
        JobOutcome::Retry(at) => ("UPDATE jobs SET lease_id = NULL, run_at = ?", Some(at)),
        JobOutcome::Dead(at) => ("UPDATE jobs SET lease_id = NULL, dead_at = ?", Some(at)),
    };
    let parameters = parameter.map(Parameter::time).into_iter().chain(key(job.job)).chain([job.lease.into()]);
    let text = format!("{change} WHERE kind = ? AND subject_id = ? AND lease_id = ?");
    Statement::new(text, parameters.collect())
}

/// Selects the [`CountRow`]s of all kinds.
#[must_use]
pub fn count(now: Timestamp) -> Statement {
    let text = "SELECT kind,
            count(CASE WHEN dead_at IS NULL AND (lease_id IS NULL OR run_at <= ?) THEN 1 END) AS queued,
            count(CASE WHEN dead_at IS NULL AND lease_id IS NOT NULL AND run_at > ? THEN 1 END) AS running,
            count(dead_at) AS dead
        FROM jobs GROUP BY kind";
    Statement::new(text, vec![Parameter::time(now), Parameter::time(now)])
}

/// A job that was claimed.
#[derive(QueryableByName)]
pub struct ClaimedRow {
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Id)]
    subject_id: DbId,
    #[diesel(sql_type = BigInt)]
    attempts: i64,
}

impl ClaimedRow {
    /// The job, claimed by `lease`.
    ///
    /// # Errors
    /// [`Internal`](clouddrive_domain::Error::Internal) for an invalid row.
    pub fn claimed(self, lease: LeaseId) -> Result<ClaimedJob> {
        let subject = self.subject_id.as_uuid();
        let kind = JobKind::parse(&self.kind).map_err(|_| invalid_row("jobs", subject, "kind"))?;
        let attempts = u32::try_from(self.attempts).unwrap_or(u32::MAX);
        Ok(ClaimedJob { job: Job::new(kind, subject), attempts, lease })
    }
}

/// The numbers of jobs of a kind.
#[derive(QueryableByName)]
pub struct CountRow {
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = BigInt)]
    queued: i64,
    #[diesel(sql_type = BigInt)]
    running: i64,
    #[diesel(sql_type = BigInt)]
    dead: i64,
}

impl CountRow {
    /// The numbers; none for a kind that only a newer version knows.
    #[must_use]
    pub fn count(self) -> Option<JobCount> {
        let kind = JobKind::parse(&self.kind).ok()?;
        Some(JobCount { kind, queued: size(self.queued), running: size(self.running), dead: size(self.dead) })
    }
}
