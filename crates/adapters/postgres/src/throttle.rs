use async_trait::async_trait;
use clouddrive_domain::model::{Bucket, Timestamp};
use clouddrive_domain::port::Throttle;
use clouddrive_domain::{Error, Result};
use clouddrive_sql::fault::Outcome;
use clouddrive_sql::statement::{Parameter, Statement};
use clouddrive_sql::throttle::{ArrivalRow, Claim, claims, in_order, look, refusal};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::Database;
use crate::unit::Begin;

/// The error for the first bucket that is currently empty.
async fn refused(mut connection: &AsyncPgConnection, claims: &[Claim], now: Timestamp) -> Outcome<Option<Error>> {
    let rows: Vec<ArrivalRow> = look(claims).load(&mut connection).await?;
    Ok(refusal(claims, &rows, now))
}

async fn take(mut connection: &AsyncPgConnection, claims: &[Claim], now: Timestamp) -> Outcome<()> {
    for claim in in_order(claims) {
        if claim.take(now).execute(&mut connection).await? == 0 {
            // The row is locked, so it still shows the reason. The rollback returns what other buckets gave.
            let refusal = refused(connection, std::slice::from_ref(claim), now).await?;
            return Err(refusal.unwrap_or_else(|| Error::internal("database", "a bucket is empty and is not")).into());
        }
    }
    Ok(())
}

#[async_trait]
impl Throttle for Database {
    async fn take(&self, buckets: &[Bucket], now: Timestamp) -> Result<()> {
        let claims = claims(buckets);
        // Check by a read first, so that refused attempts cost only that. The write may still be refused.
        let seen = claims.clone();
        let look = async move |connection: &AsyncPgConnection| refused(connection, &seen, now).await;
        if let Some(refusal) = self.read(look).await? {
            return Err(refusal);
        }
        self.write(Begin::Write, async move |connection: &AsyncPgConnection| take(connection, &claims, now).await).await
    }

    async fn give_back(&self, buckets: &[Bucket]) -> Result<()> {
        let claims = claims(buckets);
        self.write(Begin::Write, async move |mut connection: &AsyncPgConnection| {
            for claim in in_order(&claims) {
                claim.give_back().execute(&mut connection).await?;
            }
            Ok(())
        })
        .await
    }

    async fn forget_full(&self, now: Timestamp, most: u32) -> Result<u32> {
        self.write(Begin::Write, async move |mut connection: &AsyncPgConnection| {
            let text = "DELETE FROM throttle WHERE bucket = ANY (ARRAY(
                SELECT bucket FROM throttle WHERE tat <= ? ORDER BY tat LIMIT ? FOR UPDATE SKIP LOCKED))";
            let parameters = vec![Parameter::Integer(now.as_millis()), Parameter::Integer(most.into())];
            let gone = Statement::new(text, parameters).execute(&mut connection).await?;
            Ok(u32::try_from(gone).unwrap_or(most))
        })
        .await
    }
}
