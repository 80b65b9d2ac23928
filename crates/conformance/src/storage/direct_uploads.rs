//! Conformance suite for [`DirectUploads`], from the view of clients that use its URLs.
#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

mod end;
mod fetch;
mod finish;
mod part_store;
mod parts;
mod send;

use std::ops::Range;

use bytes::Bytes;
use clouddrive_domain::error::Conflict;
use clouddrive_domain::model::{BlobKey, Part, PartPlan, Stored, Timestamp, Transfer};
use clouddrive_domain::port::{BlobStore, DirectUploads, Presentation, Random, SignedUrl, UrlSigner};
use clouddrive_domain::{Error, Result};

pub use self::part_store::part_store_suite;
use crate::samples::{check_stored, digest, presentation, read};

/// An HTTP client that uses signed URLs.
pub trait Wire {
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
    pub direct: &'a dyn DirectUploads,
    /// Signs download URLs.
    pub signer: &'a dyn UrlSigner,
    /// Source of keys.
    pub random: &'a dyn Random,
    /// The HTTP client.
    pub wire: &'a W,
    /// The current time, by the clock that the URLs are checked against.
    pub now: Timestamp,
}

/// Runs every case, each on its own keys. Existing blobs are not touched, and the store may be in use meanwhile; the
/// suite does not delete its own blobs.
pub async fn suite<W: Wire>(case: &Case<'_, W>) {
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

/// A time later than any transfer.
const LATER: Timestamp = Timestamp::from_millis(4_000_000_000_000);

impl<W: Wire> Case<'_, W> {
    fn soon(&self) -> Timestamp {
        Timestamp::from_millis(self.now.as_millis() + 240_000)
    }

    /// Begins a transfer of five bytes in one part.
    async fn begin(&self) -> Transfer {
        self.begin_of(PartPlan::single(5)).await
    }

    async fn begin_of(&self, plan: PartPlan) -> Transfer {
        let key = BlobKey::generate(self.random);
        let ticket = self.direct.begin(&key, plan, &Presentation::of_unknown()).await.unwrap();
        Transfer { key, ticket }
    }

    /// The received size of a single-part transfer of `size` bytes, if it has arrived.
    async fn received(&self, transfer: &Transfer, size: usize) -> Option<u64> {
        let parts = self.direct.list_received(transfer, PartPlan::single(size as u64)).await.unwrap();
        assert!(parts.iter().map(|part| part.number).eq((1..=1).take(parts.len())), "{parts:?}");
        parts.first().map(|part| part.size)
    }

    /// Finishes a transfer of these bytes in one part.
    async fn finish(&self, transfer: &Transfer, bytes: &[u8], announced: bool) -> Result<Stored> {
        let plan = PartPlan::single(bytes.len() as u64);
        self.direct.finish(transfer, plan, announced.then(|| digest(bytes))).await
    }

    async fn sign_put(&self, transfer: &Transfer, bytes: &[u8], announced: bool) -> SignedUrl {
        let part = Part { number: 1, size: bytes.len() as u64 };
        self.direct
            .sign_put(transfer, part, announced.then(|| digest(bytes)), &Presentation::of_unknown(), self.soon())
            .await
            .unwrap()
    }

    async fn send(&self, transfer: &Transfer, bytes: &[u8], announced: bool) {
        let signed = self.sign_put(transfer, bytes, announced).await;
        assert_eq!(self.wire.put(&signed, Bytes::copy_from_slice(bytes)).await, 200);
    }

    /// Uploads a blob of these bytes.
    async fn make(&self, bytes: &[u8]) -> BlobKey {
        let transfer = self.begin_of(PartPlan::single(bytes.len() as u64)).await;
        self.send(&transfer, bytes, true).await;
        self.finish(&transfer, bytes, true).await.unwrap();
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

    async fn read(&self, key: &BlobKey, size: usize, range: Range<u64>) -> Vec<u8> {
        read(self.store, key, size, range).await.unwrap()
    }

    async fn check_blob(&self, key: &BlobKey, bytes: &[u8]) {
        check_stored(&self.store.head(key).await.unwrap().unwrap(), bytes);
        assert!(self.read(key, bytes.len(), 0..bytes.len() as u64).await == bytes, "other bytes than were sent");
        let signed = self.signer.sign_get(key, &presentation("text/plain", None), self.soon()).await.unwrap();
        let answer = self.wire.get(&signed, None).await;
        assert_eq!(answer.status, 200);
        assert!(answer.body == bytes, "other bytes than were sent");
    }
}

fn check_incomplete(outcome: Result<Stored>) {
    assert!(matches!(outcome, Err(Error::Conflict(Conflict::UploadIncomplete(_)))), "{outcome:?}");
}
