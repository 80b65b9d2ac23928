//! Conformance suite for [`StagedUploads`], with plans that need a copy.
#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use bytes::Bytes;
use clouddrive_domain::Error;
use clouddrive_domain::error::Conflict;
use clouddrive_domain::model::{BlobKey, PartPlan, Timestamp, Transfer};
use clouddrive_domain::port::{Presentation, StagedUploads};

use crate::samples::{digest, read, sample};
use crate::storage::direct_uploads::{Case, Wire};

/// Runs every case with a single-part plan and with `several`, at least one of which must need a copy. The suite does
/// not delete its blobs.
pub async fn suite<W: Wire>(case: &Case<'_, W>, staged: &dyn StagedUploads, several: PartPlan) {
    let mut tried = 0;
    for plan in [PartPlan::single(5), several] {
        if staged.needs_copy(plan) {
            what_was_copied_stays_as_it_is(case, staged, plan).await;
            what_is_sent_again_takes_the_place_of_the_former(case, staged, plan).await;
            what_was_discarded_is_not_copied(case, staged, plan).await;
            tried += 1;
        }
    }
    assert!(tried > 0, "nothing needs a copy");
}

fn soon<W>(case: &Case<'_, W>) -> Timestamp {
    Timestamp::from_millis(case.now.as_millis() + 240_000)
}

async fn begin<W: Wire>(case: &Case<'_, W>, plan: PartPlan) -> Transfer {
    let key = BlobKey::generate(case.random);
    let ticket = case.direct.begin(&key, plan, &Presentation::of_unknown()).await.unwrap();
    Transfer { key, ticket }
}

/// PUTs `bytes` as the parts of the plan and returns the status codes.
async fn send<W: Wire>(case: &Case<'_, W>, transfer: &Transfer, plan: PartPlan, bytes: &[u8]) -> Vec<u16> {
    let announced = plan.is_single().then(|| digest(bytes));
    let mut statuses = Vec::new();
    for (part, bytes) in plan.parts().zip(bytes.chunks(usize::try_from(plan.part_size()).unwrap())) {
        let signed =
            case.direct.sign_put(transfer, part, announced, &Presentation::of_unknown(), soon(case)).await.unwrap();
        statuses.push(case.wire.put(&signed, Bytes::copy_from_slice(bytes)).await);
    }
    statuses
}

fn bytes_of(plan: PartPlan) -> Vec<u8> {
    sample(usize::try_from(plan.size()).unwrap())
}

/// Neither PUTs to live URLs nor the removal of the original affect the copy.
async fn what_was_copied_stays_as_it_is<W: Wire>(case: &Case<'_, W>, staged: &dyn StagedUploads, plan: PartPlan) {
    let (transfer, bytes) = (begin(case, plan).await, bytes_of(plan));
    assert!(send(case, &transfer, plan, &bytes).await.iter().all(|status| *status == 200));
    case.direct.finish(&transfer, plan, None).await.unwrap();
    let copy = BlobKey::generate(case.random);
    let stored = staged.copy(&transfer, plan, &copy, &Presentation::of_unknown()).await.unwrap();
    assert_eq!(stored.size, plan.size());
    assert!(stored.sha256.is_none_or(|known| known == digest(&bytes)));
    let other: Vec<u8> = bytes.iter().map(|byte| !byte).collect();
    send(case, &transfer, plan, &other).await;
    assert!(read(case.store, &copy, bytes.len(), 0..plan.size()).await.unwrap() == bytes, "the copy has changed");
    case.store.discard(&transfer).await.unwrap();
    assert!(
        read(case.store, &copy, bytes.len(), 0..plan.size()).await.unwrap() == bytes,
        "the copy has gone with the original"
    );
}

/// Bytes that are sent again replace the former ones.
async fn what_is_sent_again_takes_the_place_of_the_former<W: Wire>(
    case: &Case<'_, W>,
    staged: &dyn StagedUploads,
    plan: PartPlan,
) {
    let (transfer, bytes) = (begin(case, plan).await, bytes_of(plan));
    let wrong: Vec<u8> = bytes.iter().map(|byte| !byte).collect();
    send(case, &transfer, plan, &wrong).await;
    assert!(send(case, &transfer, plan, &bytes).await.iter().all(|status| *status == 200));
    case.direct.finish(&transfer, plan, None).await.unwrap();
    let copy = BlobKey::generate(case.random);
    staged.copy(&transfer, plan, &copy, &Presentation::of_unknown()).await.unwrap();
    assert!(
        read(case.store, &copy, bytes.len(), 0..plan.size()).await.unwrap() == bytes,
        "other bytes than were sent last"
    );
}

async fn what_was_discarded_is_not_copied<W: Wire>(case: &Case<'_, W>, staged: &dyn StagedUploads, plan: PartPlan) {
    let transfer = begin(case, plan).await;
    send(case, &transfer, plan, &bytes_of(plan)).await;
    case.direct.finish(&transfer, plan, None).await.unwrap();
    case.store.discard(&transfer).await.unwrap();
    let copy = BlobKey::generate(case.random);
    let outcome = staged.copy(&transfer, plan, &copy, &Presentation::of_unknown()).await;
    assert!(matches!(outcome, Err(Error::Conflict(Conflict::UploadClosed))), "{outcome:?}");
    assert_eq!(case.store.head(&copy).await.unwrap(), None);
}
