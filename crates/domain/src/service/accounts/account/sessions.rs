//! Login, token refresh, logout and session management.

use std::net::IpAddr;

use super::{AccountService, Login, SessionPage};
use crate::error::{Error, Result, Unauthenticated};
use crate::model::{
    AccessClaims, Actor, AuditAction, Bucket, BucketKind, ClientSubnet, Credentials, Identity, Limit, LoginIdentifier,
    LoginRefusal, LoginSubject, Origin, Page, Password, RefreshToken, Scope, Scopes, Session, SessionId,
    SessionPosition, Timestamp, UserId,
};
use crate::port::{NewSession, PasswordCheck, RotationOutcome, TokenOwner, TokenRotation};

impl AccountService {
    /// Starts a session after verifying the password. `name` is a user name or an e-mail address.
    ///
    /// Calls `UserRepository::find_credentials`, `ThrottleRepository::take`, `SessionRepository::find_addresses`,
    /// `Passwords::verify_unknown`, `Passwords::verify`, `Passwords::hash`, `UserRepository::rehash`,
    /// `ThrottleRepository::give_back`, `SessionRepository::start` and `Tokens::issue`.
    ///
    /// # Errors
    /// `InvalidCredentials`, with the same answer and timing for an unknown user, a wrong password and a disabled
    /// account; `RateLimited`, likewise the same for all of them.
    pub async fn login(&self, origin: Origin, name: &str, password: &str) -> Result<Login> {
        let Some(password) = Password::attempt(password) else {
            return Err(self.refuse(None, &origin, LoginRefusal::ImpossiblePassword));
        };
        let identifier = LoginIdentifier::parse(name);
        // Looked up even past the limit: an account's user name and e-mail address share one set of attempts.
        let known = self.ports.users.find_credentials(&identifier).await?;
        let taken = self.admit(&origin, &identifier, known.as_ref()).await?;
        let outcome = self.prove(&origin, known, &password).await;
        // Only wrong credentials count: if the password was right or verification never ran, return the attempt.
        if !matches!(outcome, Err(Error::Unauthenticated(_))) {
            self.throttling.give_back(&taken).await?;
        }
        let known = outcome?;
        let begun = self.start_session(&known, &origin).await;
        begun.map_err(|error| match error {
            // The password was changed, or the account disabled, during verification.
            Error::NotFound => self.refuse(Some(known.user), &origin, LoginRefusal::WrongPassword),
            other => other,
        })
    }

    /// Takes a login attempt for `identifier` from the client's address; returns the buckets that it was taken from.
    ///
    /// When the account's bucket is empty, a user who already has a session from the same network may still log in, so
    /// that distributed guessing does not lock them out.
    async fn admit(
        &self,
        origin: &Origin,
        identifier: &LoginIdentifier,
        known: Option<&Credentials>,
    ) -> Result<Vec<Bucket>> {
        let (now, subnet) = (self.context.now(), ClientSubnet::from_address(origin.client.address));
        let unknown = || LoginSubject::Unknown(identifier.clone());
        let subject = known.map_or_else(unknown, |known| LoginSubject::Account(known.user));
        let of_account = Bucket::LoginOfAccount(subject.clone());
        let own = vec![Bucket::LoginsOfAddress(subnet), Bucket::LoginFromAddress(subject, subnet)];
        let all = [own.clone(), vec![of_account]].concat();
        let refusal = match self.throttling.take(&all, now).await {
            Ok(()) => return Ok(all),
            Err(refusal) => refusal,
        };
        let of_account = matches!(refusal, Error::RateLimited { bucket: BucketKind::LoginOfAccount, .. });
        if of_account && self.is_known_at(identifier, subnet, now).await? {
            self.throttling.take(&own, now).await?;
            return Ok(own);
        }
        if matches!(refusal, Error::RateLimited { .. }) {
            self.context.audit_anonymous(None, origin, AuditAction::LoginRefused { reason: LoginRefusal::Throttled });
        }
        Err(refusal)
    }

