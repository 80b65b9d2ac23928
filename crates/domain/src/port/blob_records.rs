use async_trait::async_trait;

use crate::error::Result;
use crate::model::{BlobKey, Crc32, DriveId, EntityTag, StoreName, Timestamp};

/// The records of all blobs, and since when each is unreferenced.
///
/// They are housekeeping of the store, not part of a drive, and leave no rows in the change log.
///
/// ```
/// use clouddrive_domain::Result;
/// use clouddrive_domain::model::{StoreName, Timestamp};
/// use clouddrive_domain::port::{BlobRecordRepository, BlobStore};
///
/// /// Deletes bytes that nothing has referred to since `before`, and then their records.
/// async fn collect(
///     records: &dyn BlobRecordRepository,
///     (name, store): (&StoreName, &dyn BlobStore),
///     before: Timestamp,
///     now: Timestamp,
/// ) -> Result<()> {
///     let keys = records.mark_for_deletion(name, before, now, 100).await?;
///     for key in &keys {
///         store.delete(key).await?;
///     }
///     records.remove(name, &keys).await
/// }
/// ```
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait BlobRecordRepository: Send + Sync {
    /// Records, before a byte is written, that `store` will hold a blob under `key`, unreferenced since `at`.
    async fn record(&self, key: &BlobKey, store: &StoreName, at: Timestamp) -> Result<()>;

    /// When the blob was recorded, if it was.
    async fn recorded_at(&self, key: &BlobKey) -> Result<Option<Timestamp>>;

    /// Whether an open upload, a version or a photo refers to the blob. Bytes that arrive for any other blob are
    /// orphans.
    async fn is_referred_to(&self, key: &BlobKey) -> Result<bool>;

    /// Records the store's entity tag of the blob. It never changes, since the bytes do not.
    async fn record_tag(&self, key: &BlobKey, tag: &EntityTag) -> Result<()>;

    /// Records the CRC-32 of blobs after their bytes were read. Known sums are kept, and unknown keys ignored.
    async fn record_crc32s(&self, sums: &[(BlobKey, Crc32)]) -> Result<()>;

    /// Marks for deletion up to `max` blobs of `store` that have been unreferenced since `before` or longer, and
    /// returns their keys, together with those marked for deletion earlier and not yet removed. The latter come last,
    /// and those returned before, as of `now`, come after those marked for deletion since. That they are unreferenced
    /// MUST be checked again in the same transaction, and a blob marked for deletion must never be referred to again.
    /// The [job](super::JobRepository) of the upload that it was for, if there is one, has nothing left to do and is
    /// removed.
    async fn mark_for_deletion(
        &self,
        store: &StoreName,
        before: Timestamp,
        now: Timestamp,
        max: u32,
    ) -> Result<Vec<BlobKey>>;

    /// Removes the records of blobs of `store` that are marked for deletion, whose bytes are deleted, and releases in
    /// the same transaction what they still counted against a drive. Other records in `keys` MUST stay.
    async fn remove(&self, store: &StoreName, keys: &[BlobKey]) -> Result<()>;

    /// Charges `bytes` to the drive, however full it is, for an unreferenced blob whose bytes could not be deleted,
    /// until it is [removed](Self::remove), or its upload is
    /// [noted as discarded](super::UploadRepository::note_discarded). A blob that is no longer recorded, is referred to,
    /// or is already charged to a drive MUST be left unchanged, and so MUST a drive that is gone. The same holds for the
    /// blob of an upload that ended without becoming a file and has no [job](super::JobRepository) any more: its bytes
    /// have been deleted meanwhile, or the collector deletes them.
    async fn hold(&self, key: &BlobKey, drive: DriveId, bytes: u64) -> Result<()>;
}
