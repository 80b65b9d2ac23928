mod own;
mod sessions;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::{Ambient, EndedUploads, Throttling};
use crate::error::Result;
use crate::model::{
    Account, AuditAction, Bucket, Command, Email, Network, Page, Password, RefreshToken, RequestId, RunningSession,
    SessionPosition, User, Username,
};
use crate::port::{self, Drive, Passwords, Registration, Sessions, Tokens, Users};

/// One page of somebody's sessions.
pub type SessionPage = Page<RunningSession, SessionPosition>;

/// What [`Accounts`] may be told.
#[derive(Clone, Copy, Debug)]
pub struct AccountSettings {
    /// What a new drive may hold, in bytes.
    pub quota_bytes: u64,
    /// How many files and folders a new drive may have.
    pub quota_entries: u64,
    /// How long an access token lives.
    pub token_lifetime: Duration,
    /// How long a session lives that is not refreshed. It never ends before the access tokens that name it.
    pub session_lifetime: Duration,
    /// How long a refresh token may come again after its first use.
    pub refresh_grace: Duration,
}

/// What is known of a client that logs in.
#[derive(Clone, Debug, Default)]
pub struct ClientInfo {
    /// Its address.
    pub address: Option<IpAddr>,
    /// What it says of itself.
    pub user_agent: Option<String>,
}

impl ClientInfo {
    /// The address as it is stored.
    fn address(&self) -> Option<String> {
        self.address.map(|address| address.to_string())
    }

    /// What it says of itself, as far as that is stored.
    fn agent(&self) -> Option<String> {
        self.user_agent.as_ref().map(|agent| agent.chars().take(255).collect())
    }
}

/// What a login gives.
pub struct Login {
    /// The access token. It is a secret.
    pub access_token: String,
    /// What the session goes on by.
    pub refresh_token: RefreshToken,
    /// How long the access token lives.
    pub lifetime: Duration,
}

/// Registering, logging in, who calls, and what people do with their accounts.
pub struct Accounts {
    users: Arc<dyn Users>,
    accounts: Arc<dyn port::Accounts>,
    sessions: Arc<dyn Sessions>,
    drive: Arc<dyn Drive>,
    passwords: Arc<dyn Passwords>,
    tokens: Arc<dyn Tokens>,
    ended: EndedUploads,
    throttling: Throttling,
    ambient: Ambient,
    settings: AccountSettings,
}

impl Accounts {
    /// Puts the service together.
    #[expect(clippy::too_many_arguments, reason = "a constructor that names each port once")]
    #[must_use]
    pub fn new(
        users: Arc<dyn Users>,
        accounts: Arc<dyn port::Accounts>,
        sessions: Arc<dyn Sessions>,
        drive: Arc<dyn Drive>,
        passwords: Arc<dyn Passwords>,
        tokens: Arc<dyn Tokens>,
        ended: EndedUploads,
        throttling: Throttling,
        ambient: Ambient,
        settings: AccountSettings,
    ) -> Self {
        Self { users, accounts, sessions, drive, passwords, tokens, ended, throttling, ambient, settings }
    }

    /// Makes an account with a drive of its own.
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
        // Whether it succeeds or not: either tells whether the name was taken.
        self.throttling.take(&[Bucket::Registration(Network::of(address))], self.ambient.now()).await?;
        let hash = self.passwords.hash(password).await?;
        let user = User { id: self.ambient.id(), username, email, created_at: self.ambient.now(), photo: None };
        let command = Command { actor: Some(user.id), at: user.created_at, request, receipt: None };
        let AccountSettings { quota_bytes, quota_entries, .. } = self.settings;
        let (drive, root) = (self.ambient.id(), self.ambient.id());
        let registration = Registration { user, hash, drive, root, quota_bytes, quota_entries };
        self.users.register(&command, &registration).await?;
        self.ambient.audit_unknown(command.actor, &command.request, AuditAction::AccountRegistered);
        Ok(registration.into_account())
    }
}
