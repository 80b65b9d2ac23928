//! Presigned URLs.

use std::time::{Duration, UNIX_EPOCH};

use async_trait::async_trait;
use aws_sdk_s3::presigning::{PresignedRequest, PresigningConfig};
use clouddrive_domain::error::BoxedError;
use clouddrive_domain::model::{BlobKey, MultipartUploadId, Part, Sha256, Timestamp};
use clouddrive_domain::port::{ContentHeaders, SignedUrl, UrlPresigner, Watch};
use clouddrive_domain::{Error, Result};

use crate::bucket::{StoredHeaders, content_disposition, content_type, object};
use crate::checksum::{self, digest};
use crate::error::S3Error;
use crate::store::S3Store;

/// The maximum lifetime of a signature in seconds: a week.
const MAX_SIGNATURE_SECONDS: i64 = 7 * 24 * 3600;

/// Signed headers that a client has to set; its HTTP library sets `Host` and `Content-Length`.
const HEADERS: [(&str, &str); 4] = [
    ("content-disposition", "Content-Disposition"),
    ("content-type", "Content-Type"),
    ("if-none-match", "If-None-Match"),
    ("x-amz-checksum-sha256", "x-amz-checksum-sha256"),
];

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
            _ => (Some(signed_length(length)?), sha256),
        };
        let span = self.signing_period(expires_at)?;
        let call = self
            .bucket
            .clients
            .urls
            .put_object()
            .bucket(&self.bucket.name)
            .key(object(key))
            .set_content_length(signed_length)
            .set_checksum_sha256(sha256.as_ref().map(checksum::encode))
            .set_content_type(content_type(stored_headers))
            .set_content_disposition(content_disposition(stored_headers))
            .set_if_none_match(once.then(|| "*".to_owned()));
        let signed = call.presigned(span.clone()).await.map_err(|error| S3Error::from_sdk("PutObject", &error))?;
        let mut signed = signed_url(&signed, &span)?;
        if signed_length == Some(0) {
            // Not every HTTP library sends it with an empty body.
            signed.headers.push(("Content-Length", "0".to_owned()));
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
        let span = self.signing_period(expires_at)?;
        let call = self
            .bucket
            .clients
            .urls
            .upload_part()
            .bucket(&self.bucket.name)
            .key(object(key))
            .upload_id(multipart_id.as_str())
            .part_number(i32::try_from(part.number).map_err(|error| Error::internal("storage", error))?)
            .content_length(signed_length(part.size)?)
            .set_checksum_sha256(sha256.as_ref().map(checksum::encode));
        let signed = call.presigned(span.clone()).await.map_err(|error| S3Error::from_sdk("UploadPart", &error))?;
        signed_url(&signed, &span)
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
        let span = self.signing_period(expires_at)?;
        let call = self
            .bucket
            .clients
            .urls
            .get_object()
            .bucket(&self.bucket.name)
            .key(object(key))
            .response_content_type(content_headers.media_type.as_str())
            .response_content_disposition(content_headers.content_disposition())
            .response_cache_control("private, no-cache");
        let signed = call.presigned(span.clone()).await.map_err(|error| S3Error::from_sdk("GetObject", &error))?;
        signed_url(&signed, &span)
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

fn signed_length(length: u64) -> Result<i64> {
    length.try_into().map_err(|error| Error::internal("storage", error))
}

/// The URL with its headers and actual expiry.
fn signed_url(signed: &PresignedRequest, span: &PresigningConfig) -> Result<SignedUrl> {
    let mut headers = Vec::new();
    for (name, value) in signed.headers().filter(|(name, _)| !matches!(*name, "host" | "content-length")) {
        let known = HEADERS.iter().find(|(known, _)| *known == name);
        let (_, name) = known.ok_or_else(|| Error::internal("storage", format!("the signature covers {name}")))?;
        headers.push((*name, value.to_owned()));
    }
    headers.sort();
    let end = span.start_time() + span.expires();
    let millis =
        end.duration_since(UNIX_EPOCH).map_err(BoxedError::from).and_then(|end| Ok(end.as_millis().try_into()?));
    let expires_at = Timestamp::from_millis(millis.map_err(|error| Error::internal("storage", error))?);
    Ok(SignedUrl { url: signed.uri().to_owned(), headers, expires_at })
}
