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
    command
        .idempotency_record
        .as_ref()
        .map_or(Ok(()), |idempotency_record| write(connection, idempotency_record, answer))
}

fn write(
    connection: &mut SqliteConnection,
    idempotency_record: &IdempotencyRecord,
    answer: CommandOutcome<'_>,
) -> Result<(), SqlError> {
    let text = idempotency_record.write(answer)?;
    if rows::store_response(idempotency_record, &text).execute(connection)? == 0 {
        return Err(Error::Conflict(Conflict::RequestInProgress).into());
    }
    Ok(())
}

fn claim(
    connection: &mut SqliteConnection,
    idempotency_record: &IdempotencyRecord,
    terms: Expiry,
) -> Result<ClaimOutcome, SqlError> {
    let claimed =
        rows::claim(idempotency_record, terms).execute(connection).map_err(|error| {
            match violated_constraint(&error) {
                Some(Constraint::Reference) => SqlError::Domain(Error::NotFound),
                _ => error.into(),
            }
        })?;
    if claimed == 1 {
        return Ok(ClaimOutcome::Held);
    }
    let row: Option<ExistingRecordRow> = rows::existing_record(idempotency_record).get_result(connection).optional()?;
    Ok(rows::claim_outcome(idempotency_record, row))
}

#[async_trait]
impl IdempotencyRepository for Database {
    async fn claim(&self, idempotency_record: &IdempotencyRecord, terms: Expiry) -> Result<ClaimOutcome> {
        let idempotency_record = idempotency_record.clone();
        self.write(move |connection| claim(connection, &idempotency_record, terms)).await
    }

    async fn renew(&self, idempotency_record: &IdempotencyRecord, until: Timestamp) -> Result<()> {
        let statement = rows::renew(idempotency_record, until);
        self.write(move |connection| {
            statement.execute(connection)?;
            Ok(())
        })
        .await
    }

    async fn mark_repeatable(&self, idempotency_record: &IdempotencyRecord) -> Result<()> {
        let idempotency_record = idempotency_record.clone();
        self.write(move |connection| write(connection, &idempotency_record, CommandOutcome::Again)).await
    }

    async fn release(&self, idempotency_record: &IdempotencyRecord) -> Result<()> {
        let statement = rows::release(idempotency_record);
        self.write(move |connection| {
            statement.execute(connection)?;
            Ok(())
        })
        .await
    }

    async fn prune(&self, before: Timestamp, max: u32) -> Result<u32> {
        self.write(move |connection| {
            let text = "DELETE FROM receipts WHERE (user_id, path, key) IN (
                SELECT user_id, path, key FROM receipts WHERE kept_until <= ? LIMIT ?)";
            let parameters = vec![Parameter::Integer(before.as_millis()), Parameter::Integer(max.into())];
            let gone = Statement::new(text, parameters).execute(connection)?;
            Ok(u32::try_from(gone).unwrap_or(max))
        })
        .await
    }
}
