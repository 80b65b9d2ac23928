use async_trait::async_trait;

use crate::error::{Conflict, Error, Result};
use crate::model::{
    Account, Command, Content, Grant, Limit, Located, MediaType, Name, Node, NodeId, OrderKey, Permission, Position,
    ReadGrant, Revision, Sort, SortBy, Timestamp, UserId, Viewer,
};

/// A user's account and the root of the user's drive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    /// The account.
    pub account: Account,
    /// The root.
    pub root: Located,
}

/// What stands in a folder, as one viewer finds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Child {
    /// The file or folder.
    pub node: Node,
    /// What a share on this very node gives to the viewer.
    pub share: Option<Permission>,
    /// The key of its name, as it is stored.
    pub order_key: OrderKey,
}

impl Child {
    /// The child `node`, with the key that its name has now.
    #[must_use]
    pub fn new(node: Node, share: Option<Permission>) -> Self {
        let order_key = OrderKey::of(&node.name);
        Self { node, share, order_key }
    }

    /// Its place in a list that is sorted by `by`.
    #[must_use]
    pub fn position(&self, by: SortBy) -> Position {
        Position::of(&self.node, &self.order_key, by)
    }
}

/// Another name, another place, or both, for one file or folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relocation {
    /// Leave to [rename](crate::model::Action::Rename) or to [move](crate::model::Action::Move) the node.
    pub item: Grant,
    /// Leave to [add to](crate::model::Action::AddTo) the folder into which it goes; none when it stays.
    pub to: Option<Grant>,
    /// The new name; none when it keeps its own.
    pub name: Option<Name>,
    /// What is to be said of a file's content from now on.
    pub details: Details,
    /// The revision that the caller has seen, if the caller insists on it.
    pub seen: Option<Revision>,
}

/// What is to be said of a file's content, without another content.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Details {
    /// What kind of bytes they are; none to leave it.
    pub media_type: Option<MediaType>,
    /// When the sender's own copy was last modified; none to leave it.
    pub client_modified_at: Option<Timestamp>,
}

impl Details {
    /// Whether nothing is to be said.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.media_type.is_none() && self.client_modified_at.is_none()
    }

    /// The content of `node` with these details; none when it has them already, or `node` is no file.
    #[must_use]
    pub fn applied(&self, node: &Node) -> Option<Content> {
        let old = node.content()?;
        let mut new = old.clone();
        new.media_type = self.media_type.clone().unwrap_or(new.media_type);
        new.client_modified_at = self.client_modified_at.or(new.client_modified_at);
        (new != *old).then_some(new)
    }
}

/// Where a relocated node is to stand, and under which name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    /// The folder, or root.
    pub parent: NodeId,
    /// The name.
    pub name: &'a Name,
}

impl Relocation {
    /// Where the node is to stand, given `item` and `to` as they have been [renewed](Grant::renew); none when it stands
    /// there already, under that name.
    ///
    /// # Errors
    /// `CrossDriveMove`, `FolderCycle`; [`NotFound`](crate::Error::NotFound) for a root, which stands nowhere.
    pub fn place<'a>(&'a self, item: &'a Grant, to: Option<&Grant>) -> Result<Option<Place<'a>>> {
        let node = item.node();
        if let Some(to) = to {
            if to.drive() != item.drive() {
                return Err(Error::Conflict(Conflict::CrossDriveMove));
            }
            if to.located().is_at_or_below(node.id) {
                return Err(Error::Conflict(Conflict::FolderCycle));
            }
        }
        let old = Place { parent: node.parent.ok_or(Error::NotFound)?, name: &node.name };
        let new =
            Place { parent: to.map_or(old.parent, |to| to.node().id), name: self.name.as_ref().unwrap_or(old.name) };
        Ok((new != old).then_some(new))
    }
}

/// The tree of files and folders.
///
/// Every mutating method [renews](Grant::renew) its grants by what its own transaction sees, and fails as that fails.
///
/// Whatever adds a live node to a folder or takes one out of it, here and in the other ports, also sets the folder's
/// `modified_at` to the command's time, unless it is later already, and leaves its revision as it is. Of several that do so at
/// once, one MAY set it for all.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait Drive: Send + Sync {
    /// The node with the way up to its root and `viewer`'s shares on that way, in one query at any depth. It is found
    /// whether or not the viewer may see it, also in the trash: [`authorize`](crate::model::authorize) decides.
    async fn find(&self, node: NodeId, viewer: Viewer) -> Result<Option<Located>>;

    /// The same of several nodes, in one query and in no order. What is not there is left out.
    async fn find_many(&self, nodes: &[NodeId], viewer: Viewer) -> Result<Vec<Located>>;

    /// The user's account and root.
    async fn find_home(&self, user: UserId) -> Result<Option<Home>>;

    /// What stands in the granted folder after `after`, sorted by `sort`, without what is in the trash: at most one more
    /// than `limit`. Its cost MUST NOT depend on how many children the folder has.
    ///
    /// By name means: by [`OrderKey`], then the identifier, each by its bytes.
    async fn list<'a>(
        &self,
        folder: &ReadGrant,
        sort: Sort,
        after: Option<&'a Position>,
        limit: Limit,
    ) -> Result<Vec<Child>>;

    /// Makes a folder in the granted folder.
    ///
    /// # Errors
    /// [`NameTaken`](crate::error::Conflict::NameTaken), by the store's own constraint;
    /// [`Invalid`](crate::Error::Invalid) past the [greatest depth](crate::model::MAX_TREE_DEPTH).
    async fn create_folder(&self, command: &Command, parent: &Grant, id: NodeId, name: &Name) -> Result<Located>;

    /// Renames or moves a file or folder, or both at once, and changes what is said of a file's content. Nothing changes, the
    /// revision neither, when all of that is so already. The cost MUST NOT depend on how much lies below it.
    ///
    /// # Errors
    /// [`PreconditionFailed`](crate::Error::PreconditionFailed) when `seen` is not its revision;
    /// [`Conflict`](crate::Error::Conflict): `CrossDriveMove`, `FolderCycle` (also when two moves race), `NameTaken`;
    /// [`Invalid`](crate::Error::Invalid) past the [greatest depth](crate::model::MAX_TREE_DEPTH).
    async fn relocate(&self, command: &Command, relocation: &Relocation) -> Result<Located>;
}
