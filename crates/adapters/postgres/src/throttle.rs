use async_trait::async_trait;
use clouddrive_domain::model::{Bucket, Timestamp};
use clouddrive_domain::port::ThrottleRepository;
use clouddrive_domain::{Error, Result};
use clouddrive_sql::error::SqlError;
use clouddrive_sql::statement::{Parameter, Statement};
use clouddrive_sql::throttle::{ArrivalRow, Claim, claims, in_lock_order, peek, rate_limit_error};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::Database;
use crate::transaction::TxMode;

/// The error for the first bucket that is currently empty.
async fn empty_bucket(
    mut connection: &AsyncPgConnection,
    claims: &[Claim],
    now: Timestamp,
) -> Result<Option<Error>, SqlError> {
    let rows: Vec<ArrivalRow> = peek(claims).load(&mut connection).await?;
    Ok(rate_limit_error(claims, &rows, now))
}

async fn take(mut connection: &AsyncPgConnection, claims: &[Claim], now: Timestamp) -> Result<(), SqlError> {
    for claim in in_lock_order(claims) {
        if claim.take(now).execute(&mut connection).await? == 0 {
            // The row is locked, so it still shows the reason. The rollback returns what other buckets gave.
            let refusal = empty_bucket(connection, std::slice::from_ref(claim), now).await?;
            return Err(refusal
                .unwrap_or_else(|| Error::internal("database", "a bucket that refused an attempt is not empty"))
                .into());
        }
    }
    Ok(())
}

#[async_trait]
impl ThrottleRepository for Database {
    async fn take(&self, buckets: &[Bucket], now: Timestamp) -> Result<()> {
        let claims = claims(buckets);
        // Check by a read first, so that refused attempts cost only that. The write may still be refused.
        let seen = claims.clone();
        let find_empty = async move |connection: &AsyncPgConnection| empty_bucket(connection, &seen, now).await;
        if let Some(refusal) = self.read(find_empty).await? {
            return Err(refusal);
        }
        self.write(TxMode::Write, async move |connection: &AsyncPgConnection| take(connection, &claims, now).await)
            .await
    }

    async fn give_back(&self, buckets: &[Bucket]) -> Result<()> {
        let claims = claims(buckets);
        self.write(TxMode::Write, async move |mut connection: &AsyncPgConnection| {
            for claim in in_lock_order(&claims) {
                claim.give_back().execute(&mut connection).await?;
            }
            Ok(())
        })
        .await
    }

    async fn prune_full(&self, now: Timestamp, max: u32) -> Result<u32> {
        self.write(TxMode::Write, async move |mut connection: &AsyncPgConnection| {
            let text = "DELETE FROM throttle WHERE bucket = ANY (ARRAY(
                SELECT bucket FROM throttle WHERE tat <= ? ORDER BY tat LIMIT ? FOR UPDATE SKIP LOCKED))";
            let parameters = vec![Parameter::Integer(now.as_millis()), Parameter::Integer(max.into())];
            let gone = Statement::new(text, parameters).execute(&mut connection).await?;
            Ok(u32::try_from(gone).unwrap_or(max))
        })
        .await
    }
}
