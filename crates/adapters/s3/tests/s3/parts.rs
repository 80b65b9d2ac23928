//! Bodies stored by multipart uploads.

use bytes::Bytes;
use clouddrive_domain::Error;
use clouddrive_domain::error::{Conflict, Refused};
use clouddrive_domain::model::{BlobKey, Expected, Length, Sha256, Timestamp};
use clouddrive_domain::port::{BlobStore, ContentHeaders};
use clouddrive_s3::S3Store;
use futures_util::{FutureExt, StreamExt, future, stream};

use crate::support::server::{Local, garage};
use crate::support::{body, exactly, key, open, read, sample};

const PART: usize = 5 << 20;
const LATER: Timestamp = Timestamp::from_millis(4_000_000_000_000);

/// Whether a multipart upload for `key` is in progress.
async fn is_begun(store: &S3Store, key: &BlobKey) -> bool {
    let mut after = None;
    loop {
        let page = store.list_incomplete(LATER, after.as_ref()).await.unwrap();
        if page.iter().any(|multipart| multipart.key == *key) {
            return true;
        }
        let Some(last) = page.into_iter().next_back() else { return false };
        after = Some(last);
    }
}

async fn bodies_of_parts_are_blobs(store: &S3Store) {
    for size in [PART, PART + 1, 2 * PART + 7] {
        let (key, bytes) = (key(), sample(size));
        let unknown = Expected { length: Length::AtMost(1 << 40), sha256: None };
        let stored = store.put(&key, body(&bytes), unknown, &ContentHeaders::unknown()).await.unwrap();
        assert_eq!(stored.size, size as u64);
        let announced = Expected { length: Length::Exactly(size as u64), sha256: stored.sha256 };
        let again = store.put(&key, body(&bytes), announced, &ContentHeaders::unknown()).await;
        assert!(matches!(again, Err(Error::Conflict(Conflict::BlobExists))), "{again:?}");
        assert!(read(store, &key, size).await.unwrap() == bytes);
        let other = self::key();
        assert_eq!(store.put(&other, body(&bytes), announced, &ContentHeaders::unknown()).await.unwrap(), stored);
        assert!(!is_begun(store, &key).await && !is_begun(store, &other).await);
        store.delete(&key).await.unwrap();
        store.delete(&other).await.unwrap();
    }
}

async fn refused_parts_leave_nothing(store: &S3Store) {
    let (key, size) = (key(), 2 * PART + 7);
    let refused = |length, sha256| Expected { length, sha256 };
    let limit = size as u64 - 1;
    for (expected, refusal) in [
        (refused(Length::Exactly(limit), None), Refused::Size),
        (refused(Length::Exactly(size as u64 + 1), None), Refused::Size),
        (refused(Length::AtMost(limit), None), Refused::TooLarge { limit }),
        (refused(Length::AtMost(1 << 40), Some(Sha256::from_bytes([7; 32]))), Refused::Checksum),
    ] {
        let outcome = store.put(&key, body(&sample(size)), expected, &ContentHeaders::unknown()).await;
        assert!(matches!(&outcome, Err(Error::Refused(refused)) if *refused == refusal), "{expected:?}: {outcome:?}");
        assert_eq!(store.head(&key).await.unwrap(), None);
        assert!(!is_begun(store, &key).await);
    }
    let broken = body(&sample(size)).chain(stream::once(future::ready(Err(Error::Refused(Refused::Interrupted)))));
    let outcome = store.put(&key, Box::pin(broken), exactly(size), &ContentHeaders::unknown()).await;
    assert!(matches!(outcome, Err(Error::Refused(Refused::Interrupted))), "{outcome:?}");
    assert_eq!(store.head(&key).await.unwrap(), None);
    assert!(!is_begun(store, &key).await);
}

#[tokio::test]
async fn in_garage() {
    let store = open(garage()).await;
    bodies_of_parts_are_blobs(&store).await;
    refused_parts_leave_nothing(&store).await;
}

#[tokio::test]
async fn where_conditions_are_honoured() {
    let local = Local::start().await;
    let store = open(local.settings.clone()).await;
    let tried = local.front.seen("DELETE", "uploadId=");
    bodies_of_parts_are_blobs(&store).await;
    refused_parts_leave_nothing(&store).await;
    // This server does not list uploads in progress: 2 that found a blob and 5 that were refused.
    assert_eq!(local.front.seen("DELETE", "uploadId=") - tried, 2 + 5);
}

#[tokio::test]
async fn a_put_that_is_dropped_gives_its_parts_up() {
    let store = open(garage()).await;
    let key = key();
    let bytes = body(&sample(PART + 7)).chain(stream::pending::<clouddrive_domain::Result<Bytes>>());
    let content_headers = ContentHeaders::unknown();
    let mut put = store.put(&key, Box::pin(bytes), exactly(2 * PART), &content_headers).boxed();
    // The put waits for bytes that never come. The store may list the upload before the put knows of it, so look again.
    let begun = async {
        let mut seen = 0;
        while seen < 20 {
            seen += usize::from(is_begun(&store, &key).await);
        }
    };
    future::select(&mut put, begun.boxed()).await;
    drop(put);
    while is_begun(&store, &key).await {}
    assert_eq!(store.head(&key).await.unwrap(), None);
}

#[tokio::test]
async fn concurrent_finishes_make_one_blob() {
    let local = Local::start().await;
    for settings in [garage(), local.settings.clone()] {
        let store = open(settings).await;
        let key = key();
        let contents: Vec<Vec<u8>> = (0..3_u8).map(|number| vec![number; PART + 1 + usize::from(number)]).collect();
        let content_headers = ContentHeaders::unknown();
        let puts = contents.iter().map(|bytes| store.put(&key, body(bytes), exactly(bytes.len()), &content_headers));
        let outcomes = future::join_all(puts).await;
        let winners: Vec<_> = outcomes.iter().zip(&contents).filter(|(outcome, _)| outcome.is_ok()).collect();
        let [(_, bytes)] = winners[..] else { panic!("{outcomes:?}") };
        assert!(read(&store, &key, bytes.len()).await.unwrap() == **bytes);
    }
}
