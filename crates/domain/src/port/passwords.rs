use async_trait::async_trait;

use crate::error::Result;
use crate::model::{Password, PasswordHash};

/// What comparing a password with a hash tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is another password.
    Wrong,
    /// It is that password.
    Right,
    /// It is that password, and the hash is weaker than what [`Passwords::hash`] makes today: replace it.
    Outdated,
}

/// Hashing of passwords. It is slow by design: an implementation MUST bound how much of it runs at once.
///
/// # Errors
/// Every method answers [`Unavailable`](crate::Error::Unavailable) when too much of it waits already.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait Passwords: Send + Sync {
    /// Hashes `password` with a salt of its own: the same password MUST have another hash each time.
    async fn hash(&self, password: &Password) -> Result<PasswordHash>;

    /// Compares `password` with `hash`. A hash that cannot be read is [`Verdict::Wrong`].
    async fn verify(&self, password: &Password, hash: &PasswordHash) -> Result<Verdict>;

    /// Takes as long as [`verify`](Self::verify) takes, for a user who does not exist.
    async fn verify_nobody(&self, password: &Password) -> Result<()>;
}
