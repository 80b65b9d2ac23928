use async_trait::async_trait;

use crate::error::Result;
use crate::model::{Receipt, Sha256, Timestamp};

/// The result of claiming a receipt: what happened to an earlier request with the same key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// There was none: the caller holds the receipt and may proceed.
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

/// A receipt that refuses a claim, because it is held or has an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StandingReceipt {
    /// The digest of its request, once known.
    pub digest: Option<Sha256>,
    /// Its answer, once the request has completed.
    pub answer: Option<String>,
}

impl Claim {
    /// The result of a claim of `receipt` that was refused because of `standing`; none if that has just been given
    /// back.
    #[must_use]
    pub fn refused(receipt: &Receipt, standing: Option<StandingReceipt>) -> Self {
        let Some(StandingReceipt { digest, answer }) = standing else { return Self::Running };
        let request = receipt.request();
        match (request.digest, digest, answer) {
            (None, Some(digest), Some(answer)) => Self::Done { answer, digest },
            (None, _, _) => Self::Running,
            // A receipt without a digest yet may turn out to be for the same request.
            (Some(own), Some(digest), _) if own != digest && request.former_digest != Some(digest) => Self::Reused,
            (Some(_), _, Some(answer)) => Self::Answered(answer),
            (Some(_), _, None) => Self::Running,
        }
    }
}

/// How long a receipt is held and kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The current time.
    pub now: Timestamp,
    /// Until when the receipt is held exclusively, unless it is released before.
    pub held_until: Timestamp,
    /// Until when the answer is kept.
    pub kept_until: Timestamp,
}

/// The receipts of idempotent requests.
///
/// The port method that performs a mutation stores its result in the receipt of its [`Command`](crate::model::Command),
/// in the same transaction, so that after a crash there is either both or neither. The method MUST fail with
/// [`RequestInProgress`](crate::error::Conflict::RequestInProgress), and change nothing, if another request holds the
/// receipt by then or it has an answer. It also stores the receipt's [digest](Receipt::digest) of that time.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait Receipts: Send + Sync {
    /// Claims the receipt. Without a digest, i.e. before the body has arrived, any completed request of this name is
    /// [`Done`](Claim::Done): the caller compares. Of any number of concurrent claims on the same request exactly one
    /// succeeds. A receipt without an answer is free again after its hold expires, whatever its content; so is one
    /// whose retention has expired.
    ///
    /// # Errors
    /// [`NotFound`](crate::Error::NotFound) if the user no longer exists.
    async fn claim(&self, receipt: &Receipt, terms: Terms) -> Result<Claim>;

    /// Extends the hold until `until`, if that is later and the receipt is still held without an answer: used while a
    /// body arrives.
    async fn renew(&self, receipt: &Receipt, until: Timestamp) -> Result<()>;

    /// Stores in the receipt that the request changes nothing and that a retry may run
    /// [again](crate::model::Answer::Again).
    ///
    /// # Errors
    /// [`RequestInProgress`](crate::error::Conflict::RequestInProgress) if another request holds it by now or it has an
    /// answer.
    async fn keep_again(&self, receipt: &Receipt) -> Result<()>;

    /// Releases the receipt if it is still held without an answer: the request may be retried at once.
    async fn give_back(&self, receipt: &Receipt) -> Result<()>;

    /// Deletes up to `most` receipts whose retention ended at or before `before`, and returns the number.
    async fn forget(&self, before: Timestamp, most: u32) -> Result<u32>;
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use uuid::Uuid;

    use super::*;
    use crate::model::{IdempotencyKey, KeyedRequest, ReceiptId, UserId};

    fn digest(byte: u8) -> Sha256 {
        Sha256::from_bytes([byte; 32])
    }

    fn receipt(own: Option<u8>, former: Option<u8>) -> Receipt {
        let request = KeyedRequest {
            user: UserId::from_uuid(Uuid::from_u128(1)),
            path: "/drive".to_owned(),
            key: IdempotencyKey::parse("key").unwrap(),
            digest: own.map(digest),
            former_digest: former.map(digest),
        };
        Receipt::new(ReceiptId::from_uuid(Uuid::from_u128(2)), request, Arc::new(|_| Ok(String::new())))
    }

    #[test]
    fn a_refused_claim_says_what_became_of_the_first_request() {
        let answered = || Claim::Answered("a".to_owned());
        let done = || Claim::Done { answer: "a".to_owned(), digest: digest(1) };
        let standing = |known: Option<u8>, answer: Option<&str>| {
            Some(StandingReceipt { digest: known.map(digest), answer: answer.map(str::to_owned) })
        };
        for (own, former, standing, expected) in [
            (Some(1), None, None, Claim::Running),
            (Some(1), None, standing(Some(1), None), Claim::Running),
            (Some(1), None, standing(None, None), Claim::Running),
            (Some(1), None, standing(Some(1), Some("a")), answered()),
            (Some(2), Some(1), standing(Some(1), Some("a")), answered()),
            (Some(2), None, standing(Some(1), Some("a")), Claim::Reused),
            (Some(2), Some(3), standing(Some(1), None), Claim::Reused),
            (None, None, standing(Some(1), Some("a")), done()),
            (None, None, standing(Some(1), None), Claim::Running),
            (None, None, standing(None, None), Claim::Running),
        ] {
            assert_eq!(Claim::refused(&receipt(own, former), standing.clone()), expected, "{own:?} {standing:?}");
        }
    }
}
