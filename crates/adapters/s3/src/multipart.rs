//! Multipart uploads.

use std::sync::Arc;

use aws_sdk_s3::operation::list_multipart_uploads::ListMultipartUploadsOutput;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use bytes::Bytes;
use clouddrive_domain::model::{EntityTag, Sha256};
use tokio::runtime::Handle;

use crate::bucket::{Bucket, WriteMetadata, tag};
use crate::checksum;
use crate::error::{S3Error, S3ErrorKind};

/// The maximum number of pages of parts: 1,000 parts per page, up to the part limit.
const MAX_PAGES: usize = 10;

/// A part in the store.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) number: i32,
    pub(crate) size: u64,
    /// Its digest, if known.
    pub(crate) sha256: Option<Sha256>,
    pub(crate) etag: Option<String>,
}

impl Bucket {
    /// Sends one part.
    pub(crate) async fn put_part(
        &self,
        object: &str,
        id: &str,
        number: i32,
        bytes: Bytes,
        sha256: Option<Sha256>,
    ) -> Result<Part, S3Error> {
        let size = bytes.len() as u64;
        let call = self
            .clients
            .calls
            .upload_part()
            .bucket(&self.name)
            .key(object)
            .upload_id(id)
            .part_number(number)
            .content_length(i64::try_from(size).unwrap_or(i64::MAX))
            .set_checksum_sha256(sha256.as_ref().map(checksum::encode))
            .body(ByteStream::from(bytes));
        let answer = call.customize().config_override(self.clients.transfers.clone()).send().await;
        let part = answer.map_err(|error| S3Error::from_sdk("UploadPart", &error))?;
        Ok(Part { number, size, sha256, etag: part.e_tag })
    }

    /// The parts received, ordered by number; `None` if the upload does not exist or has ended.
    pub(crate) async fn parts(&self, object: &str, id: &str) -> Result<Option<Vec<Part>>, S3Error> {
        let mut parts: Vec<Part> = Vec::new();
        let mut after = None;
        for _ in 0..MAX_PAGES {
            let call = self.clients.calls.list_parts().bucket(&self.name).key(object).upload_id(id);
            let answer = call.set_part_number_marker(after.clone()).send().await;
            let page = match answer.map_err(|error| S3Error::from_sdk("ListParts", &error)) {
                Ok(page) => page,
                Err(error) if error.is_missing() => return Ok(None),
                Err(error) => return Err(error),
            };
            parts.extend(page.parts.unwrap_or_default().into_iter().map(Part::from_sdk));
            if page.is_truncated != Some(true) || page.next_part_number_marker == after {
                parts.sort_by_key(|part| part.number);
                return Ok(Some(parts));
            }
            after = page.next_part_number_marker;
        }
        // More parts than any of our uploads has.
        Err(S3Error::without_response("ListParts", S3ErrorKind::Other))
    }

    /// Completes the upload with exactly these parts; returns the tag. With `once`, fails if the object exists.
    pub(crate) async fn complete(
        &self,
        object: &str,
        id: &str,
        parts: &[Part],
        once: bool,
    ) -> Result<Option<EntityTag>, S3Error> {
        let parts = parts.iter().map(Part::completed).collect();
        let call = self
            .clients
            .calls
            .complete_multipart_upload()
            .bucket(&self.name)
            .key(object)
            .upload_id(id)
            .set_if_none_match(once.then(|| "*".to_owned()))
            .multipart_upload(CompletedMultipartUpload::builder().set_parts(Some(parts)).build());
        let answer = call.customize().config_override(self.clients.transfers.clone()).send().await;
        let answer = answer.map_err(|error| S3Error::from_sdk("CompleteMultipartUpload", &error))?;
        Ok(tag(answer.e_tag()))
    }

    /// One page of the uploads in progress below `prefix`, after the object and identifier in `after`.
    pub(crate) async fn uploads(
        &self,
        prefix: &str,
        after: (Option<String>, Option<String>),
    ) -> Result<ListMultipartUploadsOutput, S3Error> {
        let call = self.clients.calls.list_multipart_uploads().bucket(&self.name).prefix(prefix);
        let call = call.set_key_marker(after.0).set_upload_id_marker(after.1);
        call.send().await.map_err(|error| S3Error::from_sdk("ListMultipartUploads", &error))
    }
}

impl Part {
    fn from_sdk(part: aws_sdk_s3::types::Part) -> Self {
        Self {
            number: part.part_number.unwrap_or_default(),
            etag: part.e_tag,
            size: part.size.and_then(|size| size.try_into().ok()).unwrap_or_default(),
            sha256: part.checksum_sha256.as_deref().and_then(checksum::decode),
        }
    }

    fn completed(&self) -> CompletedPart {
        CompletedPart::builder()
            .part_number(self.number)
            .set_e_tag(self.etag.clone())
            .set_checksum_sha256(self.sha256.as_ref().map(checksum::encode))
            .build()
    }
}

/// A multipart upload of our own. Aborted if dropped before its end.
pub(crate) struct OpenMultipart {
    bucket: Arc<Bucket>,
    object: String,
    id: String,
    checksums: bool,
    ended: bool,
}

impl OpenMultipart {
    /// Starts an upload whose object carries `written`. With `checksums`, each part is sent with its SHA-256; stores
    /// without support may refuse that.
    pub(crate) async fn new(
        bucket: Arc<Bucket>,
        object: String,
        written: &WriteMetadata,
        checksums: bool,
    ) -> Result<Self, S3Error> {
        let id = bucket.begin(&object, Some(&written.mark), written.stored_headers.as_ref(), checksums).await?;
        Ok(Self { bucket, object, id, checksums, ended: false })
    }

    /// Sends the part `number`, counted from 1.
    pub(crate) async fn put(&self, number: usize, bytes: Bytes, sha256: Sha256) -> Result<Part, S3Error> {
        let number = i32::try_from(number).map_err(|_| S3Error::without_response("UploadPart", S3ErrorKind::Other))?;
        self.bucket.put_part(&self.object, &self.id, number, bytes, Some(sha256).filter(|_| self.checksums)).await
    }

    /// Completes the upload; returns the object's tag.
    pub(crate) async fn complete(&self, parts: &[Part], once: bool) -> Result<Option<EntityTag>, S3Error> {
        self.bucket.complete(&self.object, &self.id, parts, once).await
    }

    /// Marks the upload as ended, so that drop does not abort it.
    pub(crate) fn end(&mut self) {
        self.ended = true;
    }

    /// Aborts the upload. If this fails, `list_incomplete` finds it later.
    pub(crate) async fn abort(&mut self) {
        if self.bucket.abort(&self.object, &self.id).await.is_ok() {
            self.ended = true;
        }
    }
}

impl Drop for OpenMultipart {
    fn drop(&mut self) {
        if !self.ended
            && let Ok(runtime) = Handle::try_current()
        {
            let (bucket, object, id) = (Arc::clone(&self.bucket), self.object.clone(), self.id.clone());
            runtime.spawn(async move { bucket.abort(&object, &id).await });
        }
    }
}
