//! Conformance suite for [`BlobStore`].
//!
//! Each case uses its own keys, generated from `random`. Existing blobs are not touched; the suite does not delete its
//! own. No other writes may be in progress.

#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use bytes::Bytes;
use clouddrive_domain::error::{Conflict, Refused};
use clouddrive_domain::model::{BlobKey, Expected, Length, MultipartUpload, Stored, Timestamp};
use clouddrive_domain::port::{BlobStore, ByteStream, ContentHeaders, Random};
use clouddrive_domain::{Error, Result};
use futures_util::future::{Either, join, join_all, select};
use futures_util::{FutureExt, StreamExt, future, stream};

use crate::case::suite;
use crate::samples::{check_stored, crc32, digest, read, sample};

suite! {
    $ blobs(store: &dyn BlobStore, random: &dyn Random) (store, random)

    self of "`BlobStore::put`: Stores `body` under `key`, durably" {
        a_put_blob_reads_back,
        pieces_of_any_size_make_one_blob,
    }

    self of "`BlobStore::put`: `Checksum` if its digest differs from the expected one" {
        a_digest_that_was_announced_is_checked,
    }

    self of "`BlobStore::put`: `Size` if `body` has not exactly the expected length" {
        a_body_has_exactly_the_expected_length,
    }

    self of "`BlobStore::put`: `TooLarge` if it exceeds the maximum" {
        a_body_has_at_most_the_expected_length,
    }

    self of "`BlobStore::put`: any error that `body` yields" {
        an_error_of_the_body_is_passed_on,
    }

    self of "`BlobStore::put`: if `key` exists, whose bytes stay unchanged" {
        a_key_is_written_once,
    }

    self of "`BlobStore`: Each key is written at most once." {
        one_of_simultaneous_puts_succeeds,
    }

    self of "`BlobStore::put`: It is atomic, even if the future is dropped midway." {
        a_put_that_is_dropped_stores_nothing,
    }

    self of "`BlobStore::head`: The metadata of the blob, if it exists." {
        head_finds_nothing_where_nothing_is,
    }

    self of "`BlobStore::get`: Reads the bytes `range` of the blob" {
        get_gives_the_range_that_was_asked_for,
    }

    self of "`BlobStore::get`: if its size is not `size`" {
        get_refuses_a_blob_of_another_length,
    }

    self of "`BlobStore::get`: if there is no blob under `key`" {
        get_finds_nothing_where_nothing_is,
    }

    self of "`BlobStore::delete`: Deletes the blob." {
        delete_removes_the_blob,
    }

    self of "`BlobStore::delete`: Idempotent: deleting a missing blob succeeds." {
        delete_of_nothing_is_no_error,
    }

    self of "`BlobStore::abort`: Discards a multipart upload and the bytes received, even if it is finished" {
        discarded_uploads_are_gone,
    }

    self of "`BlobStore::sweep`: Removes the remains of unfinished writes that began before `before`" {
        sweep_spares_whole_blobs,
        sweep_spares_writes_that_began_later,
        sweep_leaves_nothing_for_the_next,
    }
}

/// A time later than any write.
const LATER: Timestamp = Timestamp::from_millis(4_000_000_000_000);

/// `put` and `head` describe the stored blob, and it reads back unchanged; an empty one too.
async fn a_put_blob_reads_back(store: &dyn BlobStore, random: &dyn Random) {
    for size in [0, 1, 1000, 70_000, 3_000_007] {
        let (key, bytes) = (BlobKey::generate(random), sample(size));
        let expected = Expected { length: Length::Exactly(size as u64), sha256: None };
        let stored = store.put(&key, body(&bytes, 65_536), expected, &ContentHeaders::unknown()).await.unwrap();
        check_stored(&stored, &bytes);
        assert_eq!(store.head(&key).await.unwrap().unwrap().tag, stored.tag, "one tag for the same bytes");
        assert_eq!(stored.crc32, Some(crc32(&bytes)), "what passes through the server has a CRC-32");
        check_blob(store, &key, &bytes).await;
    }
}

/// A body may consist of empty, tiny and large pieces.
async fn pieces_of_any_size_make_one_blob(store: &dyn BlobStore, random: &dyn Random) {
    let key = BlobKey::generate(random);
    let bytes = sample(2_000_000);
    let (small, large) = bytes.split_at(999);
    let mut pieces: Vec<_> = small.chunks(1).flat_map(|piece| [Bytes::new(), Bytes::copy_from_slice(piece)]).collect();
    pieces.push(Bytes::copy_from_slice(large));
    pieces.push(Bytes::new());
    let body = Box::pin(stream::iter(pieces.into_iter().map(Ok)));
    check_stored(&store.put(&key, body, any_length(), &ContentHeaders::unknown()).await.unwrap(), &bytes);
    check_blob(store, &key, &bytes).await;
}

