use async_trait::async_trait;

use crate::error::Result;
use crate::model::{ChangeBatch, ChangePosition, DriveId, Timestamp};

/// The append-only change log. Each entry commits atomically with the mutation it describes.
///
/// The positions of entries follow the order of their transactions: an entry MUST NOT appear before a position that
/// [`end`](Self::end) or the end of a batch has named, however late its transaction commits. A store whose transactions
/// overlap therefore holds back entries while an earlier transaction may still add others before them.
///
/// ```
/// use clouddrive_domain::Result;
/// use clouddrive_domain::model::{ChangePosition, DriveId};
/// use clouddrive_domain::port::ChangeRepository;
///
/// /// Prints the changes after a position, and returns the position to continue from.
/// async fn follow(log: &dyn ChangeRepository, drive: DriveId, after: ChangePosition) -> Result<ChangePosition> {
///     let batch = log.read(Some(drive), after, 100).await?;
///     for change in &batch.changes {
///         println!("{change:?}");
///     }
///     Ok(batch.end)
/// }
/// ```
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait ChangeRepository: Send + Sync {
    /// Reads up to `max` entries after `after`, in order: those of `drive`, or all. An entry of a kind that only a
    /// newer version knows MUST come as [`Unknown`](crate::model::ChangeKind::Unknown), so that it holds up no reader.
    ///
    /// # Errors
    /// [`Gone`](crate::Error::Gone): `Changes`, if entries after `after` have been pruned, of whichever drive,
    /// or `after` cannot come from this log.
    async fn read(&self, drive: Option<DriveId>, after: ChangePosition, max: u32) -> Result<ChangeBatch>;

    /// The current end: every entry that is committed later comes after it. Entries that are held back do too.
    async fn end(&self) -> Result<ChangePosition>;

    /// Removes up to `max` of the oldest entries, those before the first that was written at `before` or later, and
    /// returns their number.
    async fn prune(&self, before: Timestamp, max: u32) -> Result<u32>;
}
