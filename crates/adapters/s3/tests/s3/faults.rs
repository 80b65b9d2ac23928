//! Outages and lost responses.

use clouddrive_domain::model::{BlobKey, Expected, Length, MediaType, MultipartUpload, Part, PartPlan};
use clouddrive_domain::port::{BlobStore, ContentHeaders, DirectUploadStore, Probe, UrlPresigner};
use clouddrive_domain::{Error, Result};
use clouddrive_s3::S3Store;

use crate::support::front::{Fault, Front};
use crate::support::server::{Local, garage_behind_front};
use crate::support::{MachineClock, body, exactly, key, open, read, sample};

const PART: usize = 5 << 20;

/// Two parts, the second of seven bytes.
fn two_parts() -> PartPlan {
    PartPlan::restore(PART as u64 + 7, Some(PART as u64)).unwrap()
}

fn unavailable<T: std::fmt::Debug>(outcome: Result<T>) {
    assert!(matches!(outcome, Err(Error::Unavailable { part: "storage", .. })), "{outcome:?}");
}

/// Checks that all network operations fail with `Unavailable`.
async fn nothing_works(store: &S3Store, key: &BlobKey) {
    let multipart = MultipartUpload { key: key.clone(), multipart_id: None };
    unavailable(store.check().await);
    unavailable(store.head(key).await);
    unavailable(store.get(key, 1, 0..1).await.map(drop));
    unavailable(store.get(key, 1, 0..0).await.map(drop));
    unavailable(store.put(&self::key(), body(b"hello"), exactly(5), &ContentHeaders::unknown()).await);
    unavailable(store.delete(key).await);
    unavailable(store.finish(&multipart, PartPlan::single(5), None).await);
    unavailable(store.abort(&multipart).await);
}

#[tokio::test]
async fn an_outage_is_unavailable_and_ends_by_itself() {
    let mut local = Local::start().await;
    let store = open(local.impatient()).await;
    let key = key();
    store.put(&key, body(b"hello"), exactly(5), &ContentHeaders::unknown()).await.unwrap();
    local.front.stop();
    nothing_works(&store, &key).await;
    local.front.start_again().await;
    assert_eq!(read(&store, &key, 5).await.unwrap(), b"hello");
    store.check().await.unwrap();
}

#[tokio::test]
async fn a_store_in_trouble_is_unavailable() {
    let local = Local::start().await;
    let store = open(local.impatient()).await;
    for method in ["GET", "HEAD", "PUT", "POST", "DELETE"] {
        local.front.plan(method, "", Fault::Status(503), usize::MAX);
    }
    nothing_works(&store, &key()).await;
}

#[tokio::test]
async fn a_store_that_never_answers_is_unavailable() {
    let local = Local::start().await;
    let store = open(local.impatient()).await;
    local.front.plan("HEAD", "", Fault::Hang, usize::MAX);
    local.front.plan("PUT", "", Fault::Hang, usize::MAX);
    let (head, put) = futures_util::future::join(async { store.head(&key()).await }, async {
        store.put(&key(), body(b"hello"), exactly(5), &ContentHeaders::unknown()).await
    })
    .await;
    unavailable(head);
    unavailable(put);
}

#[tokio::test]
async fn signing_needs_no_network() {
    let (front, settings) = garage_behind_front().await;
    let store = open(settings).await;
    let multipart = {
        let key = key();
        MultipartUpload {
            multipart_id: store.begin(&key, PartPlan::single(5), &ContentHeaders::unknown()).await.unwrap(),
            key,
        }
    };
    front.stop();
    let soon = clouddrive_domain::port::Clock::now(&MachineClock).plus(std::time::Duration::from_secs(60));
    let content_headers = ContentHeaders { media_type: MediaType::jpeg(), attachment: None, content: None };
    for length in [0, 5] {
        store
            .presign_put(&multipart, Part { number: 1, size: length }, None, &ContentHeaders::unknown(), soon)
            .await
            .unwrap();
    }
    store.presign_get(&multipart.key, &content_headers, soon).await.unwrap();
}

