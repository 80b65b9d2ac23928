use async_trait::async_trait;

use crate::error::Result;
use crate::model::{
    BlobRef, Command, Content, Grant, Limit, Located, MediaType, Node, Revision, Seen, Stored, Timestamp, Version,
    VersionId, VersionPosition,
};

/// New content of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewContent {
    /// The identifier of the version.
    pub version: VersionId,
    /// The recorded blob.
    pub blob: BlobRef,
    /// The stored bytes.
    pub stored: Stored,
    /// The media type, as given by the sender; an unspecific one keeps the file's type.
    pub media_type: MediaType,
    /// When the sender's own copy was last modified.
    pub client_modified_at: Option<Timestamp>,
    /// What the caller expects of the file, if anything.
    pub seen: Option<Seen>,
    /// The maximum number of versions of the file, including this one; at least 1.
    pub max_versions: u32,
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

/// The restoration of a former version as the current one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VersionRestore {
    /// The former version.
    pub from: VersionId,
    /// The identifier of the new version.
    pub version: VersionId,
    /// The expected revision, if the caller gave one.
    pub seen: Option<Revision>,
    /// The maximum number of versions of the file, including the new one; at least 1.
    pub max_versions: u32,
}

/// A file or folder that a command made or changed, and the blobs to delete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedNode {
    /// The file or folder.
    pub located: Located,
    /// The blobs of excess versions that are now unreferenced. They are marked for deletion, and count against the
    /// drive until they are [removed](super::BlobRecordRepository::remove); until then they make no room for other
    /// bytes.
    pub freed: Vec<BlobRef>,
}

/// No blobs to delete.
impl From<Located> for SavedNode {
    fn from(located: Located) -> Self {
        Self { located, freed: Vec::new() }
    }
}

/// The versions of files. Each counts against the quota of the drive.
///
/// Every mutating method [renews](Grant::renew) its grant inside its own transaction, fails if that fails, and fails
/// with [`PreconditionFailed`](crate::Error::PreconditionFailed) if the file does not have the expected revision.
/// Versions beyond a file's maximum, chosen by [`excess_versions`](crate::model::excess_versions), are removed in the
/// same transaction: blobs that are now unreferenced are [returned](SavedNode::freed), and the bytes of all others MUST
/// be given back to the quota.
///
/// ```
/// use clouddrive_domain::Result;
/// use clouddrive_domain::model::{Command, Grant, Limit, VersionId};
/// use clouddrive_domain::port::{SavedNode, VersionRepository, VersionRestore};
///
/// /// Makes the version before the current one the current one, as the new version `version`.
/// async fn revert(
///     versions: &dyn VersionRepository,
///     command: &Command,
///     file: &Grant,
///     version: VersionId,
/// ) -> Result<Option<SavedNode>> {
///     let newest = versions.list(file, None, Limit::default()).await?;
///     let Some(former) = newest.get(1) else { return Ok(None) };
///     let restore = VersionRestore { from: former.content.version, version, seen: None, max_versions: 20 };
///     versions.restore(command, file, &restore).await.map(Some)
/// }
/// ```
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait VersionRepository: Send + Sync {
    /// Lists the versions of the granted file, newest first, after `after`: at most `limit` + 1.
    #[doc(alias = "history")]
    async fn list(&self, file: &Grant, after: Option<VersionPosition>, limit: Limit) -> Result<Vec<Version>>;

    /// Finds a version of the granted file; none if it is another file's.
    async fn find(&self, file: &Grant, version: VersionId) -> Result<Option<Version>>;

    /// Appends a version to the file that `file` grants to [replace](crate::model::Action::Replace). The former content
    /// stays as a version.
    ///
    /// # Errors
    /// [`Quota`](crate::error::Forbidden::Quota), exact under any concurrency; [`Internal`](crate::Error::Internal) if
    /// the blob was never recorded or has been marked for deletion.
    async fn append(&self, command: &Command, file: &Grant, content: &NewContent) -> Result<SavedNode>;

    /// Appends a version with the blob of a former one. If the current content already uses that blob, nothing changes,
    /// not even the revision.
    ///
    /// # Errors
    /// [`NotFound`](crate::Error::NotFound) if the file has no such version; [`Quota`](crate::error::Forbidden::Quota).
    async fn restore(&self, command: &Command, file: &Grant, spec: &VersionRestore) -> Result<SavedNode>;

    /// Deletes a former version of the file whose versions `file` grants to
    /// [delete](crate::model::Action::DeleteVersion). The revision stays. Returns its blob if it is now unreferenced:
    /// then it is marked for deletion, and counts against the drive until it is
    /// [removed](super::BlobRecordRepository::remove).
    ///
    /// # Errors
    /// [`NotFound`](crate::Error::NotFound) if the file has no such version;
    /// [`VersionInUse`](crate::error::Conflict::VersionInUse) for the current one.
    async fn delete(
        &self,
        command: &Command,
        file: &Grant,
        version: VersionId,
        seen: Option<Revision>,
    ) -> Result<Option<BlobRef>>;
}
