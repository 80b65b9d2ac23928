//! Metrics and traces of blob store calls.

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use clouddrive_domain::model::{
    BlobKey, Expected, MultipartUpload, MultipartUploadId, Part, PartPlan, Sha256, Stored, Timestamp,
};
use clouddrive_domain::port::{
    BlobStore, ByteStream, ContentHeaders, DirectUploadStore, PartStore, SignedUrl, StagedUploadStore,
};
use clouddrive_domain::{Error, Result};
use metrics::{counter, histogram};
use tokio::time::Instant;
use tracing::Instrument;

use super::traces::failed;

/// A blob store port whose calls are counted, timed and traced.
pub(crate) struct InstrumentedStore<P: ?Sized>(pub(crate) Arc<P>);

async fn instrumented<T>(operation: &'static str, call: impl Future<Output = Result<T>>) -> Result<T> {
    let began = Instant::now();
    let span = tracing::debug_span!("blob store", operation);
    let outcome = call.instrument(span.clone()).await;
    let word = match &outcome {
        Ok(_) => "ok",
        Err(Error::Unavailable { .. } | Error::Internal { .. } | Error::Damaged { .. }) => {
            failed(&span);
            "failed"
        }
        Err(_) => "refused",
    };
    histogram!("clouddrive_blob_request_duration_seconds", "operation" => operation).record(began.elapsed());
    counter!("clouddrive_blob_requests_total", "operation" => operation, "outcome" => word).increment(1);
    outcome
}

#[async_trait]
impl BlobStore for InstrumentedStore<dyn BlobStore> {
    async fn put(
        &self,
        key: &BlobKey,
        body: ByteStream,
        expected: Expected,
        content_headers: &ContentHeaders,
    ) -> Result<Stored> {
        instrumented("put", self.0.put(key, body, expected, content_headers)).await
    }

    async fn head(&self, key: &BlobKey) -> Result<Option<Stored>> {
        instrumented("head", self.0.head(key)).await
    }

    /// Timed to the first byte.
    async fn get(&self, key: &BlobKey, size: u64, range: Range<u64>) -> Result<ByteStream> {
        instrumented("get", self.0.get(key, size, range)).await
    }

    async fn delete(&self, key: &BlobKey) -> Result<()> {
        instrumented("delete", self.0.delete(key)).await
    }

    async fn sweep(&self, before: Timestamp) -> Result<u64> {
        instrumented("sweep", self.0.sweep(before)).await
    }

    async fn list_incomplete<'a>(
        &self,
        before: Timestamp,
        after: Option<&'a MultipartUpload>,
    ) -> Result<Vec<MultipartUpload>> {
        instrumented("list_begun", self.0.list_incomplete(before, after)).await
    }

    async fn received_bytes(&self, multipart: &MultipartUpload) -> Result<u64> {
        instrumented("list_received", self.0.received_bytes(multipart)).await
    }

    async fn abort(&self, multipart: &MultipartUpload) -> Result<()> {
        instrumented("discard", self.0.abort(multipart)).await
    }
}

#[async_trait]
impl DirectUploadStore for InstrumentedStore<dyn DirectUploadStore> {
    async fn begin(
        &self,
        key: &BlobKey,
        plan: PartPlan,
        content_headers: &ContentHeaders,
    ) -> Result<Option<MultipartUploadId>> {
        instrumented("begin", self.0.begin(key, plan, content_headers)).await
    }

    /// Not observed: signing makes no call to the store.
    async fn presign_put(
        &self,
        multipart: &MultipartUpload,
        part: Part,
        sha256: Option<Sha256>,
        content_headers: &ContentHeaders,
        expires_at: Timestamp,
    ) -> Result<SignedUrl> {
        self.0.presign_put(multipart, part, sha256, content_headers, expires_at).await
    }

    async fn list_received(&self, multipart: &MultipartUpload, plan: PartPlan) -> Result<Vec<Part>> {
        instrumented("list_received", self.0.list_received(multipart, plan)).await
    }

    async fn finish(&self, multipart: &MultipartUpload, plan: PartPlan, sha256: Option<Sha256>) -> Result<Stored> {
        instrumented("finish", self.0.finish(multipart, plan, sha256)).await
    }
}

#[async_trait]
impl StagedUploadStore for InstrumentedStore<dyn StagedUploadStore> {
    fn needs_copy(&self, plan: PartPlan) -> bool {
        self.0.needs_copy(plan)
    }

    async fn copy(
        &self,
        multipart: &MultipartUpload,
        plan: PartPlan,
        to: &BlobKey,
        content_headers: &ContentHeaders,
    ) -> Result<Stored> {
        instrumented("copy", self.0.copy(multipart, plan, to, content_headers)).await
    }
}

#[async_trait]
impl PartStore for InstrumentedStore<dyn PartStore> {
    async fn put_part(
        &self,
        multipart: &MultipartUpload,
        number: u32,
        body: ByteStream,
        expected: Expected,
    ) -> Result<()> {
        instrumented("put_part", self.0.put_part(multipart, number, body, expected)).await
    }
}
