use async_trait::async_trait;

use super::SignedUrl;
use crate::error::Result;
use crate::model::{BlobKey, Expected, Sha256, Stored, Ticket, Timestamp, Transfer};

/// The ability of a store to take the bytes of a blob straight from whoever sends them.
///
/// A store that refuses a second write to a key needs no books of transfers and gives out no tickets. One that does not
/// refuse it gathers the bytes beside the blob, under a ticket, and makes the blob of them in [`finish`](Self::finish).
/// In either, what [`finish`](Self::finish) has returned stays as it is, whatever URLs are still alive.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait DirectUploads: Send + Sync {
    /// Makes ready for the bytes of a new blob, at most `most` of them. What is begun and never heard of again is found by
    /// [`BlobStore::list_begun`](super::BlobStore::list_begun).
    ///
    /// # Errors
    /// [`TooLarge`](crate::error::Refused::TooLarge) when the store takes no more than so many by one PUT.
    async fn begin(&self, key: &BlobKey, most: u64) -> Result<Option<Ticket>>;

    /// A URL by which `length` bytes, with that digest if it is known, can be PUT until `expires_at`. The store itself MUST
    /// refuse other bytes. To sign asks nobody: it costs no network.
    async fn sign_put(
        &self,
        transfer: &Transfer,
        length: u64,
        sha256: Option<Sha256>,
        expires_at: Timestamp,
    ) -> Result<SignedUrl>;

    /// What has arrived, if anything has, whether or not the transfer is finished.
    async fn find_received(&self, transfer: &Transfer) -> Result<Option<Stored>>;

    /// Makes the blob of what has arrived, if it is what is expected, the digest being the one with which the URLs were
    /// signed. A repeat, also from another instance at the same time,
    /// answers the same. Of an answer that was lost it MUST find out what became of it.
    ///
    /// # Errors
    /// [`UploadIncomplete`](crate::error::Conflict::UploadIncomplete) when nothing has arrived;
    /// [`Refused`](crate::Error::Refused): `Size`, `Checksum` as far as the store has verified it. Nothing changes then.
    async fn finish(&self, transfer: &Transfer, expected: Expected) -> Result<Stored>;
}
