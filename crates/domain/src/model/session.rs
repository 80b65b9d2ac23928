//! Sessions, to which all tokens belong.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use super::{ParseError, Random, Scopes, SessionId, Timestamp, TokenHash, TokenId, UserId};

/// A login session. Ending it invalidates every token that names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The identifier.
    pub id: SessionId,
    /// The user who logged in.
    pub user: UserId,
    /// When it began.
    pub created_at: Timestamp,
    /// When it expires.
    pub expires_at: Timestamp,
    /// The client address, if known.
    pub address: Option<String>,
    /// The user agent, as reported by the client; at most 255 characters.
    pub user_agent: Option<String>,
}

/// A running session, as shown to its user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActiveSession {
    /// The identifier.
    pub id: SessionId,
    /// When it began.
    pub created_at: Timestamp,
    /// When it began or was last refreshed.
    pub last_used_at: Timestamp,
    /// The client address at that time, if known.
    pub address: Option<String>,
    /// The user agent at that time, as reported by the client.
    pub user_agent: Option<String>,
}

/// A single-use token that refreshes a session: 256 random bits. Its `Debug` output is redacted.
#[derive(Clone, PartialEq, Eq)]
pub struct RefreshToken(Zeroizing<String>);

impl RefreshToken {
    /// The number of random bytes.
    const BYTES: usize = 32;

    /// Generates a new token.
    #[must_use]
    pub fn generate(random: &dyn Random) -> Self {
        let mut bytes = [0; Self::BYTES];
        random.fill(&mut bytes);
        Self(Zeroizing::new(URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// Parses a token.
    ///
    /// # Errors
    /// The rule that `text` breaks.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        // Check the length first, so that arbitrarily long input is neither decoded nor hashed.
        let fits = text.len() == 43 && URL_SAFE_NO_PAD.decode(text).is_ok_and(|bytes| bytes.len() == Self::BYTES);
        fits.then(|| Self(Zeroizing::new(text.to_owned()))).ok_or(ParseError::new("must be 43 characters of base64url"))
    }

    /// The token in clear, for the client.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The hash under which the token is found; nothing else of it is stored.
    #[must_use]
    pub fn hash(&self) -> TokenHash {
        TokenHash::new(&self.0)
    }
}

impl fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RefreshToken(…)")
    }
}

/// The claims of an access token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccessClaims {
    /// The token's identifier.
    pub token: TokenId,
    /// The user.
    pub user: UserId,
    /// The session.
    pub session: SessionId,
    /// What the token allows.
    pub scopes: Scopes,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// When it expires.
    pub expires_at: Timestamp,
}

/// The authenticated caller, proven by an access token and its session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The user.
    pub user: UserId,
    /// The user's name.
    pub username: String,
    /// The session.
    pub session: SessionId,
    /// What the token allows.
    pub scopes: Scopes,
    /// When the token expires.
    pub expires_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Only(u8);

    impl Random for Only {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(self.0);
        }
    }

    #[test]
    fn a_refresh_token_encodes_all_random_bytes() {
        let token = RefreshToken::generate(&Only(0xFF));
        assert_eq!(token.expose(), "__________________________________________8");
        assert_eq!(RefreshToken::parse(token.expose()), Ok(token.clone()));
        assert_ne!(token.hash(), RefreshToken::generate(&Only(0xFE)).hash());
        for text in ["", "short", &"_".repeat(44), &"=".repeat(43), &"é".repeat(21), &"_".repeat(1_000_000)] {
            assert!(RefreshToken::parse(text).is_err(), "{text:.50}");
        }
    }

    #[test]
    fn debug_output_hides_refresh_tokens() {
        let token = RefreshToken::generate(&Only(7));
        assert_eq!(format!("{token:?} {:?}", token.hash()), "RefreshToken(…) TokenHash(…)");
    }
}
