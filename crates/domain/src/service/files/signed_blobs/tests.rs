use std::sync::Arc;

use mockall::predicate::eq;

use uuid::Uuid;

use crate::error::{Conflict, Error, Forbidden, Refused};
use crate::model::{
    Content, Expected, Length, Located, MediaType, MultipartUpload, MultipartUploadId, Permission, Revision, SessionId,
    Stored, Version, VersionId,
};
use crate::port::{
    ContentHeaders, GetTarget, MockBlobRecordRepository, MockBlobStore, MockNodeRepository, MockPartStore,
    MockSessionRepository, MockSignedUrlVerifier, MockVersionRepository, PutTarget, SignedRequest, SignedUrl, Watch,
};
use crate::service::testing::{
    FILE, GUEST, NOW, OWNER, context, drain, drive_with, file, for_guest, one_store, person, trashed,
};
use crate::service::{SignedBlobPorts, SignedBlobService, WatchPorts};
use crate::testing::{content, key, name, store_name};

const REQUEST: SignedRequest<'static> = SignedRequest { key: "k", query: "q" };
const TEN: Expected = Expected { length: Length::Exactly(10), sha256: None };

/// A service whose gate admits ten bytes, while the records answer `wanted`, in order.
fn service(wanted: &'static [bool], store: MockBlobStore) -> SignedBlobService {
    service_for(PutTarget::Blob(key()), wanted, store, MockPartStore::new())
}

/// The same, for `target`.
fn service_for(
    target: PutTarget,
    wanted: &'static [bool],
    store: MockBlobStore,
    parts: MockPartStore,
) -> SignedBlobService {
    let mut verifier = MockSignedUrlVerifier::new();
    verifier.expect_verify_put().withf(|_, now| *now == NOW).times(1).returning(move |_, _| Ok((target.clone(), TEN)));
    let mut records = MockBlobRecordRepository::new();
    let mut answers = wanted.iter();
    records
        .expect_is_referred_to()
        .with(eq(key()))
        .times(wanted.len())
        .returning(move |_| Ok(*answers.next().unwrap()));
    let ports = SignedBlobPorts {
        verifier: Arc::new(verifier),
        stores: one_store(store),
        parts: Arc::new(parts),
        records: Arc::new(records),
        watching: watching(),
    };
    SignedBlobService::new(ports, store_name(), context())
}

fn body() -> crate::port::ByteStream {
    Box::pin(futures_util::stream::empty())
}

fn storing() -> MockBlobStore {
    let mut store = MockBlobStore::new();
    let put = store.expect_put().withf(|stored, _, expected, _| *stored == key() && *expected == TEN);
    put.times(1).returning(|_, _, _, _| Ok(Stored { size: 10, ..Stored::default() }));
    store
}

#[tokio::test]
async fn bytes_of_an_open_upload_are_stored() {
    let blobs = service(&[true, true], storing());
    let permit = blobs.admit(REQUEST, Some(10)).await.unwrap();
    blobs.put(permit, body()).await.unwrap();
}

#[tokio::test]
async fn bytes_of_an_ended_upload_are_refused() {
    let refused = service(&[false], MockBlobStore::new()).admit(REQUEST, None).await.err();
    assert!(matches!(refused, Some(Error::Conflict(Conflict::UploadClosed))));
}

#[tokio::test]
async fn bytes_are_removed_if_their_upload_ends_meanwhile() {
    let mut store = storing();
    store.expect_delete().with(eq(key())).times(1).returning(|_| Ok(()));
    let blobs = service(&[true, false], store);
    let permit = blobs.admit(REQUEST, Some(10)).await.unwrap();
    assert!(matches!(blobs.put(permit, body()).await, Err(Error::Conflict(Conflict::UploadClosed))));
}

fn multipart() -> MultipartUpload {
    MultipartUpload { key: key(), multipart_id: MultipartUploadId::parse("parts").ok() }
}

