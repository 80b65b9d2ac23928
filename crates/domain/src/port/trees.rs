use async_trait::async_trait;

use super::SavedNode;
use crate::error::{Conflict, Error, Result};
use crate::model::{
    BlobRef, Command, ConflictPolicy, Crc32, Grant, IdSource, Name, NodeId, NodeKind, ReadGrant, Revision, Timestamp,
};

/// A copy of a file, or of a folder with its descendants.
#[derive(Clone, Debug)]
pub struct CopyRequest {
    /// Grant to [read](crate::model::Action::Read) the source.
    pub item: Grant,
    /// Grant to [add to](crate::model::Action::AddTo) the target folder, in any drive.
    pub to: Grant,
    /// The name of the copy; none for the name of the source.
    pub name: Option<Name>,
    /// What to do if the name is taken. Only a file can replace, and only a file.
    pub conflict: ConflictPolicy,
    /// The expected revision, if the caller gave one.
    pub seen: Option<Revision>,
    /// The maximum number of versions of a replaced file, including the copy; at least 1.
    pub max_versions: u32,
    /// The source of the copies' identifiers.
    pub ids: IdSource,
}

impl CopyRequest {
    /// The name of the copy, given `item` and `to` after they were [renewed](Grant::renew).
    ///
    /// # Errors
    /// [`PreconditionFailed`](Error::PreconditionFailed); `FolderCycle`; [`NotFound`](Error::NotFound) for a root,
    /// which cannot be copied.
    pub fn place<'a>(&'a self, item: &'a Grant, to: &Grant) -> Result<&'a Name> {
        let node = item.node();
        if node.kind() == NodeKind::Root {
            return Err(Error::NotFound);
        }
        item.require(self.seen)?;
        if to.located().is_at_or_below(node.id) {
            return Err(Error::Conflict(Conflict::FolderCycle));
        }
        Ok(self.name.as_ref().unwrap_or(&node.name))
    }
}

/// A file or folder of a tree, with the data for an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeEntry {
    /// The identifier.
    pub id: NodeId,
    /// The parent folder; none for a root.
    pub parent: Option<NodeId>,
    /// The name.
    pub name: Name,
    /// When its name, place or content last changed.
    pub modified_at: Timestamp,
    /// The content of a file.
    pub content: Option<TreeContent>,
}

/// The content of a file in a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeContent {
    /// The blob with its bytes.
    pub blob: BlobRef,
    /// The size in bytes.
    pub size: u64,
    /// The CRC-32 of its bytes, once known.
    pub crc32: Option<Crc32>,
    /// When the uploader's own copy was last modified, as given by the uploader.
    pub client_modified_at: Option<Timestamp>,
}

/// Whole trees: folders with their descendants, without trashed nodes.
///
/// ```
/// use clouddrive_domain::Result;
/// use clouddrive_domain::model::ReadGrant;
/// use clouddrive_domain::port::TreeRepository;
///
/// /// The bytes of all files in the folder and below, unless there are more than 10,000.
/// async fn size(trees: &dyn TreeRepository, folder: ReadGrant) -> Result<Option<u64>> {
///     let entries = trees.list(&[folder], 10_000).await?;
///     let bytes = entries.iter().filter_map(|entry| entry.content.as_ref()).map(|content| content.size).sum();
///     Ok((entries.len() <= 10_000).then_some(bytes))
/// }
/// ```
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait TreeRepository: Send + Sync {
    /// Copies a file, or a folder with its descendants: creates new nodes and versions on the existing blobs, by the
    /// actor at the command's time. Of a file only the current content is copied; shares are not copied.
    ///
    /// The source MUST be read consistently, and the copy is atomic; both grants are renewed. The name is resolved as
    /// for an upload, the copied bytes are charged to the target drive, and a blob marked for deletion at the same
    /// moment MUST NOT be referred to. Returns the copy, or the file that it replaced, whose excess versions are
    /// removed as described at [`VersionRepository`](super::VersionRepository).
    ///
    /// # Errors
    /// As [`CopyRequest::place`]; [`NameTaken`](crate::error::Conflict::NameTaken), also if a folder was to replace;
    /// [`TooManyEntries`](crate::error::Refused::TooManyEntries) past [`MAX_COPY_NODES`](crate::model::MAX_COPY_NODES);
    /// [`Invalid`](crate::Error::Invalid) past the [maximum depth](crate::model::MAX_TREE_DEPTH);
    /// [`Quota`](crate::error::Forbidden::Quota), exact under any concurrency; [`Forbidden`](crate::Error::Forbidden)
    /// if the actor may not replace the file of that name.
    #[doc(alias = "cp")]
    async fn copy(&self, command: &Command, copy_request: &CopyRequest) -> Result<SavedNode>;

    /// Lists the granted nodes and their descendants, in any order: a consistent snapshot of at most `max` + 1
    /// entries, which bounds the cost. None of the granted nodes is below another.
    async fn list(&self, tops: &[ReadGrant], max: u64) -> Result<Vec<TreeEntry>>;
}
