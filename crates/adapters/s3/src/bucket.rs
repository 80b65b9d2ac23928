//! The API calls to one bucket.

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::operation::head_object::{HeadObjectError, HeadObjectOutput};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumMode, ChecksumType};
use bytes::Bytes;
use clouddrive_domain::model::{BlobKey, EntityTag, Sha256, Stored};
use clouddrive_domain::port::ContentHeaders;

use crate::checksum;
use crate::error::{S3Error, S3ErrorKind};
use crate::settings::{Clients, Settings};

/// The key prefix of blobs.
pub(crate) const PREFIX: &str = "blobs/";

/// The object metadata key for the unique mark of the write that created the object.
const MARK: &str = "write";

/// The mark of the objects that [`Bucket::write_tombstone`] writes. Other marks are random.
const TOMBSTONE_MARK: &str = "discarded";

/// The default response headers stored with an object.
#[derive(Clone, Debug)]
pub(crate) struct StoredHeaders {
    pub(crate) content_type: String,
    pub(crate) content_disposition: String,
}

impl StoredHeaders {
    pub(crate) fn new(content_headers: &ContentHeaders) -> Self {
        Self {
            // Without runs of spaces, which stores normalize differently in signatures.
            content_type: content_headers.media_type.as_str().split_whitespace().collect::<Vec<_>>().join(" "),
            content_disposition: content_headers.content_disposition(),
        }
    }
}

/// What one of our writes stores with its object.
#[derive(Clone, Debug)]
pub(crate) struct WriteMetadata {
    /// The unique mark of the write.
    pub(crate) mark: String,
    pub(crate) stored_headers: Option<StoredHeaders>,
}

impl WriteMetadata {
    /// A write with this mark.
    pub(crate) fn marked(mark: impl Into<String>) -> Self {
        Self { mark: mark.into(), stored_headers: None }
    }
}

/// The object key of a blob.
pub(crate) fn object(key: &BlobKey) -> String {
    format!("{PREFIX}{}", key.as_str())
}

/// Parses an `ETag`.
pub(crate) fn tag(text: Option<&str>) -> Option<EntityTag> {
    text.and_then(|text| EntityTag::parse(text).ok())
}

pub(crate) fn content_type(stored_headers: Option<&StoredHeaders>) -> Option<String> {
    stored_headers.map(|stored_headers| stored_headers.content_type.clone())
}

pub(crate) fn content_disposition(stored_headers: Option<&StoredHeaders>) -> Option<String> {
    stored_headers.map(|stored_headers| stored_headers.content_disposition.clone())
}

/// One bucket.
pub(crate) struct Bucket {
    pub(crate) clients: Clients,
    pub(crate) name: String,
}

/// An object in the bucket.
#[derive(Debug)]
pub(crate) struct ObjectInfo {
    pub(crate) size: u64,
    pub(crate) tag: Option<EntityTag>,
    checksum: Option<String>,
    crc32: Option<String>,
    mark: Option<String>,
}

