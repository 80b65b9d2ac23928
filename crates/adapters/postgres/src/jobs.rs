use async_trait::async_trait;
use clouddrive_domain::Result;
use clouddrive_domain::model::{ClaimedJob, Command, Job, JobCount, JobKind, JobOutcome, LeaseId, Timestamp};
use clouddrive_domain::port::JobRepository;
use clouddrive_sql::error::SqlError;
use clouddrive_sql::jobs::{self as rows, ClaimedRow, CountRow};
use clouddrive_sql::statement::Parameter;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::Database;
use crate::transaction::TxMode;

/// Queues a job, in the transaction of the mutation that causes it.
pub(crate) async fn queue(mut connection: &AsyncPgConnection, command: &Command, job: Job) -> Result<(), SqlError> {
    rows::queue(job, command.at).execute(&mut connection).await?;
    Ok(())
}

/// Queues the jobs of `kind` for the column `id` of these rows, in the transaction of the mutation that causes them.
pub(crate) async fn queue_each(
    mut connection: &AsyncPgConnection,
    command: &Command,
    kind: JobKind,
    subjects: (&str, Parameter),
) -> Result<(), SqlError> {
    rows::queue_each(kind, subjects, command.at).execute(&mut connection).await?;
    Ok(())
}

#[async_trait]
impl JobRepository for Database {
    async fn claim(&self, lease: LeaseId, now: Timestamp, until: Timestamp, max: u32) -> Result<Vec<ClaimedJob>> {
        let statement = rows::claim(lease, now, until, max, "FOR UPDATE SKIP LOCKED");
        self.write(TxMode::Write, async move |mut connection: &AsyncPgConnection| {
            let claimed: Vec<ClaimedRow> = statement.load(&mut connection).await?;
            Ok(claimed.into_iter().map(|row| row.claimed(lease)).collect::<Result<_>>()?)
        })
        .await
    }

    async fn finish(&self, job: &ClaimedJob, outcome: JobOutcome) -> Result<()> {
        let statement = rows::finish(job, outcome);
        self.write(TxMode::Write, async move |mut connection: &AsyncPgConnection| {
            statement.execute(&mut connection).await?;
            Ok(())
        })
        .await
    }

    async fn count(&self, now: Timestamp) -> Result<Vec<JobCount>> {
        let statement = rows::count(now);
        self.read(async move |mut connection: &AsyncPgConnection| {
            let counts: Vec<CountRow> = statement.load(&mut connection).await?;
            Ok(counts.into_iter().filter_map(CountRow::count).collect())
        })
        .await
    }
}