/// A service whose gate admits the third part of a multipart upload, which is stored.
fn third_part(wanted: &'static [bool], store: MockBlobStore) -> SignedBlobService {
    let mut parts = MockPartStore::new();
    let put =
        parts.expect_put_part().withf(|of, number, _, expected| (of, *number, *expected) == (&multipart(), 3, TEN));
    put.times(1).returning(|_, _, _, _| Ok(()));
    service_for(PutTarget::Part { multipart: multipart(), number: 3 }, wanted, store, parts)
}

#[tokio::test]
async fn a_part_is_stored_as_one_and_not_as_a_blob() {
    let blobs = third_part(&[true, true], MockBlobStore::new());
    let permit = blobs.admit(REQUEST, Some(10)).await.unwrap();
    assert_eq!(permit.target(), &PutTarget::Part { multipart: multipart(), number: 3 });
    blobs.put(permit, body()).await.unwrap();
}

#[tokio::test]
async fn all_parts_are_removed_if_their_upload_ends_meanwhile() {
    let mut store = MockBlobStore::new();
    store.expect_abort().with(eq(multipart())).times(1).returning(|_| Ok(()));
    let blobs = third_part(&[true, false], store);
    let permit = blobs.admit(REQUEST, Some(10)).await.unwrap();
    assert!(matches!(blobs.put(permit, body()).await, Err(Error::Conflict(Conflict::UploadClosed))));
}

#[tokio::test]
async fn a_length_other_than_signed_is_refused_before_any_lookup() {
    let refused = service(&[], MockBlobStore::new()).admit(REQUEST, Some(11)).await.err();
    assert!(matches!(refused, Some(Error::Refused(Refused::Size))));
}

#[tokio::test]
async fn an_invalid_signature_causes_no_lookup() {
    let mut verifier = MockSignedUrlVerifier::new();
    verifier.expect_verify_put().returning(|_, _| Err(Error::Forbidden(Forbidden::Signature)));
    verifier.expect_verify_get().returning(|_, _| Err(Error::Forbidden(Forbidden::UrlExpired)));
    let (store, records) = (MockBlobStore::new(), MockBlobRecordRepository::new());
    let blobs = blobs_with(store, verifier, records, watching());
    assert!(matches!(blobs.admit(REQUEST, None).await.err(), Some(Error::Forbidden(Forbidden::Signature))));
    assert!(matches!(blobs.open(REQUEST).await.err(), Some(Error::Forbidden(Forbidden::UrlExpired))));
}

fn content_headers() -> ContentHeaders {
    ContentHeaders { media_type: MediaType::jpeg(), attachment: Some(name("beach.jpg")), content: None }
}

/// A gate that admits a read, and a store that holds `stored`.
fn reading(stored: Option<Stored>) -> (MockBlobStore, MockSignedUrlVerifier) {
    let mut verifier = MockSignedUrlVerifier::new();
    verifier
        .expect_verify_get()
        .withf(|_, now| *now == NOW)
        .times(1)
        .returning(|_, _| Ok(GetTarget { key: key(), content_headers: content_headers(), watch: None }));
    let mut store = MockBlobStore::new();
    store.expect_head().with(eq(key())).times(1).returning(move |_| Ok(stored.clone()));
    (store, verifier)
}

fn blobs((store, verifier): (MockBlobStore, MockSignedUrlVerifier)) -> SignedBlobService {
    blobs_with(store, verifier, MockBlobRecordRepository::new(), watching())
}

fn blobs_with(
    store: MockBlobStore,
    verifier: MockSignedUrlVerifier,
    records: MockBlobRecordRepository,
    watching: WatchPorts,
) -> SignedBlobService {
    let parts = Arc::new(MockPartStore::new());
    let (verifier, stores, records) = (Arc::new(verifier), one_store(store), Arc::new(records));
    let ports = SignedBlobPorts { verifier, stores, parts, records, watching };
    SignedBlobService::new(ports, store_name(), context())
}

#[tokio::test]
async fn a_valid_url_reads_the_signed_blob() {
    let (mut store, verifier) = reading(Some(Stored { size: 5, ..Stored::default() }));
    let get = store.expect_get().with(eq(key()), eq(5), eq(1..4));
    get.times(1).returning(|_, _, _| Ok(crate::service::testing::body([Ok("el"), Ok("l")])));
    let blobs = blobs((store, verifier));
    let open = blobs.open(REQUEST).await.unwrap();
    assert_eq!((open.key(), open.size(), open.content_headers()), (&key(), 5, &content_headers()));
    assert_eq!(drain(blobs.read(&open, 1..4).await.unwrap()).unwrap(), b"ell");
}

