use async_trait::async_trait;

use super::{Presentation, SignedUrl};
use crate::error::Result;
use crate::model::{BlobKey, Part, PartPlan, Sha256, Stored, Ticket, Timestamp, Transfer};

/// The ability of a store to take the bytes of a blob straight from whoever sends them, in one part or in many.
///
/// A store that refuses a second write to a key needs no books of transfers of one part and gives out no tickets for them.
/// All others are gathered beside the blob, under a ticket, and [`finish`](Self::finish) makes the blob of them. In either,
/// what [`finish`](Self::finish) has returned stays as it is, whatever URLs are still alive; or else it
/// [needs a copy](super::StagedUploads::needs_copy).
///
/// The plan of a transfer is the same in every call.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait DirectUploads: Send + Sync {
    /// Makes ready for the bytes of a new blob, durably. A transfer of several parts MUST get a ticket. What is begun and
    /// never heard of again is found by [`BlobStore::list_begun`](super::BlobStore::list_begun). The `presentation`, here and
    /// below, is that of [`BlobStore::put`](super::BlobStore::put), and the same in every call.
    ///
    /// # Errors
    /// [`TooLarge`](crate::error::Refused::TooLarge) when the store takes no more than so many bytes by one PUT.
    async fn begin(&self, key: &BlobKey, plan: PartPlan, presentation: &Presentation) -> Result<Option<Ticket>>;

    /// A URL by which that part of the transfer, with that digest if it is known, can be PUT until `expires_at`. The store
    /// itself MUST refuse other bytes, and bytes of another number. To sign asks nobody: it costs no network.
    async fn sign_put(
        &self,
        transfer: &Transfer,
        part: Part,
        sha256: Option<Sha256>,
        presentation: &Presentation,
        expires_at: Timestamp,
    ) -> Result<SignedUrl>;

    /// The parts that have arrived, in the order of their numbers; those of a transfer that is finished, too. It MUST be
    /// what the store has, not what anybody remembers.
    async fn list_received(&self, transfer: &Transfer, plan: PartPlan) -> Result<Vec<Part>>;

    /// Makes the blob of the parts that have arrived, of all of them and of nothing else, durably; `sha256` being the digest
    /// with which the URLs were signed. It MUST NOT read the bytes or write them anew, so that it costs the same for any
    /// size; a store that can do no better is a [`StagedUploads`](super::StagedUploads). A repeat, also from another instance at the same time, answers the same. Of an answer that was lost it MUST
    /// find out what became of it.
    ///
    /// # Errors
    /// As [`PartPlan::check`]; [`Refused`](crate::Error::Refused): `Checksum` as far as the store has verified it. Nothing
    /// changes then, and what is missing may still be sent.
    async fn finish(&self, transfer: &Transfer, plan: PartPlan, sha256: Option<Sha256>) -> Result<Stored>;
}
