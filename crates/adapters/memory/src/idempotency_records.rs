use async_trait::async_trait;
use clouddrive_domain::error::Conflict;
use clouddrive_domain::model::{Command, CommandOutcome, IdempotencyRecord, Timestamp, UserId};
use clouddrive_domain::port::{ClaimOutcome, ExistingRecord, Expiry, IdempotencyRepository};
use clouddrive_domain::{Error, Result};

use crate::Database;
use crate::state::{IdempotencyRow, State};

/// The key of an idempotency record: user, path and idempotency key.
fn key(idempotency_record: &IdempotencyRecord) -> (UserId, String, String) {
    let request = idempotency_record.request();
    (request.user, request.path.clone(), request.key.as_str().to_owned())
}

/// Whether `row` is still held for `idempotency_record`.
fn is_held(row: &IdempotencyRow, idempotency_record: &IdempotencyRecord) -> bool {
    row.id == idempotency_record.id() && row.answer.is_none()
}

/// Writes the result of a mutation into its command's record, if it has one.
pub(crate) fn store_response(state: &mut State, command: &Command, answer: CommandOutcome<'_>) -> Result<()> {
    command.idempotency_record.as_ref().map_or(Ok(()), |idempotency_record| write(state, idempotency_record, answer))
}

fn write(state: &mut State, idempotency_record: &IdempotencyRecord, answer: CommandOutcome<'_>) -> Result<()> {
    let text = idempotency_record.write(answer)?;
    let row =
        state.idempotency_records.get_mut(&key(idempotency_record)).filter(|row| is_held(row, idempotency_record));
    let row = row.ok_or(Error::Conflict(Conflict::RequestInProgress))?;
    (row.answer, row.digest) = (Some(text), idempotency_record.digest());
    Ok(())
}

fn claim(state: &mut State, idempotency_record: &IdempotencyRecord, terms: Expiry) -> Result<ClaimOutcome> {
    if !state.users.contains(&idempotency_record.request().user) {
        return Err(Error::NotFound);
    }
    if let Some(row) = state.idempotency_records.get(&key(idempotency_record)) {
        let is_free = row.kept_until <= terms.now || (row.answer.is_none() && row.held_until <= terms.now);
        if !is_free {
            let standing = ExistingRecord { digest: row.digest, answer: row.answer.clone() };
            return Ok(ClaimOutcome::for_existing(idempotency_record, Some(standing)));
        }
    }
    let Expiry { held_until, kept_until, .. } = terms;
    let row = IdempotencyRow {
        id: idempotency_record.id(),
        digest: idempotency_record.digest(),
        held_until,
        kept_until,
        answer: None,
    };
    state.idempotency_records.put(key(idempotency_record), row);
    Ok(ClaimOutcome::Held)
}

#[async_trait]
impl IdempotencyRepository for Database {
    async fn claim(&self, idempotency_record: &IdempotencyRecord, terms: Expiry) -> Result<ClaimOutcome> {
        self.write(|state| claim(state, idempotency_record, terms))
    }

    async fn renew(&self, idempotency_record: &IdempotencyRecord, until: Timestamp) -> Result<()> {
        self.write(|state| {
            if let Some(row) = state
                .idempotency_records
                .get_mut(&key(idempotency_record))
                .filter(|row| is_held(row, idempotency_record))
            {
                row.held_until = row.held_until.max(until);
            }
            Ok(())
        })
    }

    async fn mark_repeatable(&self, idempotency_record: &IdempotencyRecord) -> Result<()> {
        self.write(|state| write(state, idempotency_record, CommandOutcome::Again))
    }

    async fn release(&self, idempotency_record: &IdempotencyRecord) -> Result<()> {
        self.write(|state| {
            let key = key(idempotency_record);
            if state.idempotency_records.get(&key).is_some_and(|row| is_held(row, idempotency_record)) {
                state.idempotency_records.remove(&key);
            }
            Ok(())
        })
    }

    async fn prune(&self, before: Timestamp, max: u32) -> Result<u32> {
        self.write(|state| Ok(state.idempotency_records.remove_where(max, |row| row.kept_until <= before)))
    }
}
