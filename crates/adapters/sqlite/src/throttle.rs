use async_trait::async_trait;
use clouddrive_domain::model::{Bucket, Timestamp};
use clouddrive_domain::port::ThrottleRepository;
use clouddrive_domain::{Error, Result};
use clouddrive_sql::error::SqlError;
use clouddrive_sql::schema::throttle;
use clouddrive_sql::throttle::{ArrivalRow, Claim, claims, in_lock_order, peek, rate_limit_error};
use diesel::prelude::*;

use crate::Database;

/// The error for the first bucket that is currently empty.
fn empty_bucket(
    connection: &mut SqliteConnection,
    claims: &[Claim],
    now: Timestamp,
) -> Result<Option<Error>, SqlError> {
    let rows: Vec<ArrivalRow> = peek(claims).load(connection)?;
    Ok(rate_limit_error(claims, &rows, now))
}

#[async_trait]
impl ThrottleRepository for Database {
    async fn take(&self, buckets: &[Bucket], now: Timestamp) -> Result<()> {
        let claims = claims(buckets);
        // Check by a read first, so that refused attempts do not occupy the writer.
        let seen = claims.clone();
        if let Some(refusal) = self.read(move |connection| empty_bucket(connection, &seen, now)).await? {
            return Err(refusal);
        }
        self.write(move |connection| {
            for claim in in_lock_order(&claims) {
                if claim.take(now).execute(connection)? == 0 {
                    let refusal = empty_bucket(connection, std::slice::from_ref(claim), now)?;
                    let inconsistent = || Error::internal("database", "a bucket that refused an attempt is not empty");
                    return Err(refusal.unwrap_or_else(inconsistent).into());
                }
            }
            Ok(())
        })
        .await
    }

    async fn give_back(&self, buckets: &[Bucket]) -> Result<()> {
        let claims = claims(buckets);
        self.write(move |connection| {
            for claim in in_lock_order(&claims) {
                claim.give_back().execute(connection)?;
            }
            Ok(())
        })
        .await
    }

    async fn prune_full(&self, now: Timestamp, max: u32) -> Result<u32> {
        self.write_bulk(move |connection| {
            let full = throttle::table.filter(throttle::tat.le(now.as_millis())).limit(max.into());
            let full: Vec<String> = full.select(throttle::bucket).load(connection)?;
            let gone = diesel::delete(throttle::table.filter(throttle::bucket.eq_any(full))).execute(connection)?;
            Ok(u32::try_from(gone).unwrap_or(max))
        })
        .await
    }
}
