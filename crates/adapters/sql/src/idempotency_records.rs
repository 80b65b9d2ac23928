//! Records of requests with an idempotency key.

use clouddrive_domain::model::{IdempotencyRecord, Sha256, Timestamp};
use clouddrive_domain::port::{ClaimOutcome, ExistingRecord, Expiry};
use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};

use crate::statement::{Parameter, Statement};

fn text(text: &str) -> Parameter {
    Parameter::Text(text.to_owned())
}

/// The lookup key of a record.
fn lookup_key(record: &IdempotencyRecord) -> [Parameter; 3] {
    let request = record.request();
    [request.user.into(), text(&request.path), text(request.key.as_str())]
}

/// The digest of the request; empty until it is known.
fn digest(record: &IdempotencyRecord) -> Parameter {
    Parameter::Text(record.digest().map_or_else(String::new, |digest| digest.to_string()))
}

/// Claims `record`. Changes one row, or none if another request has it. A record whose hold or retention has expired is
/// taken over.
#[must_use]
pub fn claim(record: &IdempotencyRecord, expiry: Expiry) -> Statement {
    let statement = "INSERT INTO receipts (user_id, path, key, id, digest, held_until, kept_until)
        VALUES (?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (user_id, path, key) DO UPDATE SET id = excluded.id, digest = excluded.digest,
            held_until = excluded.held_until, kept_until = excluded.kept_until, answer = NULL
        WHERE receipts.kept_until <= ? OR (receipts.answer IS NULL AND receipts.held_until <= ?)";
    let mut parameters = lookup_key(record).to_vec();
    parameters.extend([record.id().into(), digest(record)]);
    parameters.extend([expiry.held_until, expiry.kept_until, expiry.now, expiry.now].map(Parameter::time));
    Statement::new(statement, parameters)
}

/// The existing record that a claim conflicts with.
#[derive(QueryableByName)]
pub struct ExistingRecordRow {
    #[diesel(sql_type = Text)]
    digest: String,
    #[diesel(sql_type = Nullable<Text>)]
    answer: Option<String>,
}

/// Selects the [`ExistingRecordRow`] of the request of `record`.
#[must_use]
pub fn existing_record(record: &IdempotencyRecord) -> Statement {
    let statement = "SELECT digest, answer FROM receipts WHERE user_id = ? AND path = ? AND key = ?";
    Statement::new(statement, lookup_key(record).to_vec())
}

/// The result of a refused claim of `record`, given the existing row. If the row is gone, it was just given back.
#[must_use]
pub fn claim_outcome(record: &IdempotencyRecord, row: Option<ExistingRecordRow>) -> ClaimOutcome {
    let existing_record = row.map(|row| ExistingRecord { digest: Sha256::parse(&row.digest).ok(), answer: row.answer });
    ClaimOutcome::for_existing(record, existing_record)
}

/// Writes `answer` into the record. Changes one row, or none if the record is not held any more.
#[must_use]
pub fn store_response(record: &IdempotencyRecord, answer: &str) -> Statement {
    let statement = "UPDATE receipts SET answer = ?, digest = ?
        WHERE user_id = ? AND path = ? AND key = ? AND id = ? AND answer IS NULL";
    let mut parameters = vec![text(answer), digest(record)];
    parameters.extend(lookup_key(record));
    parameters.push(record.id().into());
    Statement::new(statement, parameters)
}

/// Extends the hold on the record to `until`, if it is still held and has no answer.
#[must_use]
pub fn renew(record: &IdempotencyRecord, until: Timestamp) -> Statement {
    let statement = "UPDATE receipts SET held_until = ?
        WHERE user_id = ? AND path = ? AND key = ? AND id = ? AND answer IS NULL AND held_until < ?";
    let mut parameters = vec![Parameter::time(until)];
    parameters.extend(lookup_key(record));
    parameters.extend([record.id().into(), Parameter::time(until)]);
    Statement::new(statement, parameters)
}

/// Removes the record, if it is still held and has no answer.
#[must_use]
pub fn release(record: &IdempotencyRecord) -> Statement {
    let statement = "DELETE FROM receipts WHERE user_id = ? AND path = ? AND key = ? AND id = ? AND answer IS NULL";
    let mut parameters = lookup_key(record).to_vec();
    parameters.push(record.id().into());
    Statement::new(statement, parameters)
}