/// `Checksum` if the digest is not the expected one, and nothing is stored; with the right one, the blob is.
async fn a_digest_that_was_announced_is_checked(store: &dyn BlobStore, random: &dyn Random) {
    let key = BlobKey::generate(random);
    for size in [0, 10, 700_000] {
        let expected = Expected { length: Length::Exactly(size as u64), sha256: Some(digest(b"something else")) };
        check_refused(store, &key, body(&sample(size), 65_536), expected, &Refused::Checksum).await;
    }
    let expected = Expected { length: Length::AtMost(10), sha256: Some(digest(&sample(10))) };
    store.put(&key, body(&sample(10), 3), expected, &ContentHeaders::unknown()).await.unwrap();
    check_blob(store, &key, &sample(10)).await;
}

/// `Size` if the body is shorter or longer than expected, and nothing is stored.
async fn a_body_has_exactly_the_expected_length(store: &dyn BlobStore, random: &dyn Random) {
    let key = BlobKey::generate(random);
    for (size, expected) in [(0, 1), (1, 0), (10, 9), (10, 11), (700_000, 699_999), (700_000, 700_001)] {
        let expected = Expected { length: Length::Exactly(expected), sha256: None };
        check_refused(store, &key, body(&sample(size), 65_536), expected, &Refused::Size).await;
    }
}

/// `TooLarge` if the body exceeds the limit, and nothing is stored; a body of exactly the limit is.
async fn a_body_has_at_most_the_expected_length(store: &dyn BlobStore, random: &dyn Random) {
    let key = BlobKey::generate(random);
    for (size, limit) in [(1, 0), (10, 9), (700_000, 699_999)] {
        let expected = Expected { length: Length::AtMost(limit), sha256: None };
        check_refused(store, &key, body(&sample(size), 65_536), expected, &Refused::TooLarge { limit }).await;
    }
    let expected = Expected { length: Length::AtMost(10), sha256: None };
    store.put(&key, body(&sample(10), 10), expected, &ContentHeaders::unknown()).await.unwrap();
    check_blob(store, &key, &sample(10)).await;
}

/// `put` returns an error of the body, and nothing is stored.
async fn an_error_of_the_body_is_passed_on(store: &dyn BlobStore, random: &dyn Random) {
    let key = BlobKey::generate(random);
    for size in [0, 10, 700_000] {
        for refused in [Refused::Interrupted, Refused::TooSlow] {
            let error = Error::Refused(refused.clone());
            let body = body(&sample(size), 65_536).chain(stream::once(future::ready(Err(error))));
            check_refused(store, &key, Box::pin(body), any_length(), &refused).await;
        }
    }
}

/// `BlobExists` if there is a blob; its bytes and digest stay unchanged, whatever the new body.
async fn a_key_is_written_once(store: &dyn BlobStore, random: &dyn Random) {
    let key = BlobKey::generate(random);
    store.put(&key, body(b"the first", 4), any_length(), &ContentHeaders::unknown()).await.unwrap();
    for bytes in [&b"the first"[..], b"", b"the second", &sample(700_000)] {
        check_exists(store.put(&key, body(bytes, 65_536), any_length(), &ContentHeaders::unknown()).await);
        check_blob(store, &key, b"the first").await;
    }
}

/// Exactly one of many concurrent puts under one key succeeds, and its bytes are stored.
async fn one_of_simultaneous_puts_succeeds(store: &dyn BlobStore, random: &dyn Random) {
    let key = BlobKey::generate(random);
    let contents: Vec<Vec<u8>> = (0..8_u8).map(|number| vec![number; 600_000 + usize::from(number)]).collect();
    let content_headers = ContentHeaders::unknown();
    let puts = contents.iter().map(|bytes| store.put(&key, body(bytes, 65_536), any_length(), &content_headers));
    let mut winner = None;
    for (outcome, bytes) in join_all(puts).await.into_iter().zip(&contents) {
        if let Ok(stored) = outcome {
            assert_eq!(winner, None, "two puts under one key succeeded");
            check_stored(&stored, bytes);
            winner = Some(bytes);
        } else {
            check_exists(outcome);
        }
    }
    check_blob(store, &key, winner.unwrap()).await;
}

