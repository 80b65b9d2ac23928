use async_trait::async_trait;

use crate::error::Result;
use crate::model::{Command, CountOutcome, LinkDownload, Timestamp};

/// The download counters of public links.
///
/// ```
/// use clouddrive_domain::Result;
/// use clouddrive_domain::model::{Command, LinkDownload};
/// use clouddrive_domain::port::LinkDownloadRepository;
///
/// /// Counts a download, unless it continues one that was counted.
/// async fn begin(downloads: &dyn LinkDownloadRepository, command: &Command, download: &LinkDownload) -> Result<()> {
///     if !downloads.is_counted(download, command.at).await? {
///         downloads.count(command, download).await?;
///     }
///     Ok(())
/// }
/// ```
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait LinkDownloadRepository: Send + Sync {
    /// Whether `download` was counted within the [window](crate::model::DOWNLOAD_WINDOW) before `now`.
    async fn is_counted(&self, download: &LinkDownload, now: Timestamp) -> Result<bool>;

    /// Counts a download that is about to begin, at the command's time, unless it was counted within the window before.
    /// Under any concurrency, from one network or many, the limit of the link MUST NOT be exceeded, and each successful
    /// download is counted exactly once. Only counted downloads leave a row in the change log.
    ///
    /// # Errors
    /// [`NotFound`](crate::Error::NotFound) if the link no longer exists; [`Gone`](crate::Error::Gone): `LinkExpired`,
    /// `LinkExhausted`.
    async fn count(&self, command: &Command, download: &LinkDownload) -> Result<CountOutcome>;

    /// Deletes up to `max` records of downloads counted before `before`, and returns the number. The counts of the
    /// links stay.
    async fn prune(&self, before: Timestamp, max: u32) -> Result<u32>;
}
