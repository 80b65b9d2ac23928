use super::{LinkId, NodeId, UserId};

/// The viewer of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Viewer {
    /// A user: sees their own nodes and those shared with them.
    User(UserId),
    /// The holder of a public link: sees only the linked node and its descendants, whatever they may see as a user.
    Link {
        /// The link.
        link: LinkId,
        /// The linked node.
        node: NodeId,
    },
}

impl Viewer {
    /// The user, unless the viewer holds a link.
    #[must_use]
    pub const fn user(self) -> Option<UserId> {
        match self {
            Self::User(user) => Some(user),
            Self::Link { .. } => None,
        }
    }
}

impl From<UserId> for Viewer {
    fn from(user: UserId) -> Self {
        Self::User(user)
    }
}
