//! Bytes that arrive, and the room that they take.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use clouddrive_domain::error::Refused;
use clouddrive_domain::model::{Crc32, Expected, Length, Sha256, Stored};
use clouddrive_domain::port::ByteStream;
use clouddrive_domain::{Error, Result};
use futures_util::TryStreamExt;
use sha2::Digest;

/// A share of a store's room, released on drop.
#[derive(Debug)]
pub(super) struct Room {
    /// The bytes that are left to all shares.
    left: Arc<AtomicU64>,
    taken: u64,
}

impl Room {
    pub(super) fn new(capacity: u64) -> Self {
        Self { left: Arc::new(AtomicU64::new(capacity)), taken: 0 }
    }

    /// Takes room for `bytes` more bytes.
    ///
    /// # Errors
    /// [`Unavailable`](Error::Unavailable) if the store is full.
    pub(super) fn take(&mut self, bytes: u64) -> Result<()> {
        let less = |left: u64| left.checked_sub(bytes);
        let taken = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        taken.map_err(|_| Error::unavailable("storage", "the memory of the store is full"))?;
        self.taken += bytes;
        Ok(())
    }
}

/// A new share, of nothing yet.
impl Clone for Room {
    fn clone(&self) -> Self {
        Self { left: self.left.clone(), taken: 0 }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.left.fetch_add(self.taken, Ordering::Relaxed);
    }
}

/// Bytes that are kept, with the room that they take.
pub(super) struct Piece {
    bytes: Bytes,
    crc32: crc32fast::Hasher,
    _room: Room,
}

impl Piece {
    pub(super) fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// The bytes in `range`, which lies within the piece.
    pub(super) fn slice(&self, range: Range<u64>) -> Bytes {
        // What is kept in memory has a length that fits.
        let index = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(self.bytes.len());
        self.bytes.slice(index(range.start)..index(range.end))
    }
}

/// The CRC-32 of the bytes of all `pieces`.
pub(super) fn combined_crc32<'a>(pieces: impl Iterator<Item = &'a Piece>) -> Crc32 {
    let mut sum = crc32fast::Hasher::new();
    for piece in pieces {
        sum.combine(&piece.crc32);
    }
    Crc32(sum.finalize())
}

/// Bytes that are arriving. If it is dropped, nothing remains.
pub(super) struct IncomingBlob {
    bytes: Vec<u8>,
    room: Room,
    sha256: sha2::Sha256,
    crc32: crc32fast::Hasher,
}

impl IncomingBlob {
    pub(super) fn new(room: &Room) -> Self {
        Self { bytes: Vec::new(), room: room.clone(), sha256: sha2::Sha256::new(), crc32: crc32fast::Hasher::new() }
    }

    /// Receives `body`, which must be as expected.
    pub(super) async fn receive(mut self, mut body: ByteStream, expected: Expected) -> Result<(Piece, Stored)> {
        while let Some(bytes) = body.try_next().await? {
            let size = (self.bytes.len() + bytes.len()) as u64;
            // Stop at the first byte too many.
            match expected.length {
                Length::Exactly(length) if size > length => return Err(Error::Refused(Refused::Size)),
                Length::AtMost(limit) if size > limit => return Err(Error::Refused(Refused::TooLarge { limit })),
                _ => {}
            }
            self.room.take(bytes.len() as u64)?;
            self.sha256.update(&bytes);
            self.crc32.update(&bytes);
            self.bytes.extend_from_slice(&bytes);
        }
        let stored = Stored {
            size: self.bytes.len() as u64,
            sha256: Some(Sha256::from_bytes(self.sha256.finalize().into())),
            tag: None,
            crc32: Some(Crc32(self.crc32.clone().finalize())),
        };
        expected.check(&stored)?;
        Ok((Piece { bytes: self.bytes.into(), crc32: self.crc32, _room: self.room }, stored))
    }
}
