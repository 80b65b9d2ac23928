use async_trait::async_trait;

use crate::error::Result;
use crate::model::{Command, Counted, LinkDownload, Timestamp};

/// How often the bytes behind public links were taken.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait LinkDownloads: Send + Sync {
    /// Whether `download` was counted within the [window](crate::model::DOWNLOAD_WINDOW) before `now`.
    async fn is_counted(&self, download: &LinkDownload, now: Timestamp) -> Result<bool>;

    /// Counts a download that is about to begin, at the time of the command, unless it was counted within the window before.
    /// However many do so at once, from one network or from many, the limit of the link MUST NOT be passed, each that
    /// succeeds is counted, and none is counted twice. Only what is counted leaves a row in the change log.
    ///
    /// # Errors
    /// [`NotFound`](crate::Error::NotFound) when there is no such link any more; [`Gone`](crate::Error::Gone):
    /// `LinkExpired`, `LinkExhausted`.
    async fn count(&self, command: &Command, download: &LinkDownload) -> Result<Counted>;

    /// Forgets up to `most` downloads that were counted before `before`, and tells how many. The links still count them.
    async fn forget(&self, before: Timestamp, most: u32) -> Result<u32>;
}
