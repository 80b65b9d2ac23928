//! What a user may do with a node: roles, and the permissions that shares give.

/// What an owner can give to another user, lowest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Permission {
    /// See, list and download.
    View,
    /// Also upload into, create folders, replace, rename and move.
    Edit,
}

/// The role that a user has on a node, lowest first: the highest that any share on it or above it gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// By a share with permission to view.
    View,
    /// By a share with permission to edit.
    Edit,
    /// By owning the drive.
    Owner,
}

impl From<Permission> for Role {
    fn from(permission: Permission) -> Self {
        match permission {
            Permission::View => Self::View,
            Permission::Edit => Self::Edit,
        }
    }
}
