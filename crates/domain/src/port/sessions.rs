use async_trait::async_trait;

use crate::error::Result;
use crate::model::{Command, Session, SessionId, Timestamp, UserId};

/// Sessions. Every token names one, and is worth nothing without it.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait Sessions: Send + Sync {
    /// Begins a session.
    ///
    /// # Errors
    /// [`NotFound`](crate::Error::NotFound) when there is no such user any more.
    async fn start(&self, command: &Command, session: &Session) -> Result<()>;

    /// The name of the user whose session it is: none when the session is not that user's, has ended, or ends at or
    /// before `now`.
    async fn find_username(&self, session: SessionId, user: UserId, now: Timestamp) -> Result<Option<String>>;
}
