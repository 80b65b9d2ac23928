use async_trait::async_trait;
use clouddrive_domain::error::Conflict;
use clouddrive_domain::model::{Answer, Command, Receipt, Timestamp, UserId};
use clouddrive_domain::port::{Claim, Receipts, StandingReceipt, Terms};
use clouddrive_domain::{Error, Result};

use crate::Database;
use crate::state::{ReceiptRow, State};

/// The key of a receipt: user, path and idempotency key.
fn key(receipt: &Receipt) -> (UserId, String, String) {
    let request = receipt.request();
    (request.user, request.path.clone(), request.key.as_str().to_owned())
}

/// Whether `row` is still held for `receipt`.
fn is_held(row: &ReceiptRow, receipt: &Receipt) -> bool {
    row.id == receipt.id() && row.answer.is_none()
}

/// Writes the result of a mutation into its command's receipt, if it has one.
pub(crate) fn keep(state: &mut State, command: &Command, answer: Answer<'_>) -> Result<()> {
    command.receipt.as_ref().map_or(Ok(()), |receipt| write(state, receipt, answer))
}

fn write(state: &mut State, receipt: &Receipt, answer: Answer<'_>) -> Result<()> {
    let text = receipt.write(answer)?;
    let row = state.receipts.get_mut(&key(receipt)).filter(|row| is_held(row, receipt));
    let row = row.ok_or(Error::Conflict(Conflict::RequestInProgress))?;
    (row.answer, row.digest) = (Some(text), receipt.digest());
    Ok(())
}

fn claim(state: &mut State, receipt: &Receipt, terms: Terms) -> Result<Claim> {
    if !state.users.contains(&receipt.request().user) {
        return Err(Error::NotFound);
    }
    if let Some(row) = state.receipts.get(&key(receipt)) {
        let is_free = row.kept_until <= terms.now || (row.answer.is_none() && row.held_until <= terms.now);
        if !is_free {
            let standing = StandingReceipt { digest: row.digest, answer: row.answer.clone() };
            return Ok(Claim::refused(receipt, Some(standing)));
        }
    }
    let Terms { held_until, kept_until, .. } = terms;
    let row = ReceiptRow { id: receipt.id(), digest: receipt.digest(), held_until, kept_until, answer: None };
    state.receipts.put(key(receipt), row);
    Ok(Claim::Held)
}

#[async_trait]
impl Receipts for Database {
    async fn claim(&self, receipt: &Receipt, terms: Terms) -> Result<Claim> {
        self.write(|state| claim(state, receipt, terms))
    }

    async fn renew(&self, receipt: &Receipt, until: Timestamp) -> Result<()> {
        self.write(|state| {
            if let Some(row) = state.receipts.get_mut(&key(receipt)).filter(|row| is_held(row, receipt)) {
                row.held_until = row.held_until.max(until);
            }
            Ok(())
        })
    }

    async fn keep_again(&self, receipt: &Receipt) -> Result<()> {
        self.write(|state| write(state, receipt, Answer::Again))
    }

    async fn give_back(&self, receipt: &Receipt) -> Result<()> {
        self.write(|state| {
            let key = key(receipt);
            if state.receipts.get(&key).is_some_and(|row| is_held(row, receipt)) {
                state.receipts.remove(&key);
            }
            Ok(())
        })
    }

    async fn forget(&self, before: Timestamp, most: u32) -> Result<u32> {
        self.write(|state| Ok(state.receipts.remove_where(most, |row| row.kept_until <= before)))
    }
}
