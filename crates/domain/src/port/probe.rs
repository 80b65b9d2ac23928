use async_trait::async_trait;

use crate::error::Result;

/// A part of the system that can tell whether it works.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait Probe: Send + Sync {
    /// Does the least that shows that the part works.
    ///
    /// # Errors
    /// [`Unavailable`](crate::Error::Unavailable) when it does not.
    async fn check(&self) -> Result<()>;
}
