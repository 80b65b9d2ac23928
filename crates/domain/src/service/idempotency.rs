use std::sync::Arc;
use std::time::Duration;

use super::Ambient;
use super::access::Access;
use crate::error::{Conflict, Error, Refused, Result};
use crate::model::{KeyedRequest, NodeId, Receipt, Role, Sha256, UserId, WriteAnswer};
use crate::port::{Claim, Drive, Receipts, Terms};

/// How long an answer is kept for repeats.
const KEPT: Duration = Duration::from_hours(24);

/// How long a request may be under way before a repeat takes its place. Should the first still come to its end then, it
/// finds that the receipt is not its own any more, and does nothing.
const HELD: Duration = Duration::from_secs(60);

/// How often a receipt is to be held on while a body comes, to stay held although that fails once.
pub const RENEWAL: Duration = Duration::from_secs(20);

/// What a keyed request comes to.
#[derive(Debug)]
pub enum Start {
    /// It is the first of its kind: it is to be done, under this receipt.
    First(Receipt),
    /// It was done before, and came to this, as it was written down.
    Repeat(String),
    /// A request was done before under this name; whether it said the same is seen when the body has come.
    Done(Done),
}

/// What a request was that was done before.
#[derive(Debug)]
pub struct Done {
    answer: String,
    digest: Sha256,
}

impl Done {
    /// What it came to, as it was written down, for a repeat whose body has one of these digests.
    ///
    /// # Errors
    /// `KeyReused` for another.
    pub fn answer(self, digests: &[Sha256]) -> Result<String> {
        if digests.contains(&self.digest) { Ok(self.answer) } else { Err(Error::Refused(Refused::KeyReused)) }
    }
}

/// Requests that are safe to be sent again: the same one is done once.
pub struct Idempotency {
    access: Access,
    receipts: Arc<dyn Receipts>,
    write: Arc<WriteAnswer>,
    ambient: Ambient,
}

impl Idempotency {
    /// Puts the service together. `write` writes down what requests come to.
    #[must_use]
    pub fn new(drive: Arc<dyn Drive>, receipts: Arc<dyn Receipts>, write: Arc<WriteAnswer>, ambient: Ambient) -> Self {
        Self { access: Access::new(drive), receipts, write, ambient }
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
            Claim::Done { answer, digest } => Ok(Start::Done(Done { answer, digest })),
            Claim::Running => Err(Error::Conflict(Conflict::RequestInProgress)),
            Claim::Reused => Err(Error::Refused(Refused::KeyReused)),
        }
    }

    /// Checks that an answer that tells `actor` of `item`, with that `role` on it, may be given once more. To an owner it always
    /// may: what is in a drive stays its owner's.
    ///
    /// # Errors
    /// `NotFound` when the caller cannot see the item any more; `Forbidden` when the role is less by now.
    pub async fn check_repeat(&self, actor: UserId, item: NodeId, role: Role) -> Result<()> {
        if role == Role::Owner || self.access.read(actor.into(), item).await?.role() >= role {
            return Ok(());
        }
        Err(Error::permission_denied())
    }

    /// Holds `receipt` on: it is still being done. To be called within every [`RENEWAL`].
    ///
    /// # Errors
    /// Those of the store; then another may take its place, and the first does nothing.
    pub async fn renew(&self, receipt: &Receipt) -> Result<()> {
        self.receipts.renew(receipt, self.ambient.now().plus(HELD)).await
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
