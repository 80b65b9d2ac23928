mod own;
mod sessions;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::error::Result;
use crate::model::{
    Account, AuditAction, Bucket, ClientSubnet, Command, Email, Page, Password, RefreshToken, RequestId,
    RunningSession, SessionPosition, User, Username,
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

/// What is known about a client that logs in.
#[derive(Clone, Debug, Default)]
pub struct ClientInfo {
    /// Its IP address.
    pub address: Option<IpAddr>,
    /// Its `User-Agent`.
    pub user_agent: Option<String>,
}

impl ClientInfo {
    /// The address as stored.
    fn address(&self) -> Option<String> {
        self.address.map(|address| address.to_string())
    }

    /// The user agent as stored: at most 255 characters.
    fn agent(&self) -> Option<String> {
        self.user_agent.as_ref().map(|agent| agent.chars().take(255).collect())
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

/// Registration, login, sessions and management of one's own account.
pub struct AccountService {
    users: Arc<dyn UserRepository>,
    accounts: Arc<dyn port::AccountRepository>,
    sessions: Arc<dyn SessionRepository>,
    drive: Arc<dyn NodeRepository>,
    passwords: Arc<dyn Passwords>,
    tokens: Arc<dyn Tokens>,
    ended: EndedUploads,
    throttling: Throttling,
    context: ServiceContext,
    settings: AccountSettings,
}

impl AccountService {
    /// Creates the service.
    #[expect(clippy::too_many_arguments, reason = "a constructor that names each port once")]
    #[must_use]
    pub fn new(
        users: Arc<dyn UserRepository>,
        accounts: Arc<dyn port::AccountRepository>,
        sessions: Arc<dyn SessionRepository>,
        drive: Arc<dyn NodeRepository>,
        passwords: Arc<dyn Passwords>,
        tokens: Arc<dyn Tokens>,
        ended: EndedUploads,
        throttling: Throttling,
        context: ServiceContext,
        settings: AccountSettings,
    ) -> Self {
        Self { users, accounts, sessions, drive, passwords, tokens, ended, throttling, context, settings }
    }

    /// Registers an account with its own drive.
    ///
    /// # Errors
    /// `UsernameTaken`, `EmailTaken`; `RateLimited` when too many come from one address.
    pub async fn register(
        &self,
        request: RequestId,
        username: Username,
        email: Email,
        password: &Password,
        address: Option<IpAddr>,
    ) -> Result<Account> {
        // Failures count too: either outcome reveals whether the name was taken.
        self.throttling.take(&[Bucket::Registration(ClientSubnet::from_address(address))], self.context.now()).await?;
        let hash = self.passwords.hash(password).await?;
        let user = User { id: self.context.id(), username, email, created_at: self.context.now(), photo: None };
        let command = Command { actor: Some(user.id), at: user.created_at, request, idempotency_record: None };
        let AccountSettings { quota_bytes, quota_entries, .. } = self.settings;
        let (drive, root) = (self.context.id(), self.context.id());
        let registration = Registration { user, hash, drive, root, quota_bytes, quota_entries };
        self.users.register(&command, &registration).await?;
        self.context.audit_anonymous(command.actor, &command.request, AuditAction::AccountRegistered);
        Ok(registration.into_account())
    }
}

#[cfg(test)]
mod tests;
