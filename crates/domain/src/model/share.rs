//! Shares: access that owners give to other users.

use super::{LinkId, Name, NodeId, NodeKind, Permission, Role, ShareId, Timestamp, UserId, UserRef};

/// A permission that an owner gave to another user on one node and its descendants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// The identifier.
    pub id: ShareId,
    /// The guest's permission.
    pub permission: Permission,
    /// The shared node.
    pub item: ItemRef,
    /// The guest.
    pub shared_with: UserRef,
    /// The user who shared it.
    pub shared_by: UserRef,
    /// When it was shared.
    pub shared_at: Timestamp,
}

/// A short reference to a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemRef {
    /// File or folder.
    pub kind: NodeKind,
    /// The node.
    pub id: NodeId,
    /// Its name.
    pub name: Name,
}

/// The source of access to a node. Lists are sorted by variant, then by identifier, so that a value is also a list
/// position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AccessVia {
    /// Ownership of the drive.
    Owner(UserId),
    /// A share.
    Share(ShareId),
    /// A public link.
    Link(LinkId),
}

/// A person with access to a node, and the source of that access.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessEntry {
    /// The person; none for a public link.
    pub person: Option<UserRef>,
    /// The role given by this source.
    pub role: Role,
    /// The source.
    pub via: AccessVia,
    /// The shared or linked node: the node itself or a folder above it. For the owner, the node itself.
    pub item: ItemRef,
}
