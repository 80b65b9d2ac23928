use std::sync::Arc;
use std::time::Duration;

use super::ServiceContext;
use super::access::Access;
use crate::error::{Conflict, Error, Refused, Result};
use crate::model::{Actor, IdempotencyRecord, KeyedRequest, NodeId, ResponseEncoder, Role, Scope, Sha256};
use crate::port::{ClaimOutcome, Expiry, IdempotencyRepository, NodeRepository};

/// How long an answer is kept for repeats.
const RETENTION: Duration = Duration::from_hours(24);

/// How long a request may run before a repeat takes over. If the first one still completes after that, it no longer
/// holds the record and changes nothing.
const HOLD: Duration = Duration::from_secs(60);

/// How often to renew a record while a body is received, so that one failed renewal does not lose it.
pub const RENEWAL_INTERVAL: Duration = Duration::from_secs(20);

/// What to do with a keyed request.
#[derive(Debug)]
pub enum StartOutcome {
    /// The request is new: execute it under this record.
    First(IdempotencyRecord),
    /// The request was executed before, with this recorded answer.
    Repeat(String),
    /// A request with this key was executed; once the body has been received, it shows whether it was the same.
    Done(CompletedRequest),
}

/// A request that was executed before.
#[derive(Debug)]
pub struct CompletedRequest {
    answer: String,
    digest: Sha256,
}

impl CompletedRequest {
    /// The recorded answer, for a repeat whose body has one of these digests.
    ///
    /// # Errors
    /// `KeyReused` for any other body.
    pub fn answer(self, digests: &[Sha256]) -> Result<String> {
        if digests.contains(&self.digest) { Ok(self.answer) } else { Err(Error::Refused(Refused::KeyReused)) }
    }
}

/// Idempotency keys: a repeated request is executed only once.
pub struct IdempotencyService {
    access: Access,
    idempotency_records: Arc<dyn IdempotencyRepository>,
    write: Arc<ResponseEncoder>,
    context: ServiceContext,
}

impl IdempotencyService {
    /// Creates the service. `write` serializes answers.
    #[must_use]
    pub fn new(
        drive: Arc<dyn NodeRepository>,
        idempotency_records: Arc<dyn IdempotencyRepository>,
        write: Arc<ResponseEncoder>,
        context: ServiceContext,
    ) -> Self {
        Self { access: Access::new(drive), idempotency_records, write, context }
    }

    /// Checks whether `request` was sent before.
    ///
    /// Calls `IdempotencyRepository::claim`.
    ///
    /// # Errors
    /// `RequestInProgress` while the first is running, `KeyReused` when that one was different; `NotFound` when the
    /// caller's account has just been deleted.
    pub async fn start(&self, request: KeyedRequest) -> Result<StartOutcome> {
        let now = self.context.now();
        let record = IdempotencyRecord::new(self.context.id(), request, self.write.clone());
        let expiry = Expiry { now, held_until: now.plus(HOLD), kept_until: now.plus(RETENTION) };
        match self.idempotency_records.claim(&record, expiry).await? {
            ClaimOutcome::Held => Ok(StartOutcome::First(record)),
            ClaimOutcome::Answered(text) => Ok(StartOutcome::Repeat(text)),
            ClaimOutcome::Done { answer, digest } => Ok(StartOutcome::Done(CompletedRequest { answer, digest })),
            ClaimOutcome::Running => Err(Error::Conflict(Conflict::RequestInProgress)),
            ClaimOutcome::Reused => Err(Error::Refused(Refused::KeyReused)),
        }
    }

    /// Checks that a recorded answer may be sent to `actor` again: to the mutation, whose credential must allow it, and
    /// about the item that it `shows` with a role, if any. An owner's always may: the contents of a drive stay its
    /// owner's.
    ///
    /// Calls `NodeRepository::find`.
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

    /// Keeps `record` held while its request is running. Call it at least every [`RENEWAL_INTERVAL`].
    ///
    /// Calls `IdempotencyRepository::renew`.
    ///
    /// # Errors
    /// Store errors; then a repeat may take over, and this request changes nothing.
    pub async fn renew(&self, record: &IdempotencyRecord) -> Result<()> {
        self.idempotency_records.renew(record, self.context.now().plus(HOLD)).await
    }

    /// Records that a request changed nothing, so that a repeat executes it again.
    ///
    /// Calls `IdempotencyRepository::mark_repeatable`.
    ///
    /// # Errors
    /// `RequestInProgress` when another request holds the record now.
    pub async fn mark_repeatable(&self, record: Option<&IdempotencyRecord>) -> Result<()> {
        match record {
            Some(record) => self.idempotency_records.mark_repeatable(record).await,
            None => Ok(()),
        }
    }

    /// Ends what [`start`](Self::start) began. If the request was not `done`, or left no answer, its record is
    /// released, so that it can be sent and executed again at once.
    ///
    /// Calls `IdempotencyRepository::release`.
    ///
    /// # Errors
    /// Store errors; then the record is released when it expires.
    pub async fn end(&self, record: &IdempotencyRecord, done: bool) -> Result<()> {
        if done && record.is_written() { Ok(()) } else { self.idempotency_records.release(record).await }
    }
}

#[cfg(test)]
mod tests;
