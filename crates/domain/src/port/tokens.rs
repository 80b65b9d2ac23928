use crate::error::Result;
use crate::model::{AccessClaims, Timestamp};

/// Access tokens: signed statements that need no look-up to be read.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
pub trait Tokens: Send + Sync {
    /// Signs `claims`.
    fn issue(&self, claims: &AccessClaims) -> Result<String>;

    /// Reads a token back at `now`. That its session still runs is for the caller to check.
    ///
    /// # Errors
    /// [`Unauthenticated`](crate::Error::Unauthenticated): `TokenExpired` for a genuine token whose time ran out;
    /// `InvalidToken` for anything else that is not a genuine access token, however it deviates.
    fn verify(&self, token: &str, now: Timestamp) -> Result<AccessClaims>;
}
