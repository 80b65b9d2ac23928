use async_trait::async_trait;

use super::{Presentation, SignedUrl};
use crate::error::Result;
use crate::model::{BlobKey, Part, PartPlan, Sha256, Stored, Ticket, Timestamp, Transfer};

/// A store's ability to receive a blob's bytes directly from clients, in one or several parts.
///
/// A store that refuses to overwrite a key need not track single-part transfers and issues no tickets for them. Other
/// transfers are staged beside the blob, under a ticket, until [`finish`](Self::finish) creates the blob. In either
/// case the finished blob no longer changes, even while signed URLs are still valid; otherwise it [needs a
/// copy](super::StagedUploads::needs_copy).
///
/// The plan of a transfer is the same in every call.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait DirectUploads: Send + Sync {
    /// Prepares a new transfer, durably. A transfer of several parts MUST get a ticket. Abandoned transfers are found
    /// by [`BlobStore::list_begun`](super::BlobStore::list_begun). The `presentation`, here and below, is that of
    /// [`BlobStore::put`](super::BlobStore::put), and the same in every call.
    ///
    /// # Errors
    /// [`TooLarge`](crate::error::Refused::TooLarge) if the bytes exceed the store's limit for a single PUT.
    async fn begin(&self, key: &BlobKey, plan: PartPlan, presentation: &Presentation) -> Result<Option<Ticket>>;

    /// Signs a URL to PUT a part of the transfer, with its digest if known, until `expires_at`. The store itself MUST
    /// reject other bytes or another size. Signing is local: no network access.
    async fn sign_put(
        &self,
        transfer: &Transfer,
        part: Part,
        sha256: Option<Sha256>,
        presentation: &Presentation,
        expires_at: Timestamp,
    ) -> Result<SignedUrl>;

    /// The received parts, ordered by number; also of a finished transfer. They MUST come from the store itself, not
    /// from remembered state.
    async fn list_received(&self, transfer: &Transfer, plan: PartPlan) -> Result<Vec<Part>>;

    /// Creates the blob from exactly the parts of the plan, durably; `sha256` is the digest with which the URLs were
    /// signed. It MUST NOT read or rewrite the bytes, so that it costs the same for any size; stores that cannot do
    /// that implement [`StagedUploads`](super::StagedUploads). Idempotent: repeats, even concurrent ones from other
    /// instances, return the same. If a response is lost, it MUST find out the outcome.
    ///
    /// # Errors
    /// As [`PartPlan::check`]; [`Refused`](crate::Error::Refused): `Checksum` if the store has verified it. Nothing
    /// changes then, and missing parts may still be sent.
    async fn finish(&self, transfer: &Transfer, plan: PartPlan, sha256: Option<Sha256>) -> Result<Stored>;
}
