//! Runs the conformance suites of the ports that this crate implements.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by a panic")]

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use clouddrive_conformance::direct_uploads::{Answer, Case, Wire};
use clouddrive_conformance::{ambient, blobs, direct_uploads, signed_urls};
use clouddrive_disk::{DiskStore, DiskUploads, DiskUrls};
use clouddrive_domain::error::Conflict;
use clouddrive_domain::model::{BlobKey, Timestamp};
use clouddrive_domain::port::{
    BlobStore, GetTarget, PartStore, Presentation, PutTarget, Random, SignedRequest, SignedUrl, UrlGate,
};
use clouddrive_domain::{Error, Result};
use futures_util::{TryStreamExt, stream};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// Numbers that never repeat, which is enough for keys in an empty store.
#[derive(Default)]
struct Counting(AtomicU64);

impl Random for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        let number = self.0.fetch_add(1, Ordering::Relaxed).to_le_bytes();
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = number.get(at).copied().unwrap_or(0xA5);
        }
    }
}

#[tokio::test]
async fn blobs_on_one_thread() {
    let root = tempfile::tempdir().unwrap();
    let store = DiskStore::open(root.path().to_owned()).unwrap();
    blobs::suite(&store, &Counting::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn blobs_on_many_threads() {
    let root = tempfile::tempdir().unwrap();
    let store = DiskStore::open(root.path().join("made/on/the/way")).unwrap();
    blobs::suite(&store, &Counting::default()).await;
}

#[tokio::test]
async fn urls() {
    let root = tempfile::tempdir().unwrap();
    let store = DiskStore::open(root.path().to_owned()).unwrap();
    let urls = DiskUrls::new("http://127.0.0.1:8000", [7; 32]);
    let direct = DiskUploads::new(store, urls.clone());
    signed_urls::gate_suite(&urls, &direct, &urls, &Counting::default()).await;
}

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

/// The server behind the URLs: runs on the store what the gate admits.
struct Server {
    store: DiskStore,
    urls: DiskUrls,
}

fn request(signed: &SignedUrl) -> SignedRequest<'_> {
    let (path, query) = signed.url.split_once('?').unwrap();
    SignedRequest { key: path.rsplit_once('/').unwrap().1, query }
}

fn status(fault: &Error) -> u16 {
    match fault {
        Error::Forbidden(_) => 403,
        Error::NotFound => 404,
        Error::Conflict(Conflict::BlobExists) => 412,
        Error::Conflict(Conflict::UploadClosed) => 409,
        Error::RangeNotSatisfiable { .. } => 416,
        Error::Refused(_) => 422,
        fault => panic!("{fault}"),
    }
}

impl Server {
    async fn take(&self, signed: &SignedUrl, body: Bytes) -> Result<()> {
        let (target, expected) = self.urls.admit_put(request(signed), NOW)?;
        let body = Box::pin(stream::iter([Ok(body)]));
        match target {
            PutTarget::Blob(key) => self.store.put(&key, body, expected, &Presentation::of_unknown()).await.map(drop),
            PutTarget::Part { transfer, number } => self.store.put_part(&transfer, number, body, expected).await,
        }
    }

    async fn give(&self, signed: &SignedUrl, range: Option<Range<u64>>) -> Result<Answer> {
        let GetTarget { key, presentation, .. } = self.urls.admit_get(request(signed), NOW)?;
        let size = self.store.head(&key).await?.ok_or(Error::NotFound)?.size;
        let (status, asked) = range.map_or((200, 0..size), |range| (206, range));
        if asked.end > size {
            return Err(Error::RangeNotSatisfiable { size });
        }
        let pieces: Vec<Bytes> = self.store.get(&key, size, asked.clone()).await?.try_collect().await?;
        let mut headers = headers(&key, &presentation);
        if status == 206 {
            headers.push(("content-range".to_owned(), format!("bytes {}-{}/{size}", asked.start, asked.end - 1)));
        }
        Ok(Answer { status, headers, body: pieces.concat().into() })
    }
}

fn headers(key: &BlobKey, presentation: &Presentation) -> Vec<(String, String)> {
    let mut headers = vec![
        ("etag".to_owned(), format!("\"{}\"", key.as_str())),
        ("content-type".to_owned(), presentation.media_type.as_str().to_owned()),
    ];
    if let Some(name) = &presentation.attachment {
        let name = utf8_percent_encode(name.as_str(), NON_ALPHANUMERIC);
        headers.push(("content-disposition".to_owned(), format!("attachment; filename*=UTF-8''{name}")));
    }
    headers
}

impl Wire for Server {
    async fn put(&self, signed: &SignedUrl, body: Bytes) -> u16 {
        self.take(signed, body).await.map_or_else(|fault| status(&fault), |()| 200)
    }

    async fn get(&self, signed: &SignedUrl, range: Option<Range<u64>>) -> Answer {
        let refused = |fault: Error| Answer { status: status(&fault), headers: Vec::new(), body: Bytes::new() };
        self.give(signed, range).await.unwrap_or_else(refused)
    }
}

#[tokio::test]
async fn uploads_by_url() {
    let root = tempfile::tempdir().unwrap();
    let store = DiskStore::open(root.path().to_owned()).unwrap();
    let urls = DiskUrls::new("http://127.0.0.1:8000", [7; 32]);
    let direct = &DiskUploads::new(store.clone(), urls.clone());
    let wire = &Server { store: store.clone(), urls: urls.clone() };
    let random = &Counting::default();
    direct_uploads::suite(&Case { store: &store, direct, signer: &urls, random, wire, now: NOW }).await;
    direct_uploads::part_store_suite(&store, &store, direct, random).await;
}

#[tokio::test]
async fn a_disk_that_works_says_so() {
    let root = tempfile::tempdir().unwrap();
    ambient::probe_suite(&DiskStore::open(root.path().to_owned()).unwrap()).await;
}
