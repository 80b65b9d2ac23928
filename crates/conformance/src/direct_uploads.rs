//! What every implementation of [`DirectUploads`] must do, seen by those who send and fetch by its URLs.
#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use std::ops::Range;

use bytes::Bytes;
use clouddrive_domain::error::{Conflict, Refused};
use clouddrive_domain::model::{BlobKey, Expected, Length, MediaType, Name, Sha256, Stored, Timestamp, Transfer};
use clouddrive_domain::port::{BlobStore, DirectUploads, Presentation, Random, SignedUrl, UrlSigner};
use clouddrive_domain::{Error, Result};
use futures_util::TryStreamExt;
use futures_util::future::join;
use sha2::Digest;

/// More bytes than any case sends.
const MOST: u64 = 4_000_000;

/// How the holder of a signed URL uses it: as any HTTP client would.
pub trait Wire {
    /// PUTs `body`, with the headers that belong to the URL, and gives the status of the answer.
    fn put(&self, signed: &SignedUrl, body: Bytes) -> impl Future<Output = u16>;

    /// GETs what the URL leads to, or the bytes from `range.start` up to, not including, `range.end` of it.
    fn get(&self, signed: &SignedUrl, range: Option<Range<u64>>) -> impl Future<Output = Answer>;
}

/// An answer to a GET.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The header fields, by their names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// What the cases work on: one store, by all its ports.
pub struct Case<'a, W> {
    /// Where what has arrived is found.
    pub store: &'a dyn BlobStore,
    /// What the cases are about.
    pub direct: &'a dyn DirectUploads,
    /// What signs for those who fetch.
    pub signer: &'a dyn UrlSigner,
    /// What keys are made of.
    pub random: &'a dyn Random,
    /// How URLs are used.
    pub wire: &'a W,
    /// The time by the clock of whoever checks the URLs.
    pub now: Timestamp,
}

/// Runs every case, each on keys of its own. What the store holds already stays as it is, and others may use it
/// meanwhile; the blobs of the suite are left behind.
pub async fn suite<W: Wire>(case: &Case<'_, W>) {
    what_is_sent_becomes_the_blob(case).await;
    an_empty_blob_is_one_too(case).await;
    without_bytes_there_is_nothing_to_finish(case).await;
    other_bytes_than_signed_are_refused(case).await;
    what_is_not_expected_is_not_made(case).await;
    what_was_finished_stays_as_it_is(case).await;
    finish_may_be_repeated(case).await;
    finish_may_be_called_twice_at_once(case).await;
    what_is_discarded_is_gone(case).await;
    what_has_begun_and_not_ended_is_listed(case).await;
    a_url_ends(case).await;
    a_url_cannot_be_changed(case).await;
    bytes_come_down_as_they_were_signed(case).await;
    ranges_come_down(case).await;
}

/// The end of time, as far as a store can tell: later than any transfer.
const LATER: Timestamp = Timestamp::from_millis(4_000_000_000_000);

