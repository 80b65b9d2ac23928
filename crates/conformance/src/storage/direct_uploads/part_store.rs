//! Conformance suite for [`PartStore`]: parts that are sent through the server.
#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use bytes::Bytes;
use clouddrive_domain::error::{Conflict, Refused};
use clouddrive_domain::model::{BlobKey, Expected, Length, MultipartUpload, Part, PartPlan, Stored};
use clouddrive_domain::port::{BlobStore, ByteStream, ContentHeaders, DirectUploadStore, PartStore, Random};
use clouddrive_domain::{Error, Result};
use futures_util::{StreamExt, future, stream};

use crate::case::suite;
use crate::samples::{crc32, digest, read, sample};

/// Part size of every case: a [`PartStore`] accepts small parts, too.
const PART: u64 = 300_000;

/// What the cases test: one store, through all its ports.
struct Subject<'a> {
    parts: &'a dyn PartStore,
    store: &'a dyn BlobStore,
    direct: &'a dyn DirectUploadStore,
    random: &'a dyn Random,
    plan: PartPlan,
    bytes: Vec<u8>,
}

suite! {
    $ part_store(parts: &dyn PartStore, store: &dyn BlobStore, direct: &dyn DirectUploadStore, random: &dyn Random)
    (&Subject::new(parts, store, direct, random))

    self of "`PartStore::put_part`: A part is written once" {
        a_part_is_written_once,
        one_of_simultaneous_writes_wins,
    }

    self of "`PartStore::put_part`: incomplete bytes are discarded and may be sent again" {
        an_incomplete_part_may_be_sent_again,
    }

    self of "`PartStore::put_part`: if the multipart upload does not exist, or no longer" {
        an_ended_upload_refuses_parts,
    }
}

impl<'a> Subject<'a> {
    fn new(
        parts: &'a dyn PartStore,
        store: &'a dyn BlobStore,
        direct: &'a dyn DirectUploadStore,
        random: &'a dyn Random,
    ) -> Self {
        let plan = PartPlan::restore(2 * PART + 7, Some(PART)).unwrap();
        let bytes = sample(usize::try_from(plan.size()).unwrap());
        Self { parts, store, direct, random, plan, bytes }
    }
}

impl Subject<'_> {
    async fn begin(&self) -> MultipartUpload {
        let key = BlobKey::generate(self.random);
        let multipart_id = self.direct.begin(&key, self.plan, &ContentHeaders::unknown()).await.unwrap();
        MultipartUpload { key, multipart_id }
    }

    fn part(&self, number: u32) -> (Vec<u8>, Expected) {
        let size = self.plan.part(number).unwrap().size;
        let start = usize::try_from(u64::from(number - 1) * PART).unwrap();
        let end = start + usize::try_from(size).unwrap();
        let expected = Expected { length: Length::Exactly(size), sha256: None };
        (self.bytes.get(start..end).unwrap().to_vec(), expected)
    }

    async fn put(&self, multipart: &MultipartUpload, number: u32) -> Result<()> {
        let (bytes, expected) = self.part(number);
        self.parts.put_part(multipart, number, body(&bytes), expected).await
    }

    async fn received(&self, multipart: &MultipartUpload) -> Vec<Part> {
        self.direct.list_received(multipart, self.plan).await.unwrap()
    }
}

fn body(bytes: &[u8]) -> ByteStream {
    let pieces: Vec<_> = bytes.chunks(100_000).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    Box::pin(stream::iter(pieces))
}

fn check_exists(outcome: Result<()>) {
    assert!(matches!(outcome, Err(Error::Conflict(Conflict::BlobExists))), "{outcome:?}");
}

fn check_closed(outcome: Result<()>) {
    assert!(matches!(outcome, Err(Error::Conflict(Conflict::UploadClosed))), "{outcome:?}");
}

