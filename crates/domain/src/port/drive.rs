use async_trait::async_trait;

use crate::error::{Conflict, Error, Result};
use crate::model::{
    Account, Action, Command, ConflictPolicy, Content, Grant, Limit, Located, MediaType, Name, Node, NodeId, NodePath,
    OrderKey, PathStart, Permission, Position, ReadGrant, Revision, Sort, SortBy, Timestamp, UserId, Viewer, authorize,
};

/// A user's account and root folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserDrive {
    /// The account.
    pub account: Account,
    /// The root.
    pub root: Located,
}

/// A child of a folder, as seen by one viewer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderEntry {
    /// The file or folder.
    pub node: Node,
    /// The permission that a share on this very node gives the viewer.
    pub share: Option<Permission>,
    /// The stored key of its name.
    pub order_key: OrderKey,
}

impl FolderEntry {
    /// Creates the entry of `node`, with the current key of its name.
    #[must_use]
    pub fn new(node: Node, share: Option<Permission>) -> Self {
        let order_key = OrderKey::new(&node.name);
        Self { node, share, order_key }
    }

    /// Its position in a list sorted by `by`.
    #[must_use]
    pub fn position(&self, by: SortBy) -> Position {
        Position::new(&self.node, &self.order_key, by)
    }
}

/// A rename or move, or both, of a file or folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relocation {
    /// Grant to [rename](crate::model::Action::Rename) or [move](crate::model::Action::Move) the node.
    pub item: Grant,
    /// Grant to [add to](crate::model::Action::AddTo) the target folder; none if it stays.
    pub to: Option<Grant>,
    /// The new name; none to keep it.
    pub name: Option<Name>,
    /// What to do if another node has the name.
    pub conflict: ConflictPolicy,
    /// The new metadata of a file's content.
    pub metadata: MetadataUpdate,
    /// The expected revision, if the caller gave one.
    pub seen: Option<Revision>,
}

/// New metadata for a file's content, which itself stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MetadataUpdate {
    /// The media type; none to keep it.
    pub media_type: Option<MediaType>,
    /// When the sender's own copy was last modified; none to keep it.
    pub client_modified_at: Option<Timestamp>,
}

impl MetadataUpdate {
    /// Whether nothing is to change.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.media_type.is_none() && self.client_modified_at.is_none()
    }

    /// The content of `node` with this metadata; none if that changes nothing or `node` is not a file.
    #[must_use]
    pub fn changed_content(&self, node: &Node) -> Option<Content> {
        let old = node.content()?;
        let mut new = old.clone();
        new.media_type = self.media_type.clone().unwrap_or(new.media_type);
        new.client_modified_at = self.client_modified_at.or(new.client_modified_at);
        (new != *old).then_some(new)
    }
}

/// A relocated file or folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relocated {
    /// The file or folder.
    pub located: Located,
    /// The node that it replaced, of the same kind, which is in the trash now.
    pub replaced: Option<NodeId>,
}

/// Nothing is replaced.
impl From<Located> for Relocated {
    fn from(located: Located) -> Self {
        Self { located, replaced: None }
    }
}

/// The target place of a relocated node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeLocation<'a> {
    /// The parent folder or root.
    pub parent: NodeId,
    /// The name.
    pub name: &'a Name,
}

impl Relocation {
    /// The target place, given `item` and `to` after they were [renewed](Grant::renew); none if the node is already
    /// there, under that name.
    ///
    /// # Errors
    /// `CrossDriveMove`, `FolderCycle`; [`NotFound`](crate::Error::NotFound) for a root, which has no parent.
    pub fn new_location<'a>(&'a self, item: &'a Grant, to: Option<&Grant>) -> Result<Option<NodeLocation<'a>>> {
        let node = item.node();
        if let Some(to) = to {
            if to.drive() != item.drive() {
                return Err(Error::Conflict(Conflict::CrossDriveMove));
            }
            if to.located().is_at_or_below(node.id) {
                return Err(Error::Conflict(Conflict::FolderCycle));
            }
        }
        let old = NodeLocation { parent: node.parent.ok_or(Error::NotFound)?, name: &node.name };
        let new = NodeLocation {
            parent: to.map_or(old.parent, |to| to.node().id),
            name: self.name.as_ref().unwrap_or(old.name),
        };
        Ok((new != old).then_some(new))
    }

    /// Permission to trash `holder`, which has the name that `item` is to get, so that `item` replaces it.
    ///
    /// # Errors
    /// `FolderCycle` if `item` is below it; as [`authorize`] for [`Trash`](Action::Trash).
    pub fn replacing(item: &Grant, holder: Option<Located>) -> Result<Grant> {
        let holder = authorize(holder, Action::Trash)?;
        if item.located().is_at_or_below(holder.node().id) {
            return Err(Error::Conflict(Conflict::FolderCycle));
        }
        Ok(holder)
    }
}

