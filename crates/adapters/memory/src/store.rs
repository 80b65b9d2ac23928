mod body;
mod multiparts;
mod urls;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use clouddrive_domain::error::Conflict;
use clouddrive_domain::model::{BlobKey, Expected, MultipartUpload, Stored, Timestamp};
use clouddrive_domain::port::{BlobStore, ByteStream, Clock, ContentHeaders, Probe, Random};
use clouddrive_domain::{Error, Result};
use futures_util::stream;

use self::body::{IncomingBlob, Piece, Room};
use self::multiparts::Parts;
use self::urls::Permit;

/// A blob store in memory, with signed URLs and uploads in parts.
///
/// It implements [`BlobStore`], [`DirectUploadStore`](clouddrive_domain::port::DirectUploadStore),
/// [`PartStore`](clouddrive_domain::port::PartStore), [`UrlPresigner`](clouddrive_domain::port::UrlPresigner),
/// [`SignedUrlVerifier`](clouddrive_domain::port::SignedUrlVerifier) and [`Probe`]. Clones share the bytes, which are
/// lost with the last of them.
#[derive(Clone)]
pub struct MemoryBlobStore {
    held: Arc<Mutex<Blobs>>,
    room: Room,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

/// All that the store holds.
#[derive(Default)]
struct Blobs {
    blobs: BTreeMap<BlobKey, Blob>,
    /// The multipart uploads that are neither finished nor aborted.
    multiparts: BTreeMap<MultipartUpload, Parts>,
    /// What the URLs that were signed allow, by key and query.
    urls: BTreeMap<(String, String), Permit>,
}

/// A blob: its bytes, in the pieces in which they arrived, and their metadata.
struct Blob {
    pieces: Vec<Piece>,
    stored: Stored,
}

impl MemoryBlobStore {
    /// The usual capacity of a store: 1 GiB.
    pub const CAPACITY: u64 = 1 << 30;

    /// Creates an empty store that holds at most [`CAPACITY`](Self::CAPACITY) bytes. The `clock` tells when multipart
    /// uploads begin; `random` makes the signatures of URLs.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        Self::with_capacity(Self::CAPACITY, clock, random)
    }

    /// Creates an empty store that holds at most `bytes` bytes, including those that are just arriving. What exceeds
    /// them is refused as [`Unavailable`](Error::Unavailable).
    #[must_use]
    pub fn with_capacity(bytes: u64, clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        Self { held: Arc::default(), room: Room::new(bytes), clock, random }
    }

    /// No method panics while it holds the lock, or leaves anything half done.
    fn lock(&self) -> MutexGuard<'_, Blobs> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for MemoryBlobStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryBlobStore").finish_non_exhaustive()
    }
}

impl Blobs {
    /// Fails if there is a blob under `key`.
    fn require_none(&self, key: &BlobKey) -> Result<()> {
        match self.blobs.contains_key(key) {
            true => Err(Error::Conflict(Conflict::BlobExists)),
            false => Ok(()),
        }
    }
}

impl Blob {
    /// The bytes in `range`, piece by piece.
    fn read(&self, range: Range<u64>) -> Vec<Result<Bytes>> {
        let mut start = 0;
        let mut read = Vec::new();
        for piece in &self.pieces {
            let end = start + piece.size();
            let part = range.start.max(start)..range.end.min(end);
            if part.start < part.end {
                read.push(Ok(piece.slice(part.start - start..part.end - start)));
            }
            start = end;
        }
        read
    }
}

#[async_trait]
impl BlobStore for MemoryBlobStore {
    async fn put(&self, key: &BlobKey, body: ByteStream, expected: Expected, _: &ContentHeaders) -> Result<Stored> {
        self.lock().require_none(key)?;
        let (piece, stored) = IncomingBlob::new(&self.room).receive(body, expected).await?;
        let mut held = self.lock();
        held.require_none(key)?;
        held.blobs.insert(key.clone(), Blob { pieces: vec![piece], stored: stored.clone() });
        Ok(stored)
    }

    async fn head(&self, key: &BlobKey) -> Result<Option<Stored>> {
        Ok(self.lock().blobs.get(key).map(|blob| blob.stored.clone()))
    }

    async fn get(&self, key: &BlobKey, size: u64, range: Range<u64>) -> Result<ByteStream> {
        let held = self.lock();
        let blob = held.blobs.get(key).ok_or(Error::NotFound)?;
        if blob.stored.size != size {
            return Err(Error::wrong_length(key, size, blob.stored.size));
        }
        Ok(Box::pin(stream::iter(blob.read(range))))
    }

    async fn delete(&self, key: &BlobKey) -> Result<()> {
        self.lock().blobs.remove(key);
        Ok(())
    }

    /// Nothing remains of a write that is dropped.
    async fn sweep(&self, _: Timestamp) -> Result<u64> {
        Ok(0)
    }

    async fn list_incomplete<'a>(
        &self,
        before: Timestamp,
        after: Option<&'a MultipartUpload>,
    ) -> Result<Vec<MultipartUpload>> {
        let held = self.lock();
        let begun =
            held.multiparts.iter().filter(|(_, parts)| parts.begun_at() < before).map(|(multipart, _)| multipart);
        Ok(begun.filter(|multipart| after.is_none_or(|after| *multipart > after)).cloned().collect())
    }

    async fn received_bytes(&self, multipart: &MultipartUpload) -> Result<u64> {
        let held = self.lock();
        let blob = || held.blobs.get(&multipart.key).map_or(0, |blob| blob.stored.size);
        Ok(held.multiparts.get(multipart).map_or_else(blob, Parts::size))
    }

    async fn abort(&self, multipart: &MultipartUpload) -> Result<()> {
        let mut held = self.lock();
        held.multiparts.remove(multipart);
        held.blobs.remove(&multipart.key);
        Ok(())
    }
}

/// A store that is full is not healthy.
#[async_trait]
impl Probe for MemoryBlobStore {
    async fn check(&self) -> Result<()> {
        self.room.clone().take(1)
    }
}
