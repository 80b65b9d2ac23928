//! Shares: what owners let other users do.

use super::{LinkId, Name, NodeId, NodeKind, Permission, Person, Role, ShareId, Timestamp, UserId};

/// A permission that an owner gave to another user on one node, and on all that lies below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// The identifier.
    pub id: ShareId,
    /// What the guest may do.
    pub permission: Permission,
    /// What is shared.
    pub item: ItemRef,
    /// The guest.
    pub shared_with: Person,
    /// Who shared it.
    pub shared_by: Person,
    /// When.
    pub shared_at: Timestamp,
}

/// A node, as far as one needs to know it to speak of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemRef {
    /// File or folder.
    pub kind: NodeKind,
    /// The node.
    pub id: NodeId,
    /// Its name.
    pub name: Name,
}

/// Through what somebody may do something with a node. In this order they are listed, and among their like by identifier; so
/// it is its own place in such a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AccessVia {
    /// By owning the drive.
    Owner(UserId),
    /// By a share.
    Share(ShareId),
    /// By a public link.
    Link(LinkId),
}

/// Somebody who may do something with a node, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessEntry {
    /// Who; nobody in particular by a public link.
    pub person: Option<Person>,
    /// What they may do, as far as it comes from here.
    pub role: Role,
    /// Through what.
    pub via: AccessVia,
    /// What is shared or linked: the node, or a folder above it. Of the owner, the node.
    pub item: ItemRef,
}
