//! Nodes of a drive's tree.

use super::{BlobRef, DriveId, EntityTag, MediaType, Name, NodeId, Role, Sha256, Timestamp, UserId, VersionId};
use crate::error::{Error, Field, Result};

/// The maximum nesting depth of folders.
pub const MAX_TREE_DEPTH: u32 = 100;

/// The maximum number of files and folders in one copy, including the copied one.
pub const MAX_COPY_NODES: u64 = 10_000;

/// The kind of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NodeKind {
    /// The root of a drive. It is never shown, has no parent, and cannot be renamed, moved or shared.
    Root,
    /// A folder.
    Folder,
    /// A file.
    File,
}

/// A user as shown to others. Deleted users have no name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserRef {
    /// The user, who may be deleted.
    pub id: UserId,
    /// The user name, while the user exists.
    pub username: Option<String>,
}

/// The revision of a node, incremented when its name, place, content or trash state changes; not when its children do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(pub u64);

/// A node of a drive's tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// The identifier. Renaming, moving and replacing do not change it.
    pub id: NodeId,
    /// The drive.
    pub drive: DriveId,
    /// The parent folder; none for the root only.
    pub parent: Option<NodeId>,
    /// Its name.
    pub name: Name,
    /// Its kind, with the content of a file.
    pub body: NodeBody,
    /// The revision.
    pub revision: Revision,
    /// The user who created it.
    pub created_by: UserRef,
    /// When it was created.
    pub created_at: Timestamp,
    /// When its name, place or content last changed.
    pub modified_at: Timestamp,
}

/// The kind-specific data of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeBody {
    /// A drive's root.
    Root,
    /// A folder.
    Folder,
    /// A file with its current content.
    File(Content),
}

/// The content of a file, one of its versions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// The version.
    pub version: VersionId,
    /// The blob with its bytes.
    pub blob: BlobRef,
    /// The size in bytes.
    pub size: u64,
    /// The digest of the bytes, once verified.
    pub sha256: Option<Sha256>,
    /// The media type, as given by the uploader.
    pub media_type: MediaType,
    /// When the uploader's own copy was last modified, as given by the uploader.
    pub client_modified_at: Option<Timestamp>,
    /// The tag that the store sends with the bytes, if known.
    pub store_tag: Option<EntityTag>,
    /// When the version was created.
    pub created_at: Timestamp,
}

impl Content {
    /// The entity tag of these bytes: the store's own, which clients see when they download from it; otherwise the
    /// version.
    #[must_use]
    pub fn tag(&self) -> EntityTag {
        self.store_tag.clone().unwrap_or_else(|| self.version.into())
    }

    /// Whether `tag` identifies these bytes. The version is accepted even if the store has its own tag, since clients
    /// may have seen it before that was known.
    #[must_use]
    pub fn has_tag(&self, tag: &EntityTag) -> bool {
        self.store_tag.as_ref() == Some(tag) || *tag == EntityTag::from(self.version)
    }
}

impl Node {
    /// The kind of the node.
    #[must_use]
    pub const fn kind(&self) -> NodeKind {
        match self.body {
            NodeBody::Root => NodeKind::Root,
            NodeBody::Folder => NodeKind::Folder,
            NodeBody::File(_) => NodeKind::File,
        }
    }

    /// A file's content.
    #[must_use]
    pub const fn content(&self) -> Option<&Content> {
        match &self.body {
            NodeBody::File(content) => Some(content),
            NodeBody::Root | NodeBody::Folder => None,
        }
    }

    /// The size in bytes for sorting; 0 for anything but a file.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.content().map_or(0, |content| content.size)
    }
}

/// A file or folder as one user sees it, returned by the services.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The file or folder.
    pub node: Node,
    /// The owner of its drive.
    pub owner: UserRef,
    /// The parent folder, unless it is the root or the user may not see it.
    pub parent: Option<NodeId>,
    /// The user's role on it.
    pub role: Role,
}

/// A folder on the path from the topmost one that a user may see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathStep {
    /// The folder.
    pub id: NodeId,
    /// Its name.
    pub name: Name,
}

/// Checks the depth of a folder at level `depth` that has `reach` more levels of folders below it.
///
/// # Errors
/// [`Error::Invalid`] for the [`Destination`](Field::Destination) past [`MAX_TREE_DEPTH`].
pub fn check_depth(depth: u32, reach: u32) -> Result<()> {
    if depth.saturating_add(reach) > MAX_TREE_DEPTH {
        return Err(Error::invalid(Field::Destination, "folders stand at most 100 deep"));
    }
    Ok(())
}
