//! The capacity of the blob store.

use std::sync::Arc;

use bytes::Bytes;
use clouddrive_domain::Error;
use clouddrive_domain::model::{BlobKey, Expected, Length, Timestamp};
use clouddrive_domain::port::{BlobStore, ByteStream, ContentHeaders, Probe};
use clouddrive_memory::{ManualClock, MemoryBlobStore, SeededRandom};
use futures_util::stream;

const ANY: Expected = Expected { length: Length::AtMost(1000), sha256: None };

fn body(size: usize) -> ByteStream {
    Box::pin(stream::iter([Ok(Bytes::from(vec![7; size]))]))
}

#[tokio::test]
async fn a_store_holds_as_much_as_its_capacity_and_again_once_there_is_room() {
    let random = Arc::new(SeededRandom::new(1));
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(0)));
    let store = MemoryBlobStore::with_capacity(10, clock, random.clone());
    let [first, second] = [(); 2].map(|()| BlobKey::generate(&*random));
    let put = async |key, size| store.put(key, body(size), ANY, &ContentHeaders::unknown()).await;
    put(&first, 10).await.unwrap();
    assert!(matches!(put(&second, 1).await, Err(Error::Unavailable { .. })));
    assert!(matches!(store.check().await, Err(Error::Unavailable { .. })));
    assert_eq!(store.head(&second).await.unwrap(), None);
    store.delete(&first).await.unwrap();
    store.check().await.unwrap();
    // What was refused takes no room, either.
    assert!(matches!(put(&second, 11).await, Err(Error::Unavailable { .. })));
    put(&second, 10).await.unwrap();
}
