//! The API calls to one bucket.

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::operation::head_object::{HeadObjectError, HeadObjectOutput};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumMode, ChecksumType};
use bytes::Bytes;
use clouddrive_domain::model::{BlobKey, EntityTag, Sha256, Stored};
use clouddrive_domain::port::Presentation;

use crate::checksum;
use crate::settings::{Clients, Settings};
use crate::trouble::{Trouble, TroubleKind};

/// The key prefix of blobs.
pub(crate) const PREFIX: &str = "blobs/";

/// The object metadata key for the unique mark of the write that created the object.
const MARK: &str = "write";

/// The mark of the objects that [`Bucket::block`] writes. Other marks are random.
const DISCARDED: &str = "discarded";

/// The default response headers stored with an object.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) content_type: String,
    pub(crate) content_disposition: String,
}

impl Kept {
    pub(crate) fn of(presentation: &Presentation) -> Self {
        Self {
            // Without runs of spaces, which stores normalize differently in signatures.
            content_type: presentation.media_type.as_str().split_whitespace().collect::<Vec<_>>().join(" "),
            content_disposition: presentation.content_disposition(),
        }
    }
}

/// What one of our writes stores with its object.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    /// The unique mark of the write.
    pub(crate) mark: String,
    pub(crate) kept: Option<Kept>,
}

impl Written {
    /// A write with this mark.
    pub(crate) fn marked(mark: impl Into<String>) -> Self {
        Self { mark: mark.into(), kept: None }
    }
}

/// The object key of a blob.
pub(crate) fn object(key: &BlobKey) -> String {
    format!("{PREFIX}{}", key.as_str())
}

/// Parses an `ETag`.
pub(crate) fn tag(text: Option<&str>) -> Option<EntityTag> {
    text.and_then(EntityTag::parse)
}

pub(crate) fn content_type(kept: Option<&Kept>) -> Option<String> {
    kept.map(|kept| kept.content_type.clone())
}

pub(crate) fn content_disposition(kept: Option<&Kept>) -> Option<String> {
    kept.map(|kept| kept.content_disposition.clone())
}

/// One bucket.
pub(crate) struct Bucket {
    pub(crate) clients: Clients,
    pub(crate) name: String,
}

/// An object in the bucket.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) size: u64,
    pub(crate) tag: Option<EntityTag>,
    checksum: Option<String>,
    crc32: Option<String>,
    mark: Option<String>,
}

impl Found {
    fn of(head: HeadObjectOutput) -> Self {
        Self {
            size: head.content_length.and_then(|size| size.try_into().ok()).unwrap_or_default(),
            tag: tag(head.e_tag.as_deref()),
            checksum: head.checksum_sha256,
            // A checksum of part checksums is of no use.
            crc32: head.checksum_crc32.filter(|_| head.checksum_type.is_none_or(|of| of == ChecksumType::FullObject)),
            mark: head.metadata.and_then(|mut metadata| metadata.remove(MARK)),
        }
    }

    /// Whether the write with this mark created it.
    pub(crate) fn is_of(&self, mark: &str) -> bool {
        self.mark.as_deref() == Some(mark)
    }

    /// The size, checksums and tag.
    pub(crate) fn stored(&self) -> Stored {
        Stored {
            tag: self.tag.clone(),
            size: self.size,
            sha256: self.checksum.as_deref().and_then(checksum::decode),
            crc32: self.crc32.as_deref().and_then(checksum::decode_crc32),
        }
    }
}

impl Bucket {
    pub(crate) async fn new(settings: &Settings) -> Self {
        Self { clients: Clients::new(settings).await, name: settings.bucket.clone() }
    }

    /// Checks that the bucket exists.
    pub(crate) async fn check(&self) -> Result<(), Trouble> {
        let answer = self.clients.calls.head_bucket().bucket(&self.name).send().await;
        answer.map(drop).map_err(|error| match Trouble::of("HeadBucket", &error) {
            // A HEAD response has no body that says what was not found.
            _ if error.raw_response().is_some_and(|response| response.status().as_u16() == 404) => {
                Trouble::silent("HeadBucket", TroubleKind::NoBucket)
            }
            trouble => trouble,
        })
    }

    /// Looks up `object`; `None` if it does not exist.
    pub(crate) async fn look(&self, object: &str) -> Result<Option<Found>, Trouble> {
        match self.head(object).await {
            Ok(head) => Ok(Some(Found::of(head)).filter(|found| !found.is_of(DISCARDED))),
            Err(error) => match Trouble::of("HeadObject", &error) {
                trouble if trouble.is_gone() => Ok(None),
                trouble => Err(trouble),
            },
        }
    }

