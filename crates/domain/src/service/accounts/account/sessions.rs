//! Login, token refresh, logout and session management.

use std::net::IpAddr;

use super::{Accounts, ClientInfo, Login, SessionPage};
use crate::error::{Error, Result, Unauthenticated};
use crate::model::{
    AccessClaims, Actor, AuditAction, Bucket, BucketKind, Credentials, Handle, Identity, Limit, LoginRefusal,
    LoginSubject, Network, Page, Password, RefreshToken, RequestId, Session, SessionId, SessionPosition, Timestamp,
    UserId,
};
use crate::port::{Opened, Renewal, Rotation, TokenOwner, Verdict};

impl Accounts {
    /// Starts a session after verifying the password. `name` is a user name or an e-mail address.
    ///
    /// # Errors
    /// `InvalidCredentials`, with the same answer and timing for an unknown user, a wrong password and a disabled
    /// account; `RateLimited`, likewise the same for all of them.
    pub async fn login(&self, request: RequestId, name: &str, password: &str, client: ClientInfo) -> Result<Login> {
        let Some(password) = Password::attempt(password) else {
            return Err(self.refuse(None, &request, LoginRefusal::ImpossiblePassword));
        };
        let handle = Handle::parse(name);
        // Looked up even past the limit: an account's user name and e-mail address share one set of attempts.
        let known = self.users.find_credentials(&handle).await?;
        let taken = self.admit(&request, &handle, known.as_ref(), client.address).await?;
        let outcome = self.prove(&request, known, &password).await;
        // Only wrong credentials count: if the password was right or verification never ran, return the attempt.
        if !matches!(outcome, Err(Error::Unauthenticated(_))) {
            self.throttling.give_back(&taken).await?;
        }
        let known = outcome?;
        let actor = Actor { user: known.user, request, receipt: None };
        let begun = self.start_session(&actor, known.generation, client).await;
        begun.map_err(|fault| match fault {
            // The password was changed, or the account disabled, during verification.
            Error::NotFound => self.refuse(Some(known.user), &actor.request, LoginRefusal::WrongPassword),
            other => other,
        })
    }

