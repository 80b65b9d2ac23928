use async_trait::async_trait;
use clouddrive_domain::error::Conflict;
use clouddrive_domain::model::{Command, CommandOutcome, IdempotencyRecord, Timestamp};
use clouddrive_domain::port::{ClaimOutcome, Expiry, IdempotencyRepository};
use clouddrive_domain::{Error, Result};
use clouddrive_sql::error::{Constraint, SqlError};
use clouddrive_sql::idempotency_records::{self as rows, ExistingRecordRow};
use clouddrive_sql::statement::{Parameter, Statement};
use diesel::prelude::OptionalExtension;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::Database;
use crate::error::violated_constraint;
use crate::transaction::TxMode;

/// Writes the result of a mutation into its command's record, if it has one, in the mutation's own transaction.
pub(crate) async fn store_response(
    connection: &AsyncPgConnection,
    command: &Command,
    answer: CommandOutcome<'_>,
) -> Result<(), SqlError> {
    match &command.idempotency_record {
        Some(record) => write(connection, record, answer).await,
        None => Ok(()),
    }
}

async fn write(
    mut connection: &AsyncPgConnection,
    record: &IdempotencyRecord,
    answer: CommandOutcome<'_>,
) -> Result<(), SqlError> {
    let text = record.write(answer)?;
    if rows::store_response(record, &text).execute(&mut connection).await? == 0 {
        return Err(Error::Conflict(Conflict::RequestInProgress).into());
    }
    Ok(())
}

async fn claim(
    mut connection: &AsyncPgConnection,
    record: &IdempotencyRecord,
    expiry: Expiry,
) -> Result<ClaimOutcome, SqlError> {
    let claimed = rows::claim(record, expiry).execute(&mut connection).await;
    let claimed = claimed.map_err(|error| match violated_constraint(&error) {
        Some(Constraint::Reference) => SqlError::Domain(Error::NotFound),
        _ => error.into(),
    })?;
    if claimed == 1 {
        return Ok(ClaimOutcome::Held);
    }
    let row: Option<ExistingRecordRow> = rows::existing_record(record).get_result(&mut connection).await.optional()?;
    Ok(rows::claim_outcome(record, row))
}

#[async_trait]
impl IdempotencyRepository for Database {
    async fn claim(&self, record: &IdempotencyRecord, expiry: Expiry) -> Result<ClaimOutcome> {
        let record = record.clone();
        let work = async move |connection: &AsyncPgConnection| claim(connection, &record, expiry).await;
        self.write(TxMode::Write, work).await
    }

    async fn renew(&self, record: &IdempotencyRecord, until: Timestamp) -> Result<()> {
        let statement = rows::renew(record, until);
        self.write(TxMode::Write, async move |mut connection: &AsyncPgConnection| {
            statement.execute(&mut connection).await?;
            Ok(())
        })
        .await
    }

    async fn mark_repeatable(&self, record: &IdempotencyRecord) -> Result<()> {
        let record = record.clone();
        let work = async move |connection: &AsyncPgConnection| write(connection, &record, CommandOutcome::Again).await;
        self.write(TxMode::Write, work).await
    }

    async fn release(&self, record: &IdempotencyRecord) -> Result<()> {
        let statement = rows::release(record);
        self.write(TxMode::Write, async move |mut connection: &AsyncPgConnection| {
            statement.execute(&mut connection).await?;
            Ok(())
        })
        .await
    }

    async fn prune(&self, before: Timestamp, max: u32) -> Result<u32> {
        self.write(TxMode::Write, async move |mut connection: &AsyncPgConnection| {
            let text = "DELETE FROM receipts WHERE (user_id, path, key) IN (
                SELECT user_id, path, key FROM receipts WHERE kept_until <= ? LIMIT ? FOR UPDATE SKIP LOCKED)";
            let parameters = vec![Parameter::Integer(before.as_millis()), Parameter::Integer(max.into())];
            let gone = Statement::new(text, parameters).execute(&mut connection).await?;
            Ok(u32::try_from(gone).unwrap_or(max))
        })
        .await
    }
}
