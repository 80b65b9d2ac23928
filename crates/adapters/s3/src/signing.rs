//! Presigned URLs.

use std::time::{Duration, UNIX_EPOCH};

use async_trait::async_trait;
use aws_sdk_s3::presigning::PresigningConfig;
use clouddrive_domain::error::BoxedError;
use clouddrive_domain::model::{BlobKey, MultipartUploadId, Part, Sha256, Timestamp};
use clouddrive_domain::port::{ContentHeaders, SignedUrl, UrlPresigner, Watch};
use clouddrive_domain::{Error, Result};

use crate::bucket::StoredHeaders;
use crate::checksum::digest;
use crate::store::S3Store;
use crate::url_signer::{CONTENT_LENGTH, PresignedCall};

/// The maximum lifetime of a signature in seconds: a week.
const MAX_SIGNATURE_SECONDS: i64 = 7 * 24 * 3600;

impl S3Store {
    /// Signs a URL to PUT an object; with `once`, only if it does not exist.
    pub(crate) async fn sign_object(
        &self,
        key: &BlobKey,
        length: u64,
        sha256: Option<Sha256>,
        stored_headers: Option<&StoredHeaders>,
        once: bool,
        expires_at: Timestamp,
    ) -> Result<SignedUrl> {
        if once && !self.capabilities().conditional_writes {
            return Err(Error::internal(
                "storage",
                "a multipart upload without an identifier, in a store that overwrites",
            ));
        }
        // Not every client sends `Content-Length: 0`, so sign the digest of the empty body instead.
        let (signed_length, sha256) = match length {
            0 if self.capabilities().checksums => (None, Some(digest(b""))),
            _ => (Some(length), sha256),
        };
        let call = PresignedCall::put_object(key, signed_length, sha256.as_ref(), stored_headers, once);
        let mut signed = self.sign(call, expires_at).await?;
        if signed_length == Some(0) {
            // Not every HTTP library sends it with an empty body.
            signed.headers.push((CONTENT_LENGTH, "0".to_owned()));
        }
        Ok(signed)
    }

    /// Signs a URL to PUT a part of a multipart upload, repeatedly until the multipart upload ends.
    pub(crate) async fn sign_part(
        &self,
        key: &BlobKey,
        multipart_id: &MultipartUploadId,
        part: Part,
        sha256: Option<Sha256>,
        expires_at: Timestamp,
    ) -> Result<SignedUrl> {
        let call = PresignedCall::upload_part(key, multipart_id, part, sha256.as_ref());
        self.sign(call, expires_at).await
    }

    /// Signs a URL for the call; with the headers that the client has to set, and the actual expiry.
    async fn sign(&self, call: PresignedCall, expires_at: Timestamp) -> Result<SignedUrl> {
        let period = self.signing_period(expires_at)?;
        let url = self.url_signer.sign(&call, &period).await?;
        let end = (period.start_time() + period.expires()).duration_since(UNIX_EPOCH).map_err(BoxedError::from);
        let millis = end.and_then(|end| Ok(end.as_millis().try_into()?));
        let expires_at = Timestamp::from_millis(millis.map_err(|error| Error::internal("storage", error))?);
        // The client's HTTP library sets the length.
        let headers = call.headers.into_iter().filter(|(name, _)| *name != CONTENT_LENGTH).collect();
        Ok(SignedUrl { url, headers, expires_at })
    }

    /// From now until `expires_at`, in whole seconds; an expired URL is signed as of its last second.
    fn signing_period(&self, expires_at: Timestamp) -> Result<PresigningConfig> {
        let end = expires_at.as_seconds();
        let start = self.clock.now().as_seconds().min(end.saturating_sub(1)).max(0);
        let seconds = |seconds: i64| Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
        PresigningConfig::builder()
            .start_time(UNIX_EPOCH + seconds(start))
            .expires_in(seconds((end - start).clamp(1, MAX_SIGNATURE_SECONDS)))
            .build()
            .map_err(|error| Error::internal("storage", error))
    }
}

#[async_trait]
impl UrlPresigner for S3Store {
    async fn presign_get(
        &self,
        key: &BlobKey,
        content_headers: &ContentHeaders,
        expires_at: Timestamp,
    ) -> Result<SignedUrl> {
        self.sign(PresignedCall::get_object(key, content_headers), expires_at).await
    }

    async fn presign_watch(
        &self,
        key: &BlobKey,
        content_headers: &ContentHeaders,
        _: Watch,
        expires_at: Timestamp,
    ) -> Result<SignedUrl> {
        self.presign_get(key, content_headers, expires_at).await
    }
}
