//! Conformance suite for [`DirectUploadStore`], from the view of clients that use its URLs.
#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

mod end;
mod fetch;
mod finish;
mod gated_server;
mod part_store;
mod parts;
mod send;

use std::ops::Range;

use bytes::Bytes;
use clouddrive_domain::error::Conflict;
use clouddrive_domain::model::{BlobKey, MultipartUpload, Part, PartPlan, Stored, Timestamp};
use clouddrive_domain::port::{BlobStore, ContentHeaders, DirectUploadStore, Random, SignedUrl, UrlPresigner};
use clouddrive_domain::{Error, Result};

pub use self::gated_server::GatedServer;
pub use self::part_store::part_store_suite;
use crate::samples::{check_stored, content_headers, digest, read};

/// An HTTP client that uses signed URLs.
pub trait SignedUrlClient {
    /// PUTs `body` with the headers of the URL and returns the status code.
    fn put(&self, signed: &SignedUrl, body: Bytes) -> impl Future<Output = u16>;

    /// GETs the URL, or only the bytes from `range.start` up to, not including, `range.end`.
    fn get(&self, signed: &SignedUrl, range: Option<Range<u64>>) -> impl Future<Output = Answer>;
}

/// The response to a GET.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The header fields, with names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// What the cases test: one store, through all its ports.
pub struct Case<'a, W> {
    /// The store of the finished blobs.
    pub store: &'a dyn BlobStore,
    /// The port under test.
    pub direct: &'a dyn DirectUploadStore,
    /// Signs download URLs.
    pub presigner: &'a dyn UrlPresigner,
    /// Source of keys.
    pub random: &'a dyn Random,
    /// The HTTP client.
    pub wire: &'a W,
    /// The current time, by the clock that the URLs are checked against.
    pub now: Timestamp,
}

/// Runs every case, each on its own keys. Existing blobs are not touched, and the store may be in use meanwhile; the
/// suite does not delete its own blobs.
pub async fn suite<W: SignedUrlClient>(case: &Case<'_, W>) {
    send::what_is_sent_becomes_the_blob(case).await;
    send::an_empty_blob_is_one_too(case).await;
    send::other_bytes_than_signed_are_refused(case).await;
    finish::without_bytes_there_is_nothing_to_finish(case).await;
    finish::what_is_not_expected_is_not_made(case).await;
    finish::what_was_finished_stays_as_it_is(case).await;
    finish::finish_may_be_repeated(case).await;
    finish::finish_may_be_called_twice_at_once(case).await;
    end::what_is_discarded_is_gone(case).await;
    end::what_has_begun_and_not_ended_is_listed(case).await;
    fetch::a_url_ends(case).await;
    fetch::a_url_cannot_be_changed(case).await;
    fetch::bytes_come_down_as_they_were_signed(case).await;
    fetch::ranges_come_down(case).await;
    fetch::ranges_come_down_as_they_were_signed(case).await;
    parts::suite(case).await;
}

/// A time later than any multipart upload.
const LATER: Timestamp = Timestamp::from_millis(4_000_000_000_000);

impl<W: SignedUrlClient> Case<'_, W> {
    fn soon(&self) -> Timestamp {
        Timestamp::from_millis(self.now.as_millis() + 240_000)
    }

    /// Begins a multipart upload of five bytes in one part.
    async fn begin(&self) -> MultipartUpload {
        self.begin_of(PartPlan::single(5)).await
    }

    async fn begin_of(&self, plan: PartPlan) -> MultipartUpload {
        let key = BlobKey::generate(self.random);
        let multipart_id = self.direct.begin(&key, plan, &ContentHeaders::unknown()).await.unwrap();
        MultipartUpload { key, multipart_id }
    }

    /// The received size of a single-part upload of `size` bytes, if it has arrived.
    async fn received(&self, multipart: &MultipartUpload, size: usize) -> Option<u64> {
        let parts = self.direct.list_received(multipart, PartPlan::single(size as u64)).await.unwrap();
        assert!(parts.iter().map(|part| part.number).eq((1..=1).take(parts.len())), "{parts:?}");
        parts.first().map(|part| part.size)
    }

    /// Finishes a multipart upload of these bytes in one part.
    async fn finish(&self, multipart: &MultipartUpload, bytes: &[u8], announced: bool) -> Result<Stored> {
        let plan = PartPlan::single(bytes.len() as u64);
        self.direct.finish(multipart, plan, announced.then(|| digest(bytes))).await
    }

    async fn presign_put(&self, multipart: &MultipartUpload, bytes: &[u8], announced: bool) -> SignedUrl {
        let part = Part { number: 1, size: bytes.len() as u64 };
        self.direct
            .presign_put(multipart, part, announced.then(|| digest(bytes)), &ContentHeaders::unknown(), self.soon())
            .await
            .unwrap()
    }

    async fn send(&self, multipart: &MultipartUpload, bytes: &[u8], announced: bool) {
        let signed = self.presign_put(multipart, bytes, announced).await;
        assert_eq!(self.wire.put(&signed, Bytes::copy_from_slice(bytes)).await, 200);
    }

    /// Uploads a blob of these bytes.
    async fn make(&self, bytes: &[u8]) -> BlobKey {
        let multipart = self.begin_of(PartPlan::single(bytes.len() as u64)).await;
        self.send(&multipart, bytes, true).await;
        self.finish(&multipart, bytes, true).await.unwrap();
        multipart.key
    }

    async fn listed(&self) -> Vec<MultipartUpload> {
        self.listed_after(None).await
    }

    async fn listed_after(&self, mut after: Option<MultipartUpload>) -> Vec<MultipartUpload> {
        let mut all = Vec::new();
        loop {
            let page = self.store.list_incomplete(LATER, after.as_ref()).await.unwrap();
            let Some(last) = page.last() else { return all };
            after = Some(last.clone());
            all.extend(page);
        }
    }

    async fn read(&self, key: &BlobKey, size: usize, range: Range<u64>) -> Vec<u8> {
        read(self.store, key, size, range).await.unwrap()
    }

    async fn check_blob(&self, key: &BlobKey, bytes: &[u8]) {
        check_stored(&self.store.head(key).await.unwrap().unwrap(), bytes);
        assert!(self.read(key, bytes.len(), 0..bytes.len() as u64).await == bytes, "other bytes than were sent");
        let signed = self.presigner.presign_get(key, &content_headers("text/plain", None), self.soon()).await.unwrap();
        let answer = self.wire.get(&signed, None).await;
        assert_eq!(answer.status, 200);
        assert!(answer.body == bytes, "other bytes than were sent");
    }
}

fn check_incomplete(outcome: Result<Stored>) {
    assert!(matches!(outcome, Err(Error::Conflict(Conflict::UploadIncomplete(_)))), "{outcome:?}");
}
