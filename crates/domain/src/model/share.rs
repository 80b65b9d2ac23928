//! Shares: what owners let other users do.

use super::{Name, NodeId, NodeKind, Permission, Person, ShareId, Timestamp};

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
