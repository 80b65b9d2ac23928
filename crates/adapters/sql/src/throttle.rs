//! Rate limiting: a bucket's row is its [`BucketLevel`]. The statements do what its methods do, in one step.

use std::time::Duration;

use clouddrive_domain::Error;
use clouddrive_domain::model::{Bucket, BucketKind, BucketLevel, CLOCK_TOLERANCE, Timestamp};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use crate::statement::{Parameter, Statement};

/// A claim to one attempt from a bucket.
#[derive(Clone, Debug)]
pub struct Claim {
    key: String,
    kind: BucketKind,
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

impl ArrivalRow {
    const fn level(&self) -> BucketLevel {
        BucketLevel { full_at: Timestamp::from_millis(self.tat), seen: Timestamp::from_millis(self.seen) }
    }
}

impl From<&Bucket> for Claim {
    fn from(bucket: &Bucket) -> Self {
        Self { key: bucket.key(), kind: bucket.kind() }
    }
}

/// The claims on `buckets`, in their order.
#[must_use]
pub fn claims(buckets: &[Bucket]) -> Vec<Claim> {
    buckets.iter().map(Claim::from).collect()
}

/// Sorts `claims` in locking order.
#[must_use]
pub fn in_lock_order(claims: &[Claim]) -> Vec<&Claim> {
    let mut ordered: Vec<&Claim> = claims.iter().collect();
    ordered.sort_by(|one, other| one.key.cmp(&other.key));
    ordered
}

impl Claim {
    /// Takes one attempt, if available; changes no row otherwise.
    #[must_use]
    pub fn take(&self, now: Timestamp) -> Statement {
        let text = "INSERT INTO throttle (bucket, tat, seen) VALUES (?, ?, ?)
            ON CONFLICT (bucket) DO UPDATE SET
                tat = (CASE WHEN throttle.tat > ? THEN throttle.tat ELSE ? END) + ?,
                seen = CASE WHEN throttle.seen > ? THEN throttle.seen ELSE ? END
            WHERE throttle.tat - ? <=
                (CASE WHEN throttle.seen < ? THEN ? WHEN throttle.seen > ? THEN ? ELSE throttle.seen END)";
        let rate = self.kind.rate_limit();
        let (at, latest) = (now.as_millis(), now.plus(CLOCK_TOLERANCE).as_millis());
        let (interval, room) = (millis(rate.interval), millis(rate.burst_window()));
        let first = at.saturating_add(interval);
        let numbers = [first, at, at, at, interval, at, at, room, at, at, latest, latest];
        let key = Parameter::Text(self.key.clone());
        Statement::new(text, std::iter::once(key).chain(numbers.map(Parameter::Integer)).collect())
    }

    /// Gives one attempt back.
    #[must_use]
    pub fn give_back(&self) -> Statement {
        let text = "UPDATE throttle SET tat = tat - ? WHERE bucket = ?";
        Statement::new(
            text,
            vec![Parameter::Integer(millis(self.kind.rate_limit().interval)), Parameter::Text(self.key.clone())],
        )
    }
}

/// Selects the [`ArrivalRow`]s of those buckets that exist.
#[must_use]
pub fn peek(claims: &[Claim]) -> Statement {
    let marks = vec!["?"; claims.len()].join(", ");
    let text = format!("SELECT bucket, tat, seen FROM throttle WHERE bucket IN ({marks})");
    Statement::new(text, claims.iter().map(|claim| Parameter::Text(claim.key.clone())).collect())
}

/// The error for the first of `claims` whose bucket is empty according to `rows`.
#[must_use]
pub fn rate_limit_error(claims: &[Claim], rows: &[ArrivalRow], now: Timestamp) -> Option<Error> {
    claims.iter().find_map(|claim| {
        let row = rows.iter().find(|row| row.bucket == claim.key)?;
        row.level().wait(claim.kind.rate_limit(), now).map(|wait| claim.kind.refusal(wait))
    })
}

fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}
