//! Conformance suite for [`StagedUploadStore`], with plans that need a copy.
#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use bytes::Bytes;
use clouddrive_domain::Error;
use clouddrive_domain::error::Conflict;
use clouddrive_domain::model::{BlobKey, MultipartUpload, PartPlan, Timestamp};
use clouddrive_domain::port::{ContentHeaders, StagedUploadStore};

use crate::samples::{digest, read, sample};
use crate::storage::direct_uploads::{Case, SignedUrlClient};

/// Runs every case with a single-part plan and with `several`, at least one of which must need a copy. The suite does
/// not delete its blobs.
pub async fn suite<W: SignedUrlClient>(case: &Case<'_, W>, staged: &dyn StagedUploadStore, several: PartPlan) {
    let mut tried = 0;
    for plan in [PartPlan::single(5), several] {
        if staged.needs_copy(plan) {
            a_copy_does_not_change(case, staged, plan).await;
            bytes_sent_again_replace_the_former(case, staged, plan).await;
            a_discarded_upload_is_not_copied(case, staged, plan).await;
            tried += 1;
        }
    }
    assert!(tried > 0, "nothing needs a copy");
}

fn soon<W>(case: &Case<'_, W>) -> Timestamp {
    Timestamp::from_millis(case.now.as_millis() + 240_000)
}

async fn begin<W: SignedUrlClient>(case: &Case<'_, W>, plan: PartPlan) -> MultipartUpload {
    let key = BlobKey::generate(case.random);
    let multipart_id = case.direct.begin(&key, plan, &ContentHeaders::unknown()).await.unwrap();
    MultipartUpload { key, multipart_id }
}

/// PUTs `bytes` as the parts of the plan and returns the status codes.
async fn send<W: SignedUrlClient>(
    case: &Case<'_, W>,
    multipart: &MultipartUpload,
    plan: PartPlan,
    bytes: &[u8],
) -> Vec<u16> {
    let announced = plan.is_single().then(|| digest(bytes));
    let mut statuses = Vec::new();
    for (part, bytes) in plan.parts().zip(bytes.chunks(usize::try_from(plan.part_size()).unwrap())) {
        let signed =
            case.direct.presign_put(multipart, part, announced, &ContentHeaders::unknown(), soon(case)).await.unwrap();
        statuses.push(case.wire.put(&signed, Bytes::copy_from_slice(bytes)).await);
    }
    statuses
}

fn bytes_of(plan: PartPlan) -> Vec<u8> {
    sample(usize::try_from(plan.size()).unwrap())
}

/// Neither PUTs to live URLs nor the removal of the original affect the copy.
async fn a_copy_does_not_change<W: SignedUrlClient>(
    case: &Case<'_, W>,
    staged: &dyn StagedUploadStore,
    plan: PartPlan,
) {
    let (multipart, bytes) = (begin(case, plan).await, bytes_of(plan));
    assert!(send(case, &multipart, plan, &bytes).await.iter().all(|status| *status == 200));
    case.direct.finish(&multipart, plan, None).await.unwrap();
    let copy = BlobKey::generate(case.random);
    let stored = staged.copy(&multipart, plan, &copy, &ContentHeaders::unknown()).await.unwrap();
    assert_eq!(stored.size, plan.size());
    assert!(stored.sha256.is_none_or(|known| known == digest(&bytes)));
    let other: Vec<u8> = bytes.iter().map(|byte| !byte).collect();
    send(case, &multipart, plan, &other).await;
    assert!(read(case.store, &copy, bytes.len(), 0..plan.size()).await.unwrap() == bytes, "the copy has changed");
    case.store.abort(&multipart).await.unwrap();
    assert!(
        read(case.store, &copy, bytes.len(), 0..plan.size()).await.unwrap() == bytes,
        "the copy has gone with the original"
    );
}

/// Bytes that are sent again replace the former ones.
async fn bytes_sent_again_replace_the_former<W: SignedUrlClient>(
    case: &Case<'_, W>,
    staged: &dyn StagedUploadStore,
    plan: PartPlan,
) {
    let (multipart, bytes) = (begin(case, plan).await, bytes_of(plan));
    let wrong: Vec<u8> = bytes.iter().map(|byte| !byte).collect();
    send(case, &multipart, plan, &wrong).await;
    assert!(send(case, &multipart, plan, &bytes).await.iter().all(|status| *status == 200));
    case.direct.finish(&multipart, plan, None).await.unwrap();
    let copy = BlobKey::generate(case.random);
    staged.copy(&multipart, plan, &copy, &ContentHeaders::unknown()).await.unwrap();
    assert!(
        read(case.store, &copy, bytes.len(), 0..plan.size()).await.unwrap() == bytes,
        "other bytes than were sent last"
    );
}

async fn a_discarded_upload_is_not_copied<W: SignedUrlClient>(
    case: &Case<'_, W>,
    staged: &dyn StagedUploadStore,
    plan: PartPlan,
) {
    let multipart = begin(case, plan).await;
    send(case, &multipart, plan, &bytes_of(plan)).await;
    case.direct.finish(&multipart, plan, None).await.unwrap();
    case.store.abort(&multipart).await.unwrap();
    let copy = BlobKey::generate(case.random);
    let outcome = staged.copy(&multipart, plan, &copy, &ContentHeaders::unknown()).await;
    assert!(matches!(outcome, Err(Error::Conflict(Conflict::UploadClosed))), "{outcome:?}");
    assert_eq!(case.store.head(&copy).await.unwrap(), None);
}
