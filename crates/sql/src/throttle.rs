//! How much was attempted lately.
//!
//! By the generic cell rate algorithm: a bucket's row says when the bucket is full again, its *theoretical arrival time*. Each
//! attempt moves that on by one interval, and may not move it further ahead of now than the whole burst takes.
//!
//! Those who come at once are told their times by several clocks, and get their turn in any order: by the latest time that a
//! bucket has seen, a late one is not refused for what came before it.

use std::time::Duration;

use clouddrive_domain::Error;
use clouddrive_domain::model::{Bucket, BucketKind, Timestamp};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use crate::statement::{Parameter, Statement};
use crate::types::size;

/// How far behind the latest time that a bucket has seen a clock may be, in milliseconds; one further behind counts as if it
/// were just so far.
const SKEW: i64 = 5_000;

/// What is to be taken from one bucket.
#[derive(Clone, Debug)]
pub struct Claim {
    key: String,
    kind: BucketKind,
    /// How long one attempt takes to come back, in milliseconds.
    interval: i64,
    burst: u32,
}

/// When a bucket is full again.
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

/// The same in the order in which rows are locked.
#[must_use]
pub fn in_order(claims: &[Claim]) -> Vec<&Claim> {
    let mut ordered: Vec<&Claim> = claims.iter().collect();
    ordered.sort_by(|one, other| one.key.cmp(&other.key));
    ordered
}

impl Claim {
    /// How much further ahead a bucket from which one can be taken may be full again.
    fn room(&self) -> i64 {
        self.interval.saturating_mul(i64::from(self.burst) - 1)
    }

    /// Takes one, in one statement, if there is one: it changes no row if not.
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

    /// Puts one back.
    #[must_use]
    pub fn give_back(&self) -> Statement {
        let text = "UPDATE throttle SET tat = tat - ? WHERE bucket = ?";
        Statement::new(text, vec![Parameter::Integer(self.interval), Parameter::Text(self.key.clone())])
    }
}

/// Asks for the [`ArrivalRow`]s of the buckets, as far as there are any.
#[must_use]
pub fn look(claims: &[Claim]) -> Statement {
    let marks = vec!["?"; claims.len()].join(", ");
    let text = format!("SELECT bucket, tat, seen FROM throttle WHERE bucket IN ({marks})");
    Statement::new(text, claims.iter().map(|claim| Parameter::Text(claim.key.clone())).collect())
}

/// The refusal of the first of `claims` whose bucket is empty by these rows.
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