impl ObjectInfo {
    fn from_head(head: HeadObjectOutput) -> Self {
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
    pub(crate) fn was_written_by(&self, mark: &str) -> bool {
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
    pub(crate) async fn check(&self) -> Result<(), S3Error> {
        let answer = self.clients.calls.head_bucket().bucket(&self.name).send().await;
        answer.map(drop).map_err(|error| match S3Error::from_sdk("HeadBucket", &error) {
            // A HEAD response has no body that says what was not found.
            _ if error.raw_response().is_some_and(|response| response.status().as_u16() == 404) => {
                S3Error::without_response("HeadBucket", S3ErrorKind::NoBucket)
            }
            error => error,
        })
    }

    /// Looks up `object`; `None` if it does not exist.
    pub(crate) async fn find(&self, object: &str) -> Result<Option<ObjectInfo>, S3Error> {
        match self.head(object).await {
            Ok(head) => Ok(Some(ObjectInfo::from_head(head)).filter(|found| !found.was_written_by(TOMBSTONE_MARK))),
            Err(error) => match S3Error::from_sdk("HeadObject", &error) {
                error if error.is_missing() => Ok(None),
                error => Err(error),
            },
        }
    }

    /// Replaces an object, or none, by an empty one that [`find`](Self::find) does not find. Its signed URLs, which
    /// write only where there is no object, become useless.
    pub(crate) async fn write_tombstone(&self, object: &str) -> Result<(), S3Error> {
        let call = self.clients.calls.put_object().bucket(&self.name).key(object).metadata(MARK, TOMBSTONE_MARK);
        let answer = call.content_length(0).body(ByteStream::from_static(b"")).send().await;
        answer.map(drop).map_err(|error| S3Error::from_sdk("PutObject", &error))
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
        written: &WriteMetadata,
        once: bool,
    ) -> Result<Option<EntityTag>, S3Error> {
        let call = self
            .clients
            .calls
            .put_object()
            .bucket(&self.name)
            .key(object)
            .metadata(MARK, &written.mark)
            .set_content_type(content_type(written.stored_headers.as_ref()))
            .set_content_disposition(content_disposition(written.stored_headers.as_ref()))
            .content_length(i64::try_from(bytes.len()).unwrap_or(i64::MAX))
            .checksum_sha256(checksum::encode(sha256))
            .set_if_none_match(once.then(|| "*".to_owned()))
            .body(ByteStream::from(bytes));
        let answer = call.customize().config_override(self.clients.transfers.clone()).send().await;
        let answer = answer.map_err(|error| S3Error::from_sdk("PutObject", &error))?;
        Ok(tag(answer.e_tag()))
    }

    /// Starts fetching an object, or the bytes `first..=last` of it, with these headers in the response if any.
    pub(crate) async fn get(
        &self,
        object: &str,
        range: Option<(u64, u64)>,
        headers: Option<&StoredHeaders>,
    ) -> Result<GetObjectOutput, S3Error> {
        let call = self
            .clients
            .calls
            .get_object()
            .bucket(&self.name)
            .key(object)
            .set_range(range.map(|(first, last)| format!("bytes={first}-{last}")))
            .set_response_content_type(content_type(headers))
            .set_response_content_disposition(content_disposition(headers));
        call.send().await.map_err(|error| S3Error::from_sdk("GetObject", &error))
    }

    /// Removes an object. Idempotent: removing a missing object succeeds.
    pub(crate) async fn delete(&self, object: &str) -> Result<(), S3Error> {
        let answer = self.clients.calls.delete_object().bucket(&self.name).key(object).send().await;
        match answer.map_err(|error| S3Error::from_sdk("DeleteObject", &error)) {
            Err(error) if !error.is_missing() => Err(error),
            _ => Ok(()),
        }
    }

    /// Starts a multipart upload; returns its identifier. With `checksums`, all parts will be sent with their SHA-256.
    pub(crate) async fn begin(
        &self,
        object: &str,
        mark: Option<&str>,
        stored_headers: Option<&StoredHeaders>,
        checksums: bool,
    ) -> Result<String, S3Error> {
        let mut call = self
            .clients
            .calls
            .create_multipart_upload()
            .bucket(&self.name)
            .key(object)
            .set_content_type(content_type(stored_headers))
            .set_content_disposition(content_disposition(stored_headers));
        if let Some(mark) = mark {
            call = call.metadata(MARK, mark);
        }
        if checksums {
            call = call.checksum_algorithm(ChecksumAlgorithm::Sha256);
        }
        let begun = call.send().await.map_err(|error| S3Error::from_sdk("CreateMultipartUpload", &error))?;
        begun.upload_id.ok_or(S3Error::without_response("CreateMultipartUpload", S3ErrorKind::Other))
    }

    /// Aborts a multipart upload. Idempotent: aborting a missing upload succeeds.
    pub(crate) async fn abort(&self, object: &str, id: &str) -> Result<(), S3Error> {
        let call = self.clients.calls.abort_multipart_upload().bucket(&self.name).key(object).upload_id(id);
        match call.send().await.map_err(|error| S3Error::from_sdk("AbortMultipartUpload", &error)) {
            Err(error) if !error.is_missing() => Err(error),
            _ => Ok(()),
        }
    }
}
