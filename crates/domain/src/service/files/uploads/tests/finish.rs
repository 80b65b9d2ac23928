//! Digest verification before the commit, and stores whose clients may go on writing.

use super::*;
use crate::model::{BlobKey, BlobRef};
use crate::testing::blob;

/// The digest of `hello`.
fn hello_digest() -> Sha256 {
    Sha256::parse("2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824").unwrap()
}

/// The part plan of `hello`.
const FIVE: PartPlan = PartPlan::single(5);

fn five(sha256: Option<Sha256>) -> Upload {
    Upload { announced: Some(5), file: FileInfo { sha256, ..file_info_named("a.txt") }, ..upload() }
}

/// The bytes of `hello` have arrived for this upload; the store does not know their digest.
fn hello_arrived(upload: Upload) -> Ports {
    let mut ports = Ports::with_upload(upload);
    ports.direct.expect_finish().times(1).returning(|_, _, _| Ok(stored(5)));
    ports
}

/// The blob under `key` is read once.
fn read_from(ports: &mut Ports, key: BlobKey) {
    ports.store.expect_get().with(eq(key), eq(5), eq(0..5)).times(1).returning(|_, _, _| Ok(hello()));
}

/// The blob, with its digest, becomes the file.
fn committed(ports: &mut Ports, blob: BlobRef, sha256: Option<Sha256>) {
    ports
        .uploads
        .expect_commit()
        .withf(move |_, _, commit| {
            commit.blob == blob && commit.stored == Stored { size: 5, sha256, ..Stored::default() }
        })
        .times(1)
        .returning(|_, _, commit| Ok(for_owner(file(commit.file)).into()));
}

fn saying(sha256: Sha256) -> CompletionOptions {
    CompletionOptions { conflict: None, sha256: Some(sha256) }
}

#[tokio::test]
async fn an_unverified_digest_is_verified_by_reading() {
    for (announced, given) in [
        (Some(hello_digest()), CompletionOptions::default()),
        (None, saying(hello_digest())),
        (Some(hello_digest()), saying(hello_digest())),
    ] {
        let mut ports = hello_arrived(five(announced));
        read_from(&mut ports, upload().blob);
        committed(&mut ports, blob(), Some(hello_digest()));
        ports.service().complete(&actor(OWNER), upload().id, given).await.unwrap();
    }
    // No digest was announced: nothing is read.
    let mut ports = hello_arrived(five(None));
    committed(&mut ports, blob(), None);
    ports.service().complete(&actor(OWNER), upload().id, CompletionOptions::default()).await.unwrap();
}

#[tokio::test]
async fn a_known_digest_is_compared_without_reading() {
    for (given, right) in [(hello_digest(), true), (DIGEST, false)] {
        let mut ports = Ports::with_upload(five(None));
        let known = Stored { size: 5, sha256: Some(hello_digest()), ..Stored::default() };
        ports.direct.expect_finish().times(1).return_once(move |_, _, _| Ok(known));
        if right {
            committed(&mut ports, blob(), Some(hello_digest()));
        }
        let outcome = ports.service().complete(&actor(OWNER), upload().id, saying(given)).await;
        assert_eq!(outcome.is_ok(), right, "{outcome:?}");
    }
}

#[tokio::test]
async fn mismatched_bytes_are_not_committed() {
    for (announced, given) in [(Some(DIGEST), CompletionOptions::default()), (None, saying(DIGEST))] {
        let mut ports = hello_arrived(five(announced));
        read_from(&mut ports, upload().blob);
        let outcome = ports.service().complete(&actor(OWNER), upload().id, given).await;
        assert!(matches!(outcome, Err(Error::Refused(Refused::Checksum))), "{outcome:?}");
    }
    // Two different digests cannot both be right.
    let ports = hello_arrived(five(Some(hello_digest())));
    let outcome = ports.service().complete(&actor(OWNER), upload().id, saying(DIGEST)).await;
    assert!(matches!(outcome, Err(Error::Refused(Refused::Checksum))), "{outcome:?}");
}

