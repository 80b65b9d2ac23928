use async_trait::async_trait;

use super::Presentation;
use crate::error::Result;
use crate::model::{BlobKey, PartPlan, Stored, Transfer};

/// A store whose clients can overwrite what they have sent, until it is copied out of reach of their URLs.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait StagedUploads: Send + Sync {
    /// Whether the result of [`DirectUploads::finish`](super::DirectUploads::finish) for such a transfer may still
    /// change, so that it MUST be copied before anything refers to it. It needs no network access.
    fn needs_copy(&self, plan: PartPlan) -> bool;

    /// Copies the result of such a transfer to the new key `to`, durably. The copy no longer changes. Its digest MUST
    /// be returned only if it was verified for the copy itself.
    ///
    /// # Errors
    /// [`UploadClosed`](crate::error::Conflict::UploadClosed) if the transfer was discarded meanwhile.
    async fn copy(
        &self,
        transfer: &Transfer,
        plan: PartPlan,
        to: &BlobKey,
        presentation: &Presentation,
    ) -> Result<Stored>;
}
