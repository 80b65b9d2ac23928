use async_trait::async_trait;

use crate::error::Result;
use crate::model::{Password, PasswordHash};

/// The result of verifying a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordCheck {
    /// The password is wrong.
    Wrong,
    /// The password is right.
    Right,
    /// The password is right, but the hash is weaker than those that [`Passwords::hash`] creates today: replace it.
    Outdated,
}

/// Password hashing. It is slow by design: an implementation MUST limit its concurrency.
///
/// # Errors
/// Every method returns [`Unavailable`](crate::Error::Unavailable) if too many calls are already waiting.
///
/// ```
/// use clouddrive_domain::Result;
/// use clouddrive_domain::model::{Password, PasswordHash};
/// use clouddrive_domain::port::{PasswordCheck, Passwords};
///
/// /// Takes equally long for a user that does not exist, who has no hash.
/// async fn is_right(passwords: &dyn Passwords, password: &Password, hash: Option<&PasswordHash>) -> Result<bool> {
///     let Some(hash) = hash else {
///         passwords.verify_unknown(password).await?;
///         return Ok(false);
///     };
///     Ok(passwords.verify(password, hash).await? != PasswordCheck::Wrong)
/// }
/// ```
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait Passwords: Send + Sync {
    /// Hashes `password` with a new salt: the same password MUST get a different hash each time. Every byte of the
    /// password MUST count, and the hash MUST NOT show it.
    async fn hash(&self, password: &Password) -> Result<PasswordHash>;

    /// Verifies `password` against `hash`. An unreadable hash is [`PasswordCheck::Wrong`].
    async fn verify(&self, password: &Password, hash: &PasswordHash) -> Result<PasswordCheck>;

    /// Takes as long as [`verify`](Self::verify), for a user that does not exist.
    async fn verify_unknown(&self, password: &Password) -> Result<()>;
}
