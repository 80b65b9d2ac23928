use async_trait::async_trait;

use super::{ContentHeaders, SignedUrl};
use crate::error::Result;
use crate::model::{BlobKey, MultipartUpload, MultipartUploadId, Part, PartPlan, Sha256, Stored, Timestamp};

/// A store's ability to receive a blob's bytes directly from clients, in one or several parts.
///
/// A store that refuses to overwrite a key need not track single-part uploads and issues no multipart identifiers for
/// them. Other multipart uploads are staged beside the blob, under a multipart identifier, until
/// [`finish`](Self::finish) creates the blob. In either case the finished blob no longer changes, even while signed
/// URLs are still valid; otherwise it [needs a copy](super::StagedUploadStore::needs_copy).
///
/// The plan of a multipart upload is the same in every call. A part that is sent again is refused, or replaces the
/// former one whole.
///
/// ```
/// use clouddrive_domain::Result;
/// use clouddrive_domain::model::{BlobKey, MultipartUpload, PartPlan, Timestamp};
/// use clouddrive_domain::port::{ContentHeaders, DirectUploadStore, SignedUrl};
///
/// /// Begins a multipart upload, and signs a URL for each of its parts.
/// async fn begin(
///     store: &dyn DirectUploadStore,
///     key: BlobKey,
///     plan: PartPlan,
///     expires_at: Timestamp,
/// ) -> Result<Vec<SignedUrl>> {
///     let content_headers = ContentHeaders::unknown();
///     let multipart_id = store.begin(&key, plan, &content_headers).await?;
///     let multipart = MultipartUpload { key, multipart_id };
///     let mut urls = Vec::new();
///     for part in plan.parts() {
///         urls.push(store.presign_put(&multipart, part, None, &content_headers, expires_at).await?);
///     }
///     Ok(urls)
/// }
/// ```
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait DirectUploadStore: Send + Sync {
    /// Prepares a new multipart upload, durably. A multipart upload of several parts MUST get a multipart identifier.
    /// Abandoned multipart uploads are found by [`BlobStore::list_incomplete`](super::BlobStore::list_incomplete). The
    /// `content_headers`, here and below, are those of [`BlobStore::put`](super::BlobStore::put), and the same in every
    /// call.
    ///
    /// # Errors
    /// [`TooLarge`](crate::error::Refused::TooLarge) if the bytes exceed the store's limit for a single PUT.
    async fn begin(
        &self,
        key: &BlobKey,
        plan: PartPlan,
        content_headers: &ContentHeaders,
    ) -> Result<Option<MultipartUploadId>>;

    /// Signs a URL to PUT a part of the multipart upload, with its digest if known, until `expires_at`. The store
    /// itself MUST reject other bytes or another size. Signing is local: no network access.
    #[doc(alias = "presign")]
    async fn presign_put(
        &self,
        multipart: &MultipartUpload,
        part: Part,
        sha256: Option<Sha256>,
        content_headers: &ContentHeaders,
        expires_at: Timestamp,
    ) -> Result<SignedUrl>;

    /// The received parts, ordered by number; also of a finished multipart upload. They MUST come from the store
    /// itself, not from remembered state.
    async fn list_received(&self, multipart: &MultipartUpload, plan: PartPlan) -> Result<Vec<Part>>;

    /// Creates the blob from exactly the parts of the plan, durably; `sha256` is the digest with which the URLs were
    /// signed. It MUST NOT read or rewrite the bytes, so that it costs the same for any size; stores that cannot do
    /// that implement [`StagedUploadStore`](super::StagedUploadStore). Idempotent: repeats, even concurrent ones from
    /// other instances, return the same. If a response is lost, it MUST find out the outcome.
    ///
    /// # Errors
    /// As [`PartPlan::check`]; [`Refused`](crate::Error::Refused): `Checksum` if the store has verified it. Nothing
    /// changes then, and missing parts may still be sent.
    async fn finish(&self, multipart: &MultipartUpload, plan: PartPlan, sha256: Option<Sha256>) -> Result<Stored>;
}
