use super::Scope;

/// An action on a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Action {
    /// Get it; list it if it is a folder; download it if it is a file.
    Read,
    /// Add something to it. Valid for folders and roots only.
    AddTo,
    /// Replace its content. Valid for files only.
    Replace,
    /// Rename it.
    Rename,
    /// Move it out of its folder.
    Move,
    /// Manage its shares and links.
    Share,
    /// List its shares and who has access to it.
    ListShares,
    /// Move it to the trash.
    Trash,
    /// Restore it: it or a folder above it is in the trash.
    Restore,
    /// List it, or what is below it, in the trash: it or a folder above it is in the trash.
    ReadTrash,
    /// As a guest, restore a node that the guest trashed directly. [`TrashRepository`](crate::port::TrashRepository)
    /// checks that it was the same user, and recently.
    Undo,
    /// Delete it permanently: it is itself in the trash.
    Purge,
    /// Delete one of its former versions. Valid for files only.
    DeleteVersion,
}

impl Action {
    /// The scope that a credential needs for the action.
    #[must_use]
    pub const fn scope(self) -> Scope {
        match self {
            Self::Read | Self::ListShares | Self::ReadTrash => Scope::Read,
            Self::AddTo
            | Self::Replace
            | Self::Rename
            | Self::Move
            | Self::Share
            | Self::Trash
            | Self::Restore
            | Self::Undo
            | Self::Purge
            | Self::DeleteVersion => Scope::Write,
        }
    }
}
