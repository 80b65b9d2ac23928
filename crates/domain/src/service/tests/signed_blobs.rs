use std::sync::Arc;

use mockall::predicate::eq;

use super::{NOW, ambient, drain};
use crate::error::{Conflict, Error, Forbidden, Refused};
use crate::model::{Expected, Length, MediaType, Stored, Ticket, Transfer};
use crate::port::{
    MockBlobRecords, MockBlobStore, MockPartStore, MockUrlGate, Presentation, PutTarget, SignedRequest, SignedUrl,
};
use crate::service::SignedBlobs;
use crate::testing::{key, name};

const REQUEST: SignedRequest<'static> = SignedRequest { key: "k", query: "q" };
const TEN: Expected = Expected { length: Length::Exactly(10), sha256: None };

/// A service whose gate lets ten bytes pass, while the books answer `wanted`, one after the other.
fn service(wanted: &'static [bool], store: MockBlobStore) -> SignedBlobs {
    service_for(PutTarget::Blob(key()), wanted, store, MockPartStore::new())
}

/// The same, where the ten bytes are for this.
fn service_for(target: PutTarget, wanted: &'static [bool], store: MockBlobStore, parts: MockPartStore) -> SignedBlobs {
    let mut gate = MockUrlGate::new();
    gate.expect_admit_put().withf(|_, now| *now == NOW).times(1).returning(move |_, _| Ok((target.clone(), TEN)));
    let mut records = MockBlobRecords::new();
    let mut answers = wanted.iter();
    records
        .expect_is_referred_to()
        .with(eq(key()))
        .times(wanted.len())
        .returning(move |_| Ok(*answers.next().unwrap()));
    SignedBlobs::new(Arc::new(gate), Arc::new(store), Arc::new(parts), Arc::new(records), ambient())
}

fn body() -> crate::port::ByteStream {
    Box::pin(futures_util::stream::empty())
}

fn storing() -> MockBlobStore {
    let mut store = MockBlobStore::new();
    let put = store.expect_put().withf(|stored, _, expected| *stored == key() && *expected == TEN);
    put.times(1).returning(|_, _, _| Ok(Stored { size: 10, sha256: None }));
    store
}

#[tokio::test]
async fn what_an_open_upload_waits_for_is_stored() {
    let blobs = service(&[true, true], storing());
    let leave = blobs.admit(REQUEST, Some(10)).await.unwrap();
    blobs.put(leave, body()).await.unwrap();
}

#[tokio::test]
async fn what_nothing_waits_for_any_more_is_not_taken() {
    let refused = service(&[false], MockBlobStore::new()).admit(REQUEST, None).await.err();
    assert!(matches!(refused, Some(Error::Conflict(Conflict::UploadClosed))));
}

#[tokio::test]
async fn bytes_whose_upload_ended_while_they_came_are_removed_again() {
    let mut store = storing();
    store.expect_delete().with(eq(key())).times(1).returning(|_| Ok(()));
    let blobs = service(&[true, false], store);
    let leave = blobs.admit(REQUEST, Some(10)).await.unwrap();
    assert!(matches!(blobs.put(leave, body()).await, Err(Error::Conflict(Conflict::UploadClosed))));
}

fn transfer() -> Transfer {
    Transfer { key: key(), ticket: Ticket::parse("parts") }
}

/// A service whose gate lets the third part of a transfer pass, which is stored.
fn third_part(wanted: &'static [bool], store: MockBlobStore) -> SignedBlobs {
    let mut parts = MockPartStore::new();
    let put =
        parts.expect_put_part().withf(|of, number, _, expected| (of, *number, *expected) == (&transfer(), 3, TEN));
    put.times(1).returning(|_, _, _, _| Ok(()));
    service_for(PutTarget::Part { transfer: transfer(), number: 3 }, wanted, store, parts)
}

#[tokio::test]
async fn a_part_is_stored_as_one_and_not_as_a_blob() {
    let blobs = third_part(&[true, true], MockBlobStore::new());
    let leave = blobs.admit(REQUEST, Some(10)).await.unwrap();
    assert_eq!(leave.target(), &PutTarget::Part { transfer: transfer(), number: 3 });
    blobs.put(leave, body()).await.unwrap();
}

