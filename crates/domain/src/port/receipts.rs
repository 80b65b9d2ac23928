use async_trait::async_trait;

use crate::error::Result;
use crate::model::{Receipt, Sha256, Timestamp};

/// What became of a request that was sent before, under the same key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// Nothing: the receipt is the caller's, who may do it.
    Held,
    /// It was done, and this was written down.
    Answered(String),
    /// A request whose body has not come may have been done: this was written down, and that was the digest of its body.
    Done {
        /// What was written down.
        answer: String,
        /// The digest of the body.
        digest: Sha256,
    },
    /// Somebody is at it.
    Running,
    /// It said something else.
    Reused,
}

/// How long a receipt is held, and kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The time now.
    pub now: Timestamp,
    /// Until when nobody else may do what the request asks for, unless it is given back before.
    pub held_until: Timestamp,
    /// Until when the answer is kept.
    pub kept_until: Timestamp,
}

/// The receipts of requests that may be sent again.
///
/// What a mutation came to is written into the receipt that its [`Command`](crate::model::Command) brings, by the port
/// method that does it and in the same transaction: after a crash there is either both or neither. That method MUST fail
/// with [`RequestInProgress`](crate::error::Conflict::RequestInProgress), and do nothing, when the receipt is held by
/// somebody else by then, or has an answer. It also writes down the [digest](Receipt::digest) that the receipt has by then.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait Receipts: Send + Sync {
    /// Asks for the receipt. Without a digest, since the body has not come, whatever was done under this name is
    /// [`Done`](Claim::Done): the caller compares. Of any number who do so at once for the same request exactly one holds it. One that was held
    /// for its time and has no answer passes on, whatever it said; so does one that was kept for its time.
    ///
    /// # Errors
    /// [`NotFound`](crate::Error::NotFound) when there is no such user any more.
    async fn claim(&self, receipt: &Receipt, terms: Terms) -> Result<Claim>;

    /// Holds the receipt until `until`, if it is still held and has no answer, and that is later: for as long as a body comes.
    async fn renew(&self, receipt: &Receipt, until: Timestamp) -> Result<()>;

    /// Writes into the receipt that what was asked for changes nothing, and may as well be done
    /// [again](crate::model::Answer::Again) for a repeat.
    ///
    /// # Errors
    /// [`RequestInProgress`](crate::error::Conflict::RequestInProgress) when it is held by somebody else by now, or has an
    /// answer.
    async fn keep_again(&self, receipt: &Receipt) -> Result<()>;

    /// Gives the receipt back if it is still held and has no answer: the request may be sent again at once.
    async fn give_back(&self, receipt: &Receipt) -> Result<()>;

    /// Removes up to `most` receipts that were kept until `before` or less, and tells how many.
    async fn forget(&self, before: Timestamp, most: u32) -> Result<u32>;
}
