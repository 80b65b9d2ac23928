//! Signed URLs and downloads by them.
#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use bytes::Bytes;
use clouddrive_domain::model::{BlobKey, Expected, Length, MultipartUpload, Part, PartPlan, Timestamp};
use clouddrive_domain::port::{ContentHeaders, SignedUrl};

use futures_util::stream;

use super::{SignedUrlClient, Subject};
use crate::samples::content_headers;

/// An expired URL admits neither uploads nor downloads.
pub(super) async fn a_url_ends<W: SignedUrlClient>(subject: &Subject<'_, W>) {
    let multipart = subject.begin().await;
    let past = Timestamp::from_millis(subject.now.as_millis() - 60_000);
    let late = subject
        .direct
        .presign_put(&multipart, Part { number: 1, size: 5 }, None, &ContentHeaders::unknown(), past)
        .await
        .unwrap();
    let status = subject.wire.put(&late, Bytes::from_static(b"hello")).await;
    assert!((400..500).contains(&status), "{status}");
    assert_eq!(subject.received(&multipart, 5).await, None);

    let key = subject.make(b"hello").await;
    let late = subject.presigner.presign_get(&key, &content_headers("text/plain", None), past).await.unwrap();
    let answer = subject.wire.get(&late, None).await;
    assert!((400..500).contains(&answer.status), "{answer:?}");
}

/// A URL with another key, or with one character changed, is refused.
pub(super) async fn a_url_cannot_be_changed<W: SignedUrlClient>(subject: &Subject<'_, W>) {
    let (multipart, made) = (subject.begin().await, subject.make(b"hello").await);
    let others = subject.make(b"others").await;
    let put = subject.presign_put(&multipart, b"hello", true).await;
    let get = subject
        .presigner
        .presign_get(&made, &content_headers("text/plain", Some("a.txt")), subject.soon())
        .await
        .unwrap();
    for changed in changes(&put, &multipart.key, &BlobKey::generate(subject.random)) {
        let status = subject.wire.put(&changed, Bytes::from_static(b"hello")).await;
        assert!(status >= 400, "{status} to {}", changed.url);
    }
    assert_eq!(subject.received(&multipart, 5).await, None);
    for changed in changes(&get, &made, &others) {
        let answer = subject.wire.get(&changed, None).await;
        assert!(answer.status >= 400, "{} to {}", answer.status, changed.url);
    }
    assert_eq!(subject.wire.get(&get, None).await.status, 200);
}

/// With the signed media type and name, and with an `ETag`.
pub(super) async fn bytes_come_down_as_they_were_signed<W: SignedUrlClient>(subject: &Subject<'_, W>) {
    let key = subject.make(b"hello").await;
    for media_type in ["text/plain", "text/html; charset=utf-8", "application/octet-stream"] {
        for name in [None, Some("a.txt"), Some("a\"b; filename=c.txt"), Some("100% ü+&=?#.txt"), Some("日本語 🎈.txt")]
        {
            let content_headers = content_headers(media_type, name);
            let signed = subject.presigner.presign_get(&key, &content_headers, subject.soon()).await.unwrap();
            let answer = subject.wire.get(&signed, None).await;
            assert_eq!((answer.status, &*answer.body), (200, &b"hello"[..]), "{answer:?}");
            assert_eq!(answer.header("content-type"), Some(media_type));
            assert!(answer.header("etag").is_some_and(|tag| tag.starts_with('"') && tag.len() > 2), "{answer:?}");
            let disposition = answer.header("content-disposition");
            match name {
                None => assert!(disposition.is_none_or(|disposition| disposition == "inline"), "{disposition:?}"),
                Some(name) => assert_eq!(attachment(disposition.unwrap()).as_deref(), Some(name), "{disposition:?}"),
            }
        }
    }
}