/// Uploads need a copy, which is recorded before it is made.
fn copied(mut ports: Ports, outcome: crate::Result<Stored>) -> Ports {
    let mut staged = MockStagedUploadStore::new();
    let mut order = Sequence::new();
    staged.expect_needs_copy().with(eq(FIVE)).returning(|_| true);
    let record = ports.records.expect_record().with(eq(nth_key(1)), eq(store_name()), eq(NOW));
    record.times(1).in_sequence(&mut order).returning(|_, _, _| Ok(()));
    let copy = staged.expect_copy().with(eq(upload().multipart()), eq(FIVE), eq(nth_key(1)), eq(presented()));
    copy.times(1).in_sequence(&mut order).return_once(|_, _, _, _| outcome);
    ports.staged = Some(staged);
    ports
}

#[tokio::test]
async fn mutable_bytes_are_copied_and_the_file_has_the_copy() {
    let mut ports = copied(hello_arrived(five(Some(hello_digest()))), Ok(stored(5)));
    read_from(&mut ports, nth_key(1));
    committed(&mut ports, nth_blob(1), Some(hello_digest()));
    ports.store.expect_abort().with(eq(upload().multipart())).times(1).returning(|_| Ok(()));
    refers_to(&mut ports, Some(nth_key(1)));
    ports.service().complete(&actor(OWNER), upload().id, CompletionOptions::default()).await.unwrap();
}

/// Of the upload's own blob and the copy, only `referred` is that of a file.
fn refers_to(ports: &mut Ports, referred: Option<BlobKey>) {
    let referred = move |key: &BlobKey| Ok(referred.as_ref() == Some(key));
    ports.records.expect_is_referred_to().times(2).returning(referred);
}

#[tokio::test]
async fn a_copy_that_a_concurrent_request_made_superfluous_is_deleted() {
    let mut ports = copied(hello_arrived(five(None)), Ok(stored(5)));
    committed(&mut ports, nth_blob(1), None);
    ports.store.expect_abort().times(1).returning(|_| Ok(()));
    refers_to(&mut ports, None);
    ports.store.expect_delete().with(eq(nth_key(1))).times(1).returning(|_| Ok(()));
    ports.service().complete(&actor(OWNER), upload().id, CompletionOptions::default()).await.unwrap();
}

/// As after an upgrade of the store, when one instance still commits what was sent and another one a copy.
#[tokio::test]
async fn bytes_that_a_concurrent_request_committed_without_a_copy_are_kept() {
    let mut ports = copied(hello_arrived(five(None)), Ok(stored(5)));
    committed(&mut ports, nth_blob(1), None);
    ports.store.expect_abort().never();
    refers_to(&mut ports, Some(upload().blob));
    ports.store.expect_delete().with(eq(nth_key(1))).times(1).returning(|_| Ok(()));
    ports.service().complete(&actor(OWNER), upload().id, CompletionOptions::default()).await.unwrap();
}

#[tokio::test]
async fn a_staged_copy_is_removed_if_the_name_is_taken_and_the_sent_bytes_stay() {
    let mut ports = copied(hello_arrived(five(None)), Ok(stored(5)));
    ports.uploads.expect_commit().times(1).returning(|_, _, _| Err(name_taken()));
    ports.store.expect_delete().with(eq(nth_key(1))).times(1).returning(|_| Ok(()));
    let outcome = ports.service().complete(&actor(OWNER), upload().id, CompletionOptions::default()).await;
    assert!(matches!(outcome, Err(Error::Conflict(Conflict::NameTaken(_)))), "{outcome:?}");
}

/// The deletion of the copy fails, so its bytes stay reserved.
fn copy_is_held(ports: &mut Ports) {
    ports.store.expect_delete().with(eq(nth_key(1))).times(1).returning(|_| Err(outage()));
    let hold = ports.records.expect_hold().with(eq(nth_key(1)), eq(upload().drive), eq(5));
    hold.times(1).returning(|_, _, _| Ok(()));
}