/// Checks that calls succeed even if each fails once.
async fn a_transient_fault_is_retried(store: &S3Store, front: &Front, fault: Fault) {
    let (short, long) = (key(), key());
    let bytes = sample(PART + 7);
    for (method, words) in [("PUT", "/blobs/"), ("POST", "uploads"), ("PUT", "partNumber=1"), ("POST", "uploadId=")] {
        front.plan(method, words, fault, 1);
    }
    store.put(&short, body(b"hello"), exactly(5), &ContentHeaders::unknown()).await.unwrap();
    store.put(&long, body(&bytes), exactly(bytes.len()), &ContentHeaders::unknown()).await.unwrap();
    front.plan("HEAD", "/blobs/", fault, 1);
    assert_eq!(store.head(&short).await.unwrap().unwrap().size, 5);
    front.plan("GET", "/blobs/", fault, 1);
    assert_eq!(read(store, &short, 5).await.unwrap(), b"hello");
    assert!(read(store, &long, bytes.len()).await.unwrap() == bytes);
    for key in [short, long] {
        front.plan("DELETE", "/blobs/", fault, 1);
        store.delete(&key).await.unwrap();
        assert_eq!(store.head(&key).await.unwrap(), None);
    }
    front.forget_plan();
}

#[tokio::test]
async fn a_fault_that_passes_is_not_noticed() {
    let local = Local::start().await;
    let here = open(local.settings.clone()).await;
    let (front, settings) = garage_behind_front().await;
    let garage = open(settings).await;
    for fault in [Fault::Status(500), Fault::Status(503), Fault::CutBefore, Fault::CutAnswer, Fault::DoneButStatus(500)]
    {
        a_transient_fault_is_retried(&here, &local.front, fault).await;
        a_transient_fault_is_retried(&garage, &front, fault).await;
    }
}

#[tokio::test]
async fn a_put_of_unknown_outcome_is_checked() {
    let local = Local::start().await;
    let store = open(local.impatient()).await;
    let bytes = sample(PART + 7);
    for fault in [Fault::CutAnswer, Fault::DoneButStatus(503)] {
        // For all attempts: the first succeeds on the server, but every response is lost.
        local.front.plan("PUT", "x-id=PutObject", fault, 3);
        let key = key();
        assert_eq!(
            store.put(&key, body(b"hello"), exactly(5), &ContentHeaders::unknown()).await.unwrap().size,
            5,
            "{fault:?}"
        );
        assert_eq!(read(&store, &key, 5).await.unwrap(), b"hello");
        local.front.forget_plan();

        local.front.plan("POST", "uploadId=", fault, 3);
        let key = self::key();
        store.put(&key, body(&bytes), exactly(bytes.len()), &ContentHeaders::unknown()).await.unwrap();
        assert!(read(&store, &key, bytes.len()).await.unwrap() == bytes);
        local.front.forget_plan();
    }
}

#[tokio::test]
async fn a_finish_of_unknown_outcome_is_checked() {
    let (front, settings) = garage_behind_front().await;
    let store = open(settings).await;
    let http = reqwest::Client::new();
    let soon = clouddrive_domain::port::Clock::now(&MachineClock).plus(std::time::Duration::from_secs(60));
    for fault in [Fault::CutAnswer, Fault::CutMiddle, Fault::DoneButStatus(500), Fault::DoneButStatus(404)] {
        let key = key();
        let multipart = MultipartUpload {
            multipart_id: store.begin(&key, PartPlan::single(5), &ContentHeaders::unknown()).await.unwrap(),
            key,
        };
        let signed = store
            .presign_put(&multipart, Part { number: 1, size: 5 }, None, &ContentHeaders::unknown(), soon)
            .await
            .unwrap();
        assert_eq!(http.put(&signed.url).body("hello").send().await.unwrap().status(), 200);
        front.plan("POST", "uploadId=", fault, 3);
        let stored = store.finish(&multipart, PartPlan::single(5), None).await.unwrap();
        assert_eq!(store.finish(&multipart, PartPlan::single(5), None).await.unwrap(), stored, "{fault:?}");
        assert_eq!(read(&store, &multipart.key, 5).await.unwrap(), b"hello");
        front.forget_plan();
    }

    // A failed completion is not reported as success.
    let key = key();
    let multipart = MultipartUpload {
        multipart_id: store.begin(&key, PartPlan::single(5), &ContentHeaders::unknown()).await.unwrap(),
        key,
    };
    let signed = store
        .presign_put(&multipart, Part { number: 1, size: 5 }, None, &ContentHeaders::unknown(), soon)
        .await
        .unwrap();
    assert_eq!(http.put(&signed.url).body("hello").send().await.unwrap().status(), 200);
    front.plan("POST", "uploadId=", Fault::Status(500), 3);
    unavailable(store.finish(&multipart, PartPlan::single(5), None).await);
    assert_eq!(store.head(&multipart.key).await.unwrap(), None);
    front.forget_plan();
    store.finish(&multipart, PartPlan::single(5), None).await.unwrap();
}

