use async_trait::async_trait;

use super::ContentHeaders;
use crate::error::Result;
use crate::model::{BlobKey, MultipartUpload, PartPlan, Stored};

/// A store whose clients can overwrite what they have sent, until it is copied out of reach of their URLs.
///
/// ```
/// use clouddrive_domain::Result;
/// use clouddrive_domain::model::{BlobKey, MultipartUpload, PartPlan, Stored};
/// use clouddrive_domain::port::{ContentHeaders, DirectUploadStore, StagedUploadStore};
///
/// /// Finishes a multipart upload as a blob that no longer changes: a new one, if need be.
/// async fn finish(
///     (direct, staged): (&dyn DirectUploadStore, &dyn StagedUploadStore),
///     multipart: &MultipartUpload,
///     plan: PartPlan,
///     copy: BlobKey,
/// ) -> Result<(BlobKey, Stored)> {
///     let stored = direct.finish(multipart, plan, None).await?;
///     if !staged.needs_copy(plan) {
///         return Ok((multipart.key.clone(), stored));
///     }
///     let stored = staged.copy(multipart, plan, &copy, &ContentHeaders::unknown()).await?;
///     Ok((copy, stored))
/// }
/// ```
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
