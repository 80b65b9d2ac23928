use async_trait::async_trait;
use clouddrive_domain::Result;
use clouddrive_domain::model::{ClaimedJob, Command, Job, JobCount, JobOutcome, LeaseId, Timestamp};
use clouddrive_domain::port::JobRepository;
use clouddrive_sql::error::SqlError;
use clouddrive_sql::jobs::{self as rows, ClaimedRow, CountRow};
use clouddrive_sql::statement::FlagRow;
use diesel::{RunQueryDsl, SqliteConnection};

use crate::Database;

/// Queues a job, in the transaction of the mutation that causes it.
pub(crate) fn queue(connection: &mut SqliteConnection, command: &Command, job: Job) -> Result<(), SqlError> {
    rows::queue(job, command.at).execute(connection)?;
    Ok(())
}

#[async_trait]
impl JobRepository for Database {
    async fn claim(&self, lease: LeaseId, now: Timestamp, until: Timestamp, max: u32) -> Result<Vec<ClaimedJob>> {
        // Usually there is none, and the one writer need not be asked for.
        let due: FlagRow = self.read(move |connection| Ok(rows::is_any_due(now).get_result(connection)?)).await?;
        if !due.holds {
            return Ok(vec![]);
        }
        self.write(move |connection| {
            let claimed: Vec<ClaimedRow> = rows::claim(lease, now, until, max, "").load(connection)?;
            Ok(claimed.into_iter().map(|row| row.claimed(lease)).collect::<Result<_>>()?)
        })
        .await
    }

    async fn finish(&self, job: &ClaimedJob, outcome: JobOutcome) -> Result<()> {
        let statement = rows::finish(job, outcome);
        self.write(move |connection| {
            statement.execute(connection)?;
            Ok(())
        })
        .await
    }

    async fn count(&self, now: Timestamp) -> Result<Vec<JobCount>> {
        self.read(move |connection| {
            let counts: Vec<CountRow> = rows::count(now).load(connection)?;
            Ok(counts.into_iter().filter_map(CountRow::count).collect())
        })
        .await
    }
}
