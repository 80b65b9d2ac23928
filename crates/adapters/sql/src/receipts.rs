//! Receipts of requests with an idempotency key.

use clouddrive_domain::model::{Receipt, Sha256, Timestamp};
use clouddrive_domain::port::{Claim, Terms};
use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};

use crate::statement::{Parameter, Statement};

fn text(text: &str) -> Parameter {
    Parameter::Text(text.to_owned())
}

fn time(time: Timestamp) -> Parameter {
    Parameter::Integer(time.as_millis())
}

/// The lookup key of a receipt.
fn name(receipt: &Receipt) -> [Parameter; 3] {
    let request = receipt.request();
    [request.user.into(), text(&request.path), text(request.key.as_str())]
}

/// The digest of the request; empty until it is known.
fn digest(receipt: &Receipt) -> Parameter {
    Parameter::Text(receipt.digest().map_or_else(String::new, |digest| digest.to_string()))
}

/// Claims `receipt`. Changes one row, or none if another request has it. A receipt whose hold or retention has expired
/// is taken over.
#[must_use]
pub fn claim(receipt: &Receipt, terms: Terms) -> Statement {
    let statement = "INSERT INTO receipts (user_id, path, key, id, digest, held_until, kept_until)
        VALUES (?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (user_id, path, key) DO UPDATE SET id = excluded.id, digest = excluded.digest,
            held_until = excluded.held_until, kept_until = excluded.kept_until, answer = NULL
        WHERE receipts.kept_until <= ? OR (receipts.answer IS NULL AND receipts.held_until <= ?)";
    let mut parameters = name(receipt).to_vec();
    parameters.extend([receipt.id().into(), digest(receipt)]);
    parameters.extend([terms.held_until, terms.kept_until, terms.now, terms.now].map(time));
    Statement::new(statement, parameters)
}

/// The existing receipt that a claim conflicts with.
#[derive(QueryableByName)]
pub struct StandingRow {
    #[diesel(sql_type = Text)]
    digest: String,
    #[diesel(sql_type = Nullable<Text>)]
    answer: Option<String>,
}

/// Selects the [`StandingRow`] of the request of `receipt`.
#[must_use]
pub fn standing(receipt: &Receipt) -> Statement {
    let statement = "SELECT digest, answer FROM receipts WHERE user_id = ? AND path = ? AND key = ?";
    Statement::new(statement, name(receipt).to_vec())
}

/// The result of a refused claim of `receipt`, given the existing row. If the row is gone, it was just given back.
#[must_use]
pub fn refused(receipt: &Receipt, row: Option<StandingRow>) -> Claim {
    let request = receipt.request();
    let Some(digest) = request.digest else {
        let done = row.and_then(|row| Some(Claim::Done { digest: Sha256::parse(&row.digest)?, answer: row.answer? }));
        return done.unwrap_or(Claim::Running);
    };
    // A receipt without a digest yet may turn out to be for the same request.
    let same = |row: &StandingRow| {
        let own = [Some(digest), request.former_digest];
        row.digest.is_empty() || own.iter().flatten().any(|digest| digest.to_string() == row.digest)
    };
    match row {
        Some(row) if !same(&row) => Claim::Reused,
        Some(StandingRow { answer: Some(answer), .. }) => Claim::Answered(answer),
        Some(_) | None => Claim::Running,
    }
}

/// Writes `answer` into the receipt. Changes one row, or none if the receipt is not held any more.
#[must_use]
pub fn keep(receipt: &Receipt, answer: &str) -> Statement {
    let statement = "UPDATE receipts SET answer = ?, digest = ?
        WHERE user_id = ? AND path = ? AND key = ? AND id = ? AND answer IS NULL";
    let mut parameters = vec![text(answer), digest(receipt)];
    parameters.extend(name(receipt));
    parameters.push(receipt.id().into());
    Statement::new(statement, parameters)
}

/// Extends the hold on the receipt to `until`, if it is still held and has no answer.
#[must_use]
pub fn renew(receipt: &Receipt, until: Timestamp) -> Statement {
    let statement = "UPDATE receipts SET held_until = ?
        WHERE user_id = ? AND path = ? AND key = ? AND id = ? AND answer IS NULL AND held_until < ?";
    let mut parameters = vec![time(until)];
    parameters.extend(name(receipt));
    parameters.extend([receipt.id().into(), time(until)]);
    Statement::new(statement, parameters)
}

/// Removes the receipt, if it is still held and has no answer.
#[must_use]
pub fn give_back(receipt: &Receipt) -> Statement {
    let statement = "DELETE FROM receipts WHERE user_id = ? AND path = ? AND key = ? AND id = ? AND answer IS NULL";
    let mut parameters = name(receipt).to_vec();
    parameters.push(receipt.id().into());
    Statement::new(statement, parameters)
}
