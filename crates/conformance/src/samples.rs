//! Sample blobs and checks on them.
#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use std::ops::Range;

use bytes::Bytes;
use clouddrive_domain::Result;
use clouddrive_domain::model::{BlobKey, Crc32, MediaType, Name, Sha256, Stored};
use clouddrive_domain::port::{BlobStore, ContentHeaders};
use futures_util::TryStreamExt;
use sha2::Digest;

/// `size` bytes that vary with their position, so that misplaced ranges show.
pub(crate) fn sample(size: usize) -> Vec<u8> {
    (0..size).map(|at| (at ^ (at >> 8) ^ (at >> 16)) as u8).collect()
}

pub(crate) fn digest(bytes: &[u8]) -> Sha256 {
    Sha256::from_bytes(sha2::Sha256::digest(bytes).into())
}

pub(crate) async fn read(store: &dyn BlobStore, key: &BlobKey, size: usize, range: Range<u64>) -> Result<Vec<u8>> {
    let pieces: Vec<Bytes> = store.get(key, size as u64, range).await?.try_collect().await?;
    Ok(pieces.concat())
}

pub(crate) fn crc32(bytes: &[u8]) -> Crc32 {
    Crc32(crc32fast::hash(bytes))
}

/// Checks the size, and those checksums that the store knows.
pub(crate) fn check_stored(stored: &Stored, bytes: &[u8]) {
    assert_eq!(stored.size, bytes.len() as u64);
    assert!(stored.sha256.is_none_or(|sha256| sha256 == digest(bytes)), "another digest: {stored:?}");
    assert!(stored.crc32.is_none_or(|reported| reported == crc32(bytes)), "another CRC-32: {stored:?}");
}

pub(crate) fn content_headers(media_type: &str, name: Option<&str>) -> ContentHeaders {
    ContentHeaders {
        media_type: MediaType::parse(media_type).unwrap(),
        attachment: name.map(|name| Name::parse(name).unwrap()),
        content: None,
    }
}
