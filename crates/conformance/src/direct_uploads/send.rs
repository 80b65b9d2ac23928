//! Bytes on their way in.
#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use bytes::Bytes;

use super::{Case, Wire, check_incomplete, expected};
use crate::samples::{check_stored, sample};

/// What is sent arrives, is told of as far as the store knows it, and reads back byte by byte.
pub(super) async fn what_is_sent_becomes_the_blob<W: Wire>(case: &Case<'_, W>) {
    for size in [1, 1000, 3_000_007] {
        for announced in [true, false] {
            let bytes = sample(size);
            let expected = expected(&bytes, announced);
            let transfer = case.begin().await;
            assert_eq!(case.direct.find_received(&transfer).await.unwrap(), None);
            case.send(&transfer, &bytes, announced).await;
            check_stored(case.direct.find_received(&transfer).await.unwrap().unwrap(), &bytes);
            let stored = case.direct.finish(&transfer, expected).await.unwrap();
            check_stored(stored, &bytes);
            check_stored(case.direct.find_received(&transfer).await.unwrap().unwrap(), &bytes);
            case.check_blob(&transfer.key, &bytes).await;
        }
    }
}

/// No bytes at all are sent, arrive, and become a blob like any other.
pub(super) async fn an_empty_blob_is_one_too<W: Wire>(case: &Case<'_, W>) {
    for announced in [true, false] {
        let transfer = case.begin().await;
        check_incomplete(case.direct.finish(&transfer, expected(b"", announced)).await);
        let signed = case.sign_put(&transfer, b"", announced).await;
        let status = case.wire.put(&signed, Bytes::from_static(b"x")).await;
        assert!((400..500).contains(&status), "{status}");
        assert_eq!(case.direct.find_received(&transfer).await.unwrap(), None);
        case.send(&transfer, b"", announced).await;
        check_stored(case.direct.find_received(&transfer).await.unwrap().unwrap(), b"");
        let stored = case.direct.finish(&transfer, expected(b"", announced)).await.unwrap();
        check_stored(stored, b"");
        assert_eq!(case.direct.finish(&transfer, expected(b"", announced)).await.unwrap(), stored);
        case.check_blob(&transfer.key, b"").await;
        assert!(!case.listed().await.contains(&transfer), "a finished transfer is listed");
    }
}

/// The store refuses other bytes, and more or fewer, and keeps nothing of them.
pub(super) async fn other_bytes_than_signed_are_refused<W: Wire>(case: &Case<'_, W>) {
    for announced in [true, false] {
        let transfer = case.begin().await;
        let signed = case.sign_put(&transfer, b"hello", announced).await;
        let others: &[&[u8]] = if announced { &[b"jello"] } else { &[] };
        for bytes in [&b""[..], b"hell", b"hello!", &sample(100_000)].into_iter().chain(others.iter().copied()) {
            let status = case.wire.put(&signed, Bytes::copy_from_slice(bytes)).await;
            assert!((400..500).contains(&status), "{} bytes: {status}", bytes.len());
            assert_eq!(case.direct.find_received(&transfer).await.unwrap(), None);
        }
        check_incomplete(case.direct.finish(&transfer, expected(b"hello", announced)).await);
        case.send(&transfer, b"hello", announced).await;
        case.direct.finish(&transfer, expected(b"hello", announced)).await.unwrap();
        case.check_blob(&transfer.key, b"hello").await;
    }
}
