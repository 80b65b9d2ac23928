use async_trait::async_trait;
use clouddrive_domain::error::Conflict;
use clouddrive_domain::model::{Answer, Command, Receipt, Timestamp};
use clouddrive_domain::port::{Claim, Receipts, Terms};
use clouddrive_domain::{Error, Result};
use clouddrive_sql::fault::{Constraint, Fault, Outcome};
use clouddrive_sql::receipts::{self as rows, StandingRow};
use clouddrive_sql::statement::{Parameter, Statement};
use diesel::prelude::OptionalExtension;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::Database;
use crate::fault::violated;
use crate::unit::Begin;

/// Writes the result of a mutation into its command's receipt, if it has one, in the mutation's own transaction.
pub(crate) async fn keep(connection: &AsyncPgConnection, command: &Command, answer: Answer<'_>) -> Outcome<()> {
    match &command.receipt {
        Some(receipt) => write(connection, receipt, answer).await,
        None => Ok(()),
    }
}

async fn write(mut connection: &AsyncPgConnection, receipt: &Receipt, answer: Answer<'_>) -> Outcome<()> {
    let text = receipt.write(answer)?;
    if rows::keep(receipt, &text).execute(&mut connection).await? == 0 {
        return Err(Error::Conflict(Conflict::RequestInProgress).into());
    }
    Ok(())
}

async fn claim(mut connection: &AsyncPgConnection, receipt: &Receipt, terms: Terms) -> Outcome<Claim> {
    let claimed = rows::claim(receipt, terms).execute(&mut connection).await;
    let claimed = claimed.map_err(|fault| match violated(&fault) {
        Some(Constraint::Reference) => Fault::Domain(Error::NotFound),
        _ => fault.into(),
    })?;
    if claimed == 1 {
        return Ok(Claim::Held);
    }
    let row: Option<StandingRow> = rows::standing(receipt).get_result(&mut connection).await.optional()?;
    Ok(rows::refused(receipt, row))
}

#[async_trait]
impl Receipts for Database {
    async fn claim(&self, receipt: &Receipt, terms: Terms) -> Result<Claim> {
        let receipt = receipt.clone();
        let work = async move |connection: &AsyncPgConnection| claim(connection, &receipt, terms).await;
        self.write(Begin::Write, work).await
    }

    async fn renew(&self, receipt: &Receipt, until: Timestamp) -> Result<()> {
        let statement = rows::renew(receipt, until);
        self.write(Begin::Write, async move |mut connection: &AsyncPgConnection| {
            statement.execute(&mut connection).await?;
            Ok(())
        })
        .await
    }

    async fn keep_again(&self, receipt: &Receipt) -> Result<()> {
        let receipt = receipt.clone();
        let work = async move |connection: &AsyncPgConnection| write(connection, &receipt, Answer::Again).await;
        self.write(Begin::Write, work).await
    }

    async fn give_back(&self, receipt: &Receipt) -> Result<()> {
        let statement = rows::give_back(receipt);
        self.write(Begin::Write, async move |mut connection: &AsyncPgConnection| {
            statement.execute(&mut connection).await?;
            Ok(())
        })
        .await
    }

    async fn forget(&self, before: Timestamp, most: u32) -> Result<u32> {
        self.write(Begin::Write, async move |mut connection: &AsyncPgConnection| {
            let text = "DELETE FROM receipts WHERE (user_id, path, key) IN (
                SELECT user_id, path, key FROM receipts WHERE kept_until <= ? LIMIT ? FOR UPDATE SKIP LOCKED)";
            let parameters = vec![Parameter::Integer(before.as_millis()), Parameter::Integer(most.into())];
            let gone = Statement::new(text, parameters).execute(&mut connection).await?;
            Ok(u32::try_from(gone).unwrap_or(most))
        })
        .await
    }
}
