//! Finishing a multipart upload.
#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use bytes::Bytes;
use clouddrive_domain::Error;
use clouddrive_domain::error::Refused;
use clouddrive_domain::model::PartPlan;
use futures_util::future::join;

use super::{SignedUrlClient, Subject, check_incomplete};
use crate::samples::digest;

/// `UploadIncomplete` before the bytes have arrived; they may still be sent.
pub(super) async fn without_bytes_there_is_nothing_to_finish<W: SignedUrlClient>(subject: &Subject<'_, W>) {
    let multipart = subject.begin().await;
    for _ in 0..2 {
        check_incomplete(subject.finish(&multipart, b"hello", true).await);
        assert_eq!(subject.store.head(&multipart.key).await.unwrap(), None);
    }
    subject.send(&multipart, b"hello", true).await;
    subject.finish(&multipart, b"hello", true).await.unwrap();
    subject.check_blob(&multipart.key, b"hello").await;
}

/// `Size` or `Checksum` if the received bytes are not the expected ones; the right expectation still succeeds.
pub(super) async fn unexpected_bytes_do_not_become_a_blob<W: SignedUrlClient>(subject: &Subject<'_, W>) {
    let multipart = subject.begin().await;
    subject.send(&multipart, b"hello", true).await;
    for length in [0, 4, 6] {
        let outcome = subject.direct.finish(&multipart, PartPlan::single(length), None).await;
        assert!(matches!(outcome, Err(Error::Refused(Refused::Size))), "{length}: {outcome:?}");
    }
    let arrived = subject.store.head(&multipart.key).await.unwrap();
    if arrived.is_some_and(|arrived| arrived.sha256.is_some()) {
        let outcome = subject.direct.finish(&multipart, PartPlan::single(5), Some(digest(b"jello"))).await;
        assert!(matches!(outcome, Err(Error::Refused(Refused::Checksum))), "{outcome:?}");
    }
    subject.finish(&multipart, b"hello", true).await.unwrap();
    subject.check_blob(&multipart.key, b"hello").await;
}

/// PUTs to URLs that are still alive do not change it.
pub(super) async fn a_finished_blob_does_not_change<W: SignedUrlClient>(subject: &Subject<'_, W>) {
    let multipart = subject.begin().await;
    let signed = subject.presign_put(&multipart, b"hello", false).await;
    subject.send(&multipart, b"hello", false).await;
    // Before the finish a store may accept the later bytes or keep the earlier.
    subject.wire.put(&signed, Bytes::from_static(b"jello")).await;
    let stored = subject.finish(&multipart, b"hello", false).await.unwrap();
    let bytes = subject.read(&multipart.key, 5, 0..5).await;
    assert!([&b"hello"[..], b"jello"].contains(&&*bytes));
    for late in [b"cello", b"hello", b"jello"] {
        let status = subject.wire.put(&signed, Bytes::from_static(late)).await;
        assert!((400..500).contains(&status), "a PUT after the end: {status}");
        assert_eq!(subject.read(&multipart.key, 5, 0..5).await, bytes);
        assert_eq!(subject.finish(&multipart, b"hello", false).await.unwrap(), stored);
    }
}

/// A repeat returns the same.
pub(super) async fn finish_may_be_repeated<W: SignedUrlClient>(subject: &Subject<'_, W>) {
    for announced in [true, false] {
        let multipart = subject.begin().await;
        subject.send(&multipart, b"hello", announced).await;
        let stored = subject.finish(&multipart, b"hello", announced).await.unwrap();
        for _ in 0..2 {
            assert_eq!(subject.finish(&multipart, b"hello", announced).await.unwrap(), stored);
        }
        let outcome = subject.direct.finish(&multipart, PartPlan::single(6), None).await;
        assert!(matches!(outcome, Err(Error::Refused(Refused::Size))), "{outcome:?}");
        subject.check_blob(&multipart.key, b"hello").await;
    }
}

/// Concurrent calls return the same.
pub(super) async fn finish_may_be_called_twice_at_once<W: SignedUrlClient>(subject: &Subject<'_, W>) {
    for announced in [true, false] {
        for _ in 0..4 {
            let multipart = subject.begin().await;
            subject.send(&multipart, b"hello", announced).await;
            let finish = || subject.finish(&multipart, b"hello", announced);
            let (one, two) = join(finish(), finish()).await;
            assert_eq!(one.unwrap(), two.unwrap());
            subject.check_blob(&multipart.key, b"hello").await;
        }
    }
}
