use async_trait::async_trait;

use crate::error::Result;
use crate::model::{
    BlobKey, Command, Content, Grant, Limit, Located, MediaType, Node, Revision, Seen, Stored, Timestamp, Version,
    VersionId, VersionPosition,
};

/// A content that a file is to get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewContent {
    /// The identifier of the version.
    pub version: VersionId,
    /// Its blob, which has been recorded.
    pub blob: BlobKey,
    /// What lies there.
    pub stored: Stored,
    /// What kind of bytes they are, as the sender said; one that says nothing leaves the file its own.
    pub media_type: MediaType,
    /// When the sender's own copy was last modified.
    pub client_modified_at: Option<Timestamp>,
    /// What the caller has seen of the file, if the caller insists on it.
    pub seen: Option<Seen>,
    /// How many versions the file may have then, this one included; at least 1.
    pub most_versions: u32,
}

impl NewContent {
    /// The content that `file` gets at `at`.
    #[must_use]
    pub fn content(&self, file: &Node, at: Timestamp) -> Content {
        let replaced = file.content().map(|content| &content.media_type);
        Content {
            version: self.version,
            blob: self.blob.clone(),
            size: self.stored.size,
            sha256: self.stored.sha256,
            media_type: self.media_type.resolve(replaced, &file.name),
            client_modified_at: self.client_modified_at,
            store_tag: self.stored.tag.clone(),
            created_at: at,
        }
    }
}

/// A former content that is to be a file's current one anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revival {
    /// The former version.
    pub from: VersionId,
    /// The identifier of the new one.
    pub version: VersionId,
    /// The revision that the caller has seen, if the caller insists on it.
    pub seen: Option<Revision>,
    /// How many versions the file may have then, the new one included; at least 1.
    pub most_versions: u32,
}

/// The versions of files: each content that a file had, until it is one too many. Every version counts against the quota of
/// the drive.
///
/// Every mutating method [renews](Grant::renew) its grant by what its own transaction sees, fails as that fails, and fails
/// with [`PreconditionFailed`](crate::Error::PreconditionFailed) when the file has not the revision that the caller has
/// seen. Of a file's versions beyond the most that it may have, those that are [superfluous](crate::model::superfluous) go in
/// the same transaction: their bytes are free, and their blobs MUST be unreferenced unless another version is on them.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait Versions: Send + Sync {
    /// The versions of the granted file, newest first, after `after`: at most one more than `limit`.
    async fn list(&self, file: &Grant, after: Option<VersionPosition>, limit: Limit) -> Result<Vec<Version>>;

    /// A version of the granted file; none when it is another file's.
    async fn find(&self, file: &Grant, version: VersionId) -> Result<Option<Version>>;

    /// Gives the file that `file` gives leave to [replace](crate::model::Action::Replace) another content. Its former one
    /// stays as a version.
    ///
    /// # Errors
    /// [`Quota`](crate::error::Forbidden::Quota), exact however many do so at once;
    /// [`Internal`](crate::Error::Internal) when the blob was never recorded or has been condemned.
    async fn append(&self, command: &Command, file: &Grant, content: &NewContent) -> Result<Located>;

    /// Appends a version with the blob of a former one. Nothing changes, the revision neither, when the current content
    /// lies in that blob already.
    ///
    /// # Errors
    /// [`NotFound`](crate::Error::NotFound) when the file has no such version; [`Quota`](crate::error::Forbidden::Quota).
    async fn revive(&self, command: &Command, file: &Grant, revival: &Revival) -> Result<Located>;

    /// Deletes a former version of the file that `file` gives leave to
    /// [delete versions](crate::model::Action::DeleteVersion) of. The revision stays. Returns its blob if nothing refers to
    /// it any more: then it is condemned, and counts against the drive until it is
    /// [forgotten](super::BlobRecords::forget).
    ///
    /// # Errors
    /// [`NotFound`](crate::Error::NotFound) when the file has no such version;
    /// [`VersionInUse`](crate::error::Conflict::VersionInUse) for the current one.
    async fn delete(
        &self,
        command: &Command,
        file: &Grant,
        version: VersionId,
        seen: Option<Revision>,
    ) -> Result<Option<BlobKey>>;
}
