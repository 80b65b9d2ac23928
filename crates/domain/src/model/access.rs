//! Access control: the single rule that every service uses for authorisation.

use super::{Action, DriveId, Entry, Located, Node, NodeKind, Permission, Revision, Role, Seen, UserId, Viewer};
use crate::error::{Error, Result};

/// Permission for a viewer to read a node. Only [`authorize_read`] and [`authorize`] create one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadGrant {
    role: Role,
    located: Located,
}

/// Permission for one user to perform one action on one node. Only [`authorize`] creates one, and for users only:
/// holders of a public link never get a grant, so they cannot change anything. Every grant includes permission to read.
///
/// A mutation renews its grant inside its own transaction: see [`Grant::renew`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    action: Action,
    actor: UserId,
    read: ReadGrant,
}

/// Authorises the viewer of `located`, a user or the holder of a public link, to read its node.
///
/// # Errors
/// [`Error::NotFound`] if the node is invisible to the viewer: absent, in the trash, not shared, not below the linked
/// node.
pub fn authorize_read(located: Option<Located>) -> Result<ReadGrant> {
    let located = located.ok_or(Error::NotFound)?;
    let role = located.role().ok_or(Error::NotFound)?;
    Ok(ReadGrant { role, located })
}

/// As [`authorize_read`], for a node that was found by a path of `names` names: its viewer must see the start of the
/// path as well, or the path would reveal what is where.
///
/// # Errors
/// [`Error::NotFound`] if the node or the start is invisible to the viewer.
pub fn authorize_read_below(located: Option<Located>, names: usize) -> Result<ReadGrant> {
    authorize_read(located.filter(|found| found.role_from(names).is_some()))
}

/// Authorises the user who views `located` to perform `action` on its node.
///
/// # Errors
/// [`Error::NotFound`] if the node is invisible to the viewer (absent, in the trash, not shared) or the action does not
/// apply to its kind; [`Error::Forbidden`] if the node is visible but the viewer's role is insufficient, or the viewer
/// is not a user.
///
/// Only its owner sees a node in the trash, and can only restore or purge it. A guest who may edit its former folder
/// may undo their own trashing.
pub fn authorize(located: Option<Located>, action: Action) -> Result<Grant> {
    let (located, role) = match action {
        Action::Restore | Action::ReadTrash => (located.filter(Located::is_below_owners_trash), Role::Owner),
        Action::Purge => (located.filter(Located::is_in_owners_trash), Role::Owner),
        Action::Undo => (located.filter(Located::is_in_trash_of_editor), Role::Edit),
        _ => return authorize_live(located, action),
    };
    let located = located.ok_or(Error::NotFound)?;
    let actor = located.viewer.user().ok_or(Error::NotFound)?;
    Ok(Grant { action, actor, read: ReadGrant { role, located } })
}

/// Authorises actions on a node that is not in the trash.
fn authorize_live(located: Option<Located>, action: Action) -> Result<Grant> {
    let read = authorize_read(located)?;
    let ReadGrant { role, located } = &read;
    let sensible = match (action, located.node.kind()) {
        (Action::Read | Action::AddTo, NodeKind::Root | NodeKind::Folder) => true,
        (Action::AddTo, NodeKind::File) | (Action::Replace, NodeKind::Root | NodeKind::Folder) => false,
        (Action::Read | Action::Replace, NodeKind::File) => true,
        (Action::Rename | Action::Move | Action::Share | Action::ListShares | Action::Trash, kind) => {
            kind != NodeKind::Root
        }
        (Action::DeleteVersion, kind) => kind == NodeKind::File,
        (Action::Restore | Action::ReadTrash | Action::Purge | Action::Undo, _) => false,
    };
    if !sensible {
        return Err(Error::NotFound);
    }
    let allowed = match action {
        Action::Read => true,
        Action::AddTo | Action::Replace => *role >= Role::Edit,
        // A share on the node itself does not allow these: the permission must come from above.
        Action::Rename | Action::Move | Action::Trash => located.inherited_role() >= Some(Role::Edit),
        Action::Share | Action::ListShares | Action::DeleteVersion => *role == Role::Owner,
        Action::Restore | Action::ReadTrash | Action::Purge | Action::Undo => false,
    };
    let actor = located.viewer.user().filter(|_| allowed).ok_or_else(Error::permission_denied)?;
    Ok(Grant { action, actor, read })
}

impl ReadGrant {
    /// The viewer who may read.
    #[must_use]
    pub const fn viewer(&self) -> Viewer {
        self.located.viewer
    }

    /// The viewer's role on the node.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.role
    }

    /// The node.
    #[must_use]
    pub const fn node(&self) -> &Node {
        &self.located.node
    }

    /// The drive of the node.
    #[must_use]
    pub const fn drive(&self) -> DriveId {
        self.located.node.drive
    }

    /// The node with the data that authorised it.
    #[must_use]
    pub const fn located(&self) -> &Located {
        &self.located
    }

    /// The same as [`located`](Self::located), by value.
    #[must_use]
    pub fn into_located(self) -> Located {
        self.located
    }

    /// The child `node` of the granted folder as the viewer sees it, given the permission of a share on that very
    /// child.
    #[must_use]
    pub fn child(&self, node: Node, share: Option<Permission>) -> Entry {
        let parent = (self.node().kind() != NodeKind::Root).then_some(self.node().id);
        let role = share.map_or(self.role, |permission| self.role.max(permission.into()));
        Entry { node, owner: self.located.owner.clone(), parent, role }
    }
}

impl Grant {
    /// The user who may act.
    #[must_use]
    pub const fn actor(&self) -> UserId {
        self.actor
    }

    /// The permission to read, which every grant includes.
    #[must_use]
    pub const fn read(&self) -> &ReadGrant {
        &self.read
    }

    /// The node.
    #[must_use]
    pub const fn node(&self) -> &Node {
        self.read.node()
    }

    /// The drive of the node.
    #[must_use]
    pub const fn drive(&self) -> DriveId {
        self.read.drive()
    }

    /// The node with the data that authorised it.
    #[must_use]
    pub const fn located(&self) -> &Located {
        self.read.located()
    }

    /// The same as [`located`](Self::located), by value.
    #[must_use]
    pub fn into_located(self) -> Located {
        self.read.into_located()
    }

    /// Authorises the action again, with the data that the acting transaction sees.
    ///
    /// # Errors
    /// As [`authorize`], e.g. if a share was revoked or a folder was trashed since the grant was created.
    pub fn renew(&self, fresh: Option<Located>) -> Result<Self> {
        authorize(fresh.filter(|found| found.viewer == self.read.viewer()), self.action)
    }

    /// Checks that the node has the revision that the caller expects, if any.
    ///
    /// # Errors
    /// [`Error::PreconditionFailed`].
    pub fn require(&self, seen: Option<Revision>) -> Result<()> {
        if seen.is_some_and(|seen| seen != self.node().revision) {
            return Err(Error::PreconditionFailed);
        }
        Ok(())
    }

    /// Checks that the file is still what the caller expects, if anything.
    ///
    /// # Errors
    /// [`Error::PreconditionFailed`].
    pub fn require_seen(&self, seen: Option<Seen>) -> Result<()> {
        match seen {
            None => Ok(()),
            Some(Seen::Revision(revision)) => self.require(Some(revision)),
            Some(Seen::Version(seen)) if self.node().content().is_some_and(|content| content.version == seen) => Ok(()),
            Some(Seen::Version(_)) => Err(Error::PreconditionFailed),
        }
    }
}

#[cfg(test)]
mod tests;
