use async_trait::async_trait;

use crate::error::Result;
use crate::model::{IdempotencyRecord, Sha256, Timestamp};

/// The result of claiming an idempotency record: what happened to an earlier request with the same key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimOutcome {
    /// There was none: the caller holds the record and may proceed.
    Held,
    /// It completed with this stored answer.
    Answered(String),
    /// It completed; the caller, whose body has not arrived yet, must compare the digests.
    Done {
        /// The stored answer.
        answer: String,
        /// The digest of its body.
        digest: Sha256,
    },
    /// It is in progress.
    Running,
    /// It had different content.
    Reused,
}

/// A record that refuses a claim, because it is held or has an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExistingRecord {
    /// The digest of its request, once known.
    pub digest: Option<Sha256>,
    /// Its answer, once the request has completed.
    pub answer: Option<String>,
}

impl ClaimOutcome {
    /// The result of a claim of `record` that was refused because of `existing`; `Running` if that has just been
    /// released.
    #[must_use]
    pub fn for_existing(record: &IdempotencyRecord, existing: Option<ExistingRecord>) -> Self {
        let Some(ExistingRecord { digest, answer }) = existing else { return Self::Running };
        let request = record.request();
        match (request.digest, digest, answer) {
            (None, Some(digest), Some(answer)) => Self::Done { answer, digest },
            (None, _, _) => Self::Running,
            // A record without a digest yet may turn out to be for the same request.
            (Some(own), Some(digest), _) if own != digest && request.former_digest != Some(digest) => Self::Reused,
            (Some(_), _, Some(answer)) => Self::Answered(answer),
            (Some(_), _, None) => Self::Running,
        }
    }
}

/// How long a record is held and kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expiry {
    /// The current time.
    pub now: Timestamp,
    /// Until when the record is held exclusively, unless it is released before.
    pub held_until: Timestamp,
    /// Until when the answer is kept.
    pub kept_until: Timestamp,
}

/// The records of idempotent requests.
///
/// The port method that performs a mutation stores its result in the record of its [`Command`](crate::model::Command),
/// in the same transaction, so that after a crash there is either both or neither. The method MUST fail with
/// [`RequestInProgress`](crate::error::Conflict::RequestInProgress), and change nothing, if another request holds the
/// record by then or it has an answer. It also stores the record's [digest](IdempotencyRecord::digest) of that time.
///
/// ```
/// use clouddrive_domain::Result;
/// use clouddrive_domain::model::IdempotencyRecord;
/// use clouddrive_domain::port::{ClaimOutcome, Expiry, IdempotencyRepository};
///
/// /// Whether the request may run, since no other with its key has.
/// async fn may_run(
///     records: &dyn IdempotencyRepository,
///     record: &IdempotencyRecord,
///     expiry: Expiry,
/// ) -> Result<bool> {
///     Ok(records.claim(record, expiry).await? == ClaimOutcome::Held)
/// }
/// ```
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait IdempotencyRepository: Send + Sync {
    /// Claims the record. Without a digest, i.e. before the body has arrived, any completed request of this name is
    /// [`Done`](ClaimOutcome::Done): the caller compares. Of any number of concurrent claims on the same request
    /// exactly one succeeds. A record without an answer is free again after its hold expires, whatever its content; so
    /// is one whose retention has expired.
    ///
    /// # Errors
    /// [`NotFound`](crate::Error::NotFound) if the user no longer exists.
    async fn claim(&self, record: &IdempotencyRecord, expiry: Expiry) -> Result<ClaimOutcome>;

    /// Extends the hold until `until`, if that is later and the record is still held without an answer: used while a
    /// body arrives.
    async fn renew(&self, record: &IdempotencyRecord, until: Timestamp) -> Result<()>;

    /// Stores in the record that the request changes nothing and that a retry may run
    /// [again](crate::model::CommandOutcome::Again).
    ///
    /// # Errors
    /// [`RequestInProgress`](crate::error::Conflict::RequestInProgress) if another request holds it by now or it has an
    /// answer.
    async fn mark_repeatable(&self, record: &IdempotencyRecord) -> Result<()>;

    /// Releases the record if it is still held without an answer: the request may be retried at once.
    async fn release(&self, record: &IdempotencyRecord) -> Result<()>;

    /// Deletes up to `max` records whose retention ended at or before `before`, and returns the number.
    async fn prune(&self, before: Timestamp, max: u32) -> Result<u32>;
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use uuid::Uuid;

    use super::*;
    use crate::model::{IdempotencyKey, IdempotencyRecordId, KeyedRequest, UserId};

    fn digest(byte: u8) -> Sha256 {
        Sha256::from_bytes([byte; 32])
    }

    fn idempotency_record(own: Option<u8>, former: Option<u8>) -> IdempotencyRecord {
        let request = KeyedRequest {
            user: UserId::from_uuid(Uuid::from_u128(1)),
            path: "/drive".to_owned(),
            key: IdempotencyKey::parse("key").unwrap(),
            digest: own.map(digest),
            former_digest: former.map(digest),
        };
        IdempotencyRecord::new(
            IdempotencyRecordId::from_uuid(Uuid::from_u128(2)),
            request,
            Arc::new(|_| Ok(String::new())),
        )
    }

    #[test]
    fn a_refused_claim_reports_the_state_of_the_first_request() {
        let answered = || ClaimOutcome::Answered("a".to_owned());
        let done = || ClaimOutcome::Done { answer: "a".to_owned(), digest: digest(1) };
        let existing = |known: Option<u8>, answer: Option<&str>| {
            Some(ExistingRecord { digest: known.map(digest), answer: answer.map(str::to_owned) })
        };
        for (own, former, existing, expected) in [
            (Some(1), None, None, ClaimOutcome::Running),
            (Some(1), None, existing(Some(1), None), ClaimOutcome::Running),
            (Some(1), None, existing(None, None), ClaimOutcome::Running),
            (Some(1), None, existing(Some(1), Some("a")), answered()),
            (Some(2), Some(1), existing(Some(1), Some("a")), answered()),
            (Some(2), None, existing(Some(1), Some("a")), ClaimOutcome::Reused),
            (Some(2), Some(3), existing(Some(1), None), ClaimOutcome::Reused),
            (None, None, existing(Some(1), Some("a")), done()),
            (None, None, existing(Some(1), None), ClaimOutcome::Running),
            (None, None, existing(None, None), ClaimOutcome::Running),
        ] {
            assert_eq!(
                ClaimOutcome::for_existing(&idempotency_record(own, former), existing.clone()),
                expected,
                "{own:?} {existing:?}"
            );
        }
    }
}
