use async_trait::async_trait;

use crate::error::Result;

/// A health check of one part of the system.
///
/// ```
/// use clouddrive_domain::port::Probe;
///
/// /// The names of the parts that do not work.
/// async fn broken<'a>(parts: &[(&'a str, &dyn Probe)]) -> Vec<&'a str> {
///     let mut broken = Vec::new();
///     for (name, probe) in parts {
///         if probe.check().await.is_err() {
///             broken.push(*name);
///         }
///     }
///     broken
/// }
/// ```
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait Probe: Send + Sync {
    /// Performs the smallest operation that shows that the part works.
    ///
    /// # Errors
    /// [`Unavailable`](crate::Error::Unavailable) if it does not.
    async fn check(&self) -> Result<()>;
}
