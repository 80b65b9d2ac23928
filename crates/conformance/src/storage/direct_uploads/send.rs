//! Sending the bytes of a multipart upload.
#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use bytes::Bytes;
use clouddrive_domain::model::PartPlan;

use super::{SignedUrlClient, Subject, check_incomplete};
use crate::samples::{check_stored, sample};

/// Sent bytes are reported as received, with those checksums that the store knows, and read back unchanged.
pub(super) async fn sent_bytes_become_the_blob<W: SignedUrlClient>(subject: &Subject<'_, W>) {
    for size in [1, 1000, 3_000_007] {
        for announced in [true, false] {
            let bytes = sample(size);
            let multipart = subject.begin_of(PartPlan::single(size as u64)).await;
            assert_eq!(subject.received(&multipart, size).await, None);
            subject.send(&multipart, &bytes, announced).await;
            assert_eq!(subject.received(&multipart, size).await, Some(size as u64));
            let stored = subject.finish(&multipart, &bytes, announced).await.unwrap();
            check_stored(&stored, &bytes);
            assert_eq!(subject.store.head(&multipart.key).await.unwrap().unwrap().tag, stored.tag);
            assert_eq!(subject.received(&multipart, size).await, Some(size as u64));
            subject.check_blob(&multipart.key, &bytes).await;
        }
    }
}

/// A zero-byte blob is sent and finished like any other.
pub(super) async fn an_empty_blob_is_one_too<W: SignedUrlClient>(subject: &Subject<'_, W>) {
    for announced in [true, false] {
        let multipart = subject.begin_of(PartPlan::single(0)).await;
        check_incomplete(subject.finish(&multipart, b"", announced).await);
        let signed = subject.presign_put(&multipart, b"", announced).await;
        let status = subject.wire.put(&signed, Bytes::from_static(b"x")).await;
        assert!((400..500).contains(&status), "{status}");
        assert_eq!(subject.received(&multipart, 0).await, None);
        subject.send(&multipart, b"", announced).await;
        assert_eq!(subject.received(&multipart, 0).await, Some(0));
        let stored = subject.finish(&multipart, b"", announced).await.unwrap();
        check_stored(&stored, b"");
        assert_eq!(subject.finish(&multipart, b"", announced).await.unwrap(), stored);
        subject.check_blob(&multipart.key, b"").await;
        assert!(!subject.listed().await.contains(&multipart), "a finished multipart upload is listed");
    }
}

/// The store refuses bytes of another length or with another digest than signed, and keeps none of them.
pub(super) async fn other_bytes_than_signed_are_refused<W: SignedUrlClient>(subject: &Subject<'_, W>) {
    for announced in [true, false] {
        let multipart = subject.begin().await;
        let signed = subject.presign_put(&multipart, b"hello", announced).await;
        let others: &[&[u8]] = if announced { &[b"jello"] } else { &[] };
        for bytes in [&b""[..], b"hell", b"hello!", &sample(100_000)].into_iter().chain(others.iter().copied()) {
            let status = subject.wire.put(&signed, Bytes::copy_from_slice(bytes)).await;
            assert!((400..500).contains(&status), "{} bytes: {status}", bytes.len());
            assert_eq!(subject.received(&multipart, 5).await, None);
        }
        check_incomplete(subject.finish(&multipart, b"hello", announced).await);
        subject.send(&multipart, b"hello", announced).await;
        subject.finish(&multipart, b"hello", announced).await.unwrap();
        subject.check_blob(&multipart.key, b"hello").await;
    }
}
