use std::ops::Range;
use std::sync::Arc;

use super::Ambient;
use crate::error::{Conflict, Error, Refused, Result};
use crate::model::{BlobKey, Expected, Length};
use crate::port::{BlobRecords, BlobStore, ByteStream, PartStore, Presentation, PutTarget, SignedRequest, UrlGate};

/// Leave to PUT the bytes of one blob, or one part of them, once.
pub struct PutLeave {
    target: PutTarget,
    expected: Expected,
}

impl PutLeave {
    /// What the leave is for.
    #[must_use]
    pub const fn target(&self) -> &PutTarget {
        &self.target
    }
}

/// A blob whose bytes the holder of its URL may read: only [`SignedBlobs::open`] makes one.
pub struct OpenBlob {
    key: BlobKey,
    size: u64,
    presentation: Presentation,
}

impl OpenBlob {
    /// The blob.
    #[must_use]
    pub const fn key(&self) -> &BlobKey {
        &self.key
    }

    /// How many bytes it has.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// What its holder is told about the bytes.
    #[must_use]
    pub const fn presentation(&self) -> &Presentation {
        &self.presentation
    }
}

/// Signed URLs that lead to this very server: what other stores do themselves, for one whose bytes it serves.
pub struct SignedBlobs {
    gate: Arc<dyn UrlGate>,
    store: Arc<dyn BlobStore>,
    parts: Arc<dyn PartStore>,
    records: Arc<dyn BlobRecords>,
    ambient: Ambient,
}

impl SignedBlobs {
    /// Puts the service together.
    #[must_use]
    pub fn new(
        gate: Arc<dyn UrlGate>,
        store: Arc<dyn BlobStore>,
        parts: Arc<dyn PartStore>,
        records: Arc<dyn BlobRecords>,
        ambient: Ambient,
    ) -> Self {
        Self { gate, store, parts, records, ambient }
    }

    /// Leave to PUT a body, of `announced` bytes if that is known.
    ///
    /// # Errors
    /// `Signature`, `UrlExpired`; `Size` when other than the signed number of bytes are announced; `UploadClosed` when
    /// the upload has ended since the URL was signed.
    pub async fn admit(&self, request: SignedRequest<'_>, announced: Option<u64>) -> Result<PutLeave> {
        let (target, expected) = self.gate.admit_put(request, self.ambient.now())?;
        if announced.is_some_and(|length| Length::Exactly(length) != expected.length) {
            return Err(Error::Refused(Refused::Size));
        }
        self.require_wanted(target.key()).await?;
        Ok(PutLeave { target, expected })
    }

    /// Stores the bytes. Should the upload end while they come, nothing of them is left.
    ///
    /// # Errors
    /// As [`BlobStore::put`] and [`PartStore::put_part`]; `UploadClosed`.
    pub async fn put(&self, leave: PutLeave, body: ByteStream) -> Result<()> {
        let PutLeave { target, expected } = leave;
        match &target {
            PutTarget::Blob(key) => {
                self.store.put(key, body, expected).await?;
            }
            PutTarget::Part { transfer, number } => self.parts.put_part(transfer, *number, body, expected).await?,
        }
        let wanted = self.require_wanted(target.key()).await;
        if matches!(wanted, Err(Error::Conflict(Conflict::UploadClosed))) {
            match &target {
                PutTarget::Blob(key) => self.store.delete(key).await?,
                PutTarget::Part { transfer, .. } => self.store.discard(transfer).await?,
            }
        }
        wanted
    }

    async fn require_wanted(&self, key: &BlobKey) -> Result<()> {
        let wanted = self.records.is_referred_to(key).await?;
        if wanted { Ok(()) } else { Err(Error::Conflict(Conflict::UploadClosed)) }
    }

    /// A blob and leave to read its bytes by [`read`](Self::read).
    ///
    /// # Errors
    /// `Signature`, `UrlExpired`; `NotFound` when the blob is gone.
    pub async fn open(&self, request: SignedRequest<'_>) -> Result<OpenBlob> {
        let (key, presentation) = self.gate.admit_get(request, self.ambient.now())?;
        let stored = self.store.head(&key).await?.ok_or(Error::NotFound)?;
        Ok(OpenBlob { key, size: stored.size, presentation })
    }

    /// The bytes of an open blob, from `range.start` up to, not including, `range.end`.
    ///
    /// # Errors
    /// As [`BlobStore::get`].
    pub async fn read(&self, blob: &OpenBlob, range: Range<u64>) -> Result<ByteStream> {
        self.store.get(&blob.key, range).await
    }
}
