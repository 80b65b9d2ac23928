use async_trait::async_trait;

use crate::error::{Conflict, Error, Result};
use crate::model::{
    BlobKey, Command, ConflictPolicy, Crc32, Grant, IdSource, Located, Name, NodeId, NodeKind, ReadGrant, Revision,
    Timestamp,
};

/// A copy of a file, or of a folder with all that lies below it.
#[derive(Clone, Debug)]
pub struct Copying {
    /// Leave to [read](crate::model::Action::Read) what is copied.
    pub item: Grant,
    /// Leave to [add to](crate::model::Action::AddTo) the folder into which the copy goes, in whosever drive that is.
    pub to: Grant,
    /// The name of the copy; none for the name of what is copied.
    pub name: Option<Name>,
    /// What to do when the name is taken. Only a file replaces, and only a file.
    pub conflict: ConflictPolicy,
    /// The revision that the caller has seen, if the caller insists on it.
    pub seen: Option<Revision>,
    /// How many versions a file that is replaced may have then, the copy included; at least 1.
    pub most_versions: u32,
    /// Where the identifiers of the copies come from.
    pub ids: IdSource,
}

impl Copying {
    /// The name that the copy is to have, given `item` and `to` as they have been [renewed](Grant::renew).
    ///
    /// # Errors
    /// [`PreconditionFailed`](Error::PreconditionFailed); `FolderCycle`; [`NotFound`](Error::NotFound) for a root, which
    /// is nobody's to copy.
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

/// A file or folder of a tree, with what an archive says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeEntry {
    /// Its identifier.
    pub id: NodeId,
    /// The folder in which it lies; none for a root.
    pub parent: Option<NodeId>,
    /// Its name.
    pub name: Name,
    /// When its name, place or content changed last.
    pub modified_at: Timestamp,
    /// The content of a file.
    pub content: Option<TreeContent>,
}

/// The content of a file of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeContent {
    /// Where its bytes are.
    pub blob: BlobKey,
    /// How many bytes it has.
    pub size: u64,
    /// The CRC-32 of its bytes, once that is known.
    pub crc32: Option<Crc32>,
    /// When the uploader's own copy was last modified, as the uploader said.
    pub client_modified_at: Option<Timestamp>,
}

/// Whole trees: a folder with all that lies below it. What lies in the trash is no part of any.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait Trees: Send + Sync {
    /// Copies a file, or a folder with all that lies below it: new nodes and versions on the blobs that are there already,
    /// made by the actor at the command's time. Of a file only its current content is copied; shares are not.
    ///
    /// What is copied MUST be as it was at one moment, and the copy is there wholly or not at all; both grants are renewed.
    /// The name is decided as an upload's is, the copied bytes are charged to the drive into which they go, and a blob that
    /// is condemned at the same moment MUST NOT be referred to. The copy itself is returned, or the file that it replaced.
    ///
    /// # Errors
    /// As [`Copying::place`]; [`NameTaken`](crate::error::Conflict::NameTaken), also for a folder that was to replace;
    /// [`TooManyEntries`](crate::error::Refused::TooManyEntries) past [`MAX_COPY_NODES`](crate::model::MAX_COPY_NODES);
    /// [`Invalid`](crate::Error::Invalid) past the [greatest depth](crate::model::MAX_TREE_DEPTH);
    /// [`Quota`](crate::error::Forbidden::Quota), exact however much arrives at once; [`Forbidden`](crate::Error::Forbidden)
    /// when the actor may not replace the file of that name.
    async fn copy(&self, command: &Command, copying: &Copying) -> Result<Located>;

    /// What the granted nodes hold, themselves included, in no order: as it is at one moment, and no more of it than one more
    /// than `most`, so that the cost is bounded by that. None of the granted nodes lies below another.
    async fn list(&self, tops: &[ReadGrant], most: u64) -> Result<Vec<TreeEntry>>;
}
