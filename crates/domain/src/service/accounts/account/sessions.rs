//! Login, token refresh, logout and session management.

use std::net::IpAddr;

use super::{Accounts, Login, SessionPage};
use crate::error::{Error, Result, Unauthenticated};
use crate::model::{
    AccessClaims, Actor, AuditAction, Bucket, BucketKind, Credentials, Handle, Identity, Limit, LoginRefusal,
    LoginSubject, Network, Origin, Page, Password, RefreshToken, Scope, Scopes, Session, SessionId, SessionPosition,
    Timestamp, UserId,
};
use crate::port::{Opened, Renewal, Rotation, TokenOwner, Verdict};

impl Accounts {
    /// Starts a session after verifying the password. `name` is a user name or an e-mail address.
    ///
    /// # Errors
    /// `InvalidCredentials`, with the same answer and timing for an unknown user, a wrong password and a disabled
    /// account; `RateLimited`, likewise the same for all of them.
    pub async fn login(&self, origin: Origin, name: &str, password: &str) -> Result<Login> {
        let Some(password) = Password::attempt(password) else {
            return Err(self.refuse(None, &origin, LoginRefusal::ImpossiblePassword));
        };
        let handle = Handle::parse(name);
        // Looked up even past the limit: an account's user name and e-mail address share one set of attempts.
        let known = self.ports.users.find_credentials(&handle).await?;
        let taken = self.admit(&origin, &handle, known.as_ref()).await?;
        let outcome = self.prove(&origin, known, &password).await;
        // Only wrong credentials count: if the password was right or verification never ran, return the attempt.
        if !matches!(outcome, Err(Error::Unauthenticated(_))) {
            self.throttling.give_back(&taken).await?;
        }
        let known = outcome?;
        let begun = self.start_session(&known, &origin).await;
        begun.map_err(|fault| match fault {
            // The password was changed, or the account disabled, during verification.
            Error::NotFound => self.refuse(Some(known.user), &origin, LoginRefusal::WrongPassword),
            other => other,
        })
    }

    /// Takes a login attempt for `handle` from the client's address; returns the buckets that it was taken from.
    ///
    /// When the account's bucket is empty, a user who already has a session from the same network may still log in, so
    /// that distributed guessing does not lock them out.
    async fn admit(&self, origin: &Origin, handle: &Handle, known: Option<&Credentials>) -> Result<Vec<Bucket>> {
        let (now, network) = (self.ambient.now(), Network::of(origin.client.address));
        let unknown = || LoginSubject::Unknown(handle.clone());
        let subject = known.map_or_else(unknown, |known| LoginSubject::Account(known.user));
        let of_account = Bucket::LoginOfAccount(subject.clone());
        let own = vec![Bucket::LoginsOfAddress(network), Bucket::LoginFromAddress(subject, network)];
        let all = [own.clone(), vec![of_account]].concat();
        let refusal = match self.throttling.take(&all, now).await {
            Ok(()) => return Ok(all),
            Err(refusal) => refusal,
        };
        let of_account = matches!(refusal, Error::RateLimited { bucket: BucketKind::LoginOfAccount, .. });
        if of_account && self.is_known_at(handle, network, now).await? {
            self.throttling.take(&own, now).await?;
            return Ok(own);
        }
        if matches!(refusal, Error::RateLimited { .. }) {
            self.ambient.audit_unknown(None, origin, AuditAction::LoginRefused { reason: LoginRefusal::Throttled });
        }
        Err(refusal)
    }

    /// Whether the user named by `handle`, if any, has a running session from `network`.
    async fn is_known_at(&self, handle: &Handle, network: Network, now: Timestamp) -> Result<bool> {
        let addresses = self.ports.sessions.find_addresses(handle, now).await?;
        let mut known = addresses.iter().filter_map(|text| text.parse().ok());
        Ok(known.any(|address: IpAddr| Network::of(Some(address)) == network))
    }

    /// Verifies the password and returns its owner's credentials. Replaces an outdated hash.
    async fn prove(&self, origin: &Origin, known: Option<Credentials>, password: &Password) -> Result<Credentials> {
        let Some(known) = known else {
            self.ports.passwords.verify_unknown(password).await?;
            return Err(self.refuse(None, origin, LoginRefusal::UnknownUser));
        };
        match self.ports.passwords.verify(password, &known.hash).await? {
            Verdict::Wrong => Err(self.refuse(Some(known.user), origin, LoginRefusal::WrongPassword)),
            Verdict::Right | Verdict::Outdated if known.disabled => {
                Err(self.refuse(Some(known.user), origin, LoginRefusal::Disabled))
            }
            Verdict::Right => Ok(known),
            Verdict::Outdated => {
                let hash = self.ports.passwords.hash(password).await?;
                let command = self.ambient.command_of(known.user, origin);
                self.ports.users.rehash(&command, known.user, &known.hash, &hash).await?;
                self.ambient.audit_unknown(command.actor, origin, AuditAction::PasswordRehashed);
                Ok(known)
            }
        }
    }

    /// The error for every refused login, whatever the reason; the reason goes only to the audit trail.
    fn refuse(&self, user: Option<UserId>, origin: &Origin, reason: LoginRefusal) -> Error {
        self.ambient.audit_unknown(user, origin, AuditAction::LoginRefused { reason });
        Error::Unauthenticated(Unauthenticated::InvalidCredentials)
    }