/// A multipart upload with both of [`two_parts`] received.
async fn two_arrived(store: &S3Store, bytes: &[u8]) -> MultipartUpload {
    let http = reqwest::Client::new();
    let soon = clouddrive_domain::port::Clock::now(&MachineClock).plus(std::time::Duration::from_secs(60));
    let key = key();
    let multipart = MultipartUpload {
        multipart_id: store.begin(&key, two_parts(), &ContentHeaders::unknown()).await.unwrap(),
        key,
    };
    for (part, bytes) in two_parts().parts().zip(bytes.chunks(PART)) {
        let signed = store.presign_put(&multipart, part, None, &ContentHeaders::unknown(), soon).await.unwrap();
        assert_eq!(http.put(&signed.url).body(bytes.to_vec()).send().await.unwrap().status(), 200);
    }
    multipart
}

/// Checks that a multipart completion whose response is lost, or an error despite success, is detected by looking at
/// the object, and that one that failed with status 200 is not reported as success.
async fn a_completion_of_unknown_outcome_is_checked(store: &S3Store, front: &Front) {
    let bytes = sample(PART + 7);
    for fault in [Fault::CutAnswer, Fault::CutMiddle, Fault::DoneButStatus(500), Fault::DoneButStatus(404)] {
        let multipart = two_arrived(store, &bytes).await;
        front.plan("POST", "uploadId=", fault, 3);
        let stored = store.finish(&multipart, two_parts(), None).await.unwrap();
        assert_eq!(store.finish(&multipart, two_parts(), None).await.unwrap(), stored, "{fault:?}");
        assert!(read(store, &multipart.key, bytes.len()).await.unwrap() == bytes);
        front.forget_plan();
    }
    let multipart = two_arrived(store, &bytes).await;
    for fault in [Fault::Status(500), Fault::ErrorWithin] {
        front.plan("POST", "uploadId=", fault, 3);
        unavailable(store.finish(&multipart, two_parts(), None).await);
        assert_eq!(store.head(&multipart.key).await.unwrap(), None);
        assert_eq!(store.list_received(&multipart, two_parts()).await.unwrap().len(), 2);
        front.forget_plan();
    }
    // Fails once; the retry succeeds.
    front.plan("POST", "uploadId=", Fault::ErrorWithin, 1);
    store.finish(&multipart, two_parts(), None).await.unwrap();
    assert!(read(store, &multipart.key, bytes.len()).await.unwrap() == bytes);
    front.forget_plan();
}

#[tokio::test]
async fn a_multipart_completion_is_checked_in_garage() {
    let (front, settings) = garage_behind_front().await;
    a_completion_of_unknown_outcome_is_checked(&open(settings).await, &front).await;
}

#[tokio::test]
async fn a_multipart_completion_is_checked_where_conditions_are_honoured() {
    let local = Local::start().await;
    a_completion_of_unknown_outcome_is_checked(&open(local.settings.clone()).await, &local.front).await;
}

#[tokio::test]
async fn a_download_that_breaks_off_is_an_error() {
    let local = Local::start().await;
    let store = open(local.settings.clone()).await;
    let (key, bytes) = (key(), sample(2_000_000));
    store.put(&key, body(&bytes), exactly(bytes.len()), &ContentHeaders::unknown()).await.unwrap();
    local.front.plan("GET", "/blobs/", Fault::CutMiddle, 1);
    unavailable(read(&store, &key, bytes.len()).await);
    assert!(read(&store, &key, bytes.len()).await.unwrap() == bytes);
}

#[tokio::test]
async fn a_put_that_cannot_be_checked_is_no_success() {
    let local = Local::start().await;
    let store = open(local.impatient()).await;
    let key = key();
    local.front.plan("PUT", "/blobs/", Fault::DoneButStatus(503), usize::MAX);
    local.front.plan("HEAD", "/blobs/", Fault::Status(503), usize::MAX);
    unavailable(store.put(&key, body(b"hello"), exactly(5), &ContentHeaders::unknown()).await);
    local.front.forget_plan();
    let again = store
        .put(&key, body(b"other"), Expected { length: Length::AtMost(5), sha256: None }, &ContentHeaders::unknown())
        .await;
    assert!(matches!(again, Err(Error::Conflict(_))), "{again:?}");
    assert_eq!(read(&store, &key, 5).await.unwrap(), b"hello");
}
