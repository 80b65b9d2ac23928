use async_trait::async_trait;

use crate::error::Result;

/// The keys that are stored beside names: see [`OrderKey`](crate::model::OrderKey).
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait NameKeys: Send + Sync {
    /// Computes the keys of up to `most` names that have none of this
    /// [version](crate::model::NAME_KEYS_VERSION), in one short transaction, and tells of how many: of fewer than `most` when
    /// no more are left. Such are the names that older versions of the server have written, or write beside this one. Any
    /// number of callers may do so at once. Nothing else of the nodes MUST change, their revision neither.
    async fn refresh(&self, most: u32) -> Result<u32>;
}
