use std::sync::Arc;

use crate::model::{Actor, BlobKey, Command, Id, RequestId, Timestamp};
use crate::port::{Clock, Random};

/// Time and randomness, as every service needs them.
#[derive(Clone)]
pub struct Ambient {
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

impl Ambient {
    /// Takes both from their ports.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        Self { clock, random }
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

    pub(super) fn blob_key(&self) -> BlobKey {
        BlobKey::generate(&*self.random)
    }

    /// A command of `actor`, now.
    pub(super) fn command(&self, actor: &Actor) -> Command {
        Command { actor: Some(actor.user), at: self.now(), request: actor.request.clone() }
    }

    /// A command of the server itself, now.
    pub(super) fn own_command(&self, request: &RequestId) -> Command {
        Command { actor: None, at: self.now(), request: request.clone() }
    }
}
