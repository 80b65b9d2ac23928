use std::sync::Arc;
use std::time::Duration;

use super::Ambient;
use super::access::Access;
use crate::error::{Conflict, Error, Refused, Result};
use crate::model::{Actor, KeyedRequest, NodeId, Receipt, Role, Scope, Sha256, WriteAnswer};
use crate::port::{Claim, Drive, Receipts, Terms};

/// How long an answer is kept for repeats.
const KEPT: Duration = Duration::from_hours(24);

/// How long a request may run before a repeat takes over. If the first one still completes after that, it no longer
/// holds the receipt and changes nothing.
const HELD: Duration = Duration::from_secs(60);

/// How often to renew a receipt while a body is received, so that one failed renewal does not lose it.
pub const RENEWAL: Duration = Duration::from_secs(20);

/// What to do with a keyed request.
#[derive(Debug)]
pub enum Start {
    /// The request is new: execute it under this receipt.
    First(Receipt),
    /// The request was executed before, with this recorded answer.
    Repeat(String),
    /// A request with this key was executed; once the body has been received, it shows whether it was the same.
    Done(Done),
}

/// A request that was executed before.
#[derive(Debug)]
pub struct Done {
    answer: String,
    digest: Sha256,
}

impl Done {
    /// The recorded answer, for a repeat whose body has one of these digests.
    ///
    /// # Errors
    /// `KeyReused` for any other body.
    pub fn answer(self, digests: &[Sha256]) -> Result<String> {
        if digests.contains(&self.digest) { Ok(self.answer) } else { Err(Error::Refused(Refused::KeyReused)) }
    }
}

/// Idempotency keys: a repeated request is executed only once.
pub struct Idempotency {
    access: Access,
    receipts: Arc<dyn Receipts>,
    write: Arc<WriteAnswer>,
    ambient: Ambient,
}

impl Idempotency {
    /// Creates the service. `write` serializes answers.
    #[must_use]
    pub fn new(drive: Arc<dyn Drive>, receipts: Arc<dyn Receipts>, write: Arc<WriteAnswer>, ambient: Ambient) -> Self {
        Self { access: Access::new(drive), receipts, write, ambient }
    }

    /// Checks whether `request` was sent before.
    ///
    /// # Errors
    /// `RequestInProgress` while the first is running, `KeyReused` when that one was different; `NotFound` when the
    /// caller's account has just been deleted.
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

    /// Checks that a recorded answer may be sent to `actor` again: to the mutation, whose credential must allow it, and
    /// about the item that it `shows` with a role, if any. An owner's always may: the contents of a drive stay its
    /// owner's.
    ///
    /// # Errors
    /// `NotFound` when the caller can no longer see the item; `Forbidden` when the caller's role is lower now, or the
    /// credential does not allow mutations.
    pub async fn check_repeat(&self, actor: &Actor, shows: Option<(NodeId, Role)>) -> Result<()> {
        actor.require(Scope::Write)?;
        match shows {
            Some((item, role)) if role != Role::Owner => {
                let now = self.access.read(actor.user.into(), item).await?.role();
                if now >= role { Ok(()) } else { Err(Error::permission_denied()) }
            }
            _ => Ok(()),
        }
    }

    /// Keeps `receipt` held while its request is running. Call it at least every [`RENEWAL`].
    ///
    /// # Errors
    /// Store errors; then a repeat may take over, and this request changes nothing.
    pub async fn renew(&self, receipt: &Receipt) -> Result<()> {
        self.receipts.renew(receipt, self.ambient.now().plus(HELD)).await
    }

    /// Records that a request changed nothing, so that a repeat executes it again.
    ///
    /// # Errors
    /// `RequestInProgress` when another request holds the receipt now.
    pub async fn keep_again(&self, receipt: Option<&Receipt>) -> Result<()> {
        match receipt {
            Some(receipt) => self.receipts.keep_again(receipt).await,
            None => Ok(()),
        }
    }

    /// Ends what [`start`](Self::start) began. If the request was not `done`, or left no answer, its receipt is
    /// released, so that it can be sent and executed again at once.
    ///
    /// # Errors
    /// Store errors; then the receipt is released when it expires.
    pub async fn end(&self, receipt: &Receipt, done: bool) -> Result<()> {
        if done && receipt.is_written() { Ok(()) } else { self.receipts.give_back(receipt).await }
    }
}

#[cfg(test)]
mod tests;
