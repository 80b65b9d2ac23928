//! Roles on nodes, and the permissions that shares give.

/// A permission that an owner gives to another user, lowest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Permission {
    /// View, list and download.
    View,
    /// Also upload, create folders, replace, rename and move.
    Edit,
}

/// A user's role on a node, lowest first: the highest given by any share on it or above it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Through a share with view permission.
    View,
    /// Through a share with edit permission.
    Edit,
    /// Owner of the drive.
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