/// A put whose future is dropped stores nothing and does not block the next one.
async fn a_put_that_is_dropped_stores_nothing(store: &dyn BlobStore, random: &dyn Random) {
    let key = BlobKey::generate(random);
    for size in [0, 10, 3_000_000] {
        let (body, pause) = pausing(&sample(size));
        let dropped = match select(
            store.put(&key, body, any_length(), &ContentHeaders::unknown()),
            pause.reached().boxed(),
        )
        .await
        {
            Either::Left(_) => false,
            Either::Right(_) => true,
        };
        assert!(dropped, "a put was over before its body");
        check_nothing(store, &key).await;
    }
    store.put(&key, body(b"the next", 3), any_length(), &ContentHeaders::unknown()).await.unwrap();
    check_blob(store, &key, b"the next").await;
}

/// `head` returns `None` for a missing blob.
async fn head_finds_nothing_where_nothing_is(store: &dyn BlobStore, random: &dyn Random) {
    let key = BlobKey::generate(random);
    assert_eq!(store.head(&key).await.unwrap(), None);
}

/// `get` returns the bytes of the half-open range; none if it is empty.
async fn get_gives_the_range_that_was_asked_for(store: &dyn BlobStore, random: &dyn Random) {
    let key = BlobKey::generate(random);
    let bytes = sample(1_000_000);
    store.put(&key, body(&bytes, 65_536), any_length(), &ContentHeaders::unknown()).await.unwrap();
    let ranges =
        [0..1_000_000, 0..1, 999_999..1_000_000, 1..999_999, 262_143..262_145, 0..0, 500..500, 1_000_000..1_000_000];
    for range in ranges {
        let part = bytes.iter().copied().skip(range.start as usize).take((range.end - range.start) as usize);
        assert_eq!(read(store, &key, 1_000_000, range.clone()).await.unwrap(), part.collect::<Vec<_>>(), "{range:?}");
    }
}

/// `Damaged` if the blob does not have the expected length, for any range.
async fn get_refuses_a_blob_of_another_length(store: &dyn BlobStore, random: &dyn Random) {
    let key = BlobKey::generate(random);
    store.put(&key, body(b"0123456789", 10), any_length(), &ContentHeaders::unknown()).await.unwrap();
    for (size, range) in [
        (11, 0..11),
        (11, 9..11),
        (11, 0..1),
        (11, 10..11),
        (600, 500..600),
        (9, 0..9),
        (9, 3..4),
        (9, 0..0),
        (0, 0..0),
    ] {
        let outcome = read(store, &key, size, range.clone()).await;
        assert!(matches!(outcome, Err(Error::Damaged { .. })), "{size} {range:?}: {outcome:?}");
    }
}

/// `NotFound` for a missing blob, for any range.
async fn get_finds_nothing_where_nothing_is(store: &dyn BlobStore, random: &dyn Random) {
    let key = BlobKey::generate(random);
    for range in [0..0, 0..1, 5..6] {
        let outcome = read(store, &key, 10, range.clone()).await;
        assert!(matches!(outcome, Err(Error::NotFound)), "{range:?}: {outcome:?}");
    }
}

/// `delete` removes the blob and no other.
async fn delete_removes_the_blob(store: &dyn BlobStore, random: &dyn Random) {
    let (key, other) = (BlobKey::generate(random), BlobKey::generate(random));
    store.put(&key, body(b"goes", 4), any_length(), &ContentHeaders::unknown()).await.unwrap();
    store.put(&other, body(b"stays", 4), any_length(), &ContentHeaders::unknown()).await.unwrap();
    store.delete(&key).await.unwrap();
    check_nothing(store, &key).await;
    check_blob(store, &other, b"stays").await;
}

/// Idempotent: deleting a missing blob succeeds, before and after it existed.
async fn delete_of_nothing_is_no_error(store: &dyn BlobStore, random: &dyn Random) {
    let key = BlobKey::generate(random);
    store.delete(&key).await.unwrap();
    store.put(&key, body(b"goes", 4), any_length(), &ContentHeaders::unknown()).await.unwrap();
    store.delete(&key).await.unwrap();
    store.delete(&key).await.unwrap();
    check_nothing(store, &key).await;
}

