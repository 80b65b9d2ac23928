//! Sessions: what stands behind every token.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{SessionId, Timestamp, TokenHash, TokenId, UserId};
use crate::port::Random;

/// What began with a login. Ending it ends every token that names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The identifier.
    pub id: SessionId,
    /// Who logged in.
    pub user: UserId,
    /// When.
    pub created_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Timestamp,
    /// From which address, as far as that is known.
    pub address: Option<String>,
    /// With which program, as it said of itself; at most 255 characters.
    pub user_agent: Option<String>,
}

/// A session that has not ended, as its user sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunningSession {
    /// The identifier.
    pub id: SessionId,
    /// When it began.
    pub created_at: Timestamp,
    /// When it began or was refreshed last.
    pub last_used_at: Timestamp,
    /// From which address that was, as far as it is known.
    pub address: Option<String>,
    /// With which program, as it said of itself.
    pub user_agent: Option<String>,
}

/// What a session goes on by: 256 random bits, good for one use. It prints as nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct RefreshToken(String);

impl RefreshToken {
    /// How many bytes of randomness it is made of.
    const BYTES: usize = 32;

    /// A token that nobody has seen yet.
    #[must_use]
    pub fn generate(random: &dyn Random) -> Self {
        let mut bytes = [0; Self::BYTES];
        random.fill(&mut bytes);
        Self(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Takes what somebody sent; none when it cannot be a token of ours.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        // Just so long, so that nobody has an endless text decoded and hashed.
        let fits = text.len() == 43 && URL_SAFE_NO_PAD.decode(text).is_ok_and(|bytes| bytes.len() == Self::BYTES);
        fits.then(|| Self(text.to_owned()))
    }

    /// The token itself, for whoever it is given to.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What it is found by, and all that is stored of it.
    #[must_use]
    pub fn hash(&self) -> TokenHash {
        TokenHash::of(&self.0)
    }
}

impl fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RefreshToken(…)")
    }
}

/// What an access token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccessClaims {
    /// The token itself.
    pub token: TokenId,
    /// Whose it is.
    pub user: UserId,
    /// The session that stands behind it.
    pub session: SessionId,
    /// When it was made.
    pub issued_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// Who calls: what an access token and the session behind it prove.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The user.
    pub user: UserId,
    /// The user's name.
    pub username: String,
    /// The session.
    pub session: SessionId,
    /// When the token ends.
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
    fn a_token_is_all_of_its_randomness_and_nothing_else_is_one() {
        let token = RefreshToken::generate(&Only(0xFF));
        assert_eq!(token.expose(), "__________________________________________8");
        assert_eq!(RefreshToken::parse(token.expose()), Some(token.clone()));
        assert_ne!(token.hash(), RefreshToken::generate(&Only(0xFE)).hash());
        for text in ["", "short", &"_".repeat(44), &"=".repeat(43), &"é".repeat(21), &"_".repeat(1_000_000)] {
            assert_eq!(RefreshToken::parse(text), None, "{text:.50}");
        }
    }

    #[test]
    fn tokens_print_as_nothing() {
        let token = RefreshToken::generate(&Only(7));
        assert_eq!(format!("{token:?} {:?}", token.hash()), "RefreshToken(…) TokenHash(…)");
    }
}