/// 206 with the bytes of the range; 416 if it begins past the end.
pub(super) async fn ranges_come_down<W: SignedUrlClient>(subject: &Subject<'_, W>) {
    let key = subject.make(b"0123456789").await;
    let signed =
        subject.presigner.presign_get(&key, &content_headers("text/plain", None), subject.soon()).await.unwrap();
    let whole = subject.wire.get(&signed, None).await;
    for (range, bytes, reported) in
        [(0..4, "0123", "bytes 0-3/10"), (4..7, "456", "bytes 4-6/10"), (9..10, "9", "bytes 9-9/10")]
    {
        let answer = subject.wire.get(&signed, Some(range)).await;
        assert_eq!((answer.status, &*answer.body), (206, bytes.as_bytes()), "{answer:?}");
        assert_eq!(answer.header("content-range"), Some(reported));
        assert_eq!(answer.header("etag"), whole.header("etag"));
    }
    assert_eq!(subject.wire.get(&signed, Some(10..11)).await.status, 416);
}

/// A range has the signed media type and name too, if they are those given at the upload, streamed or direct.
pub(super) async fn ranges_come_down_as_they_were_signed<W: SignedUrlClient>(subject: &Subject<'_, W>) {
    let content_headers = content_headers("text/x-range; charset=utf-8", Some("100%  ü.txt"));
    let streamed = BlobKey::generate(subject.random);
    let body = Box::pin(stream::iter([Ok(Bytes::from_static(b"0123456789"))]));
    let expected = Expected { length: Length::Exactly(10), sha256: None };
    subject.store.put(&streamed, body, expected, &content_headers).await.unwrap();

    let (key, plan) = (BlobKey::generate(subject.random), PartPlan::single(10));
    let sent = MultipartUpload { multipart_id: subject.direct.begin(&key, plan, &content_headers).await.unwrap(), key };
    let part = Part { number: 1, size: 10 };
    let signed = subject.direct.presign_put(&sent, part, None, &content_headers, subject.soon()).await.unwrap();
    assert_eq!(subject.wire.put(&signed, Bytes::from_static(b"0123456789")).await, 200);
    subject.direct.finish(&sent, plan, None).await.unwrap();

    for key in [&streamed, &sent.key] {
        let signed = subject.presigner.presign_get(key, &content_headers, subject.soon()).await.unwrap();
        let answer = subject.wire.get(&signed, Some(2..5)).await;
        assert_eq!((answer.status, &*answer.body), (206, &b"234"[..]), "{answer:?}");
        assert_eq!(answer.header("content-type"), Some(content_headers.media_type.as_str()));
        let disposition = answer.header("content-disposition");
        assert_eq!(attachment(disposition.unwrap()).as_deref(), Some("100%  ü.txt"), "{disposition:?}");
    }
}

/// The URL with `other` in place of `key`, and with single characters of its query changed.
fn changes(signed: &SignedUrl, key: &BlobKey, other: &BlobKey) -> Vec<SignedUrl> {
    let (path, query) = signed.url.split_once('?').unwrap();
    let mut urls = vec![format!("{}?{query}", path.replace(key.as_str(), other.as_str()))];
    for (at, char) in query.char_indices().filter(|(_, char)| char.is_ascii_alphanumeric()).step_by(11) {
        let (before, after) = (query.split_at(at).0, query.split_at(at + 1).1);
        let other = if char.eq_ignore_ascii_case(&'A') { 'B' } else { 'A' };
        urls.push(format!("{path}?{before}{other}{after}"));
    }
    urls.into_iter().map(|url| SignedUrl { url, ..signed.clone() }).collect()
}

/// The file name of an `attachment` `Content-Disposition` (RFC 6266).
fn attachment(disposition: &str) -> Option<String> {
    let (_, encoded) = disposition.strip_prefix("attachment;")?.split_once("filename*=UTF-8''")?;
    let mut bytes = Vec::new();
    let mut rest = encoded.as_bytes();
    while let Some((first, others)) = rest.split_first() {
        rest = others;
        if *first == b'%' {
            let (digits, others) = others.split_at_checked(2)?;
            bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
            rest = others;
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8(bytes).ok()
}