/// A discarded blob is gone like a discarded multipart upload, and no other is. Idempotent.
async fn discarded_uploads_are_gone(store: &dyn BlobStore, random: &dyn Random) {
    let multipart = || MultipartUpload { key: BlobKey::generate(random), multipart_id: None };
    let (goes, stays) = (multipart(), multipart());
    for multipart in [&goes, &stays] {
        store.put(&multipart.key, body(b"hello", 5), any_length(), &ContentHeaders::unknown()).await.unwrap();
        assert_eq!(store.received_bytes(multipart).await.unwrap(), 5);
    }
    for _ in 0..2 {
        store.abort(&goes).await.unwrap();
        assert_eq!(store.head(&goes.key).await.unwrap(), None, "a discarded blob is there");
        assert_eq!(store.received_bytes(&goes).await.unwrap(), 0);
    }
    store.abort(&multipart()).await.unwrap();
    check_blob(store, &stays.key, b"hello").await;
}

/// A sweep removes unfinished writes, not complete blobs.
async fn sweep_spares_whole_blobs(store: &dyn BlobStore, random: &dyn Random) {
    let key = BlobKey::generate(random);
    let bytes = sample(700_000);
    store.put(&key, body(&bytes, 65_536), any_length(), &ContentHeaders::unknown()).await.unwrap();
    store.sweep(LATER).await.unwrap();
    check_blob(store, &key, &bytes).await;
}

/// A sweep spares a write in progress that began after the given time.
async fn sweep_spares_writes_that_began_later(store: &dyn BlobStore, random: &dyn Random) {
    let key = BlobKey::generate(random);
    let (body, pause) = pausing(&sample(3_000_000));
    let sweep = async {
        pause.reached().await;
        assert_eq!(store.sweep(Timestamp::from_millis(0)).await.unwrap(), 0);
        pause.end();
    };
    let (outcome, ()) = join(store.put(&key, body, any_length(), &ContentHeaders::unknown()), sweep).await;
    check_stored(&outcome.unwrap(), &sample(3_000_000));
    check_blob(store, &key, &sample(3_000_000)).await;
}

/// A second sweep finds nothing left.
async fn sweep_leaves_nothing_for_the_next(store: &dyn BlobStore, _random: &dyn Random) {
    store.sweep(LATER).await.unwrap();
    assert_eq!(store.sweep(LATER).await.unwrap(), 0);
}

fn body(bytes: &[u8], piece: usize) -> ByteStream {
    let pieces: Vec<_> = bytes.chunks(piece).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    Box::pin(stream::iter(pieces))
}

/// A body that pauses before its end, and the handle that controls it.
fn pausing(bytes: &[u8]) -> (ByteStream, Pause) {
    let pause = Pause::default();
    let waiting = pause.clone();
    let wait = stream::poll_fn(move |context| {
        waiting.reached.store(true, Ordering::SeqCst);
        if waiting.ended.load(Ordering::SeqCst) {
            return Poll::Ready(None);
        }
        context.waker().wake_by_ref();
        Poll::Pending
    });
    (Box::pin(body(bytes, 65_536).chain(wait)), pause)
}

#[derive(Clone, Default)]
struct Pause {
    reached: Arc<AtomicBool>,
    ended: Arc<AtomicBool>,
}

impl Pause {
    /// Waits until all bytes, but not the end, have been read.
    async fn reached(&self) {
        future::poll_fn(|context| {
            if self.reached.load(Ordering::SeqCst) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }

    fn end(&self) {
        self.ended.store(true, Ordering::SeqCst);
    }
}

fn any_length() -> Expected {
    Expected { length: Length::AtMost(1 << 40), sha256: None }
}

async fn check_blob(store: &dyn BlobStore, key: &BlobKey, bytes: &[u8]) {
    check_stored(&store.head(key).await.unwrap().unwrap(), bytes);
    assert!(
        read(store, key, bytes.len(), 0..bytes.len() as u64).await.unwrap() == bytes,
        "other bytes than were stored"
    );
}

async fn check_nothing(store: &dyn BlobStore, key: &BlobKey) {
    assert_eq!(store.head(key).await.unwrap(), None);
    let outcome = read(store, key, 0, 0..0).await;
    assert!(matches!(outcome, Err(Error::NotFound)), "{outcome:?}");
}

async fn check_refused(store: &dyn BlobStore, key: &BlobKey, body: ByteStream, expected: Expected, refused: &Refused) {
    let outcome = store.put(key, body, expected, &ContentHeaders::unknown()).await;
    assert!(matches!(&outcome, Err(Error::Refused(refusal)) if refusal == refused), "{expected:?}: {outcome:?}");
    check_nothing(store, key).await;
}

fn check_exists(outcome: Result<Stored>) {
    assert!(matches!(outcome, Err(Error::Conflict(Conflict::BlobExists))), "{outcome:?}");
}
