use std::sync::Arc;

use mockall::predicate::eq;

use crate::error::Error;
use crate::model::BlobRef;
use crate::port::{MockBlobRecordRepository, MockBlobStore};
use crate::service::Contents;
use crate::service::testing::{body, contents, drain, other_store, two_stores};
use crate::testing::{blob, key};

fn reading(text: &'static str) -> MockBlobStore {
    let mut store = MockBlobStore::new();
    store.expect_get().with(eq(key()), eq(9), eq(0..4)).times(1).returning(move |_, _, _| Ok(body([Ok(text)])));
    store
}

#[tokio::test]
async fn each_blob_is_read_from_its_own_store() {
    let stores = two_stores(reading("disk"), reading("bucket"));
    let contents = Contents::new(stores, Arc::new(MockBlobRecordRepository::new()));
    for (blob, text) in [(blob(), "disk"), (BlobRef { store: other_store(), key: key() }, "bucket")] {
        let bytes = contents.read_blob(&blob, 9, 0..4).await.ok().unwrap();
        assert_eq!(drain(bytes).unwrap(), text.as_bytes());
    }
}

#[tokio::test]
async fn a_blob_of_an_unknown_store_is_unavailable_and_not_missing() {
    let contents = contents(MockBlobStore::new());
    match contents.read_blob(&BlobRef { store: other_store(), key: key() }, 9, 0..4).await.err() {
        Some(Error::Unavailable { part: "storage", source }) => {
            assert_eq!(source.to_string(), "no blob store named bucket is configured");
        }
        other => panic!("{other:?}"),
    }
}