#[tokio::test]
async fn a_part_whose_upload_ended_while_it_came_takes_the_others_along() {
    let mut store = MockBlobStore::new();
    store.expect_discard().with(eq(transfer())).times(1).returning(|_| Ok(()));
    let blobs = third_part(&[true, false], store);
    let leave = blobs.admit(REQUEST, Some(10)).await.unwrap();
    assert!(matches!(blobs.put(leave, body()).await, Err(Error::Conflict(Conflict::UploadClosed))));
}

#[tokio::test]
async fn another_length_than_the_signed_one_is_refused_before_anything_is_looked_up() {
    let refused = service(&[], MockBlobStore::new()).admit(REQUEST, Some(11)).await.err();
    assert!(matches!(refused, Some(Error::Refused(Refused::Size))));
}

#[tokio::test]
async fn without_a_genuine_signature_nothing_is_looked_up() {
    let mut gate = MockUrlGate::new();
    gate.expect_admit_put().returning(|_, _| Err(Error::Forbidden(Forbidden::Signature)));
    gate.expect_admit_get().returning(|_, _| Err(Error::Forbidden(Forbidden::UrlExpired)));
    let (store, records) = (MockBlobStore::new(), MockBlobRecords::new());
    let parts = Arc::new(MockPartStore::new());
    let blobs = SignedBlobs::new(Arc::new(gate), Arc::new(store), parts, Arc::new(records), ambient());
    assert!(matches!(blobs.admit(REQUEST, None).await.err(), Some(Error::Forbidden(Forbidden::Signature))));
    assert!(matches!(blobs.open(REQUEST).await.err(), Some(Error::Forbidden(Forbidden::UrlExpired))));
}

fn presentation() -> Presentation {
    Presentation { media_type: MediaType::jpeg(), attachment: Some(name("beach.jpg")) }
}

/// A service whose gate lets somebody read, and in whose store this lies.
fn reading(stored: Option<Stored>) -> (MockBlobStore, MockUrlGate) {
    let mut gate = MockUrlGate::new();
    gate.expect_admit_get().withf(|_, now| *now == NOW).times(1).returning(|_, _| Ok((key(), presentation())));
    let mut store = MockBlobStore::new();
    store.expect_head().with(eq(key())).times(1).returning(move |_| Ok(stored));
    (store, gate)
}

fn blobs((store, gate): (MockBlobStore, MockUrlGate)) -> SignedBlobs {
    let (parts, records) = (Arc::new(MockPartStore::new()), Arc::new(MockBlobRecords::new()));
    SignedBlobs::new(Arc::new(gate), Arc::new(store), parts, records, ambient())
}

#[tokio::test]
async fn who_holds_a_genuine_url_reads_that_blob_as_it_was_signed() {
    let (mut store, gate) = reading(Some(Stored { size: 5, sha256: None }));
    let get = store.expect_get().with(eq(key()), eq(1..4));
    get.times(1).returning(|_, _| Ok(super::body([Ok("el"), Ok("l")])));
    let blobs = blobs((store, gate));
    let open = blobs.open(REQUEST).await.unwrap();
    assert_eq!((open.key(), open.size(), open.presentation()), (&key(), 5, &presentation()));
    assert_eq!(drain(blobs.read(&open, 1..4).await.unwrap()).unwrap(), b"ell");
}

#[tokio::test]
async fn a_url_whose_blob_is_gone_finds_nothing() {
    assert!(matches!(blobs(reading(None)).open(REQUEST).await.err(), Some(Error::NotFound)));
}

#[test]
fn a_signed_url_prints_without_what_makes_it_a_secret() {
    let headers = vec![("x-amz-checksum-sha256", "c2VjcmV0".to_owned())];
    let url = SignedUrl { url: "https://store/k?signature=5ec7e7".to_owned(), headers, expires_at: NOW };
    let printed = format!("{url:?}");
    assert!(!printed.contains("5ec7e7") && !printed.contains("store") && !printed.contains("c2VjcmV0"), "{printed}");
}
