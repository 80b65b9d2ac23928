//! Metrics and traces of blob store calls.

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use clouddrive_domain::model::{
    BlobKey, Expected, Part, PartPlan, Sha256, StoreName, Stored, Ticket, Timestamp, Transfer,
};
use clouddrive_domain::port::{
    BlobStore, ByteStream, DirectUploads, PartStore, Presentation, SignedUrl, StagedUploads,
};
use clouddrive_domain::{Error, Result};
use metrics::{counter, histogram};
use tokio::time::Instant;
use tracing::Instrument;

use super::traces::failed;

/// A blob store port whose calls are counted, timed and traced.
pub(crate) struct Observed<P: ?Sized>(pub(crate) Arc<P>);

async fn observed<T>(operation: &'static str, call: impl Future<Output = Result<T>>) -> Result<T> {
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
impl BlobStore for Observed<dyn BlobStore> {
    fn name(&self) -> StoreName {
        self.0.name()
    }

    async fn put(
        &self,
        key: &BlobKey,
        body: ByteStream,
        expected: Expected,
        presentation: &Presentation,
    ) -> Result<Stored> {
        observed("put", self.0.put(key, body, expected, presentation)).await
    }

    async fn head(&self, key: &BlobKey) -> Result<Option<Stored>> {
        observed("head", self.0.head(key)).await
    }

    /// Timed to the first byte.
    async fn get(&self, key: &BlobKey, size: u64, range: Range<u64>) -> Result<ByteStream> {
        observed("get", self.0.get(key, size, range)).await
    }

    async fn delete(&self, key: &BlobKey) -> Result<()> {
        observed("delete", self.0.delete(key)).await
    }

    async fn sweep(&self, before: Timestamp) -> Result<u64> {
        observed("sweep", self.0.sweep(before)).await
    }

    async fn list_begun<'a>(&self, before: Timestamp, after: Option<&'a Transfer>) -> Result<Vec<Transfer>> {
        observed("list_begun", self.0.list_begun(before, after)).await
    }

    async fn received_bytes(&self, transfer: &Transfer) -> Result<u64> {
        observed("list_received", self.0.received_bytes(transfer)).await
    }

    async fn discard(&self, transfer: &Transfer) -> Result<()> {
        observed("discard", self.0.discard(transfer)).await
    }
}

#[async_trait]
impl DirectUploads for Observed<dyn DirectUploads> {
    async fn begin(&self, key: &BlobKey, plan: PartPlan, presentation: &Presentation) -> Result<Option<Ticket>> {
        observed("begin", self.0.begin(key, plan, presentation)).await
    }

    /// Not observed: signing makes no call to the store.
    async fn sign_put(
        &self,
        transfer: &Transfer,
        part: Part,
        sha256: Option<Sha256>,
        presentation: &Presentation,
        expires_at: Timestamp,
    ) -> Result<SignedUrl> {
        self.0.sign_put(transfer, part, sha256, presentation, expires_at).await
    }

    async fn list_received(&self, transfer: &Transfer, plan: PartPlan) -> Result<Vec<Part>> {
        observed("list_received", self.0.list_received(transfer, plan)).await
    }

    async fn finish(&self, transfer: &Transfer, plan: PartPlan, sha256: Option<Sha256>) -> Result<Stored> {
        observed("finish", self.0.finish(transfer, plan, sha256)).await
    }
}

#[async_trait]
impl StagedUploads for Observed<dyn StagedUploads> {
    fn needs_copy(&self, plan: PartPlan) -> bool {
        self.0.needs_copy(plan)
    }

    async fn copy(
        &self,
        transfer: &Transfer,
        plan: PartPlan,
        to: &BlobKey,
        presentation: &Presentation,
    ) -> Result<Stored> {
        observed("copy", self.0.copy(transfer, plan, to, presentation)).await
    }
}

#[async_trait]
impl PartStore for Observed<dyn PartStore> {
    async fn put_part(&self, transfer: &Transfer, number: u32, body: ByteStream, expected: Expected) -> Result<()> {
        observed("put_part", self.0.put_part(transfer, number, body, expected)).await
    }
}
