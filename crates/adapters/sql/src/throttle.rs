//! Rate limiting by the generic cell rate algorithm: a bucket's row holds the time when the bucket is full again, its
//! *theoretical arrival time*. Each attempt advances it by one interval, at most the whole burst ahead of now.
//!
//! Concurrent attempts have timestamps of several clocks and run in any order. Comparing with the latest time that a
//! bucket has seen keeps a late attempt from being refused because of earlier ones.

use std::time::Duration;

use clouddrive_domain::Error;
use clouddrive_domain::model::{Bucket, BucketKind, Timestamp};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use crate::statement::{Parameter, Statement};
use crate::types::size;

/// The most that a clock may lag behind the latest time that a bucket has seen, in milliseconds; a greater lag counts
/// as this much.
const SKEW: i64 = 5_000;

/// A claim to one attempt from a bucket.
#[derive(Clone, Debug)]
pub struct Claim {
    key: String,
    kind: BucketKind,
    /// The time to replenish one attempt, in milliseconds.
    interval: i64,
    burst: u32,
}

/// The time when a bucket is full again.
#[derive(QueryableByName)]
pub struct ArrivalRow {
    #[diesel(sql_type = Text)]
    bucket: String,
    #[diesel(sql_type = BigInt)]
    tat: i64,
    #[diesel(sql_type = BigInt)]
    seen: i64,
}

impl From<&Bucket> for Claim {
    fn from(bucket: &Bucket) -> Self {
        let (kind, pace) = (bucket.kind(), bucket.kind().pace());
        let interval = i64::try_from(pace.interval.as_millis()).unwrap_or(i64::MAX);
        Self { key: bucket.key(), kind, interval, burst: pace.burst }
    }
}

/// The claims on `buckets`, in their order.
#[must_use]
pub fn claims(buckets: &[Bucket]) -> Vec<Claim> {
    buckets.iter().map(Claim::from).collect()
}

/// Sorts `claims` in locking order.
#[must_use]
pub fn in_order(claims: &[Claim]) -> Vec<&Claim> {
    let mut ordered: Vec<&Claim> = claims.iter().collect();
    ordered.sort_by(|one, other| one.key.cmp(&other.key));
    ordered
}

impl Claim {
    /// How far ahead the arrival time may be for an attempt to be allowed.
    fn room(&self) -> i64 {
        self.interval.saturating_mul(i64::from(self.burst) - 1)
    }

    /// Takes one attempt, if available; changes no row otherwise.
    #[must_use]
    pub fn take(&self, now: Timestamp) -> Statement {
        let text = "INSERT INTO throttle (bucket, tat, seen) VALUES (?, ?, ?)
            ON CONFLICT (bucket) DO UPDATE SET
                tat = (CASE WHEN throttle.tat > ? THEN throttle.tat ELSE ? END) + ?,
                seen = CASE WHEN throttle.seen > ? THEN throttle.seen ELSE ? END
            WHERE throttle.tat - ? <=
                (CASE WHEN throttle.seen < ? THEN ? WHEN throttle.seen > ? THEN ? ELSE throttle.seen END)";
        let at = now.as_millis();
        let latest = at.saturating_add(SKEW);
        let first = at.saturating_add(self.interval);
        let numbers = [first, at, at, at, self.interval, at, at, self.room(), at, at, latest, latest];
        let key = Parameter::Text(self.key.clone());
        Statement::new(text, std::iter::once(key).chain(numbers.map(Parameter::Integer)).collect())
    }

    /// Gives one attempt back.
    #[must_use]
    pub fn give_back(&self) -> Statement {
        let text = "UPDATE throttle SET tat = tat - ? WHERE bucket = ?";
        Statement::new(text, vec![Parameter::Integer(self.interval), Parameter::Text(self.key.clone())])
    }
}

/// Selects the [`ArrivalRow`]s of those buckets that exist.
#[must_use]
pub fn look(claims: &[Claim]) -> Statement {
    let marks = vec!["?"; claims.len()].join(", ");
    let text = format!("SELECT bucket, tat, seen FROM throttle WHERE bucket IN ({marks})");
    Statement::new(text, claims.iter().map(|claim| Parameter::Text(claim.key.clone())).collect())
}

/// The error for the first of `claims` whose bucket is empty according to `rows`.
#[must_use]
pub fn refusal(claims: &[Claim], rows: &[ArrivalRow], now: Timestamp) -> Option<Error> {
    claims.iter().find_map(|claim| {
        let row = rows.iter().find(|row| row.bucket == claim.key)?;
        let (at, due) = (now.as_millis(), row.tat.saturating_sub(claim.room()));
        (due > row.seen.clamp(at, at.saturating_add(SKEW))).then(|| Error::RateLimited {
            bucket: claim.kind,
            limit: claim.burst,
            retry_after: Duration::from_millis(size(due.saturating_sub(at))),
        })
    })
}