    /// Whether the user named by `identifier`, if any, has a running session from `subnet`.
    async fn is_known_at(&self, identifier: &LoginIdentifier, subnet: ClientSubnet, now: Timestamp) -> Result<bool> {
        let addresses = self.ports.sessions.find_addresses(identifier, now).await?;
        let mut known = addresses.iter().filter_map(|text| text.parse().ok());
        Ok(known.any(|address: IpAddr| ClientSubnet::from_address(Some(address)) == subnet))
    }

    /// Verifies the password and returns its owner's credentials. Replaces an outdated hash.
    async fn prove(&self, origin: &Origin, known: Option<Credentials>, password: &Password) -> Result<Credentials> {
        let Some(known) = known else {
            self.ports.passwords.verify_unknown(password).await?;
            return Err(self.refuse(None, origin, LoginRefusal::UnknownUser));
        };
        match self.ports.passwords.verify(password, &known.hash).await? {
            PasswordCheck::Wrong => Err(self.refuse(Some(known.user), origin, LoginRefusal::WrongPassword)),
            PasswordCheck::Right | PasswordCheck::Outdated if known.disabled => {
                Err(self.refuse(Some(known.user), origin, LoginRefusal::Disabled))
            }
            PasswordCheck::Right => Ok(known),
            PasswordCheck::Outdated => {
                let hash = self.ports.passwords.hash(password).await?;
                let command = self.context.command_of(known.user, origin);
                self.ports.users.rehash(&command, known.user, &known.hash, &hash).await?;
                self.context.audit_anonymous(command.actor, origin, AuditAction::PasswordRehashed);
                Ok(known)
            }
        }
    }

    /// The error for every refused login, whatever the reason; the reason goes only to the audit trail.
    fn refuse(&self, user: Option<UserId>, origin: &Origin, reason: LoginRefusal) -> Error {
        self.context.audit_anonymous(user, origin, AuditAction::LoginRefused { reason });
        Error::Unauthenticated(Unauthenticated::InvalidCredentials)
    }

    async fn start_session(&self, known: &Credentials, origin: &Origin) -> Result<Login> {
        let (user, generation) = (known.user, known.generation);
        let command = self.context.command_of(user, origin);
        let session = Session {
            id: self.context.id(),
            user,
            created_at: command.at,
            expires_at: self.session_end(command.at),
            address: origin.client.stored_address(),
            user_agent: origin.client.stored_user_agent(),
        };
        let refresh_token = self.context.refresh_token();
        let new_session = NewSession { session, token: refresh_token.hash(), generation };
        self.ports.sessions.start(&command, &new_session).await?;
        let login = self.issue(user, new_session.session.id, command.at, refresh_token)?;
        self.context.audit_anonymous(command.actor, origin, AuditAction::LoggedIn { session: new_session.session.id });
        Ok(login)
    }

    /// When a session last used at `now` ends.
    fn session_end(&self, now: Timestamp) -> Timestamp {
        now.plus(self.settings.session_lifetime.max(self.settings.token_lifetime))
    }

    fn issue(&self, user: UserId, session: SessionId, now: Timestamp, refresh_token: RefreshToken) -> Result<Login> {
        let lifetime = self.settings.token_lifetime;
        let token = self.context.id();
        let scopes = Scopes::full();
        let claims = AccessClaims { token, user, session, scopes, issued_at: now, expires_at: now.plus(lifetime) };
        Ok(Login { access_token: self.ports.tokens.issue(&claims)?, refresh_token, lifetime })
    }

