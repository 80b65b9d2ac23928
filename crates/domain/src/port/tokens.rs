use crate::error::Result;
use crate::model::{AccessClaims, Timestamp};

/// Access tokens: signed claims that are verified without a look-up.
///
/// ```
/// use std::time::Duration;
///
/// use clouddrive_domain::Result;
/// use clouddrive_domain::model::{AccessClaims, Timestamp};
/// use clouddrive_domain::port::Tokens;
///
/// /// The same token, valid for another hour.
/// fn renew(tokens: &dyn Tokens, token: &str, now: Timestamp) -> Result<String> {
///     let claims = tokens.verify(token, now)?;
///     tokens.issue(&AccessClaims { issued_at: now, expires_at: now.plus(Duration::from_secs(3600)), ..claims })
/// }
/// ```
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
pub trait Tokens: Send + Sync {
    /// Signs `claims`. Times are kept to the second.
    fn issue(&self, claims: &AccessClaims) -> Result<String>;

    /// Verifies a token at `now` and returns its claims. The caller must check that its session is still running.
    ///
    /// # Errors
    /// [`Unauthenticated`](crate::Error::Unauthenticated): `TokenExpired` for a genuine token that has expired;
    /// `InvalidToken` for anything else that is not a genuine access token.
    fn verify(&self, token: &str, now: Timestamp) -> Result<AccessClaims>;
}
