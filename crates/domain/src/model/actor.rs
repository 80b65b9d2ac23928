//! Callers: who acts, what authenticated them, and what that allows them.

use std::net::IpAddr;

use super::{IdempotencyRecord, ParseError, RequestId, SessionId, UserId};
use crate::error::{Error, Forbidden, Result, Unauthenticated};

/// The longest stored user agent, in characters.
const MAX_USER_AGENT: usize = 255;

/// What a credential may be used for, whatever the role of its user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scope {
    /// See, list, search and download.
    Read,
    /// Change files, folders, shares and links.
    Write,
    /// Manage the account itself: its e-mail address, password and sessions.
    Account,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 3] = [Self::Read, Self::Write, Self::Account];

    /// The stable word for the scope.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Account => "account",
        }
    }

    /// Parses a stable word.
    ///
    /// # Errors
    /// If it is that of no scope.
    pub fn parse(word: &str) -> Result<Self, ParseError> {
        let known = Self::ALL.into_iter().find(|scope| scope.as_str() == word);
        known.ok_or(ParseError::new("must be a scope"))
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// A set of scopes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Scopes(u8);

impl Scopes {
    /// All scopes: those of a user who has logged in.
    #[must_use]
    pub fn full() -> Self {
        Scope::ALL.into_iter().collect()
    }

    /// Whether `scope` is among them.
    #[must_use]
    pub const fn contains(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// The scopes of the set, in the order of [`Scope::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.contains(*scope))
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |bits, scope| bits | scope.bit()))
    }
}

/// What authenticated a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Credential {
    /// An access token of this session.
    Session(SessionId),
    /// The program that embeds the services has authenticated the user itself.
    Embedder,
}

/// What is known about the client that sent a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientInfo {
    /// Its IP address.
    pub address: Option<IpAddr>,
    /// Its `User-Agent`.
    pub user_agent: Option<String>,
}

impl ClientInfo {
    /// The address as stored.
    #[must_use]
    pub fn stored_address(&self) -> Option<String> {
        self.address.map(|address| address.to_string())
    }

    /// The user agent as stored: at most 255 characters.
    #[must_use]
    pub fn stored_user_agent(&self) -> Option<String> {
        self.user_agent.as_ref().map(|agent| agent.chars().take(MAX_USER_AGENT).collect())
    }
}

/// Where an action comes from: the request and the client that sent it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The request.
    pub request: RequestId,
    /// The client.
    pub client: ClientInfo,
}

/// A request of an unknown client, or of the server itself.
impl From<RequestId> for Origin {
    fn from(request: RequestId) -> Self {
        Self { request, client: ClientInfo::default() }
    }
}

/// The user on whose behalf a service acts, and the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The user.
    pub user: UserId,
    /// What authenticated the user.
    pub credential: Credential,
    /// What the credential allows.
    pub scopes: Scopes,
    /// The request and its client.
    pub origin: Origin,
    /// The idempotency record that makes the request idempotent, if any.
    pub idempotency_record: Option<IdempotencyRecord>,
}

impl Actor {
    /// A user authenticated by the program that embeds the services, with every scope.
    #[must_use]
    pub fn embedded(user: UserId, request: RequestId) -> Self {
        let (credential, scopes) = (Credential::Embedder, Scopes::full());
        Self { user, credential, scopes, origin: request.into(), idempotency_record: None }
    }

    /// The session that the credential belongs to, for what is to end with it.
    ///
    /// # Errors
    /// [`Unauthenticated::InvalidToken`] for a credential without a session.
    pub const fn session(&self) -> Result<SessionId> {
        match self.credential {
            Credential::Session(session) => Ok(session),
            Credential::Embedder => Err(Error::Unauthenticated(Unauthenticated::InvalidToken)),
        }
    }

    /// Checks that the credential allows `scope`.
    ///
    /// # Errors
    /// [`Forbidden::Scope`].
    pub const fn require(&self, scope: Scope) -> Result<()> {
        if self.scopes.contains(scope) { Ok(()) } else { Err(Error::Forbidden(Forbidden::Scope(scope))) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scope_has_its_own_word() {
        for scope in Scope::ALL {
            assert_eq!(Scope::parse(scope.as_str()), Ok(scope));
        }
        for word in ["", "READ", "admin"] {
            assert!(Scope::parse(word).is_err(), "{word}");
        }
    }

    #[test]
    fn a_set_contains_exactly_its_scopes() {
        for scope in Scope::ALL {
            let only: Scopes = [scope].into_iter().collect();
            assert_eq!(only.iter().collect::<Vec<_>>(), [scope]);
            assert!(Scopes::full().contains(scope));
            assert!(!Scopes::from_iter([]).contains(scope));
        }
    }

    #[test]
    fn a_long_user_agent_is_cut() {
        let client = ClientInfo { address: None, user_agent: Some("ä".repeat(300)) };
        assert_eq!(client.stored_user_agent(), Some("ä".repeat(255)));
        assert_eq!(ClientInfo::default().stored_user_agent(), None);
    }
}
