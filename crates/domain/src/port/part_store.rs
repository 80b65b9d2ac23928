use async_trait::async_trait;

use super::ByteStream;
use crate::error::Result;
use crate::model::{Expected, MultipartUpload};

/// Receives parts, for a store whose signed URLs lead back to this server.
///
/// ```
/// use clouddrive_domain::Result;
/// use clouddrive_domain::model::{Expected, Length, MultipartUpload, Part};
/// use clouddrive_domain::port::{ByteStream, PartStore};
///
/// /// Stores the part that a client sends.
/// async fn receive(parts: &dyn PartStore, multipart: &MultipartUpload, part: Part, body: ByteStream) -> Result<()> {
///     let expected = Expected { length: Length::Exactly(part.size), sha256: None };
///     parts.put_part(multipart, part.number, body, expected).await
/// }
/// ```
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait PartStore: Send + Sync {
    /// Stores `body` as part `number` of a multipart upload, durably and atomically. A part is written once; incomplete
    /// bytes are discarded and may be sent again.
    ///
    /// # Errors
    /// [`BlobExists`](crate::error::Conflict::BlobExists) if the part exists or the multipart upload is finished;
    /// [`UploadClosed`](crate::error::Conflict::UploadClosed) if the multipart upload does not exist, or no longer;
    /// [`Refused`](crate::Error::Refused) and the others as [`BlobStore::put`](super::BlobStore::put).
    async fn put_part(
        &self,
        multipart: &MultipartUpload,
        number: u32,
        body: ByteStream,
        expected: Expected,
    ) -> Result<()>;
}
