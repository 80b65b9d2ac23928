//! Conformance suite for [`StagedUploadStore`].
//!
//! Each case uses its own keys; the suite does not delete its blobs.
#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use bytes::Bytes;
use clouddrive_domain::error::Conflict;
use clouddrive_domain::model::{BlobKey, MultipartUpload, PartPlan, Stored};
use clouddrive_domain::port::{ContentHeaders, StagedUploadStore};
use clouddrive_domain::{Error, Result};

use crate::case::suite;
use crate::samples::{digest, read, sample};
use crate::storage::direct_uploads::{SignedUrlClient, Subject};

suite! {
    $ staged_uploads<W: SignedUrlClient>(subject: &Subject<'_, W>, staged: &dyn StagedUploadStore, plan: PartPlan)
    (&Staged::new(subject, staged, plan))

    self of "`StagedUploadStore::copy`: The copy no longer changes." {
        a_copy_does_not_change,
    }

    self of "`StagedUploadStore::copy`: Copies the result of such a multipart upload to the new key `to`, durably." {
        bytes_sent_again_replace_the_former,
    }

    self of "`StagedUploadStore::copy`: if the multipart upload was discarded meanwhile" {
        a_discarded_upload_is_not_copied,
    }
}

/// What every case uploads, by a plan that needs a copy.
struct Staged<'a, W> {
    subject: &'a Subject<'a, W>,
    staged: &'a dyn StagedUploadStore,
    plan: PartPlan,
    bytes: Vec<u8>,
}

impl<'a, W: SignedUrlClient> Staged<'a, W> {
    fn new(subject: &'a Subject<'a, W>, staged: &'a dyn StagedUploadStore, plan: PartPlan) -> Self {
        assert!(staged.needs_copy(plan), "the plan needs no copy");
        Self { subject, staged, plan, bytes: sample(usize::try_from(plan.size()).unwrap()) }
    }

    async fn begin(&self) -> MultipartUpload {
        self.subject.begin_of(self.plan).await
    }

    /// PUTs `bytes` as the parts of the plan and returns the status codes.
    async fn send(&self, multipart: &MultipartUpload, bytes: &[u8]) -> Vec<u16> {
        let announced = self.plan.is_single().then(|| digest(bytes));
        let part_size = usize::try_from(self.plan.part_size()).unwrap();
        let mut statuses = Vec::new();
        for (part, bytes) in self.plan.parts().zip(bytes.chunks(part_size)) {
            let (headers, end) = (ContentHeaders::unknown(), self.subject.soon());
            let signed = self.subject.direct.presign_put(multipart, part, announced, &headers, end).await.unwrap();
            statuses.push(self.subject.wire.put(&signed, Bytes::copy_from_slice(bytes)).await);
        }
        statuses
    }

    /// Sends bytes other than those of the sample.
    async fn send_wrong(&self, multipart: &MultipartUpload) {
        let wrong: Vec<u8> = self.bytes.iter().map(|byte| !byte).collect();
        self.send(multipart, &wrong).await;
    }

    /// Sends the bytes of the sample.
    async fn send_right(&self, multipart: &MultipartUpload) {
        let statuses = self.send(multipart, &self.bytes).await;
        assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
    }

    async fn finish(&self, multipart: &MultipartUpload) {
        self.subject.direct.finish(multipart, self.plan, None).await.unwrap();
    }

    async fn copy(&self, multipart: &MultipartUpload, to: &BlobKey) -> Result<Stored> {
        self.staged.copy(multipart, self.plan, to, &ContentHeaders::unknown()).await
    }

    fn key(&self) -> BlobKey {
        BlobKey::generate(self.subject.random)
    }

    async fn check(&self, copy: &BlobKey, otherwise: &str) {
        let read = read(self.subject.store, copy, self.bytes.len(), 0..self.plan.size()).await.unwrap();
        assert!(read == self.bytes, "{otherwise}");
    }
}

/// Neither PUTs to live URLs nor the removal of the original affect the copy.
async fn a_copy_does_not_change<W: SignedUrlClient>(staged: &Staged<'_, W>) {
    let (multipart, copy) = (staged.begin().await, staged.key());
    staged.send_right(&multipart).await;
    staged.finish(&multipart).await;
    let stored = staged.copy(&multipart, &copy).await.unwrap();
    assert_eq!(stored.size, staged.plan.size());
    assert!(stored.sha256.is_none_or(|known| known == digest(&staged.bytes)));
    staged.send_wrong(&multipart).await;
    staged.check(&copy, "the copy has changed").await;
    staged.subject.store.abort(&multipart).await.unwrap();
    staged.check(&copy, "the copy has gone with the original").await;
}

async fn bytes_sent_again_replace_the_former<W: SignedUrlClient>(staged: &Staged<'_, W>) {
    let (multipart, copy) = (staged.begin().await, staged.key());
    staged.send_wrong(&multipart).await;
    staged.send_right(&multipart).await;
    staged.finish(&multipart).await;
    staged.copy(&multipart, &copy).await.unwrap();
    staged.check(&copy, "other bytes than were sent last").await;
}

async fn a_discarded_upload_is_not_copied<W: SignedUrlClient>(staged: &Staged<'_, W>) {
    let (multipart, copy) = (staged.begin().await, staged.key());
    staged.send(&multipart, &staged.bytes).await;
    staged.finish(&multipart).await;
    staged.subject.store.abort(&multipart).await.unwrap();
    let outcome = staged.copy(&multipart, &copy).await;
    assert!(matches!(outcome, Err(Error::Conflict(Conflict::UploadClosed))), "{outcome:?}");
    assert_eq!(staged.subject.store.head(&copy).await.unwrap(), None);
}
