//! Uploads directly from clients, in one or several parts.

use std::collections::BTreeMap;

use async_trait::async_trait;
use clouddrive_domain::error::{Conflict, Refused};
use clouddrive_domain::model::{
    BlobKey, Expected, Length, MultipartUpload, MultipartUploadId, Part, PartPlan, Sha256, Stored, Timestamp,
};
use clouddrive_domain::port::{ByteStream, ContentHeaders, DirectUploadStore, PartStore, SignedUrl};
use clouddrive_domain::{Error, Result};

use super::body::{IncomingBlob, Piece, combined_crc32};
use super::{Blob, Blobs, MemoryBlobStore};

/// The identifier of every upload of several parts; one of a single part needs none.
const MULTIPART_ID: &str = "parts";

/// The parts of a multipart upload, by number.
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
    /// The parts of the multipart upload, if it accepts part `number`.
    fn parts_without(&mut self, multipart: &MultipartUpload, number: u32) -> Result<&mut Parts> {
        self.require_none(&multipart.key)?;
        let parts = self.multiparts.get_mut(multipart).ok_or(Error::Conflict(Conflict::UploadClosed))?;
        match parts.received.contains_key(&number) {
            true => Err(Error::Conflict(Conflict::BlobExists)),
            false => Ok(parts),
        }
    }

    /// Turns the parts of the multipart upload into the blob.
    fn finish(&mut self, multipart: &MultipartUpload, plan: PartPlan) -> Result<Stored> {
        if let Some(blob) = self.blobs.get(&multipart.key) {
            return if blob.stored.size == plan.size() {
                Ok(blob.stored.clone())
            } else {
                Err(Error::Refused(Refused::Size))
            };
        }
        plan.check(&self.multiparts.get(multipart).map(Parts::list).unwrap_or_default())?;
        let mut received = self.multiparts.remove(multipart).map(|parts| parts.received).unwrap_or_default();
        let pieces: Vec<Piece> = plan.parts().filter_map(|part| received.remove(&part.number)).collect();
        let stored = Stored { size: plan.size(), sha256: None, tag: None, crc32: Some(combined_crc32(pieces.iter())) };
        self.blobs.insert(multipart.key.clone(), Blob { pieces, stored: stored.clone() });
        Ok(stored)
    }
}

#[async_trait]
impl DirectUploadStore for MemoryBlobStore {
    async fn begin(&self, key: &BlobKey, plan: PartPlan, _: &ContentHeaders) -> Result<Option<MultipartUploadId>> {
        if plan.is_single() {
            return Ok(None);
        }
        let multipart_id = MultipartUploadId::parse(MULTIPART_ID).ok();
        let parts = Parts { begun_at: self.clock.now(), received: BTreeMap::new() };
        self.lock().multiparts.insert(MultipartUpload { key: key.clone(), multipart_id: multipart_id.clone() }, parts);
        Ok(multipart_id)
    }

    async fn presign_put(
        &self,
        multipart: &MultipartUpload,
        part: Part,
        sha256: Option<Sha256>,
        _: &ContentHeaders,
        expires_at: Timestamp,
    ) -> Result<SignedUrl> {
        let expected = Expected { length: Length::Exactly(part.size), sha256 };
        Ok(self.sign_upload(multipart, part.number, expected, expires_at))
    }

    async fn list_received(&self, multipart: &MultipartUpload, plan: PartPlan) -> Result<Vec<Part>> {
        let held = self.lock();
        if let Some(parts) = held.multiparts.get(multipart) {
            return Ok(parts.list());
        }
        let stored = held.blobs.get(&multipart.key).map(|blob| blob.stored.size);
        Ok(match stored {
            Some(size) if plan.is_single() => vec![Part { number: 1, size }],
            Some(size) if size == plan.size() => plan.parts().collect(),
            _ => Vec::new(),
        })
    }

    async fn finish(&self, multipart: &MultipartUpload, plan: PartPlan, sha256: Option<Sha256>) -> Result<Stored> {
        let mut held = self.lock();
        if !plan.is_single() {
            return held.finish(multipart, plan);
        }
        match held.blobs.get(&multipart.key) {
            Some(blob) => {
                Expected { length: Length::Exactly(plan.size()), sha256 }.check(&blob.stored)?;
                Ok(blob.stored.clone())
            }
            None => Err(plan.check(&[]).err().unwrap_or(Error::NotFound)),
        }
    }
}

#[async_trait]
impl PartStore for MemoryBlobStore {
    async fn put_part(
        &self,
        multipart: &MultipartUpload,
        number: u32,
        body: ByteStream,
        expected: Expected,
    ) -> Result<()> {
        self.lock().parts_without(multipart, number)?;
        let (piece, _) = IncomingBlob::new(&self.room).receive(body, expected).await?;
        self.lock().parts_without(multipart, number)?.received.insert(number, piece);
        Ok(())
    }
}