#[tokio::test]
async fn a_missing_blob_is_damaged_if_referenced_or_else_not_found() {
    for referred in [false, true] {
        let (store, verifier) = reading(None);
        let mut records = MockBlobRecordRepository::new();
        records.expect_is_referred_to().with(eq(key())).times(1).returning(move |_| Ok(referred));
        let error = blobs_with(store, verifier, records, watching()).open(REQUEST).await.err().unwrap();
        assert!(matches!(error, Error::Damaged { .. }) == referred, "{error}");
        assert!(matches!(error, Error::NotFound) != referred, "{error}");
    }
}

const SESSION: SessionId = SessionId::from_uuid(Uuid::from_u128(500));

/// Must not be called.
fn watching() -> WatchPorts {
    WatchPorts {
        drive: Arc::new(MockNodeRepository::new()),
        versions: Arc::new(MockVersionRepository::new()),
        sessions: Arc::new(MockSessionRepository::new()),
    }
}

/// A service whose gate admits the guest watching this version of a file, which the guest can see.
fn watched(version: VersionId, runs: bool, found: Option<Located>, former: Option<Version>) -> SignedBlobService {
    let watch = Watch { user: GUEST, session: SESSION, file: FILE, version };
    let mut verifier = MockSignedUrlVerifier::new();
    verifier
        .expect_verify_get()
        .returning(move |_, _| Ok(GetTarget { key: key(), content_headers: content_headers(), watch: Some(watch) }));
    let mut sessions = MockSessionRepository::new();
    let running = sessions.expect_find_username().with(eq(SESSION), eq(GUEST), eq(NOW));
    running.returning(move |_, _, _| Ok(runs.then(|| "gus".to_owned())));
    let mut versions = MockVersionRepository::new();
    versions.expect_find().withf(move |_, wanted| *wanted == version).returning(move |_, _| Ok(former.clone()));
    let watching =
        WatchPorts { drive: Arc::new(drive_with(found)), versions: Arc::new(versions), sessions: Arc::new(sessions) };
    blobs_with(MockBlobStore::new(), verifier, MockBlobRecordRepository::new(), watching)
}

#[tokio::test]
async fn a_file_is_watched_while_the_session_runs_and_the_user_may_see_it() {
    let (current, other) = (content(10).version, VersionId::from_uuid(Uuid::from_u128(78)));
    let seen = || Some(for_guest(file(FILE), Permission::View));
    let open = watched(current, true, seen(), None).open(REQUEST).await.unwrap();
    assert_eq!((open.size(), open.watch().map(|watch| watch.user)), (10, Some(GUEST)));
    let former = Version {
        content: Content { version: other, ..content(7) },
        revision: Revision(1),
        created_by: person(OWNER, "olga"),
        created_at: NOW,
        is_current: false,
    };
    assert_eq!(watched(other, true, seen(), Some(former)).open(REQUEST).await.unwrap().size(), 7);
    let ended = watched(current, false, seen(), None).open(REQUEST).await.err();
    assert!(matches!(ended, Some(Error::Forbidden(Forbidden::UrlExpired))));
    for (version, found) in
        [(other, seen()), (current, None), (current, Some(trashed(for_guest(file(FILE), Permission::View))))]
    {
        let gone = watched(version, true, found, None).open(REQUEST).await.err();
        assert!(matches!(gone, Some(Error::NotFound)));
    }
}

#[test]
fn a_signed_url_prints_without_its_secret() {
    let headers = vec![("x-amz-checksum-sha256", "c2VjcmV0".to_owned())];
    let url = SignedUrl { url: "https://store/k?signature=5ec7e7".to_owned(), headers, expires_at: NOW };
    let printed = format!("{url:?}");
    assert!(!printed.contains("5ec7e7") && !printed.contains("store") && !printed.contains("c2VjcmV0"), "{printed}");
}
