//! Sending the bytes of a multipart upload.
#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use bytes::Bytes;
use clouddrive_domain::model::PartPlan;

use super::{Case, SignedUrlClient, check_incomplete};
use crate::samples::{check_stored, sample};

/// Sent bytes are reported as received, with those checksums that the store knows, and read back unchanged.
pub(super) async fn sent_bytes_become_the_blob<W: SignedUrlClient>(case: &Case<'_, W>) {
    for size in [1, 1000, 3_000_007] {
        for announced in [true, false] {
            let bytes = sample(size);
            let multipart = case.begin_of(PartPlan::single(size as u64)).await;
            assert_eq!(case.received(&multipart, size).await, None);
            case.send(&multipart, &bytes, announced).await;
            assert_eq!(case.received(&multipart, size).await, Some(size as u64));
            let stored = case.finish(&multipart, &bytes, announced).await.unwrap();
            check_stored(&stored, &bytes);
            assert_eq!(case.store.head(&multipart.key).await.unwrap().unwrap().tag, stored.tag);
            assert_eq!(case.received(&multipart, size).await, Some(size as u64));
            case.check_blob(&multipart.key, &bytes).await;
        }
    }
}

/// A zero-byte blob is sent and finished like any other.
pub(super) async fn an_empty_blob_is_one_too<W: SignedUrlClient>(case: &Case<'_, W>) {
    for announced in [true, false] {
        let multipart = case.begin_of(PartPlan::single(0)).await;
        check_incomplete(case.finish(&multipart, b"", announced).await);
        let signed = case.presign_put(&multipart, b"", announced).await;
        let status = case.wire.put(&signed, Bytes::from_static(b"x")).await;
        assert!((400..500).contains(&status), "{status}");
        assert_eq!(case.received(&multipart, 0).await, None);
        case.send(&multipart, b"", announced).await;
        assert_eq!(case.received(&multipart, 0).await, Some(0));
        let stored = case.finish(&multipart, b"", announced).await.unwrap();
        check_stored(&stored, b"");
        assert_eq!(case.finish(&multipart, b"", announced).await.unwrap(), stored);
        case.check_blob(&multipart.key, b"").await;
        assert!(!case.listed().await.contains(&multipart), "a finished multipart upload is listed");
    }
}

/// The store refuses bytes of another length or with another digest than signed, and keeps none of them.
pub(super) async fn other_bytes_than_signed_are_refused<W: SignedUrlClient>(case: &Case<'_, W>) {
    for announced in [true, false] {
        let multipart = case.begin().await;
        let signed = case.presign_put(&multipart, b"hello", announced).await;
        let others: &[&[u8]] = if announced { &[b"jello"] } else { &[] };
        for bytes in [&b""[..], b"hell", b"hello!", &sample(100_000)].into_iter().chain(others.iter().copied()) {
            let status = case.wire.put(&signed, Bytes::copy_from_slice(bytes)).await;
            assert!((400..500).contains(&status), "{} bytes: {status}", bytes.len());
            assert_eq!(case.received(&multipart, 5).await, None);
        }
        check_incomplete(case.finish(&multipart, b"hello", announced).await);
        case.send(&multipart, b"hello", announced).await;
        case.finish(&multipart, b"hello", announced).await.unwrap();
        case.check_blob(&multipart.key, b"hello").await;
    }
}