/// What is sent arrives, is told of as far as the store knows it, and reads back byte by byte.
pub async fn what_is_sent_becomes_the_blob<W: Wire>(case: &Case<'_, W>) {
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
pub async fn an_empty_blob_is_one_too<W: Wire>(case: &Case<'_, W>) {
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

/// `UploadIncomplete` before the bytes are there; that is no obstacle to what comes then.
pub async fn without_bytes_there_is_nothing_to_finish<W: Wire>(case: &Case<'_, W>) {
    let transfer = case.begin().await;
    for _ in 0..2 {
        check_incomplete(case.direct.finish(&transfer, expected(b"hello", true)).await);
        assert_eq!(case.store.head(&transfer.key).await.unwrap(), None);
    }
    case.send(&transfer, b"hello", true).await;
    case.direct.finish(&transfer, expected(b"hello", true)).await.unwrap();
    case.check_blob(&transfer.key, b"hello").await;
}

/// The store refuses other bytes, and more or fewer, and keeps nothing of them.
pub async fn other_bytes_than_signed_are_refused<W: Wire>(case: &Case<'_, W>) {
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

/// `Size` and `Checksum` when what has arrived is not what is expected; what is, can still be finished.
pub async fn what_is_not_expected_is_not_made<W: Wire>(case: &Case<'_, W>) {
    let transfer = case.begin().await;
    case.send(&transfer, b"hello", true).await;
    for length in [0, 4, 6] {
        let expected = Expected { length: Length::Exactly(length), sha256: None };
        let outcome = case.direct.finish(&transfer, expected).await;
        assert!(matches!(outcome, Err(Error::Refused(Refused::Size))), "{length}: {outcome:?}");
    }
    let verified = case.direct.find_received(&transfer).await.unwrap().unwrap().sha256.is_some();
    if verified {
        let other = Expected { length: Length::Exactly(5), sha256: Some(digest(b"jello")) };
        let outcome = case.direct.finish(&transfer, other).await;
        assert!(matches!(outcome, Err(Error::Refused(Refused::Checksum))), "{outcome:?}");
    }
    case.direct.finish(&transfer, expected(b"hello", true)).await.unwrap();
    case.check_blob(&transfer.key, b"hello").await;
}

/// Whatever is sent by URLs that are still alive.
pub async fn what_was_finished_stays_as_it_is<W: Wire>(case: &Case<'_, W>) {
    let transfer = case.begin().await;
    let signed = case.sign_put(&transfer, b"hello", false).await;
    case.send(&transfer, b"hello", false).await;
    // Before the end a store may take the later bytes or keep the earlier.
    case.wire.put(&signed, Bytes::from_static(b"jello")).await;
    let expected = expected(b"hello", false);
    let stored = case.direct.finish(&transfer, expected).await.unwrap();
    let bytes = case.read(&transfer.key, 0..5).await;
    assert!([&b"hello"[..], b"jello"].contains(&&*bytes));
    for late in [b"cello", b"hello", b"jello"] {
        let status = case.wire.put(&signed, Bytes::from_static(late)).await;
        assert!((400..500).contains(&status), "a PUT after the end: {status}");
        assert_eq!(case.read(&transfer.key, 0..5).await, bytes);
        assert_eq!(case.direct.finish(&transfer, expected).await.unwrap(), stored);
    }
}

/// A repeat answers the same.
pub async fn finish_may_be_repeated<W: Wire>(case: &Case<'_, W>) {
    for announced in [true, false] {
        let transfer = case.begin().await;
        case.send(&transfer, b"hello", announced).await;
        let stored = case.direct.finish(&transfer, expected(b"hello", announced)).await.unwrap();
        for _ in 0..2 {
            assert_eq!(case.direct.finish(&transfer, expected(b"hello", announced)).await.unwrap(), stored);
        }
        let outcome = case.direct.finish(&transfer, Expected { length: Length::Exactly(6), sha256: None }).await;
        assert!(matches!(outcome, Err(Error::Refused(Refused::Size))), "{outcome:?}");
        case.check_blob(&transfer.key, b"hello").await;
    }
}

/// Simultaneous calls answer the same.
pub async fn finish_may_be_called_twice_at_once<W: Wire>(case: &Case<'_, W>) {
    for announced in [true, false] {
        for _ in 0..4 {
            let transfer = case.begin().await;
            case.send(&transfer, b"hello", announced).await;
            let finish = || case.direct.finish(&transfer, expected(b"hello", announced));
            let (one, two) = join(finish(), finish()).await;
            assert_eq!(one.unwrap(), two.unwrap());
            case.check_blob(&transfer.key, b"hello").await;
        }
    }
}

/// Before bytes have arrived, after, and when they are a blob already; again, too.
pub async fn what_is_discarded_is_gone<W: Wire>(case: &Case<'_, W>) {
    for stage in 0..3 {
        let transfer = case.begin().await;
        if stage > 0 {
            case.send(&transfer, b"hello", true).await;
        }
        if stage > 1 {
            case.direct.finish(&transfer, expected(b"hello", true)).await.unwrap();
        }
        for _ in 0..2 {
            case.store.discard(&transfer).await.unwrap();
            assert_eq!(case.direct.find_received(&transfer).await.unwrap(), None);
            assert_eq!(case.store.head(&transfer.key).await.unwrap(), None);
            check_incomplete(case.direct.finish(&transfer, expected(b"hello", true)).await);
        }
        assert!(!case.listed().await.contains(&transfer), "a discarded transfer is listed");
    }
}

/// In the order of their keys and tickets, from any place on; none that is over, and none by a store without tickets.
pub async fn what_has_begun_and_not_ended_is_listed<W: Wire>(case: &Case<'_, W>) {
    let mut begun = Vec::new();
    for _ in 0..5 {
        begun.push(case.begin().await);
    }
    let mut over = Vec::new();
    for _ in 0..2 {
        let transfer = case.begin().await;
        case.send(&transfer, b"hello", true).await;
        over.push(transfer);
    }
    case.send(begun.first().unwrap(), b"hello", true).await;
    case.direct.finish(over.first().unwrap(), expected(b"hello", true)).await.unwrap();
    case.store.discard(over.last().unwrap()).await.unwrap();

    begun.retain(|transfer| transfer.ticket.is_some());
    begun.sort();
    let listed = case.listed().await;
    assert!(listed.is_sorted(), "not in their order");
    assert!(!listed.iter().any(|transfer| over.contains(transfer)), "one that is over is listed");
    let ours: Vec<_> = listed.into_iter().filter(|transfer| begun.contains(transfer)).collect();
    assert_eq!(ours, begun);
    for (at, transfer) in begun.iter().enumerate() {
        let later: Vec<_> = case.listed_after(Some(transfer.clone())).await;
        let ours: Vec<_> = later.into_iter().filter(|transfer| begun.contains(transfer)).collect();
        assert_eq!(ours, begun.iter().skip(at + 1).cloned().collect::<Vec<_>>());
    }
    assert_eq!(case.store.list_begun(Timestamp::from_millis(0), None).await.unwrap(), []);
    for transfer in begun {
        case.store.discard(&transfer).await.unwrap();
    }
}

/// Nothing can be sent or fetched by a URL whose time ran out.
pub async fn a_url_ends<W: Wire>(case: &Case<'_, W>) {
    let transfer = case.begin().await;
    let past = Timestamp::from_millis(case.now.as_millis() - 60_000);
    let late = case.direct.sign_put(&transfer, 5, None, past).await.unwrap();
    let status = case.wire.put(&late, Bytes::from_static(b"hello")).await;
    assert!((400..500).contains(&status), "{status}");
    assert_eq!(case.direct.find_received(&transfer).await.unwrap(), None);

    let key = case.make(b"hello").await;
    let late = case.signer.sign_get(&key, &presentation("text/plain", None), past).await.unwrap();
    let answer = case.wire.get(&late, None).await;
    assert!((400..500).contains(&answer.status), "{answer:?}");
}

/// A URL with another key, or with one character changed, is leave for nothing.
pub async fn a_url_cannot_be_changed<W: Wire>(case: &Case<'_, W>) {
    let (transfer, made) = (case.begin().await, case.make(b"hello").await);
    let others = case.make(b"others").await;
    let put = case.sign_put(&transfer, b"hello", true).await;
    let get = case.signer.sign_get(&made, &presentation("text/plain", Some("a.txt")), case.soon()).await.unwrap();
    for changed in changes(&put, &transfer.key, &BlobKey::generate(case.random)) {
        let status = case.wire.put(&changed, Bytes::from_static(b"hello")).await;
        assert!(status >= 400, "{status} to {}", changed.url);
    }
    assert_eq!(case.direct.find_received(&transfer).await.unwrap(), None);
    for changed in changes(&get, &made, &others) {
        let answer = case.wire.get(&changed, None).await;
        assert!(answer.status >= 400, "{} to {}", answer.status, changed.url);
    }
    assert_eq!(case.wire.get(&get, None).await.status, 200);
}

/// With the media type and under the name that were signed, and with a tag of just these bytes.
pub async fn bytes_come_down_as_they_were_signed<W: Wire>(case: &Case<'_, W>) {
    let key = case.make(b"hello").await;
    for media_type in ["text/plain", "text/html; charset=utf-8", "application/octet-stream"] {
        for name in [None, Some("a.txt"), Some("a\"b; filename=c.txt"), Some("100% ü+&=?#.txt"), Some("日本語 🎈.txt")]
        {
            let presentation = presentation(media_type, name);
            let signed = case.signer.sign_get(&key, &presentation, case.soon()).await.unwrap();
            let answer = case.wire.get(&signed, None).await;
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

/// The bytes of a range, with 206; 416 for one that begins past the end.
pub async fn ranges_come_down<W: Wire>(case: &Case<'_, W>) {
    let key = case.make(b"0123456789").await;
    let signed = case.signer.sign_get(&key, &presentation("text/plain", None), case.soon()).await.unwrap();
    let whole = case.wire.get(&signed, None).await;
    for (range, bytes, told) in
        [(0..4, "0123", "bytes 0-3/10"), (4..7, "456", "bytes 4-6/10"), (9..10, "9", "bytes 9-9/10")]
    {
        let answer = case.wire.get(&signed, Some(range)).await;
        assert_eq!((answer.status, &*answer.body), (206, bytes.as_bytes()), "{answer:?}");
        assert_eq!(answer.header("content-range"), Some(told));
        assert_eq!(answer.header("etag"), whole.header("etag"));
    }
    assert_eq!(case.wire.get(&signed, Some(10..11)).await.status, 416);
}

impl<W: Wire> Case<'_, W> {
    fn soon(&self) -> Timestamp {
        Timestamp::from_millis(self.now.as_millis() + 240_000)
    }

    async fn begin(&self) -> Transfer {
        let key = BlobKey::generate(self.random);
        let ticket = self.direct.begin(&key, MOST).await.unwrap();
        Transfer { key, ticket }
    }

    async fn sign_put(&self, transfer: &Transfer, bytes: &[u8], announced: bool) -> SignedUrl {
        let sha256 = announced.then(|| digest(bytes));
        self.direct.sign_put(transfer, bytes.len() as u64, sha256, self.soon()).await.unwrap()
    }

    async fn send(&self, transfer: &Transfer, bytes: &[u8], announced: bool) {
        let signed = self.sign_put(transfer, bytes, announced).await;
        assert_eq!(self.wire.put(&signed, Bytes::copy_from_slice(bytes)).await, 200);
    }

    /// A blob of these bytes.
    async fn make(&self, bytes: &[u8]) -> BlobKey {
        let transfer = self.begin().await;
        self.send(&transfer, bytes, true).await;
        self.direct.finish(&transfer, expected(bytes, true)).await.unwrap();
        transfer.key
    }

    async fn listed(&self) -> Vec<Transfer> {
        self.listed_after(None).await
    }

    async fn listed_after(&self, mut after: Option<Transfer>) -> Vec<Transfer> {
        let mut all = Vec::new();
        loop {
            let page = self.store.list_begun(LATER, after.as_ref()).await.unwrap();
            let Some(last) = page.last() else { return all };
            after = Some(last.clone());
            all.extend(page);
        }
    }

    async fn read(&self, key: &BlobKey, range: Range<u64>) -> Vec<u8> {
        let pieces: Vec<Bytes> = self.store.get(key, range).await.unwrap().try_collect().await.unwrap();
        pieces.concat()
    }

    async fn check_blob(&self, key: &BlobKey, bytes: &[u8]) {
        check_stored(self.store.head(key).await.unwrap().unwrap(), bytes);
        assert!(self.read(key, 0..bytes.len() as u64).await == bytes, "other bytes than were sent");
        let signed = self.signer.sign_get(key, &presentation("text/plain", None), self.soon()).await.unwrap();
        let answer = self.wire.get(&signed, None).await;
        assert_eq!(answer.status, 200);
        assert!(answer.body == bytes, "other bytes than were sent");
    }
}

/// Bytes in which every place looks different from its neighbourhood.
fn sample(size: usize) -> Vec<u8> {
    (0..size).map(|at| (at ^ (at >> 8) ^ (at >> 16)) as u8).collect()
}

fn digest(bytes: &[u8]) -> Sha256 {
    Sha256::from_bytes(sha2::Sha256::digest(bytes).into())
}

fn expected(bytes: &[u8], announced: bool) -> Expected {
    Expected { length: Length::Exactly(bytes.len() as u64), sha256: announced.then(|| digest(bytes)) }
}

fn presentation(media_type: &str, name: Option<&str>) -> Presentation {
    Presentation {
        media_type: MediaType::parse(media_type).unwrap(),
        attachment: name.map(|name| Name::parse(name).unwrap()),
    }
}

/// A store need not know digests; one that tells them tells the right ones.
fn check_stored(stored: Stored, bytes: &[u8]) {
    assert_eq!(stored.size, bytes.len() as u64);
    assert!(stored.sha256.is_none_or(|sha256| sha256 == digest(bytes)), "another digest: {stored:?}");
}

fn check_incomplete(outcome: Result<Stored>) {
    assert!(matches!(outcome, Err(Error::Conflict(Conflict::UploadIncomplete))), "{outcome:?}");
}

/// The URL with `other` in the place of `key`, and with characters of its query changed, one at a time.
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

/// The name in a `Content-Disposition` that is `attachment` (RFC 6266).
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