    /// Replaces an object, or none, by an empty one that [`look`](Self::look) does not find. Its signed URLs, which
    /// write only where there is no object, become useless.
    pub(crate) async fn block(&self, object: &str) -> Result<(), Trouble> {
        let call = self.clients.calls.put_object().bucket(&self.name).key(object).metadata(MARK, DISCARDED);
        let answer = call.content_length(0).body(ByteStream::from_static(b"")).send().await;
        answer.map(drop).map_err(|error| Trouble::of("PutObject", &error))
    }

    /// The raw response to HEAD.
    pub(crate) async fn head(&self, object: &str) -> Result<HeadObjectOutput, SdkError<HeadObjectError, HttpResponse>> {
        let call = self.clients.calls.head_object().bucket(&self.name).key(object);
        call.checksum_mode(ChecksumMode::Enabled).send().await
    }

    /// Writes an object; returns its tag. With `once`, fails if the object exists.
    pub(crate) async fn put(
        &self,
        object: &str,
        bytes: Bytes,
        sha256: &Sha256,
        written: &Written,
        once: bool,
    ) -> Result<Option<EntityTag>, Trouble> {
        let call = self
            .clients
            .calls
            .put_object()
            .bucket(&self.name)
            .key(object)
            .metadata(MARK, &written.mark)
            .set_content_type(content_type(written.kept.as_ref()))
            .set_content_disposition(content_disposition(written.kept.as_ref()))
            .content_length(i64::try_from(bytes.len()).unwrap_or(i64::MAX))
            .checksum_sha256(checksum::encode(sha256))
            .set_if_none_match(once.then(|| "*".to_owned()))
            .body(ByteStream::from(bytes));
        let answer = call.customize().config_override(self.clients.transfers.clone()).send().await;
        let answer = answer.map_err(|error| Trouble::of("PutObject", &error))?;
        Ok(tag(answer.e_tag()))
    }

    /// Starts fetching an object, or the bytes `first..=last` of it, with these headers in the response if any.
    pub(crate) async fn get(
        &self,
        object: &str,
        range: Option<(u64, u64)>,
        headers: Option<&Kept>,
    ) -> Result<GetObjectOutput, Trouble> {
        let call = self
            .clients
            .calls
            .get_object()
            .bucket(&self.name)
            .key(object)
            .set_range(range.map(|(first, last)| format!("bytes={first}-{last}")))
            .set_response_content_type(content_type(headers))
            .set_response_content_disposition(content_disposition(headers));
        call.send().await.map_err(|error| Trouble::of("GetObject", &error))
    }

    /// Removes an object. Idempotent: removing a missing object succeeds.
    pub(crate) async fn delete(&self, object: &str) -> Result<(), Trouble> {
        let answer = self.clients.calls.delete_object().bucket(&self.name).key(object).send().await;
        match answer.map_err(|error| Trouble::of("DeleteObject", &error)) {
            Err(trouble) if !trouble.is_gone() => Err(trouble),
            _ => Ok(()),
        }
    }

    /// Starts a multipart upload; returns its identifier. With `checksums`, all parts will be sent with their SHA-256.
    pub(crate) async fn begin(
        &self,
        object: &str,
        mark: Option<&str>,
        kept: Option<&Kept>,
        checksums: bool,
    ) -> Result<String, Trouble> {
        let mut call = self
            .clients
            .calls
            .create_multipart_upload()
            .bucket(&self.name)
            .key(object)
            .set_content_type(content_type(kept))
            .set_content_disposition(content_disposition(kept));
        if let Some(mark) = mark {
            call = call.metadata(MARK, mark);
        }
        if checksums {
            call = call.checksum_algorithm(ChecksumAlgorithm::Sha256);
        }
        let begun = call.send().await.map_err(|error| Trouble::of("CreateMultipartUpload", &error))?;
        begun.upload_id.ok_or(Trouble::silent("CreateMultipartUpload", TroubleKind::Other))
    }

    /// Aborts a multipart upload. Idempotent: aborting a missing upload succeeds.
    pub(crate) async fn abort(&self, object: &str, id: &str) -> Result<(), Trouble> {
        let call = self.clients.calls.abort_multipart_upload().bucket(&self.name).key(object).upload_id(id);
        match call.send().await.map_err(|error| Trouble::of("AbortMultipartUpload", &error)) {
            Err(trouble) if !trouble.is_gone() => Err(trouble),
            _ => Ok(()),
        }
    }
}
