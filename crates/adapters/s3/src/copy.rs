//! Server-side copies, which turn uploads that clients can still change into blobs that no upload URL points to.

use aws_sdk_s3::types::MetadataDirective;

use crate::bucket::{Bucket, StoredHeaders, content_disposition, content_type};
use crate::error::{S3Error, S3ErrorKind};
use crate::multipart::Part;

/// The maximum number of bytes per copy call, limited by the call's timeout.
const COPY_BYTES: u64 = 1 << 30;

impl Bucket {
    /// Copies the object `from`, which has `size` bytes, to `to`, and stores `stored_headers` with it.
    pub(crate) async fn copy(
        &self,
        from: &str,
        to: &str,
        size: u64,
        stored_headers: Option<&StoredHeaders>,
    ) -> Result<(), S3Error> {
        if size > COPY_BYTES {
            return self.copy_by_parts(from, to, size, stored_headers).await;
        }
        let call = self
            .clients
            .calls
            .copy_object()
            .bucket(&self.name)
            .key(to)
            .copy_source(self.source(from))
            .set_metadata_directive(stored_headers.map(|_| MetadataDirective::Replace))
            .set_content_type(content_type(stored_headers))
            .set_content_disposition(content_disposition(stored_headers));
        let answer = call.customize().config_override(self.clients.transfers.clone()).send().await;
        answer.map(drop).map_err(|error| S3Error::from_sdk("CopyObject", &error))
    }

    /// Copies range by range: S3 copies at most 5 GiB per call.
    async fn copy_by_parts(
        &self,
        from: &str,
        to: &str,
        size: u64,
        stored_headers: Option<&StoredHeaders>,
    ) -> Result<(), S3Error> {
        let id = self.begin(to, None, stored_headers, false).await?;
        let outcome = async {
            let mut parts = Vec::new();
            let mut start = 0;
            while start < size {
                let end = size.min(start + COPY_BYTES);
                let number = i32::try_from(parts.len() + 1).unwrap_or(i32::MAX);
                parts.push(self.copy_part(from, to, &id, number, (start, end - 1)).await?);
                start = end;
            }
            self.complete(to, &id, &parts, false).await.map(drop)
        };
        let outcome = outcome.await;
        if outcome.is_err() {
            let _ = self.abort(to, &id).await;
        }
        outcome
    }

    async fn copy_part(
        &self,
        from: &str,
        to: &str,
        id: &str,
        number: i32,
        (first, last): (u64, u64),
    ) -> Result<Part, S3Error> {
        let call = self
            .clients
            .calls
            .upload_part_copy()
            .bucket(&self.name)
            .key(to)
            .upload_id(id)
            .part_number(number)
            .copy_source(self.source(from))
            .copy_source_range(format!("bytes={first}-{last}"));
        let answer = call.customize().config_override(self.clients.transfers.clone()).send().await;
        let answer = answer.map_err(|error| S3Error::from_sdk("UploadPartCopy", &error))?;
        let etag = answer.copy_part_result.and_then(|result| result.e_tag);
        let etag = etag.ok_or(S3Error::without_response("UploadPartCopy", S3ErrorKind::Other))?;
        Ok(Part { number, size: last - first + 1, sha256: None, etag: Some(etag) })
    }

    /// The copy source. Neither bucket names nor our object keys need escaping.
    fn source(&self, object: &str) -> String {
        format!("{}/{object}", self.name)
    }
}
