use async_trait::async_trait;

use crate::error::Result;
use crate::model::Change;

/// The append-only log of what was changed. Each row commits with the mutation that it tells of, or not at all.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait Changes: Send + Sync {
    /// Up to `most` rows after `sequence`, in order. A row that was not there MUST NOT turn up later with a smaller
    /// sequence than one that was: a reader who remembers the last sequence misses nothing.
    async fn read_after(&self, sequence: u64, most: u32) -> Result<Vec<Change>>;
}
