use std::sync::Arc;
use std::time::Duration;

use super::Ambient;
use crate::error::{Error, Result, Unauthenticated};
use crate::model::{
    AccessClaims, Account, Actor, AuditAction, Command, Email, Handle, Identity, LoginRefusal, Password, Quota,
    RequestId, Session, User, UserId, Username,
};
use crate::port::{Drive, Passwords, Registration, Sessions, Tokens, Users, Verdict};

/// What [`Accounts`] may be told.
#[derive(Clone, Copy, Debug)]
pub struct AccountSettings {
    /// What a new drive may hold, in bytes.
    pub quota_bytes: u64,
    /// How long an access token lives.
    pub token_lifetime: Duration,
}

/// What is known of a client that logs in.
#[derive(Clone, Debug, Default)]
pub struct ClientInfo {
    /// Its address.
    pub address: Option<String>,
    /// What it says of itself.
    pub user_agent: Option<String>,
}

/// What a login gives.
pub struct Login {
    /// The access token. It is a secret.
    pub access_token: String,
    /// How long it lives.
    pub lifetime: Duration,
}

/// Registering, logging in, and who calls.
pub struct Accounts {
    users: Arc<dyn Users>,
    sessions: Arc<dyn Sessions>,
    drive: Arc<dyn Drive>,
    passwords: Arc<dyn Passwords>,
    tokens: Arc<dyn Tokens>,
    ambient: Ambient,
    settings: AccountSettings,
}

impl Accounts {
    /// Puts the service together.
    #[must_use]
    pub fn new(
        users: Arc<dyn Users>,
        sessions: Arc<dyn Sessions>,
        drive: Arc<dyn Drive>,
        passwords: Arc<dyn Passwords>,
        tokens: Arc<dyn Tokens>,
        ambient: Ambient,
        settings: AccountSettings,
    ) -> Self {
        Self { users, sessions, drive, passwords, tokens, ambient, settings }
    }

    /// Makes an account with a drive of its own.
    ///
    /// # Errors
    /// `UsernameTaken`, `EmailTaken`.
    pub async fn register(
        &self,
        request: RequestId,
        username: Username,
        email: Email,
        password: &Password,
    ) -> Result<Account> {
        let hash = self.passwords.hash(password).await?;
        let user = User { id: self.ambient.id(), username, email, created_at: self.ambient.now(), photo: None };
        let command = Command { actor: Some(user.id), at: user.created_at, request, receipt: None };
        let quota_bytes = self.settings.quota_bytes;
        let registration = Registration { user, hash, drive: self.ambient.id(), root: self.ambient.id(), quota_bytes };
        self.users.register(&command, &registration).await?;
        self.ambient.audit_unknown(command.actor, &command.request, AuditAction::AccountRegistered);
        Ok(Account { user: registration.user, quota: Quota { total: quota_bytes, used: 0, reserved: 0 } })
    }

    /// Begins a session for whoever knows the password. `name` is a user name or an e-mail address.
    ///
    /// # Errors
    /// `InvalidCredentials`, alike and in the same time for an unknown user and for a wrong password.
    pub async fn login(&self, request: RequestId, name: &str, password: &str, client: ClientInfo) -> Result<Login> {
        let Some(password) = Password::attempt(password) else {
            return Err(self.refuse(None, &request, LoginRefusal::ImpossiblePassword));
        };
        let Some(known) = self.users.find_credentials(&Handle::parse(name)).await? else {
            self.passwords.verify_nobody(&password).await?;
            return Err(self.refuse(None, &request, LoginRefusal::UnknownUser));
        };
        let actor = Actor { user: known.user, request, receipt: None };
        match self.passwords.verify(&password, &known.hash).await? {
            Verdict::Wrong => return Err(self.refuse(Some(known.user), &actor.request, LoginRefusal::WrongPassword)),
            Verdict::Right => {}
            Verdict::Outdated => {
                let hash = self.passwords.hash(&password).await?;
                self.users.rehash(&self.ambient.command(&actor), known.user, &known.hash, &hash).await?;
                self.ambient.audit(&actor, AuditAction::PasswordRehashed);
            }
        }
        self.start_session(&actor, client).await
    }

    /// What everybody is told who is not let in, whatever the reason, which only the audit trail learns.
    fn refuse(&self, user: Option<UserId>, request: &RequestId, reason: LoginRefusal) -> Error {
        self.ambient.audit_unknown(user, request, AuditAction::LoginRefused { reason });
        Error::Unauthenticated(Unauthenticated::InvalidCredentials)
    }

    async fn start_session(&self, actor: &Actor, client: ClientInfo) -> Result<Login> {
        let command = self.ambient.command(actor);
        let lifetime = self.settings.token_lifetime;
        let session = Session {
            id: self.ambient.id(),
            user: actor.user,
            created_at: command.at,
            expires_at: command.at.plus(lifetime),
            address: client.address,
            user_agent: client.user_agent.map(|agent| agent.chars().take(255).collect()),
        };
        self.sessions.start(&command, &session).await?;
        let claims = AccessClaims {
            token: self.ambient.id(),
            user: actor.user,
            session: session.id,
            issued_at: session.created_at,
            expires_at: session.expires_at,
        };
        let access_token = self.tokens.issue(&claims)?;
        self.ambient.audit(actor, AuditAction::LoggedIn { session: session.id });
        Ok(Login { access_token, lifetime })
    }

    /// Who calls with this access token.
    ///
    /// # Errors
    /// `TokenExpired`, `InvalidToken`; the latter also when its session has ended.
    pub async fn authenticate(&self, token: &str) -> Result<Identity> {
        let now = self.ambient.now();
        let claims = self.tokens.verify(token, now)?;
        let username = self.sessions.find_username(claims.session, claims.user, now).await?;
        let username = username.ok_or(Error::Unauthenticated(Unauthenticated::InvalidToken))?;
        Ok(Identity { user: claims.user, username, session: claims.session, expires_at: claims.expires_at })
    }

    /// The caller's own account.
    ///
    /// # Errors
    /// `NotFound` when it has just been deleted.
    pub async fn find(&self, actor: &Actor) -> Result<Account> {
        let home = self.drive.find_home(actor.user).await?.ok_or(Error::NotFound)?;
        Ok(home.account)
    }
}