/// `BlobExists` for any other write, before and after the finish.
async fn a_part_is_written_once(subject: &Subject<'_>) {
    let multipart = subject.begin().await;
    for number in [2, 3, 1] {
        subject.put(&multipart, number).await.unwrap();
        check_exists(subject.put(&multipart, number).await);
    }
    let (_, expected) = subject.part(3);
    check_exists(subject.parts.put_part(&multipart, 3, body(b"another"), expected).await);
    let stored = subject.direct.finish(&multipart, subject.plan, None).await.unwrap();
    let known = Stored { size: subject.plan.size(), sha256: None, crc32: Some(crc32(&subject.bytes)), tag: None };
    assert_eq!(stored, known, "the CRC-32 of the parts makes that of the whole");
    assert_eq!(subject.store.head(&multipart.key).await.unwrap(), Some(known));
    check_exists(subject.put(&multipart, 1).await);
    assert!(
        read(subject.store, &multipart.key, subject.bytes.len(), 0..subject.plan.size()).await.unwrap()
            == subject.bytes
    );
}

/// A part that is interrupted, too long, too short or has the wrong digest is not stored.
async fn an_incomplete_part_may_be_sent_again(subject: &Subject<'_>) {
    let multipart = subject.begin().await;
    let (bytes, expected) = subject.part(1);
    let torn = body(bytes.get(..250_000).unwrap());
    let torn = torn.chain(stream::once(future::ready(Err(Error::Refused(Refused::Interrupted)))));
    let outcome = subject.parts.put_part(&multipart, 1, Box::pin(torn), expected).await;
    assert!(matches!(outcome, Err(Error::Refused(Refused::Interrupted))), "{outcome:?}");
    for bytes in [&subject.bytes[..], b"hello", b""] {
        let outcome = subject.parts.put_part(&multipart, 1, body(bytes), expected).await;
        assert!(matches!(outcome, Err(Error::Refused(Refused::Size))), "{outcome:?}");
    }
    let other = Expected { sha256: Some(digest(b"other")), ..expected };
    let outcome = subject.parts.put_part(&multipart, 1, body(&bytes), other).await;
    assert!(matches!(outcome, Err(Error::Refused(Refused::Checksum))), "{outcome:?}");
    assert_eq!(subject.received(&multipart).await, []);
    for number in [1, 2, 3] {
        subject.put(&multipart, number).await.unwrap();
    }
    subject.direct.finish(&multipart, subject.plan, None).await.unwrap();
    assert!(
        read(subject.store, &multipart.key, subject.bytes.len(), 0..subject.plan.size()).await.unwrap()
            == subject.bytes
    );
}

/// `UploadClosed` if there is no such multipart upload or it was discarded, even during the write.
async fn an_ended_upload_refuses_parts(subject: &Subject<'_>) {
    let begun = subject.begin().await;
    check_closed(
        subject
            .put(
                &MultipartUpload { key: BlobKey::generate(subject.random), multipart_id: begun.multipart_id.clone() },
                1,
            )
            .await,
    );
    subject.put(&begun, 1).await.unwrap();
    subject.store.abort(&begun).await.unwrap();
    for number in [1, 2] {
        check_closed(subject.put(&begun, number).await);
    }

    let multipart = subject.begin().await;
    subject.put(&multipart, 1).await.unwrap();
    let (bytes, expected) = subject.part(2);
    let discarded = Arc::new(AtomicBool::new(false));
    let reported = Arc::clone(&discarded);
    let mut bytes = Some(Bytes::from(bytes));
    let body = stream::poll_fn(move |context| {
        if reported.load(Ordering::Acquire) {
            return Poll::Ready(bytes.take().map(Ok));
        }
        context.waker().wake_by_ref();
        Poll::Pending
    });
    let discard = async {
        subject.store.abort(&multipart).await.unwrap();
        discarded.store(true, Ordering::Release);
    };
    let (outcome, ()) = future::join(subject.parts.put_part(&multipart, 2, Box::pin(body), expected), discard).await;
    check_closed(outcome);
    assert_eq!(subject.received(&multipart).await, []);
    assert_eq!(subject.store.head(&multipart.key).await.unwrap(), None);
}

/// The others get `BlobExists`.
async fn one_of_simultaneous_writes_wins(subject: &Subject<'_>) {
    let multipart = subject.begin().await;
    let outcomes = future::join_all((0..6).map(|_| subject.put(&multipart, 1))).await;
    let (won, lost): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
    assert_eq!(won.len(), 1);
    lost.into_iter().for_each(check_exists);
    assert_eq!(subject.received(&multipart).await, [subject.plan.part(1).unwrap()]);
    subject.store.abort(&multipart).await.unwrap();
}
