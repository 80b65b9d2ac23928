mod own;
mod sessions;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::error::Result;
use crate::model::{
    Account, AuditAction, Bucket, ClientSubnet, Command, Email, Origin, Page, Password, RefreshToken, RunningSession,
    SessionPosition, User, Username,
};
use crate::port::{self, NodeRepository, Passwords, Registration, SessionRepository, Tokens, UserRepository};
use crate::service::{EndedUploads, ServiceContext, Throttling};

/// One page of a user's sessions.
pub type SessionPage = Page<RunningSession, SessionPosition>;

/// The settings of [`AccountService`].
#[derive(Clone, Copy, Debug)]
pub struct AccountSettings {
    /// The storage quota of a new drive, in bytes.
    pub quota_bytes: u64,
    /// How many files and folders a new drive may have.
    pub quota_entries: u64,
    /// The lifetime of an access token.
    pub token_lifetime: Duration,
    /// How long a session lives without a refresh. It never ends before the access tokens issued for it.
    pub session_lifetime: Duration,
    /// How long a refresh token may be reused after its first use.
    pub refresh_grace: Duration,
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
    /// Registration and credentials.
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

/// Registration, login, sessions and management of one's own account.
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

    /// Registers an account with its own drive.
    ///
    /// # Errors
    /// `UsernameTaken`, `EmailTaken`; `RateLimited` when too many come from one address.
    pub async fn register(
        &self,
        origin: Origin,
        username: Username,
        email: Email,
        password: &Password,
    ) -> Result<Account> {
        // Failures count too: either outcome reveals whether the name was taken.
        self.throttling
            .take(&[Bucket::Registration(ClientSubnet::from_address(origin.client.address))], self.context.now())
            .await?;
        let hash = self.ports.passwords.hash(password).await?;
        let user = User { id: self.context.id(), username, email, created_at: self.context.now(), photo: None };
        let command = Command { at: user.created_at, ..self.context.command_of(user.id, &origin) };
        let AccountSettings { quota_bytes, quota_entries, .. } = self.settings;
        let (drive, root) = (self.context.id(), self.context.id());
        let registration = Registration { user, hash, drive, root, quota_bytes, quota_entries };
        self.ports.users.register(&command, &registration).await?;
        self.context.audit_anonymous(command.actor, &origin, AuditAction::AccountRegistered);
        Ok(registration.into_account())
    }
}

#[cfg(test)]
mod tests;
