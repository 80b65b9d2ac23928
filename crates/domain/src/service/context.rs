use std::sync::Arc;

use crate::error::Result;
use crate::model::{
    Actor, AuditAction, AuditEvent, BlobKey, BlobRef, Command, Id, IdSource, LinkToken, Origin, RefreshToken,
    RequestId, Scope, StoreName, Timestamp, UserId,
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

    /// A new blob in `store`.
    pub(super) fn new_blob(&self, store: &StoreName) -> BlobRef {
        BlobRef { store: store.clone(), key: BlobKey::generate(&*self.random) }
    }

    pub(super) fn link_token(&self) -> LinkToken {
        LinkToken::generate(&*self.random)
    }

    pub(super) fn refresh_token(&self) -> RefreshToken {
        RefreshToken::generate(&*self.random)
    }

    /// A command of `actor`, now. Every mutation on behalf of an actor needs one, so none escapes this check.
    ///
    /// # Errors
    /// [`Scope`](crate::error::Forbidden::Scope) when the credential does not allow mutations.
    pub(super) fn command(&self, actor: &Actor) -> Result<Command> {
        actor.require(Scope::Write)?;
        Ok(self.command_for(actor))
    }

    /// The same for a change of the account itself: e-mail address, password, sessions.
    ///
    /// # Errors
    /// [`Scope`](crate::error::Forbidden::Scope) when the credential does not allow to manage the account.
    pub(super) fn account_command(&self, actor: &Actor) -> Result<Command> {
        actor.require(Scope::Account)?;
        Ok(self.command_for(actor))
    }

    fn command_for(&self, actor: &Actor) -> Command {
        let idempotency_record = actor.idempotency_record.clone();
        Command { idempotency_record, ..self.command_of(actor.user, &actor.origin) }
    }

    /// A command of `user`, now, identified by the request itself: by a password or a refresh token.
    pub(super) fn command_of(&self, user: UserId, origin: &Origin) -> Command {
        Command { actor: Some(user), ..self.system_command(&origin.request) }
    }

    /// Records an action of `actor` in the audit trail.
    pub(super) fn audit(&self, actor: &Actor, action: AuditAction) {
        self.audit_anonymous(Some(actor.user), &actor.origin, action);
    }

    /// Records an action in the audit trail, with its actor if known.
    pub(super) fn audit_anonymous(&self, actor: Option<UserId>, origin: &Origin, action: AuditAction) {
        let Origin { request, client } = origin;
        let event = AuditEvent { action, actor, at: self.now(), request: request.clone(), address: client.address };
        self.audit.record(&event);
    }

    /// A command of the server itself, now.
    pub(super) fn system_command(&self, request: &RequestId) -> Command {
        Command { actor: None, at: self.now(), request: request.clone(), idempotency_record: None }
    }
}
