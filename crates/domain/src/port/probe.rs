use async_trait::async_trait;

use crate::error::Result;

/// A health check of one part of the system.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait Probe: Send + Sync {
    /// Performs the smallest operation that shows that the part works.
    ///
    /// # Errors
    /// [`Unavailable`](crate::Error::Unavailable) if it does not.
    async fn check(&self) -> Result<()>;
}
