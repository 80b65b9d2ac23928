use async_trait::async_trait;

use super::ContentHeaders;
use crate::error::Result;
use crate::model::{BlobKey, MultipartUpload, PartPlan, Stored};

/// A store whose clients can overwrite what they have sent, until it is copied out of reach of their URLs.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait StagedUploadStore: Send + Sync {
    /// Whether the result of [`DirectUploadStore::finish`](super::DirectUploadStore::finish) for such a multipart
    /// upload may still change, so that it MUST be copied before anything refers to it. It needs no network access.
    fn needs_copy(&self, plan: PartPlan) -> bool;

    /// Copies the result of such a multipart upload to the new key `to`, durably. The copy no longer changes. Its
    /// digest MUST be returned only if it was verified for the copy itself.
    ///
    /// # Errors
    /// [`UploadClosed`](crate::error::Conflict::UploadClosed) if the multipart upload was discarded meanwhile.
    async fn copy(
        &self,
        multipart: &MultipartUpload,
        plan: PartPlan,
        to: &BlobKey,
        content_headers: &ContentHeaders,
    ) -> Result<Stored>;
}
