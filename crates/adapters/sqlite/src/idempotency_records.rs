use async_trait::async_trait;
use clouddrive_domain::error::Conflict;
use clouddrive_domain::model::{Command, CommandOutcome, IdempotencyRecord, Timestamp};
use clouddrive_domain::port::{ClaimOutcome, Expiry, IdempotencyRepository};
use clouddrive_domain::{Error, Result};
use clouddrive_sql::error::{Constraint, SqlError};
use clouddrive_sql::idempotency_records::{self as rows, ExistingRecordRow};
use clouddrive_sql::statement::{Parameter, Statement};
use diesel::prelude::*;

use crate::Database;
use crate::error::violated_constraint;

/// Writes the result of a mutation into its command's record, if it has one, in the mutation's own transaction.
pub(crate) fn store_response(
    connection: &mut SqliteConnection,
    command: &Command,
    answer: CommandOutcome<'_>,
) -> Result<(), SqlError> {
    command.idempotency_record.as_ref().map_or(Ok(()), |record| write(connection, record, answer))
}

fn write(
    connection: &mut SqliteConnection,
    record: &IdempotencyRecord,
    answer: CommandOutcome<'_>,
) -> Result<(), SqlError> {
    let text = record.write(answer)?;
    if rows::store_response(record, &text).execute(connection)? == 0 {
        return Err(Error::Conflict(Conflict::RequestInProgress).into());
    }
    Ok(())
}

fn claim(
    connection: &mut SqliteConnection,
    record: &IdempotencyRecord,
    expiry: Expiry,
) -> Result<ClaimOutcome, SqlError> {
    let claimed =
        rows::claim(record, expiry).execute(connection).map_err(|error| match violated_constraint(&error) {
            Some(Constraint::Reference) => SqlError::Domain(Error::NotFound),
            _ => error.into(),
        })?;
    if claimed == 1 {
        return Ok(ClaimOutcome::Held);
    }
    let row: Option<ExistingRecordRow> = rows::existing_record(record).get_result(connection).optional()?;
    Ok(rows::claim_outcome(record, row))
}

#[async_trait]
impl IdempotencyRepository for Database {
    async fn claim(&self, record: &IdempotencyRecord, expiry: Expiry) -> Result<ClaimOutcome> {
        let record = record.clone();
        self.write(move |connection| claim(connection, &record, expiry)).await
    }

    async fn renew(&self, record: &IdempotencyRecord, until: Timestamp) -> Result<()> {
        let statement = rows::renew(record, until);
        self.write(move |connection| {
            statement.execute(connection)?;
            Ok(())
        })
        .await
    }

    async fn mark_repeatable(&self, record: &IdempotencyRecord) -> Result<()> {
        let record = record.clone();
        self.write(move |connection| write(connection, &record, CommandOutcome::Again)).await
    }

    async fn release(&self, record: &IdempotencyRecord) -> Result<()> {
        let statement = rows::release(record);
        self.write(move |connection| {
            statement.execute(connection)?;
            Ok(())
        })
        .await
    }

    async fn prune(&self, before: Timestamp, max: u32) -> Result<u32> {
        self.write_bulk(move |connection| {
            let text = "DELETE FROM receipts WHERE (user_id, path, key) IN (
                SELECT user_id, path, key FROM receipts WHERE kept_until <= ? LIMIT ?)";
            let parameters = vec![Parameter::Integer(before.as_millis()), Parameter::Integer(max.into())];
            let gone = Statement::new(text, parameters).execute(connection)?;
            Ok(u32::try_from(gone).unwrap_or(max))
        })
        .await
    }
}