    /// Takes a login attempt for `handle` from `address`; returns the buckets that it was taken from.
    ///
    /// When the account's bucket is empty, a user who already has a session from the same network may still log in, so
    /// that distributed guessing does not lock them out.
    async fn admit(
        &self,
        request: &RequestId,
        handle: &Handle,
        known: Option<&Credentials>,
        address: Option<IpAddr>,
    ) -> Result<Vec<Bucket>> {
        let (now, network) = (self.ambient.now(), Network::of(address));
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
            self.ambient.audit_unknown(None, request, AuditAction::LoginRefused { reason: LoginRefusal::Throttled });
        }
        Err(refusal)
    }

    /// Whether the user named by `handle`, if any, has a running session from `network`.
    async fn is_known_at(&self, handle: &Handle, network: Network, now: Timestamp) -> Result<bool> {
        let addresses = self.sessions.find_addresses(handle, now).await?;
        let mut known = addresses.iter().filter_map(|text| text.parse().ok());
        Ok(known.any(|address: IpAddr| Network::of(Some(address)) == network))
    }

    /// Verifies the password and returns its owner's credentials. Replaces an outdated hash.
    async fn prove(&self, request: &RequestId, known: Option<Credentials>, password: &Password) -> Result<Credentials> {
        let Some(known) = known else {
            self.passwords.verify_unknown(password).await?;
            return Err(self.refuse(None, request, LoginRefusal::UnknownUser));
        };
        match self.passwords.verify(password, &known.hash).await? {
            Verdict::Wrong => Err(self.refuse(Some(known.user), request, LoginRefusal::WrongPassword)),
            Verdict::Right | Verdict::Outdated if known.disabled => {
                Err(self.refuse(Some(known.user), request, LoginRefusal::Disabled))
            }
            Verdict::Right => Ok(known),
            Verdict::Outdated => {
                let actor = Actor { user: known.user, request: request.clone(), receipt: None };
                let hash = self.passwords.hash(password).await?;
                self.users.rehash(&self.ambient.command(&actor), known.user, &known.hash, &hash).await?;
                self.ambient.audit(&actor, AuditAction::PasswordRehashed);
                Ok(known)
            }
        }
    }

    /// The error for every refused login, whatever the reason; the reason goes only to the audit trail.
    fn refuse(&self, user: Option<UserId>, request: &RequestId, reason: LoginRefusal) -> Error {
        self.ambient.audit_unknown(user, request, AuditAction::LoginRefused { reason });
        Error::Unauthenticated(Unauthenticated::InvalidCredentials)
    }

    async fn start_session(&self, actor: &Actor, generation: u64, client: ClientInfo) -> Result<Login> {
        let command = self.ambient.command(actor);
        let session = Session {
            id: self.ambient.id(),
            user: actor.user,
            created_at: command.at,
            expires_at: self.session_end(command.at),
            address: client.address(),
            user_agent: client.agent(),
        };
        let refresh_token = self.ambient.refresh_token();
        let opened = Opened { session, token: refresh_token.hash(), generation };
        self.sessions.start(&command, &opened).await?;
        let login = self.issue(actor.user, opened.session.id, command.at, refresh_token)?;
        self.ambient.audit(actor, AuditAction::LoggedIn { session: opened.session.id });
        Ok(login)
    }

    /// When a session last used at `now` ends.
    fn session_end(&self, now: Timestamp) -> Timestamp {
        now.plus(self.settings.session_lifetime.max(self.settings.token_lifetime))
    }

    fn issue(&self, user: UserId, session: SessionId, now: Timestamp, refresh_token: RefreshToken) -> Result<Login> {
        let lifetime = self.settings.token_lifetime;
        let token = self.ambient.id();
        let claims = AccessClaims { token, user, session, issued_at: now, expires_at: now.plus(lifetime) };
        Ok(Login { access_token: self.tokens.issue(&claims)?, refresh_token, lifetime })
    }

    /// Renews a session: exchanges a refresh token for an access token and the next refresh token. A used token is
    /// accepted again for a short grace period, since two tabs may send it at once or a response may be lost. Reuse
    /// after that ends the session, since the token has leaked.
    ///
    /// # Errors
    /// `InvalidRefreshToken`, whatever is wrong with the token.
    pub async fn refresh(&self, request: RequestId, token: &str, client: ClientInfo) -> Result<Login> {
        let invalid = || Error::Unauthenticated(Unauthenticated::InvalidRefreshToken);
        let presented = RefreshToken::parse(token).ok_or_else(invalid)?.hash();
        let TokenOwner { session, user } = self.sessions.find_by_token(&presented).await?.ok_or_else(invalid)?;
        let actor = Actor { user, request, receipt: None };
        let command = self.ambient.command(&actor);
        let next = self.ambient.refresh_token();
        let renewal = Renewal {
            presented,
            next: next.hash(),
            expires_at: self.session_end(command.at),
            grace: self.settings.refresh_grace,
            address: client.address(),
            user_agent: client.agent(),
        };
        match self.sessions.refresh(&command, &renewal).await? {
            Rotation::Reused => {
                self.ambient.audit(&actor, AuditAction::SessionReused { session });
                Err(invalid())
            }
            Rotation::Renewed => {
                let login = self.issue(user, session, command.at, next)?;
                self.ambient.audit(&actor, AuditAction::SessionRefreshed { session });
                Ok(login)
            }
        }
    }

    /// Ends the session of a refresh token, even a used one. Idempotent: an unknown token or an ended session succeeds
    /// too, so the outcome reveals nothing.
    pub async fn logout(&self, request: RequestId, token: &str) -> Result<()> {
        let Some(token) = RefreshToken::parse(token) else {
            return Ok(());
        };
        let Some(TokenOwner { session, user }) = self.sessions.find_by_token(&token.hash()).await? else {
            return Ok(());
        };
        let actor = Actor { user, request, receipt: None };
        match self.sessions.end(&self.ambient.command(&actor), session, user).await {
            Ok(()) => self.ambient.audit(&actor, AuditAction::LoggedOut { session }),
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
        let rows = self.sessions.list(actor.user, self.ambient.now(), after, limit).await?;
        Ok(Page::cut(rows, limit, |session| SessionPosition { at: session.created_at, id: session.id }))
    }

    /// Ends one of the caller's sessions.
    ///
    /// # Errors
    /// `NotFound` when the caller has no such running session.
    pub async fn end_session(&self, actor: &Actor, session: SessionId) -> Result<()> {
        self.sessions.end(&self.ambient.command(actor), session, actor.user).await?;
        self.ambient.audit(actor, AuditAction::SessionEnded { session });
        Ok(())
    }

    /// Verifies an access token. Its session may have ended: see [`authenticate`](Self::authenticate).
    ///
    /// # Errors
    /// `TokenExpired`, `InvalidToken`.
    pub fn verify(&self, token: &str) -> Result<AccessClaims> {
        self.tokens.verify(token, self.ambient.now())
    }

    /// Resolves the claims of an access token to its user.
    ///
    /// # Errors
    /// `InvalidToken` when its session has ended.
    pub async fn authenticate(&self, claims: AccessClaims) -> Result<Identity> {
        let username = self.sessions.find_username(claims.session, claims.user, self.ambient.now()).await?;
        let username = username.ok_or(Error::Unauthenticated(Unauthenticated::InvalidToken))?;
        Ok(Identity { user: claims.user, username, session: claims.session, expires_at: claims.expires_at })
    }

    /// Whether the session is still running, regardless of the age of its access tokens.
    pub async fn is_running(&self, user: UserId, session: SessionId) -> Result<bool> {
        Ok(self.sessions.find_username(session, user, self.ambient.now()).await?.is_some())
    }
}
