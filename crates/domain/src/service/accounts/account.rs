mod own;
mod sessions;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::model::{ActiveSession, Page, RefreshToken, SessionPosition};
use crate::port::{self, NodeRepository, Passwords, SessionRepository, Tokens, UserRepository};
use crate::service::{EndedUploads, ServiceContext, Throttling};

/// One page of a user's sessions.
pub type SessionPage = Page<ActiveSession, SessionPosition>;

/// The settings of [`AccountService`].
#[derive(Clone, Copy, Debug)]
pub struct AccountSettings {
    /// The lifetime of an access token.
    pub token_lifetime: Duration,
    /// How long a session lives without a refresh. It never ends before the access tokens issued for it.
    pub session_lifetime: Duration,
    /// How long a refresh token may be reused after its first use.
    pub refresh_grace: Duration,
}

/// Tokens of an hour, sessions of 30 days, and half a minute of grace.
impl Default for AccountSettings {
    fn default() -> Self {
        Self {
            token_lifetime: Duration::from_hours(1),
            session_lifetime: Duration::from_hours(24 * 30),
            refresh_grace: Duration::from_secs(30),
        }
    }
}

/// The outcome of a login or refresh.
pub struct Login {
    /// The access token, a secret.
    pub access_token: String,
    /// Renews the session.
    pub refresh_token: RefreshToken,
    /// The lifetime of the access token.
    pub lifetime: Duration,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("lifetime", &self.lifetime).finish_non_exhaustive()
    }
}

/// The ports of [`AccountService`].
#[derive(Clone)]
pub struct AccountPorts {
    /// The users and their credentials.
    pub users: Arc<dyn UserRepository>,
    /// Changes of accounts.
    pub accounts: Arc<dyn port::AccountRepository>,
    /// The sessions.
    pub sessions: Arc<dyn SessionRepository>,
    /// The tree, with the account of each drive.
    pub drive: Arc<dyn NodeRepository>,
    /// Password hashing.
    pub passwords: Arc<dyn Passwords>,
    /// Access tokens.
    pub tokens: Arc<dyn Tokens>,
}

/// Login, sessions and management of one's own account.
pub struct AccountService {
    ports: AccountPorts,
    ended: EndedUploads,
    throttling: Throttling,
    context: ServiceContext,
    settings: AccountSettings,
}

impl AccountService {
    /// Creates the service.
    #[must_use]
    pub const fn new(
        ports: AccountPorts,
        ended: EndedUploads,
        throttling: Throttling,
        context: ServiceContext,
        settings: AccountSettings,
    ) -> Self {
        Self { ports, ended, throttling, context, settings }
    }
}

#[cfg(test)]
mod tests;
