use async_trait::async_trait;
use clouddrive_domain::error::Conflict;
use clouddrive_domain::model::{Command, CommandOutcome, IdempotencyRecord, Timestamp, UserId};
use clouddrive_domain::port::{ClaimOutcome, ExistingRecord, Expiry, IdempotencyRepository};
use clouddrive_domain::{Error, Result};

use crate::Database;
use crate::state::{IdempotencyRow, State};

/// The key of an idempotency record: user, path and idempotency key.
fn key(record: &IdempotencyRecord) -> (UserId, String, String) {
    let request = record.request();
    (request.user, request.path.clone(), request.key.as_str().to_owned())
}

/// Whether `row` is still held for `record`.
fn is_held(row: &IdempotencyRow, record: &IdempotencyRecord) -> bool {
    row.id == record.id() && row.answer.is_none()
}

/// Writes the result of a mutation into its command's record, if it has one.
pub(crate) fn store_response(state: &mut State, command: &Command, answer: CommandOutcome<'_>) -> Result<()> {
    command.idempotency_record.as_ref().map_or(Ok(()), |record| write(state, record, answer))
}

fn write(state: &mut State, record: &IdempotencyRecord, answer: CommandOutcome<'_>) -> Result<()> {
    let text = record.write(answer)?;
    let row = state.idempotency_records.get_mut(&key(record)).filter(|row| is_held(row, record));
    let row = row.ok_or(Error::Conflict(Conflict::RequestInProgress))?;
    (row.answer, row.digest) = (Some(text), record.digest());
    Ok(())
}

fn claim(state: &mut State, record: &IdempotencyRecord, expiry: Expiry) -> Result<ClaimOutcome> {
    if !state.users.contains(&record.request().user) {
        return Err(Error::NotFound);
    }
    if let Some(row) = state.idempotency_records.get(&key(record)) {
        let is_free = row.kept_until <= expiry.now || (row.answer.is_none() && row.held_until <= expiry.now);
        if !is_free {
            let standing = ExistingRecord { digest: row.digest, answer: row.answer.clone() };
            return Ok(ClaimOutcome::for_existing(record, Some(standing)));
        }
    }
    let Expiry { held_until, kept_until, .. } = expiry;
    let row = IdempotencyRow { id: record.id(), digest: record.digest(), held_until, kept_until, answer: None };
    state.idempotency_records.put(key(record), row);
    Ok(ClaimOutcome::Held)
}

#[async_trait]
impl IdempotencyRepository for Database {
    async fn claim(&self, record: &IdempotencyRecord, expiry: Expiry) -> Result<ClaimOutcome> {
        self.write(|state| claim(state, record, expiry))
    }

    async fn renew(&self, record: &IdempotencyRecord, until: Timestamp) -> Result<()> {
        self.write(|state| {
            if let Some(row) = state.idempotency_records.get_mut(&key(record)).filter(|row| is_held(row, record)) {
                row.held_until = row.held_until.max(until);
            }
            Ok(())
        })
    }

    async fn mark_repeatable(&self, record: &IdempotencyRecord) -> Result<()> {
        self.write(|state| write(state, record, CommandOutcome::Again))
    }

    async fn release(&self, record: &IdempotencyRecord) -> Result<()> {
        self.write(|state| {
            let key = key(record);
            if state.idempotency_records.get(&key).is_some_and(|row| is_held(row, record)) {
                state.idempotency_records.remove(&key);
            }
            Ok(())
        })
    }

    async fn prune(&self, before: Timestamp, max: u32) -> Result<u32> {
        self.write(|state| Ok(state.idempotency_records.remove_where(max, |row| row.kept_until <= before)))
    }
}
