//! Stores that differ from S3 in ways that affect safety, modelled on real ones.

use bytes::Bytes;
use clouddrive_conformance::direct_uploads::SignedUrlClient;
use clouddrive_domain::Error;
use clouddrive_domain::error::Refused;
use clouddrive_domain::model::{MultipartUpload, Part, PartPlan};
use clouddrive_domain::port::{BlobStore, Clock, ContentHeaders, DirectUploadStore, StagedUploadStore};
use clouddrive_s3::{Capabilities, S3ErrorKind, S3Store, Settings};

use crate::conformance::{Http, subject};
use crate::opening::open_error;
use crate::support::front::Fault;
use crate::support::server::{Local, Quirks};
use crate::support::{MachineClock, body, exactly, key, open, read, sample};

const PART: usize = 5 << 20;

/// The features of s3s-fs.
const ALL: Capabilities = Capabilities {
    conditional_writes: true,
    checksums: true,
    part_checksums: true,
    closes_parts: true,
    range_headers: true,
    max_parts: 10_000,
};

fn two_parts() -> PartPlan {
    PartPlan::restore(PART as u64 + 7, Some(PART as u64)).unwrap()
}

/// A store that differs from S3, and its server, which must outlive it.
async fn in_process(quirks: Quirks) -> (Local, S3Store) {
    let local = Local::start_with(quirks).await;
    let store = open(local.settings.clone()).await;
    (local, store)
}

async fn send(store: &S3Store, multipart: &MultipartUpload, plan: PartPlan, bytes: &[u8]) {
    let soon = MachineClock.now().plus(std::time::Duration::from_secs(60));
    for (part, bytes) in plan.parts().zip(bytes.chunks(PART)) {
        let signed = store.presign_put(multipart, part, None, &ContentHeaders::unknown(), soon).await.unwrap();
        let request = reqwest::Client::new().put(&signed.url).body(Bytes::copy_from_slice(bytes));
        let request = signed.headers.iter().fold(request, |request, (name, value)| request.header(*name, value));
        assert_eq!(request.send().await.unwrap().status(), 200);
    }
}

async fn begin(store: &S3Store, plan: PartPlan) -> MultipartUpload {
    let key = key();
    MultipartUpload { multipart_id: store.begin(&key, plan, &ContentHeaders::unknown()).await.unwrap(), key }
}

/// Like Ceph, which verifies no checksums: wrong bytes must not block the right ones.
mod without_checksums {
    use super::{ALL, Capabilities, Http, Local, PartPlan, Quirks, S3Store, StagedUploadStore, subject, two_parts};

    async fn in_process() -> (Local, S3Store) {
        super::in_process(Quirks { keeps_refused: true, ..Quirks::default() }).await
    }

    #[tokio::test]
    async fn uploads_of_one_part_are_copied() {
        let (_server, store) = in_process().await;
        assert_eq!(store.capabilities(), Capabilities { checksums: false, ..ALL });
        assert_eq!((store.needs_copy(PartPlan::single(5)), store.needs_copy(two_parts())), (true, false));
        assert_eq!(store.capabilities().limitations().len(), 1);
    }

    clouddrive_conformance::staged_uploads! {
        #[tokio::test]
        (_server, store) = in_process().await => &subject(&store, &Http::new()), &store, PartPlan::single(5)
    }
}

/// The URL of an aborted upload outlives it, but must not bring bytes that count for no drive.
#[tokio::test]
async fn the_url_of_a_discarded_upload_is_useless() {
    let (_server, store) = in_process(Quirks::default()).await;
    let (wire, soon) = (Http::new(), MachineClock.now().plus(std::time::Duration::from_secs(60)));
    for sent in [false, true] {
        let multipart = begin(&store, PartPlan::single(5)).await;
        assert_eq!(multipart.multipart_id, None);
        let part = Part { number: 1, size: 5 };
        let signed = store.presign_put(&multipart, part, None, &ContentHeaders::unknown(), soon).await.unwrap();
        let put = || wire.put(&signed, Bytes::from_static(b"hello"));
        if sent {
            assert_eq!(put().await, 200);
        }
        for _ in 0..2 {
            store.abort(&multipart).await.unwrap();
            assert_eq!(put().await, 412, "{sent}");
            assert_eq!(store.head(&multipart.key).await.unwrap(), None, "{sent}");
        }
        // With the record of the blob the rest goes.
        store.delete(&multipart.key).await.unwrap();
        assert_eq!(put().await, 200, "{sent}");
    }
}

/// Like Swift, where a part sent again after the completion changes the object.
mod where_completion_closes_no_parts {
    use super::{
        ALL, BlobStore, Capabilities, ContentHeaders, Local, PART, PartPlan, Quirks, S3Store, StagedUploadStore,
    };
    use super::{body, exactly, key, read, sample, two_parts};

    async fn in_process() -> (Local, S3Store) {
        super::in_process(Quirks { leaves_parts_open: true, ..Quirks::default() }).await
    }

    #[tokio::test]
    async fn all_uploads_are_copied() {
        let (_server, store) = in_process().await;
        assert_eq!(store.capabilities(), Capabilities { closes_parts: false, ..ALL });
        assert_eq!((store.needs_copy(PartPlan::single(5)), store.needs_copy(two_parts())), (true, true));
    }