/// The tree of files and folders.
///
/// Every mutating method [renews](Grant::renew) its grants inside its own transaction, and fails if that fails.
///
/// Operations that add a live node to a folder or remove one, here and in the other ports, also set the folder's
/// `modified_at` to the command's time, unless it is already later, and keep its revision. For several concurrent ones,
/// one MAY set it for all.
///
/// Live nodes of one folder have different names, compared byte by byte. A taken name is refused with the item that has
/// it and the first free alternative.
///
/// Every file and folder of a drive, also in the trash, counts as an entry. Operations that add nodes, here and in the
/// other ports, fail with [`Entries`](crate::error::Forbidden::Entries) if the drive has as many entries as it may,
/// exact under any concurrency.
///
/// ```
/// use clouddrive_domain::Result;
/// use clouddrive_domain::model::{Action, Command, Located, Name, NodeId, UserId, authorize};
/// use clouddrive_domain::port::NodeRepository;
///
/// /// Finds the folder, authorises the action, and passes the grant to the method that renews it.
/// async fn make(
///     drive: &dyn NodeRepository,
///     user: UserId,
///     command: &Command,
///     parent: NodeId,
///     (id, name): (NodeId, &Name),
/// ) -> Result<Located> {
///     let parent = authorize(drive.find(parent, user.into()).await?, Action::AddTo)?;
///     drive.create_folder(command, &parent, id, name).await
/// }
/// ```
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait NodeRepository: Send + Sync {
    /// Finds a node with its path to the root and the `viewer`'s shares on that path, in one query at any depth.
    /// Returns it even if the viewer may not see it or it is in the trash: [`authorize`](crate::model::authorize)
    /// decides.
    #[doc(alias = "stat")]
    async fn find(&self, node: NodeId, viewer: Viewer) -> Result<Option<Located>>;

    /// The same for several nodes, in one query and in any order. Missing nodes are left out.
    async fn find_many(&self, nodes: &[NodeId], viewer: Viewer) -> Result<Vec<Located>>;

    /// Finds the node at the end of `path`, as [`find`](Self::find) does, in one query: each name of the path is that
    /// of a live child of the folder before, byte by byte. A path without names leads to its start. The cost MUST NOT
    /// depend on how many children the folders have.
    ///
    /// Returns none if the start is missing or a file, or a name leads to nothing. The node is returned even if the
    /// viewer may not see it or the start is in the trash:
    /// [`authorize_read_below`](crate::model::authorize_read_below) decides.
    async fn find_by_path(&self, start: PathStart, path: &NodePath, viewer: Viewer) -> Result<Option<Located>>;

    /// The user's account and root.
    async fn find_user_drive(&self, user: UserId) -> Result<Option<UserDrive>>;

    /// Lists the granted folder after `after`, sorted by `sort`, without trashed nodes: at most `limit` + 1. Its cost
    /// MUST NOT depend on how many children the folder has.
    ///
    /// Sorting by name compares the [`OrderKey`], then the identifier, byte by byte.
    #[doc(alias = "readdir")]
    async fn list<'a>(
        &self,
        folder: &ReadGrant,
        sort: Sort,
        after: Option<&'a Position>,
        limit: Limit,
    ) -> Result<Vec<FolderEntry>>;

    /// Creates a folder in the granted folder.
    ///
    /// # Errors
    /// [`NameTaken`](crate::error::Conflict::NameTaken), by the store's own constraint;
    /// [`Invalid`](crate::Error::Invalid) past the [maximum depth](crate::model::MAX_TREE_DEPTH).
    #[doc(alias = "mkdir")]
    async fn create_folder(&self, command: &Command, parent: &Grant, id: NodeId, name: &Name) -> Result<Located>;

    /// Renames or moves a file or folder, or both at once, and updates the metadata of a file's content. If all of that
    /// is already so, nothing changes, not even the revision. The cost MUST NOT depend on how much is below it.
    ///
    /// If another live node has the name, [`conflict`](Relocation::conflict) decides, in the same transaction:
    /// - `Replace` trashes that node as [`TrashRepository::put`](super::TrashRepository::put) does, with its own row in
    ///   the change log before that of the relocation, if it is of the same kind and the actor may
    ///   [trash](Action::Trash) it.
    /// - `Keep` uses the first free name of [`KeepBoth`](crate::model::KeepBoth). The node's own name counts as free,
    ///   so a repeat changes nothing.
    ///
    /// # Errors
    /// [`PreconditionFailed`](crate::Error::PreconditionFailed) if `seen` is not its revision;
    /// [`Conflict`](crate::Error::Conflict): `CrossDriveMove`, `FolderCycle` (also if two moves race, or a folder was
    /// to be replaced by what is in it), `NameTaken` (also if a node of the other kind was to be replaced);
    /// [`Invalid`](crate::Error::Invalid) past the [maximum depth](crate::model::MAX_TREE_DEPTH).
    #[doc(alias = "rename")]
    #[doc(alias = "move")]
    async fn relocate(&self, command: &Command, relocation: &Relocation) -> Result<Relocated>;
}
