use async_trait::async_trait;

use crate::error::Result;
use crate::model::{BlobKey, Crc32, DriveId, EntityTag, StoreName, Timestamp};

/// Since when nothing must have referred to blobs that may be condemned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unneeded {
    /// For those that never became a content of a file: their bytes may still be on the way.
    pub never_used: Timestamp,
    /// For those that did: URLs of them may still be in use.
    pub used: Timestamp,
}

/// The books of the blobs: which there are, and since when nothing refers to them.
///
/// They are the store's own housekeeping, part of no drive: they leave no rows in the change log.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait BlobRecords: Send + Sync {
    /// Records, before a byte is written, that `store` will hold a blob under `key`. Nothing refers to it since `at`.
    async fn record(&self, key: &BlobKey, store: &StoreName, at: Timestamp) -> Result<()>;

    /// When the blob was recorded, if it is.
    async fn recorded_at(&self, key: &BlobKey) -> Result<Option<Timestamp>>;

    /// Whether anything refers to the blob: an open upload, a version or a photo. Bytes that come for any other are
    /// nobody's.
    async fn is_referred_to(&self, key: &BlobKey) -> Result<bool>;

    /// Notes the tag by which the store that holds the blob knows its bytes. It is never another: the bytes stay as they are.
    async fn note_tag(&self, key: &BlobKey, tag: &EntityTag) -> Result<()>;

    /// Notes the CRC-32 of blobs whose bytes have been read for it. What is known already stays, and a key that is of no blob is
    /// passed over.
    async fn note_crc32(&self, sums: &[(BlobKey, Crc32)]) -> Result<()>;

    /// Condemns up to `most` blobs of `store` to which nothing has referred for so long, and returns their keys,
    /// together with those that were condemned before and not yet forgotten. That nothing refers to them MUST be
    /// checked anew in the same transaction, and nothing may refer to a condemned blob ever again.
    async fn condemn(&self, store: &StoreName, unneeded: Unneeded, most: u32) -> Result<Vec<BlobKey>>;

    /// Forgets condemned blobs of `store` whose bytes are gone, and gives back in the same transaction what they still
    /// counted against a drive. Others among `keys` MUST stay.
    async fn forget(&self, store: &StoreName, keys: &[BlobKey]) -> Result<()>;

    /// Reserves `bytes` of the drive, however full it is, for a blob to which nothing refers and whose bytes could not be
    /// deleted, until it is [forgotten](Self::forget). A blob that is recorded no more, to which something refers, or which
    /// counts against a drive already MUST be left as it is, and so MUST a drive that is gone.
    async fn hold(&self, key: &BlobKey, drive: DriveId, bytes: u64) -> Result<()>;
}
