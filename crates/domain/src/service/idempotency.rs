use std::sync::Arc;
use std::time::Duration;

use super::Ambient;
use crate::error::{Conflict, Error, Refused, Result};
use crate::model::{KeyedRequest, Receipt, WriteAnswer};
use crate::port::{Claim, Receipts, Terms};

/// How long an answer is kept for repeats.
const KEPT: Duration = Duration::from_hours(24);

/// How long a request may be under way before a repeat takes its place. Should the first still come to its end then, it
/// finds that the receipt is not its own any more, and does nothing.
const HELD: Duration = Duration::from_secs(60);

/// What a keyed request comes to.
#[derive(Debug)]
pub enum Start {
    /// It is the first of its kind: it is to be done, under this receipt.
    First(Receipt),
    /// It was done before, and came to this, as it was written down.
    Repeat(String),
}

/// Requests that are safe to be sent again: the same one is done once.
pub struct Idempotency {
    receipts: Arc<dyn Receipts>,
    write: Arc<WriteAnswer>,
    ambient: Ambient,
}

impl Idempotency {
    /// Puts the service together. `write` writes down what requests come to.
    #[must_use]
    pub fn new(receipts: Arc<dyn Receipts>, write: Arc<WriteAnswer>, ambient: Ambient) -> Self {
        Self { receipts, write, ambient }
    }

    /// Finds out whether `request` was sent before.
    ///
    /// # Errors
    /// `RequestInProgress` while the first is under way, `KeyReused` when that one said something else; `NotFound` when
    /// the caller's account has just been deleted.
    pub async fn start(&self, request: KeyedRequest) -> Result<Start> {
        let now = self.ambient.now();
        let receipt = Receipt::new(self.ambient.id(), request, self.write.clone());
        let terms = Terms { now, held_until: now.plus(HELD), kept_until: now.plus(KEPT) };
        match self.receipts.claim(&receipt, terms).await? {
            Claim::Held => Ok(Start::First(receipt)),
            Claim::Answered(text) => Ok(Start::Repeat(text)),
            Claim::Running => Err(Error::Conflict(Conflict::RequestInProgress)),
            Claim::Reused => Err(Error::Refused(Refused::KeyReused)),
        }
    }

    /// Notes what a request came to that changed nothing: a repeat does it again.
    ///
    /// # Errors
    /// `RequestInProgress` when another holds the receipt by now.
    pub async fn keep_again(&self, receipt: Option<&Receipt>) -> Result<()> {
        match receipt {
            Some(receipt) => self.receipts.keep_again(receipt).await,
            None => Ok(()),
        }
    }

    /// Ends what [`start`](Self::start) began. Of a request that was not `done`, or that left no answer, nothing is kept: it
    /// may be sent again at once, to be done.
    ///
    /// # Errors
    /// Those of the store; then the receipt is given back by its time running out.
    pub async fn end(&self, receipt: &Receipt, done: bool) -> Result<()> {
        if done && receipt.is_written() { Ok(()) } else { self.receipts.give_back(receipt).await }
    }
}
