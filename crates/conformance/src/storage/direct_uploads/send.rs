//! Sending the bytes of a transfer.
#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use bytes::Bytes;
use clouddrive_domain::model::PartPlan;

use super::{Case, Wire, check_incomplete};
use crate::samples::{check_stored, sample};

/// Sent bytes are reported as received, with those checksums that the store knows, and read back unchanged.
pub(super) async fn what_is_sent_becomes_the_blob<W: Wire>(case: &Case<'_, W>) {
    for size in [1, 1000, 3_000_007] {
        for announced in [true, false] {
            let bytes = sample(size);
            let transfer = case.begin_of(PartPlan::single(size as u64)).await;
            assert_eq!(case.received(&transfer, size).await, None);
            case.send(&transfer, &bytes, announced).await;
            assert_eq!(case.received(&transfer, size).await, Some(size as u64));
            let stored = case.finish(&transfer, &bytes, announced).await.unwrap();
            check_stored(&stored, &bytes);
            assert_eq!(case.store.head(&transfer.key).await.unwrap().unwrap().tag, stored.tag);
            assert_eq!(case.received(&transfer, size).await, Some(size as u64));
            case.check_blob(&transfer.key, &bytes).await;
        }
    }
}

/// A zero-byte blob is sent and finished like any other.
pub(super) async fn an_empty_blob_is_one_too<W: Wire>(case: &Case<'_, W>) {
    for announced in [true, false] {
        let transfer = case.begin_of(PartPlan::single(0)).await;
        check_incomplete(case.finish(&transfer, b"", announced).await);
        let signed = case.sign_put(&transfer, b"", announced).await;
        let status = case.wire.put(&signed, Bytes::from_static(b"x")).await;
        assert!((400..500).contains(&status), "{status}");
        assert_eq!(case.received(&transfer, 0).await, None);
        case.send(&transfer, b"", announced).await;
        assert_eq!(case.received(&transfer, 0).await, Some(0));
        let stored = case.finish(&transfer, b"", announced).await.unwrap();
        check_stored(&stored, b"");
        assert_eq!(case.finish(&transfer, b"", announced).await.unwrap(), stored);
        case.check_blob(&transfer.key, b"").await;
        assert!(!case.listed().await.contains(&transfer), "a finished transfer is listed");
    }
}

/// The store refuses bytes of another length or with another digest than signed, and keeps none of them.
pub(super) async fn other_bytes_than_signed_are_refused<W: Wire>(case: &Case<'_, W>) {
    for announced in [true, false] {
        let transfer = case.begin().await;
        let signed = case.sign_put(&transfer, b"hello", announced).await;
        let others: &[&[u8]] = if announced { &[b"jello"] } else { &[] };
        for bytes in [&b""[..], b"hell", b"hello!", &sample(100_000)].into_iter().chain(others.iter().copied()) {
            let status = case.wire.put(&signed, Bytes::copy_from_slice(bytes)).await;
            assert!((400..500).contains(&status), "{} bytes: {status}", bytes.len());
            assert_eq!(case.received(&transfer, 5).await, None);
        }
        check_incomplete(case.finish(&transfer, b"hello", announced).await);
        case.send(&transfer, b"hello", announced).await;
        case.finish(&transfer, b"hello", announced).await.unwrap();
        case.check_blob(&transfer.key, b"hello").await;
    }
}
