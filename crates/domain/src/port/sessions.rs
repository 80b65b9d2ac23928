use std::time::Duration;

use async_trait::async_trait;

use crate::error::Result;
use crate::model::{
    ActiveSession, Command, Limit, LoginIdentifier, Session, SessionId, SessionPosition, Timestamp, TokenHash, UserId,
};

/// A new session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSession {
    /// The session.
    pub session: Session,
    /// The hash of its first refresh token, which is valid as long as the session.
    pub token: TokenHash,
    /// The [generation](crate::model::Credentials::generation) of the proven password.
    pub generation: u64,
}

/// The exchange of a refresh token for the next one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRotation {
    /// The hash of the presented token.
    pub presented: TokenHash,
    /// The hash of the next token, which is valid as long as the extended session.
    pub next: TokenHash,
    /// The new expiry of the session.
    pub expires_at: Timestamp,
    /// How long after its first use the token may be reused.
    pub grace: Duration,
    /// The client address.
    pub address: Option<String>,
    /// The user agent; at most 255 characters.
    pub user_agent: Option<String>,
}

/// The result of presenting a refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RotationOutcome {
    /// The next token was issued, possibly for a reuse within the grace period.
    Renewed,
    /// It was reused after its grace period: the session has been ended.
    Reused,
}

impl TokenRotation {
    /// Whether a token first used at `used` may be reused at `now`. Clocks of instances may differ: a first use in the
    /// future counts as just now.
    #[must_use]
    pub fn allows_reuse(&self, used: Timestamp, now: Timestamp) -> bool {
        !self.grace.is_zero() && now < used.plus(self.grace)
    }
}

/// The owner of a current or former refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenOwner {
    /// The session.
    pub session: SessionId,
    /// The user.
    pub user: UserId,
}

/// Sessions. Every token names one and is invalid without it.
///
/// ```
/// use clouddrive_domain::Result;
/// use clouddrive_domain::model::{SessionId, UserId};
/// use clouddrive_domain::port::{Clock, SessionRepository};
///
/// async fn is_running(
///     sessions: &dyn SessionRepository,
///     clock: &dyn Clock,
///     session: SessionId,
///     user: UserId,
/// ) -> Result<bool> {
///     Ok(sessions.find_username(session, user, clock.now()).await?.is_some())
/// }
/// ```
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait SessionRepository: Send + Sync {
    /// Starts a session.
    ///
    /// # Errors
    /// [`NotFound`](crate::Error::NotFound) if the user no longer exists, the account is disabled, or the password is
    /// no longer of that generation: ending all sessions of a user also ends those that are just starting.
    async fn start(&self, command: &Command, new_session: &NewSession) -> Result<()>;

    /// The name of the session's user; none if the session is not that user's, has ended, or expires at or before
    /// `now`. The answer may be a second old.
    async fn find_username(&self, session: SessionId, user: UserId, now: Timestamp) -> Result<Option<String>>;

    /// The owner of the token, even if it was used, has expired, or its session has ended.
    async fn find_by_token(&self, token: &TokenHash) -> Result<Option<TokenOwner>>;

    /// Exchanges a refresh token for the next. Within its grace period, counted from its first use, each reuse issues
    /// another token, and all issued tokens are valid. A later reuse MUST end the session, which is committed although
    /// no token is issued. Without a grace period, exactly one of any number of concurrent uses MUST succeed.
    ///
    /// # Errors
    /// [`InvalidRefreshToken`](crate::error::Unauthenticated::InvalidRefreshToken) if the token is unknown, it or its
    /// session has expired, or its session has ended. Nothing changes then.
    async fn refresh(&self, command: &Command, rotation: &TokenRotation) -> Result<RotationOutcome>;

    /// Ends the session if it is `user`'s.
    ///
    /// # Errors
    /// [`NotFound`](crate::Error::NotFound) if the user has no such session, or it has already ended.
    async fn end(&self, command: &Command, session: SessionId, user: UserId) -> Result<()>;

    /// Lists the running sessions of `user`, newest first, after `after`: at most `limit` + 1.
    async fn list(
        &self,
        user: UserId,
        now: Timestamp,
        after: Option<SessionPosition>,
        limit: Limit,
    ) -> Result<Vec<ActiveSession>>;

    /// The addresses of the newest hundred running sessions of the user that `identifier` names; empty for an unknown
    /// user.
    async fn find_addresses(&self, identifier: &LoginIdentifier, now: Timestamp) -> Result<Vec<String>>;

    /// Deletes up to `max` sessions that expired or were ended before `before`, with their tokens, and returns the
    /// number. They were already invalid, so the change log gets no row.
    async fn prune_ended(&self, before: Timestamp, max: u32) -> Result<u32>;

    /// Deletes up to `max` refresh tokens that expired before `before`, and returns the number. The change log gets no
    /// row.
    async fn prune_tokens(&self, before: Timestamp, max: u32) -> Result<u32>;
}
