use std::sync::Arc;

use crate::model::{
    Actor, AuditAction, AuditEvent, BlobKey, Command, Id, IdSource, LinkToken, RefreshToken, RequestId, Timestamp,
    UserId,
};
use crate::port::{AuditTrail, Clock, Random};

/// The clock, randomness and audit trail shared by all services.
#[derive(Clone)]
pub struct ServiceContext {
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    audit: Arc<dyn AuditTrail>,
}

impl ServiceContext {
    /// Creates it from its ports.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, random: Arc<dyn Random>, audit: Arc<dyn AuditTrail>) -> Self {
        Self { clock, random, audit }
    }

    /// The current time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Generates an identifier for a request that has none.
    #[must_use]
    pub fn request_id(&self) -> RequestId {
        RequestId::generate(self.now(), &*self.random)
    }

    pub(super) fn id<T: Id>(&self) -> T {
        T::generate(self.now(), &*self.random)
    }

    /// Identifiers for a mutation that needs a variable number of them.
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
        let idempotency_record = actor.idempotency_record.clone();
        Command { actor: Some(actor.user), at: self.now(), request: actor.request.clone(), idempotency_record }
    }

    /// Records an action of `actor` in the audit trail.
    pub(super) fn audit(&self, actor: &Actor, action: AuditAction) {
        self.audit_anonymous(Some(actor.user), &actor.request, action);
    }

    /// Records an action in the audit trail, with its actor if known.
    pub(super) fn audit_anonymous(&self, actor: Option<UserId>, request: &RequestId, action: AuditAction) {
        self.audit.record(&AuditEvent { action, actor, at: self.now(), request: request.clone() });
    }

    /// A command of the server itself, now.
    pub(super) fn system_command(&self, request: &RequestId) -> Command {
        Command { actor: None, at: self.now(), request: request.clone(), idempotency_record: None }
    }
}