    async fn start_session(&self, known: &Credentials, origin: &Origin) -> Result<Login> {
        let (user, generation) = (known.user, known.generation);
        let command = self.ambient.command_of(user, origin);
        let session = Session {
            id: self.ambient.id(),
            user,
            created_at: command.at,
            expires_at: self.session_end(command.at),
            address: origin.client.stored_address(),
            user_agent: origin.client.stored_user_agent(),
        };
        let refresh_token = self.ambient.refresh_token();
        let opened = Opened { session, token: refresh_token.hash(), generation };
        self.ports.sessions.start(&command, &opened).await?;
        let login = self.issue(user, opened.session.id, command.at, refresh_token)?;
        self.ambient.audit_unknown(command.actor, origin, AuditAction::LoggedIn { session: opened.session.id });
        Ok(login)
    }

    /// When a session last used at `now` ends.
    fn session_end(&self, now: Timestamp) -> Timestamp {
        now.plus(self.settings.session_lifetime.max(self.settings.token_lifetime))
    }

    fn issue(&self, user: UserId, session: SessionId, now: Timestamp, refresh_token: RefreshToken) -> Result<Login> {
        let lifetime = self.settings.token_lifetime;
        let token = self.ambient.id();
        let scopes = Scopes::full();
        let claims = AccessClaims { token, user, session, scopes, issued_at: now, expires_at: now.plus(lifetime) };
        Ok(Login { access_token: self.ports.tokens.issue(&claims)?, refresh_token, lifetime })
    }

    /// Renews a session: exchanges a refresh token for an access token and the next refresh token. A used token is
    /// accepted again for a short grace period, since two tabs may send it at once or a response may be lost. Reuse
    /// after that ends the session, since the token has leaked.
    ///
    /// # Errors
    /// `InvalidRefreshToken`, whatever is wrong with the token.
    pub async fn refresh(&self, origin: Origin, token: &str) -> Result<Login> {
        let invalid = || Error::Unauthenticated(Unauthenticated::InvalidRefreshToken);
        let presented = RefreshToken::parse(token).ok_or_else(invalid)?.hash();
        let TokenOwner { session, user } = self.ports.sessions.find_by_token(&presented).await?.ok_or_else(invalid)?;
        let command = self.ambient.command_of(user, &origin);
        let next = self.ambient.refresh_token();
        let renewal = Renewal {
            presented,
            next: next.hash(),
            expires_at: self.session_end(command.at),
            grace: self.settings.refresh_grace,
            address: origin.client.stored_address(),
            user_agent: origin.client.stored_user_agent(),
        };
        match self.ports.sessions.refresh(&command, &renewal).await? {
            Rotation::Reused => {
                self.ambient.audit_unknown(Some(user), &origin, AuditAction::SessionReused { session });
                Err(invalid())
            }
            Rotation::Renewed => {
                let login = self.issue(user, session, command.at, next)?;
                self.ambient.audit_unknown(Some(user), &origin, AuditAction::SessionRefreshed { session });
                Ok(login)
            }
        }
    }

    /// Ends the session of a refresh token, even a used one. Idempotent: an unknown token or an ended session succeeds
    /// too, so the outcome reveals nothing.
    pub async fn logout(&self, origin: Origin, token: &str) -> Result<()> {
        let Some(token) = RefreshToken::parse(token) else {
            return Ok(());
        };
        let Some(TokenOwner { session, user }) = self.ports.sessions.find_by_token(&token.hash()).await? else {
            return Ok(());
        };
        match self.ports.sessions.end(&self.ambient.command_of(user, &origin), session, user).await {
            Ok(()) => self.ambient.audit_unknown(Some(user), &origin, AuditAction::LoggedOut { session }),
            Err(Error::NotFound) => {}
            Err(other) => return Err(other),
        }
        Ok(())
    }

    /// The caller's running sessions, newest first.
    pub async fn list_sessions(
        &self,
        actor: &Actor,
        after: Option<SessionPosition>,
        limit: Limit,
    ) -> Result<SessionPage> {
        actor.require(Scope::Account)?;
        let rows = self.ports.sessions.list(actor.user, self.ambient.now(), after, limit).await?;
        Ok(Page::cut(rows, limit, |session| SessionPosition { at: session.created_at, id: session.id }))
    }

    /// Ends one of the caller's sessions.
    ///
    /// # Errors
    /// `NotFound` when the caller has no such running session.
    pub async fn end_session(&self, actor: &Actor, session: SessionId) -> Result<()> {
        actor.require(Scope::Account)?;
        self.ports.sessions.end(&self.ambient.command(actor)?, session, actor.user).await?;
        self.ambient.audit(actor, AuditAction::SessionEnded { session });
        Ok(())
    }

    /// Verifies an access token. Its session may have ended: see [`authenticate`](Self::authenticate).
    ///
    /// # Errors
    /// `TokenExpired`, `InvalidToken`.
    pub fn verify(&self, token: &str) -> Result<AccessClaims> {
        self.ports.tokens.verify(token, self.ambient.now())
    }

    /// Resolves the claims of an access token to its user.
    ///
    /// # Errors
    /// `InvalidToken` when its session has ended.
    pub async fn authenticate(&self, claims: AccessClaims) -> Result<Identity> {
        let username = self.ports.sessions.find_username(claims.session, claims.user, self.ambient.now()).await?;
        let username = username.ok_or(Error::Unauthenticated(Unauthenticated::InvalidToken))?;
        let AccessClaims { user, session, scopes, expires_at, .. } = claims;
        Ok(Identity { user, username, session, scopes, expires_at })
    }

    /// Whether the session is still running, regardless of the age of its access tokens.
    pub async fn is_running(&self, user: UserId, session: SessionId) -> Result<bool> {
        Ok(self.ports.sessions.find_username(session, user, self.ambient.now()).await?.is_some())
    }
}
