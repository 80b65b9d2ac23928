use async_trait::async_trait;

use super::Presentation;
use crate::error::Result;
use crate::model::{BlobKey, PartPlan, Stored, Transfer};

/// The ability of a store whose clients may go on writing what they have sent, until it is copied to where no URL of theirs
/// leads.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait StagedUploads: Send + Sync {
    /// Whether what [`DirectUploads::finish`](super::DirectUploads::finish) has made of such a transfer may still change, so
    /// that it MUST be copied before anything refers to it. It asks nobody.
    fn needs_copy(&self, plan: PartPlan) -> bool;

    /// Copies what such a transfer has become to the new key `to`, durably. The copy stays as it is. Its digest MUST be told
    /// only if it was verified for the copy itself.
    ///
    /// # Errors
    /// [`UploadClosed`](crate::error::Conflict::UploadClosed) when the transfer was discarded meanwhile.
    async fn copy(
        &self,
        transfer: &Transfer,
        plan: PartPlan,
        to: &BlobKey,
        presentation: &Presentation,
    ) -> Result<Stored>;
}
