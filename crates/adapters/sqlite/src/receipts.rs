use async_trait::async_trait;
use clouddrive_domain::error::Conflict;
use clouddrive_domain::model::{Answer, Command, Receipt, Timestamp};
use clouddrive_domain::port::{Claim, Receipts, Terms};
use clouddrive_domain::{Error, Result};
use clouddrive_sql::fault::{Constraint, Fault, Outcome};
use clouddrive_sql::receipts::{self as rows, StandingRow};
use clouddrive_sql::statement::{Parameter, Statement};
use diesel::prelude::*;

use crate::Database;
use crate::fault::violated;

/// Writes the result of a mutation into its command's receipt, if it has one, in the mutation's own transaction.
pub(crate) fn keep(connection: &mut SqliteConnection, command: &Command, answer: Answer<'_>) -> Outcome<()> {
    command.receipt.as_ref().map_or(Ok(()), |receipt| write(connection, receipt, answer))
}

fn write(connection: &mut SqliteConnection, receipt: &Receipt, answer: Answer<'_>) -> Outcome<()> {
    let text = receipt.write(answer)?;
    if rows::keep(receipt, &text).execute(connection)? == 0 {
        return Err(Error::Conflict(Conflict::RequestInProgress).into());
    }
    Ok(())
}

fn claim(connection: &mut SqliteConnection, receipt: &Receipt, terms: Terms) -> Outcome<Claim> {
    let claimed = rows::claim(receipt, terms).execute(connection).map_err(|fault| match violated(&fault) {
        Some(Constraint::Reference) => Fault::Domain(Error::NotFound),
        _ => fault.into(),
    })?;
    if claimed == 1 {
        return Ok(Claim::Held);
    }
    let row: Option<StandingRow> = rows::standing(receipt).get_result(connection).optional()?;
    Ok(rows::refused(receipt, row))
}

#[async_trait]
impl Receipts for Database {
    async fn claim(&self, receipt: &Receipt, terms: Terms) -> Result<Claim> {
        let receipt = receipt.clone();
        self.write(move |connection| claim(connection, &receipt, terms)).await
    }

    async fn renew(&self, receipt: &Receipt, until: Timestamp) -> Result<()> {
        let statement = rows::renew(receipt, until);
        self.write(move |connection| {
            statement.execute(connection)?;
            Ok(())
        })
        .await
    }

    async fn keep_again(&self, receipt: &Receipt) -> Result<()> {
        let receipt = receipt.clone();
        self.write(move |connection| write(connection, &receipt, Answer::Again)).await
    }

    async fn give_back(&self, receipt: &Receipt) -> Result<()> {
        let statement = rows::give_back(receipt);
        self.write(move |connection| {
            statement.execute(connection)?;
            Ok(())
        })
        .await
    }

    async fn forget(&self, before: Timestamp, most: u32) -> Result<u32> {
        self.write(move |connection| {
            let text = "DELETE FROM receipts WHERE (user_id, path, key) IN (
                SELECT user_id, path, key FROM receipts WHERE kept_until <= ? LIMIT ?)";
            let parameters = vec![Parameter::Integer(before.as_millis()), Parameter::Integer(most.into())];
            let gone = Statement::new(text, parameters).execute(connection)?;
            Ok(u32::try_from(gone).unwrap_or(most))
        })
        .await
    }
}