    /// Renews a session: exchanges a refresh token for an access token and the next refresh token. A used token is
    /// accepted again for a short grace period, since two tabs may send it at once or a response may be lost. Reuse
    /// after that ends the session, since the token has leaked.
    ///
    /// Calls `SessionRepository::find_by_token`, `SessionRepository::refresh` and `Tokens::issue`.
    ///
    /// # Errors
    /// `InvalidRefreshToken`, whatever is wrong with the token.
    pub async fn refresh(&self, origin: Origin, token: &str) -> Result<Login> {
        let invalid = || Error::Unauthenticated(Unauthenticated::InvalidRefreshToken);
        let presented = RefreshToken::parse(token).map_err(|_| invalid())?.hash();
        let TokenOwner { session, user } = self.ports.sessions.find_by_token(&presented).await?.ok_or_else(invalid)?;
        let command = self.context.command_of(user, &origin);
        let next = self.context.refresh_token();
        let rotation = TokenRotation {
            presented,
            next: next.hash(),
            expires_at: self.session_end(command.at),
            grace: self.settings.refresh_grace,
            address: origin.client.stored_address(),
            user_agent: origin.client.stored_user_agent(),
        };
        match self.ports.sessions.refresh(&command, &rotation).await? {
            RotationOutcome::Reused => {
                self.context.audit_anonymous(Some(user), &origin, AuditAction::SessionReused { session });
                Err(invalid())
            }
            RotationOutcome::Renewed => {
                let login = self.issue(user, session, command.at, next)?;
                self.context.audit_anonymous(Some(user), &origin, AuditAction::SessionRefreshed { session });
                Ok(login)
            }
        }
    }

    /// Ends the session of a refresh token, even a used one. Idempotent: an unknown token or an ended session succeeds
    /// too, so the outcome reveals nothing.
    ///
    /// Calls `SessionRepository::find_by_token` and `SessionRepository::end`.
    pub async fn logout(&self, origin: Origin, token: &str) -> Result<()> {
        let Ok(token) = RefreshToken::parse(token) else {
            return Ok(());
        };
        let Some(TokenOwner { session, user }) = self.ports.sessions.find_by_token(&token.hash()).await? else {
            return Ok(());
        };
        match self.ports.sessions.end(&self.context.command_of(user, &origin), session, user).await {
            Ok(()) => self.context.audit_anonymous(Some(user), &origin, AuditAction::LoggedOut { session }),
            Err(Error::NotFound) => {}
            Err(other) => return Err(other),
        }
        Ok(())
    }

    /// The caller's running sessions, newest first.
    ///
    /// Calls `SessionRepository::list`.
    pub async fn list_sessions(
        &self,
        actor: &Actor,
        after: Option<SessionPosition>,
        limit: Limit,
    ) -> Result<SessionPage> {
        actor.require(Scope::Account)?;
        let rows = self.ports.sessions.list(actor.user, self.context.now(), after, limit).await?;
        Ok(Page::cut(rows, limit, |session| SessionPosition { at: session.created_at, id: session.id }))
    }

    /// Ends one of the caller's sessions.
    ///
    /// Calls `SessionRepository::end`.
    ///
    /// # Errors
    /// `NotFound` when the caller has no such running session.
    pub async fn end_session(&self, actor: &Actor, session: SessionId) -> Result<()> {
        self.ports.sessions.end(&self.context.account_command(actor)?, session, actor.user).await?;
        self.context.audit(actor, AuditAction::SessionEnded { session });
        Ok(())
    }

    /// Verifies an access token. Its session may have ended: see [`authenticate`](Self::authenticate).
    ///
    /// Calls `Tokens::verify`.
    ///
    /// # Errors
    /// `TokenExpired`, `InvalidToken`.
    pub fn verify(&self, token: &str) -> Result<AccessClaims> {
        self.ports.tokens.verify(token, self.context.now())
    }

    /// Resolves the claims of an access token to its user.
    ///
    /// Calls `SessionRepository::find_username`.
    ///
    /// # Errors
    /// `InvalidToken` when its session has ended.
    pub async fn authenticate(&self, claims: AccessClaims) -> Result<Identity> {
        let username = self.ports.sessions.find_username(claims.session, claims.user, self.context.now()).await?;
        let username = username.ok_or(Error::Unauthenticated(Unauthenticated::InvalidToken))?;
        let AccessClaims { user, session, scopes, expires_at, .. } = claims;
        Ok(Identity { user, username, session, scopes, expires_at })
    }

    /// Whether the session is still running, regardless of the age of its access tokens.
    ///
    /// Calls `SessionRepository::find_username`.
    pub async fn is_session_active(&self, user: UserId, session: SessionId) -> Result<bool> {
        Ok(self.ports.sessions.find_username(session, user, self.context.now()).await?.is_some())
    }
}
