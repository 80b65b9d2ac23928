use std::sync::Arc;

use crate::model::{
    Actor, AuditAction, AuditEvent, BlobKey, Command, Id, IdSource, LinkToken, RefreshToken, RequestId, Timestamp,
    UserId,
};
use crate::port::{AuditTrail, Clock, Random};

/// Time, randomness and the audit trail, as every service needs them.
#[derive(Clone)]
pub struct Ambient {
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    audit: Arc<dyn AuditTrail>,
}

impl Ambient {
    /// Takes them from their ports.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, random: Arc<dyn Random>, audit: Arc<dyn AuditTrail>) -> Self {
        Self { clock, random, audit }
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The identifier of a request that brought none.
    #[must_use]
    pub fn request_id(&self) -> RequestId {
        RequestId::generate(self.now(), &*self.random)
    }

    pub(super) fn id<T: Id>(&self) -> T {
        T::generate(self.now(), &*self.random)
    }

    /// As many identifiers as a mutation turns out to need.
    pub(super) fn ids(&self) -> IdSource {
        IdSource::new(self.now(), self.random.clone())
    }

    pub(super) fn blob_key(&self) -> BlobKey {
        BlobKey::generate(&*self.random)
    }

    pub(super) fn link_token(&self) -> LinkToken {
        LinkToken::generate(&*self.random)
    }

    pub(super) fn refresh_token(&self) -> RefreshToken {
        RefreshToken::generate(&*self.random)
    }

    /// A command of `actor`, now.
    pub(super) fn command(&self, actor: &Actor) -> Command {
        let receipt = actor.receipt.clone();
        Command { actor: Some(actor.user), at: self.now(), request: actor.request.clone(), receipt }
    }

    /// Puts what `actor` has done into the audit trail.
    pub(super) fn audit(&self, actor: &Actor, action: AuditAction) {
        self.audit_unknown(Some(actor.user), &actor.request, action);
    }

    /// The same, where nobody may be known to act.
    pub(super) fn audit_unknown(&self, actor: Option<UserId>, request: &RequestId, action: AuditAction) {
        self.audit.record(&AuditEvent { action, actor, at: self.now(), request: request.clone() });
    }

    /// A command of the server itself, now.
    pub(super) fn own_command(&self, request: &RequestId) -> Command {
        Command { actor: None, at: self.now(), request: request.clone(), receipt: None }
    }
}
