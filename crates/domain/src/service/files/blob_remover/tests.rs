use std::sync::Arc;

use mockall::predicate::eq;

use crate::error::Error;
use crate::model::{BlobRef, Upload};
use crate::port::{MockBlobRecordRepository, MockBlobStore};
use crate::service::BlobRemover;
use crate::service::testing::{nth_blob, nth_key, one_store, other_store, two_stores};
use crate::testing::{store_name, upload};

fn elsewhere(nth: u8) -> BlobRef {
    BlobRef { store: other_store(), key: nth_key(nth) }
}

#[tokio::test]
async fn each_blob_is_removed_from_its_own_store() {
    let (mut store, mut other) = (MockBlobStore::new(), MockBlobStore::new());
    store.expect_delete().with(eq(nth_key(1))).times(1).returning(|_| Ok(()));
    other.expect_delete().with(eq(nth_key(2))).times(1).returning(|_| Ok(()));
    let mut records = MockBlobRecordRepository::new();
    for (name, nth) in [(store_name(), 1), (other_store(), 2)] {
        let removal = records.expect_remove().withf(move |store, keys| *store == name && keys == [nth_key(nth)]);
        removal.times(1).returning(|_, _| Ok(()));
    }
    let remover = BlobRemover::new(Arc::new(records), two_stores(store, other));
    let (removed, first_error) = remover.remove(vec![nth_blob(1), elsewhere(2)]).await;
    assert!(first_error.is_none(), "{first_error:?}");
    assert_eq!(removed, 2);
}

#[tokio::test]
async fn a_blob_of_an_unknown_store_keeps_its_record_and_stops_no_other() {
    let (mut store, mut records) = (MockBlobStore::new(), MockBlobRecordRepository::new());
    store.expect_delete().with(eq(nth_key(2))).times(1).returning(|_| Ok(()));
    records.expect_remove().withf(|_, keys| keys == [nth_key(2)]).times(1).returning(|_, _| Ok(()));
    let remover = BlobRemover::new(Arc::new(records), one_store(store));
    let (removed, first_error) = remover.remove(vec![elsewhere(1), nth_blob(2)]).await;
    assert!(matches!(first_error, Some(Error::Unavailable { part: "storage", .. })), "{first_error:?}");
    assert_eq!(removed, 1);
}

#[tokio::test]
async fn an_ended_upload_is_discarded_in_its_own_store() {
    let mut other = MockBlobStore::new();
    other.expect_abort().with(eq(upload().multipart())).times(1).returning(|_| Ok(()));
    let stores = two_stores(MockBlobStore::new(), other);
    let remover = BlobRemover::new(Arc::new(MockBlobRecordRepository::new()), stores);
    let upload = Upload { store: Some(other_store()), ..upload() };
    assert_eq!(remover.discard(std::slice::from_ref(&upload)).await, [upload.id]);
}

#[tokio::test]
async fn an_upload_of_an_unknown_store_is_not_taken_for_one_of_the_only_store() {
    let mut records = MockBlobRecordRepository::new();
    let hold = records.expect_hold().with(eq(upload().blob), eq(upload().drive), eq(10));
    hold.times(1).returning(|_, _, _| Ok(()));
    // Nothing is asked of the store that is there: the mock would panic.
    let remover = BlobRemover::new(Arc::new(records), one_store(MockBlobStore::new()));
    let outcome = remover.discard_one(&Upload { store: Some(other_store()), ..upload() }).await;
    assert!(matches!(outcome, Err(Error::Unavailable { part: "storage", .. })), "{outcome:?}");
}
