use async_trait::async_trait;

use crate::error::Result;
use crate::model::Change;

/// The append-only change log. Each row commits atomically with the mutation it describes.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait ChangeRepository: Send + Sync {
    /// Reads up to `max` rows after `sequence`, in order. A row MUST NOT appear later with a smaller sequence than a
    /// row that was already visible, so that a reader that remembers the last sequence misses nothing.
    async fn read_after(&self, sequence: u64, max: u32) -> Result<Vec<Change>>;
}