    /// They have no URL.
    #[tokio::test]
    async fn uploads_through_the_server_work() {
        let (_server, store) = in_process().await;
        let (key, bytes) = (key(), sample(PART + 7));
        store.put(&key, body(&bytes), exactly(bytes.len()), &ContentHeaders::unknown()).await.unwrap();
        assert!(read(&store, &key, bytes.len()).await.unwrap() == bytes);
    }

    mod of_one_part {
        use super::super::{Http, PartPlan, subject};
        use super::in_process;

        clouddrive_conformance::staged_uploads! {
            #[tokio::test]
            (_server, store) = in_process().await => &subject(&store, &Http::new()), &store, PartPlan::single(5)
        }
    }

    mod of_two_parts {
        use super::super::{Http, subject, two_parts};
        use super::in_process;

        clouddrive_conformance::staged_uploads! {
            #[tokio::test]
            (_server, store) = in_process().await => &subject(&store, &Http::new()), &store, two_parts()
        }
    }
}

/// Like Swift, which refuses part checksums in a completion.
#[tokio::test]
async fn elements_that_a_store_does_not_know_are_not_sent() {
    let (_server, store) = in_process(Quirks { refuses_part_checksums: true, ..Quirks::default() }).await;
    assert_eq!(store.capabilities(), Capabilities { part_checksums: false, ..ALL });
    let (key, bytes) = (key(), sample(2 * PART + 7));
    store.put(&key, body(&bytes), exactly(bytes.len()), &ContentHeaders::unknown()).await.unwrap();
    assert!(read(&store, &key, bytes.len()).await.unwrap() == bytes);
    let multipart = begin(&store, two_parts()).await;
    send(&store, &multipart, two_parts(), bytes.split_at(PART + 7).0).await;
    store.finish(&multipart, two_parts(), None).await.unwrap();
}

/// Like Swift, which accepts up to 1,000 parts.
#[tokio::test]
async fn the_limit_of_parts_is_tried_out_or_configured() {
    let (local, store) = in_process(Quirks { max_parts: Some(1000), ..Quirks::default() }).await;
    assert_eq!(store.capabilities(), Capabilities { max_parts: 1000, ..ALL });
    let many = PartPlan::restore(1001 * PART as u64, Some(PART as u64)).unwrap();
    let refused = store.begin(&key(), many, &ContentHeaders::unknown()).await;
    assert!(matches!(refused, Err(Error::Refused(Refused::TooLarge { .. }))), "{refused:?}");
    let configured = open(Settings { max_parts: Some(500), ..local.settings.clone() }).await;
    assert_eq!(configured.capabilities().max_parts, 500);
}

/// Like Ceph, which reports a completed upload as `NoSuchKey`.
#[tokio::test]
async fn a_completed_upload_is_found_by_its_object() {
    let (local, store) = in_process(Quirks::default()).await;
    let (multipart, bytes) = (begin(&store, two_parts()).await, sample(PART + 7));
    send(&store, &multipart, two_parts(), &bytes).await;
    let stored = store.finish(&multipart, two_parts(), None).await.unwrap();
    for (status, code) in [(404, "NoSuchKey"), (404, "NoSuchUpload"), (404, "NotFound"), (410, "Gone")] {
        local.front.plan("GET", "uploadId=", Fault::Error(status, code), 2);
        assert_eq!(store.finish(&multipart, two_parts(), None).await.unwrap(), stored, "{code}");
        assert_eq!(store.list_received(&multipart, two_parts()).await.unwrap().len(), 2, "{code}");
        local.front.forget_plan();
        local.front.plan("DELETE", "uploadId=", Fault::Error(status, code), 1);
        local.front.plan("DELETE", "/blobs/", Fault::Error(status, code), 1);
        store.abort(&multipart).await.unwrap();
        local.front.forget_plan();
        local.front.plan("HEAD", "/blobs/", Fault::Status(status), 1);
        assert_eq!(store.head(&multipart.key).await.unwrap(), None, "{code}");
        local.front.plan("GET", "/blobs/", Fault::Error(status, code), 1);
        assert!(
            matches!(store.get(&multipart.key, PART as u64 + 7, 0..5).await.map(drop), Err(Error::NotFound)),
            "{code}"
        );
    }
    // A missing bucket says nothing about the object.
    local.front.plan("GET", "uploadId=", Fault::Error(404, "NoSuchBucket"), 1);
    let outcome = store.finish(&multipart, two_parts(), None).await;
    assert!(matches!(outcome, Err(Error::Unavailable { part: "storage", .. })), "{outcome:?}");
}

#[tokio::test]
async fn a_store_on_which_no_upload_can_end_is_refused() {
    for (method, words, fault) in [
        ("POST", "uploads", Fault::Status(501)),
        ("POST", "uploadId=", Fault::Error(400, "MalformedXML")),
        ("POST", "uploadId=", Fault::DoneNothing),
        // Like moto, whose list of parts cannot be read.
        ("GET", "uploadId=", Fault::Status(501)),
        ("GET", "uploadId=", Fault::DoneNothing),
    ] {
        let local = Local::start().await;
        local.front.plan(method, words, fault, usize::MAX);
        let error = open_error(local.settings.clone()).await;
        assert_eq!(error.kind(), S3ErrorKind::NoMultipart, "{fault:?}: {error}");
        assert!(error.to_string().contains("docs/stores.md"), "{error}");
    }
}
