use async_trait::async_trait;

use crate::error::Result;

/// The keys stored beside names: see [`OrderKey`](crate::model::OrderKey).
///
/// ```
/// use clouddrive_domain::Result;
/// use clouddrive_domain::port::NameKeyRepository;
///
/// /// Brings all keys up to date.
/// async fn refresh(names: &dyn NameKeyRepository) -> Result<()> {
///     while names.refresh(1000).await? == 1000 {}
///     Ok(())
/// }
/// ```
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait NameKeyRepository: Send + Sync {
    /// Computes the keys of up to `max` names that lack keys of this [version](crate::model::NAME_KEYS_VERSION), in
    /// one short transaction, and returns the number: fewer than `max` when none are left. Such names were, or still
    /// are, written by older server versions. Callers may run concurrently. Other fields of the nodes, including the
    /// revision, MUST NOT change.
    async fn refresh(&self, max: u32) -> Result<u32>;
}
