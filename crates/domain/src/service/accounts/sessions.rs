//! Logging in, going on, and the end of sessions.

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
    /// Begins a session for whoever knows the password. `name` is a user name or an e-mail address.
    ///
    /// # Errors
    /// `InvalidCredentials`, alike and in the same time for an unknown user, for a wrong password and for an account that is
    /// disabled; `RateLimited`, alike for all of them too.
    pub async fn login(&self, request: RequestId, name: &str, password: &str, client: ClientInfo) -> Result<Login> {
        let Some(password) = Password::attempt(password) else {
            return Err(self.refuse(None, &request, LoginRefusal::ImpossiblePassword));
        };
        let handle = Handle::parse(name);
        // Looked up first, also past the limit: an account has the same attempts by its user name and by its address.
        let known = self.users.find_credentials(&handle).await?;
        let taken = self.admit(&request, &handle, known.as_ref(), client.address).await?;
        let outcome = self.prove(&request, known, &password).await;
        // Whoever knew the password has not guessed, nor has anybody who was not even heard.
        if !matches!(outcome, Err(Error::Unauthenticated(_))) {
            self.throttling.give_back(&taken).await?;
        }
        let known = outcome?;
        let actor = Actor { user: known.user, request, receipt: None };
        let begun = self.start_session(&actor, known.generation, client).await;
        begun.map_err(|fault| match fault {
            // Another password was set, or the account was disabled, while this one was being verified.
            Error::NotFound => self.refuse(Some(known.user), &actor.request, LoginRefusal::WrongPassword),
            other => other,
        })
    }

    /// Takes an attempt at logging in under `handle` from `address`: the buckets from which it came.
    ///
    /// Where many guess together, that takes nothing from who has a session at the very address already.
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

    /// Whether the user whom `handle` names, if any, has a session that runs in `network`.
    async fn is_known_at(&self, handle: &Handle, network: Network, now: Timestamp) -> Result<bool> {
        let addresses = self.sessions.find_addresses(handle, now).await?;
        let mut known = addresses.iter().filter_map(|text| text.parse().ok());
        Ok(known.any(|address: IpAddr| Network::of(Some(address)) == network))
    }

    /// Whose password it is. A weak hash of it is replaced.
    async fn prove(&self, request: &RequestId, known: Option<Credentials>, password: &Password) -> Result<Credentials> {
        let Some(known) = known else {
            self.passwords.verify_nobody(password).await?;
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

    /// What everybody is told who is not let in, whatever the reason, which only the audit trail learns.
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

    /// When a session ends that was used last at `now`.
    fn session_end(&self, now: Timestamp) -> Timestamp {
        now.plus(self.settings.session_lifetime.max(self.settings.token_lifetime))
    }

    fn issue(&self, user: UserId, session: SessionId, now: Timestamp, refresh_token: RefreshToken) -> Result<Login> {
        let lifetime = self.settings.token_lifetime;
        let token = self.ambient.id();
        let claims = AccessClaims { token, user, session, issued_at: now, expires_at: now.plus(lifetime) };
        Ok(Login { access_token: self.tokens.issue(&claims)?, refresh_token, lifetime })
    }

    /// Goes on with a session: gives an access token and the next refresh token for the one that came. For a short grace that
    /// one may come again: two tabs may send it at once, or an answer may be lost. One that comes later ends its session, since
    /// two have it.
    ///
    /// # Errors
    /// `InvalidRefreshToken`, whatever is wrong with it.
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

    /// Ends the session of a refresh token, also of one that was used up. It is well, too, when there is nothing to end:
    /// whoever logs out twice is logged out, and who sends something else learns nothing.
    ///
    /// # Errors
    /// None of its own.
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

    /// The caller's sessions that run, newest first.
    ///
    /// # Errors
    /// None of its own.
    pub async fn list_sessions(
        &self,
        actor: &Actor,
        after: Option<SessionPosition>,
        limit: Limit,
    ) -> Result<SessionPage> {
        let rows = self.sessions.list(actor.user, self.ambient.now(), after, limit).await?;
        Ok(Page::cut(rows, limit, |session| SessionPosition { at: session.created_at, id: session.id }))
    }

    /// Ends a session of the caller's.
    ///
    /// # Errors
    /// `NotFound` when the caller has no such session that runs.
    pub async fn end_session(&self, actor: &Actor, session: SessionId) -> Result<()> {
        self.sessions.end(&self.ambient.command(actor), session, actor.user).await?;
        self.ambient.audit(actor, AuditAction::SessionEnded { session });
        Ok(())
    }

    /// What a genuine access token says. Its session may have ended: [`authenticate`](Self::authenticate) tells.
    ///
    /// # Errors
    /// `TokenExpired`, `InvalidToken`.
    pub fn verify(&self, token: &str) -> Result<AccessClaims> {
        self.tokens.verify(token, self.ambient.now())
    }

    /// Who calls with an access token that says this.
    ///
    /// # Errors
    /// `InvalidToken` when its session has ended.
    pub async fn authenticate(&self, claims: AccessClaims) -> Result<Identity> {
        let username = self.sessions.find_username(claims.session, claims.user, self.ambient.now()).await?;
        let username = username.ok_or(Error::Unauthenticated(Unauthenticated::InvalidToken))?;
        Ok(Identity { user: claims.user, username, session: claims.session, expires_at: claims.expires_at })
    }

    /// Whether the session still runs, however old the access tokens are that name it.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn is_running(&self, user: UserId, session: SessionId) -> Result<bool> {
        Ok(self.sessions.find_username(session, user, self.ambient.now()).await?.is_some())
    }
}
