use std::time::Duration;

use async_trait::async_trait;

use crate::error::Result;
use crate::model::{
    Command, Handle, Limit, RunningSession, Session, SessionId, SessionPosition, Timestamp, TokenHash, UserId,
};

/// A session that begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The session.
    pub session: Session,
    /// Its first refresh token, which lives as long as the session.
    pub token: TokenHash,
    /// The [generation](crate::model::Credentials::generation) of the password that was proven.
    pub generation: u64,
}

/// A refresh token that is to be swapped for the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renewal {
    /// The token that came.
    pub presented: TokenHash,
    /// The one to come after it, which lives as long as the session then does.
    pub next: TokenHash,
    /// When the session ends by itself from now on.
    pub expires_at: Timestamp,
    /// How long after its first use the token may come again.
    pub grace: Duration,
    /// From which address the token came.
    pub address: Option<String>,
    /// With which program; at most 255 characters.
    pub user_agent: Option<String>,
}

/// What became of a refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// The next was given for it, also when it came again within its grace.
    Renewed,
    /// It came again after its grace: the session has just been ended.
    Reused,
}

impl Renewal {
    /// Whether a token that was used first at `used` and comes again at `now` still gets the next. The clocks of instances
    /// may differ, so a first use may seem to lie ahead: it was just now, then.
    #[must_use]
    pub fn allows_repeat(&self, used: Timestamp, now: Timestamp) -> bool {
        !self.grace.is_zero() && now < used.plus(self.grace)
    }
}

/// Whose a refresh token is, or was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenOwner {
    /// The session.
    pub session: SessionId,
    /// The user.
    pub user: UserId,
}

/// Sessions. Every token names one, and is worth nothing without it.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait Sessions: Send + Sync {
    /// Begins a session.
    ///
    /// # Errors
    /// [`NotFound`](crate::Error::NotFound) when there is no such user any more, when the account is disabled, or when the
    /// password is of another generation by now: whoever ends all sessions of a user ends those that are just beginning, too.
    async fn start(&self, command: &Command, opened: &Opened) -> Result<()>;

    /// The name of the user whose session it is: none when the session is not that user's, has ended, or ends at or
    /// before `now`. The answer may be a second old.
    async fn find_username(&self, session: SessionId, user: UserId, now: Timestamp) -> Result<Option<String>>;

    /// Whose the token is, whether or not it was used, has expired, or its session has ended.
    async fn find_by_token(&self, token: &TokenHash) -> Result<Option<TokenOwner>>;

    /// Gives the next refresh token for one. Within its grace, counted from its first use, a token gets another one each time
    /// it comes, and every one that was given is good. One that comes later MUST end the session: that is done then, although
    /// it gets nothing. Without a grace, of any number of simultaneous uses of one token just one MUST get the next.
    ///
    /// # Errors
    /// [`InvalidRefreshToken`](crate::error::Unauthenticated::InvalidRefreshToken) when there is no such token, when it or its session
    /// has expired, or its session has ended. Nothing changes then.
    async fn refresh(&self, command: &Command, renewal: &Renewal) -> Result<Rotation>;

    /// Ends the session, if it is `user`'s.
    ///
    /// # Errors
    /// [`NotFound`](crate::Error::NotFound) when that user has no such session, or it has ended before.
    async fn end(&self, command: &Command, session: SessionId, user: UserId) -> Result<()>;

    /// The running sessions of `user`, newest first, after `after`: at most one more than `limit`.
    async fn list(
        &self,
        user: UserId,
        now: Timestamp,
        after: Option<SessionPosition>,
        limit: Limit,
    ) -> Result<Vec<RunningSession>>;

    /// The addresses of running sessions of the user whom `handle` names: of the newest hundred. Nobody has none.
    async fn find_addresses(&self, handle: &Handle, now: Timestamp) -> Result<Vec<String>>;

    /// Forgets up to `most` sessions that ended before `before`, by themselves or not, with their tokens, and tells how many.
    /// They have been worth nothing for as long, so the change log gets no row.
    async fn forget_ended(&self, before: Timestamp, most: u32) -> Result<u32>;

    /// Forgets up to `most` refresh tokens that expired before `before`, and tells how many. The change log gets no row.
    async fn forget_tokens(&self, before: Timestamp, most: u32) -> Result<u32>;
}
