//! Nodes: what a drive's tree consists of.

use super::{BlobKey, DriveId, EntityTag, MediaType, Name, NodeId, Role, Sha256, Timestamp, UserId, VersionId};

/// How many folders may stand inside one another.
pub const MAX_TREE_DEPTH: u32 = 100;

/// How many files and folders one copy has at the most, the copied one included.
pub const MAX_COPY_NODES: u64 = 10_000;

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NodeKind {
    /// The root of a drive. It is never shown, has no parent, and cannot be renamed, moved or shared.
    Root,
    /// A folder.
    Folder,
    /// A file.
    File,
}

/// A person as others see them. One who is gone has no name any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Who it is, or was.
    pub id: UserId,
    /// The user name, while there is such a user.
    pub username: Option<String>,
}

/// How often a node itself has changed: its name, its place, its content, whether it lies in the trash; not its children.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(pub u64);

/// A node of a drive's tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its identifier, for life: no rename, move or replace changes it.
    pub id: NodeId,
    /// The drive in which it lies.
    pub drive: DriveId,
    /// The folder in which it lies; none for the root only.
    pub parent: Option<NodeId>,
    /// Its name.
    pub name: Name,
    /// What it is, and a file's content.
    pub body: NodeBody,
    /// How often it has changed.
    pub revision: Revision,
    /// Who made it.
    pub created_by: Person,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its name, place or content changed last.
    pub modified_at: Timestamp,
}

/// What distinguishes the kinds of nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeBody {
    /// A drive's root.
    Root,
    /// A folder.
    Folder,
    /// A file with its current content.
    File(Content),
}

/// The content of a file: one of its versions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// Which version it is.
    pub version: VersionId,
    /// Where its bytes are.
    pub blob: BlobKey,
    /// How many bytes it has.
    pub size: u64,
    /// The digest of the bytes, once it has been verified.
    pub sha256: Option<Sha256>,
    /// What kind of bytes they are, as the uploader said.
    pub media_type: MediaType,
    /// When the uploader's own copy was last modified, as the uploader said.
    pub client_modified_at: Option<Timestamp>,
    /// The tag that the store itself sends with the bytes, as far as it is known.
    pub store_tag: Option<EntityTag>,
    /// When the version was made.
    pub created_at: Timestamp,
}

impl Content {
    /// The tag of just these bytes: the store's own, by which clients know them that fetch them there; else the version's.
    #[must_use]
    pub fn tag(&self) -> EntityTag {
        self.store_tag.clone().unwrap_or_else(|| self.version.into())
    }

    /// Whether `tag` is one of these bytes. The version's is one too where the store has its own: clients may have seen it
    /// before that was known.
    #[must_use]
    pub fn has_tag(&self, tag: &EntityTag) -> bool {
        self.store_tag.as_ref() == Some(tag) || *tag == EntityTag::from(self.version)
    }
}

impl Node {
    /// What the node is.
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

    /// The size by which lists are sorted, in bytes: 0 for what is not a file.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.content().map_or(0, |content| content.size)
    }
}

/// A file or folder as one user sees it: what the services answer with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The file or folder.
    pub node: Node,
    /// Whose drive it lies in.
    pub owner: Person,
    /// The folder in which it lies, unless that is the root or the user may not see it.
    pub parent: Option<NodeId>,
    /// What the user may do with it.
    pub role: Role,
}

/// A folder on the way from the topmost one that a user may see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathStep {
    /// The folder.
    pub id: NodeId,
    /// Its name.
    pub name: Name,
}
