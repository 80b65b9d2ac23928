//! Uploads directly from clients, in one or several parts.

use std::collections::BTreeMap;

use async_trait::async_trait;
use clouddrive_domain::error::{Conflict, Refused};
use clouddrive_domain::model::{
    BlobKey, Expected, Length, Part, PartPlan, Sha256, Stored, Ticket, Timestamp, Transfer,
};
use clouddrive_domain::port::{ByteStream, DirectUploads, PartStore, Presentation, SignedUrl};
use clouddrive_domain::{Error, Result};

use super::intake::{Intake, Piece, combined_sum};
use super::{Blob, Blobs, MemoryStore};

/// The ticket of every transfer in several parts; those in one part need none.
const TICKET: &str = "parts";

/// The parts of a transfer, by number.
pub(super) struct Parts {
    begun_at: Timestamp,
    received: BTreeMap<u32, Piece>,
}

impl Parts {
    pub(super) const fn begun_at(&self) -> Timestamp {
        self.begun_at
    }

    /// The bytes received so far.
    pub(super) fn size(&self) -> u64 {
        self.received.values().map(Piece::size).sum()
    }

    fn list(&self) -> Vec<Part> {
        self.received.iter().map(|(number, piece)| Part { number: *number, size: piece.size() }).collect()
    }
}

impl Blobs {
    /// The parts of the transfer, if it accepts part `number`.
    fn parts_without(&mut self, transfer: &Transfer, number: u32) -> Result<&mut Parts> {
        self.require_none(&transfer.key)?;
        let parts = self.transfers.get_mut(transfer).ok_or(Error::Conflict(Conflict::UploadClosed))?;
        match parts.received.contains_key(&number) {
            true => Err(Error::Conflict(Conflict::BlobExists)),
            false => Ok(parts),
        }
    }

    /// Turns the parts of the transfer into the blob.
    fn finish(&mut self, transfer: &Transfer, plan: PartPlan) -> Result<Stored> {
        if let Some(blob) = self.blobs.get(&transfer.key) {
            return if blob.stored.size == plan.size() {
                Ok(blob.stored.clone())
            } else {
                Err(Error::Refused(Refused::Size))
            };
        }
        plan.check(&self.transfers.get(transfer).map(Parts::list).unwrap_or_default())?;
        let mut received = self.transfers.remove(transfer).map(|parts| parts.received).unwrap_or_default();
        let pieces: Vec<Piece> = plan.parts().filter_map(|part| received.remove(&part.number)).collect();
        let stored = Stored { size: plan.size(), sha256: None, tag: None, crc32: Some(combined_sum(pieces.iter())) };
        self.blobs.insert(transfer.key.clone(), Blob { pieces, stored: stored.clone() });
        Ok(stored)
    }
}

#[async_trait]
impl DirectUploads for MemoryStore {
    async fn begin(&self, key: &BlobKey, plan: PartPlan, _: &Presentation) -> Result<Option<Ticket>> {
        if plan.is_single() {
            return Ok(None);
        }
        let ticket = Ticket::parse(TICKET);
        let parts = Parts { begun_at: self.clock.now(), received: BTreeMap::new() };
        self.lock().transfers.insert(Transfer { key: key.clone(), ticket: ticket.clone() }, parts);
        Ok(ticket)
    }

    async fn sign_put(
        &self,
        transfer: &Transfer,
        part: Part,
        sha256: Option<Sha256>,
        _: &Presentation,
        expires_at: Timestamp,
    ) -> Result<SignedUrl> {
        let expected = Expected { length: Length::Exactly(part.size), sha256 };
        Ok(self.sign_upload(transfer, part.number, expected, expires_at))
    }

    async fn list_received(&self, transfer: &Transfer, plan: PartPlan) -> Result<Vec<Part>> {
        let held = self.lock();
        if let Some(parts) = held.transfers.get(transfer) {
            return Ok(parts.list());
        }
        let stored = held.blobs.get(&transfer.key).map(|blob| blob.stored.size);
        Ok(match stored {
            Some(size) if plan.is_single() => vec![Part { number: 1, size }],
            Some(size) if size == plan.size() => plan.parts().collect(),
            _ => Vec::new(),
        })
    }

    async fn finish(&self, transfer: &Transfer, plan: PartPlan, sha256: Option<Sha256>) -> Result<Stored> {
        let mut held = self.lock();
        if !plan.is_single() {
            return held.finish(transfer, plan);
        }
        match held.blobs.get(&transfer.key) {
            Some(blob) => {
                Expected { length: Length::Exactly(plan.size()), sha256 }.check(&blob.stored)?;
                Ok(blob.stored.clone())
            }
            None => Err(plan.check(&[]).err().unwrap_or(Error::NotFound)),
        }
    }
}

#[async_trait]
impl PartStore for MemoryStore {
    async fn put_part(&self, transfer: &Transfer, number: u32, body: ByteStream, expected: Expected) -> Result<()> {
        self.lock().parts_without(transfer, number)?;
        let (piece, _) = Intake::new(&self.room).receive(body, expected).await?;
        self.lock().parts_without(transfer, number)?.received.insert(number, piece);
        Ok(())
    }
}