#[tokio::test]
async fn undeletable_bytes_of_a_copy_stay_reserved() {
    // The name is taken.
    let mut taken = copied(hello_arrived(five(None)), Ok(stored(5)));
    taken.uploads.expect_commit().times(1).returning(|_, _, _| Err(name_taken()));
    copy_is_held(&mut taken);
    let outcome = taken.service().complete(&actor(OWNER), upload().id, CompletionOptions::default()).await;
    assert!(matches!(outcome, Err(Error::Conflict(Conflict::NameTaken(_)))), "{outcome:?}");

    // The copy has another digest.
    let mut other = copied(hello_arrived(five(Some(DIGEST))), Ok(stored(5)));
    read_from(&mut other, nth_key(1));
    copy_is_held(&mut other);
    let outcome = other.service().complete(&actor(OWNER), upload().id, CompletionOptions::default()).await;
    assert!(matches!(outcome, Err(Error::Refused(Refused::Checksum))), "{outcome:?}");

    // The copy has another size.
    let mut longer = copied(hello_arrived(five(None)), Err(Error::Refused(Refused::Size)));
    copy_is_held(&mut longer);
    let outcome = longer.service().complete(&actor(OWNER), upload().id, CompletionOptions::default()).await;
    assert!(matches!(outcome, Err(Error::Refused(Refused::Size))), "{outcome:?}");
}

#[tokio::test]
async fn undeletable_bytes_as_they_were_sent_stay_reserved_beside_the_copy() {
    let mut ports = copied(hello_arrived(five(None)), Ok(stored(5)));
    committed(&mut ports, nth_blob(1), None);
    refers_to(&mut ports, Some(nth_key(1)));
    ports.store.expect_abort().with(eq(upload().multipart())).times(1).returning(|_| Err(outage()));
    ports.store.expect_received_bytes().with(eq(upload().multipart())).times(1).returning(|_| Ok(5));
    let hold = ports.records.expect_hold().with(eq(upload().blob), eq(upload().drive), eq(5));
    hold.times(1).returning(|_, _, _| Ok(()));
    ports.service().complete(&actor(OWNER), upload().id, CompletionOptions::default()).await.unwrap();
}

#[tokio::test]
async fn a_copy_of_other_bytes_than_announced_is_removed_and_the_upload_stays() {
    let mut ports = copied(hello_arrived(five(Some(DIGEST))), Ok(stored(5)));
    read_from(&mut ports, nth_key(1));
    ports.store.expect_delete().with(eq(nth_key(1))).times(1).returning(|_| Ok(()));
    let outcome = ports.service().complete(&actor(OWNER), upload().id, CompletionOptions::default()).await;
    assert!(matches!(outcome, Err(Error::Refused(Refused::Checksum))), "{outcome:?}");

    // Another request has completed it meanwhile and removed what was sent.
    let closed = Err(Error::Conflict(Conflict::UploadClosed));
    let mut ports = copied(hello_arrived(five(None)), closed);
    ports.store.expect_delete().with(eq(nth_key(1))).times(1).returning(|_| Ok(()));
    ports.drive = drive_with([for_owner(folder(FOLDER)), for_owner(file(FILE))]);
    let complete = Upload { state: UploadState::Complete(FILE), ..five(None) };
    ports.uploads.expect_find().times(1).return_once(move |_, _| Ok(Some(complete)));
    let entry = ports.service().complete(&actor(OWNER), upload().id, CompletionOptions::default()).await.unwrap();
    assert_eq!(entry.node.id, FILE);
}

#[tokio::test]
async fn a_copy_that_may_exist_after_a_failure_is_removed_or_stays_reserved() {
    for (error, deletable) in [
        (outage(), true),
        (outage(), false),
        (Error::internal("storage", "no answer"), true),
        (Error::internal("storage", "no answer"), false),
    ] {
        let mut ports = copied(hello_arrived(five(None)), Err(error));
        ports.uploads.expect_find().times(1).return_once(|_, _| Ok(Some(five(None))));
        if deletable {
            ports.store.expect_delete().with(eq(nth_key(1))).times(1).returning(|_| Ok(()));
        } else {
            copy_is_held(&mut ports);
        }
        let outcome = ports.service().complete(&actor(OWNER), upload().id, CompletionOptions::default()).await;
        assert!(matches!(outcome, Err(Error::Unavailable { .. } | Error::Internal { .. })), "{outcome:?}");
    }
}

#[tokio::test]
async fn a_copy_whose_commit_has_an_unknown_outcome_stays() {
    let mut ports = copied(hello_arrived(five(None)), Ok(stored(5)));
    ports.uploads.expect_commit().times(1).returning(|_, _, _| Err(outage()));
    ports.store.expect_delete().never();
    let outcome = ports.service().complete(&actor(OWNER), upload().id, CompletionOptions::default()).await;
    assert!(matches!(outcome, Err(Error::Unavailable { .. })), "{outcome:?}");
}
