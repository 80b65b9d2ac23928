//! Conformance suite for [`DirectUploadStore`], from the view of clients that use its URLs.
//!
//! Each case uses its own keys. Existing blobs are not touched, and the store may be in use meanwhile; the suite does not
//! delete its own blobs.

#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

mod end;
mod fetch;
mod finish;
mod gated_server;
pub mod part_store;
mod parts;
mod send;

use std::ops::Range;

use bytes::Bytes;
use clouddrive_domain::error::Conflict;
use clouddrive_domain::model::{BlobKey, MultipartUpload, Part, PartPlan, Stored, Timestamp};
use clouddrive_domain::port::{BlobStore, ContentHeaders, DirectUploadStore, Random, SignedUrl, UrlPresigner};
use clouddrive_domain::{Error, Result};

pub use self::gated_server::GatedServer;
use crate::case::suite;
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
pub struct Subject<'a, W> {
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

suite! {
    $ direct_uploads<W: SignedUrlClient>(subject: &Subject<'_, W>) (subject)

    send of "`DirectUploadStore::finish`: Creates the blob from exactly the parts of the plan, durably" {
        sent_bytes_become_the_blob,
        an_empty_blob_is_one_too,
    }

    send of "`DirectUploadStore::presign_put`: The store itself MUST reject other bytes or another size." {
        other_bytes_than_signed_are_refused,
    }

    finish of "`DirectUploadStore::finish`: Nothing changes then, and missing parts may still be sent." {
        without_bytes_there_is_nothing_to_finish,
        unexpected_bytes_do_not_become_a_blob,
    }

    finish of "`DirectUploadStore`: the finished blob no longer changes, even while signed URLs are still valid" {
        a_finished_blob_does_not_change,
    }

    finish of "`DirectUploadStore::finish`: Idempotent: repeats, even concurrent ones from other instances, return the same." {
        finish_may_be_repeated,
        finish_may_be_called_twice_at_once,
    }

    end of "`BlobStore::abort`: Discards a multipart upload and the bytes received, even if it is finished" {
        discarded_uploads_are_gone,
    }

    end of "`BlobStore::list_incomplete`: Lists some multipart uploads begun before `before` and neither finished nor discarded" {
        unfinished_uploads_are_listed,
    }

    fetch of "`UrlPresigner::presign_get`: until `expires_at`" {
        a_url_ends,
    }

    fetch of "`UrlPresigner`: No part of a URL can be changed." {
        a_url_cannot_be_changed,
    }

    fetch of "`UrlPresigner::presign_get`: Signs a URL to download the blob under `key`, whole or in ranges" {
        bytes_come_down_as_they_were_signed,
        ranges_come_down,
        ranges_come_down_as_they_were_signed,
    }

    parts of "`DirectUploadStore::list_received`: The received parts, ordered by number; also of a finished multipart upload." {
        parts_in_any_order_become_the_blob,
    }

    parts of "`DirectUploadStore::finish`: Nothing changes then, and missing parts may still be sent." {
        missing_parts_are_reported_and_may_still_be_sent,
    }

    parts of "`DirectUploadStore::presign_put`: The store itself MUST reject other bytes or another size." {
        other_bytes_than_signed_are_no_part,
    }

    parts of "`DirectUploadStore`: A part that is sent again is refused, or replaces the former one whole." {
        a_part_that_is_there_stays_or_is_replaced_whole,
    }

    parts of "`DirectUploadStore`: the finished blob no longer changes, even while signed URLs are still valid" {
        a_blob_finished_in_parts_does_not_change,
    }

    parts of "`DirectUploadStore::finish`: Idempotent: repeats, even concurrent ones from other instances, return the same." {
        finish_may_be_called_by_several_at_once,
        a_part_that_races_with_the_end_is_in_it_or_not,
    }

    parts of "`BlobStore::get`: Reads the bytes `range` of the blob" {
        ranges_go_over_the_seams,
    }

    parts of "`BlobStore::abort`: Discards a multipart upload and the bytes received, even if it is finished" {
        discarded_uploads_are_gone_and_refuse_parts,
        a_part_that_races_with_a_discard_leaves_nothing,
    }

    parts of "`BlobStore::delete`: Deletes the blob." {
        deleted_blobs_are_gone,
    }

    parts of "`BlobStore::list_incomplete`: Lists some multipart uploads begun before `before` and neither finished nor discarded" {
        uploads_are_listed_until_they_end,
    }
}

/// A time later than any multipart upload.
const LATER: Timestamp = Timestamp::from_millis(4_000_000_000_000);

impl<W: SignedUrlClient> Subject<'_, W> {
    pub(super) fn soon(&self) -> Timestamp {
        Timestamp::from_millis(self.now.as_millis() + 240_000)
    }

    /// Begins a multipart upload of five bytes in one part.
    async fn begin(&self) -> MultipartUpload {
        self.begin_of(PartPlan::single(5)).await
    }

    pub(super) async fn begin_of(&self, plan: PartPlan) -> MultipartUpload {
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
