//! Access control: the single rule that every service uses for authorisation.

use std::ops::Deref;

use super::{DriveId, Entry, LinkId, Node, NodeId, NodeKind, PathStep, Permission, Role, Seen, UserId, UserRef};
use super::{MAX_TREE_DEPTH, Name, Revision};
use crate::error::{Error, Result};

/// An action on a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
    /// Move it to the trash.
    Trash,
    /// Restore it: it or a folder above it is in the trash.
    Restore,
    /// As a guest, restore a node that the guest trashed directly. [`TrashRepository`](crate::port::TrashRepository)
    /// checks that it was the same user, and recently.
    Undo,
    /// Delete it permanently: it is itself in the trash.
    Purge,
    /// Delete one of its former versions. Valid for files only.
    DeleteVersion,
}

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

/// The estimated size of a path step in a response, besides its name: the identifier and the separators.
const STEP_BYTES: usize = 64;

/// A step on the way from a node up to the root of its drive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The node.
    pub id: NodeId,
    /// Its name.
    pub name: Name,
    /// Whether this node itself is in the trash.
    pub trashed: bool,
    /// The permission that a share on this very node gives the viewer, if that is a user.
    pub share: Option<Permission>,
}

/// A node with everything needed to authorise the viewer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// The node.
    pub node: Node,
    /// The owner of the drive; without a name once the account is deleted.
    pub owner: UserRef,
    /// The viewer, whose shares are in `lineage`.
    pub viewer: Viewer,
    /// The steps from the node itself (first) up to the root (last).
    pub lineage: Vec<Step>,
}

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

/// As [`authorize_read`], for a node that was found by a path of `names` names: its viewer must see the start of the path
/// as well, or the path would reveal what stands where.
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
        Action::Restore => (located.filter(Located::is_below_owners_trash), Role::Owner),
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
        (Action::Rename | Action::Move | Action::Share | Action::Trash, kind) => kind != NodeKind::Root,
        (Action::DeleteVersion, kind) => kind == NodeKind::File,
        (Action::Restore | Action::Purge | Action::Undo, _) => false,
    };
    if !sensible {
        return Err(Error::NotFound);
    }
    let allowed = match action {
        Action::Read => true,
        Action::AddTo | Action::Replace => *role >= Role::Edit,
        // A share on the node itself does not allow these: the permission must come from above.
        Action::Rename | Action::Move | Action::Trash => located.inherited_role() >= Some(Role::Edit),
        Action::Share | Action::DeleteVersion => *role == Role::Owner,
        Action::Restore | Action::Purge | Action::Undo => false,
    };
    let actor = located.viewer.user().filter(|_| allowed).ok_or_else(Error::permission_denied)?;
    Ok(Grant { action, actor, read })
}

impl Located {
    /// The viewer's role on the node; none if the viewer may not see it.
    #[must_use]
    pub fn role(&self) -> Option<Role> {
        self.role_from(0)
    }

    /// The viewer's role inherited from above the node.
    fn inherited_role(&self) -> Option<Role> {
        self.role_from(1)
    }

    /// The highest role granted by the steps from `first` upwards; none in or below the trash.
    fn role_from(&self, first: usize) -> Option<Role> {
        if self.lineage.iter().any(|step| step.trashed) {
            return None;
        }
        if self.is_owners() {
            return Some(Role::Owner);
        }
        self.lineage.iter().skip(first).filter_map(|step| self.given_by(step)).max().map(Role::from)
    }

    /// Whether the viewer is the owner.
    fn is_owners(&self) -> bool {
        self.viewer == Viewer::User(self.owner.id)
    }

    /// The permission that this very step gives the viewer.
    fn given_by(&self, step: &Step) -> Option<Permission> {
        match self.viewer {
            Viewer::User(_) => step.share,
            Viewer::Link { node, .. } => (step.id == node).then_some(Permission::View),
        }
    }

    /// Whether the node itself is in the trash and the viewer is its owner. Nodes that are merely below a trashed one
    /// do not count.
    fn is_in_owners_trash(&self) -> bool {
        let trashed = self.lineage.first().is_some_and(|step| step.trashed);
        trashed && self.node.kind() != NodeKind::Root && self.is_owners()
    }

    /// Whether the node or one above it is in the trash and the viewer is its owner.
    fn is_below_owners_trash(&self) -> bool {
        let trashed = self.lineage.iter().any(|step| step.trashed);
        trashed && self.node.kind() != NodeKind::Root && self.is_owners()
    }

    /// Whether the node itself is in the trash and the viewer is a guest with edit permission on its former folder,
    /// which is not.
    fn is_in_trash_of_editor(&self) -> bool {
        let trashed = self.lineage.first().is_some_and(|step| step.trashed);
        let above = self.lineage.iter().skip(1).filter_map(|step| self.given_by(step)).max();
        trashed && !self.is_owners() && self.is_parent_live() && above == Some(Permission::Edit)
    }

    /// Whether no ancestor of the node is in the trash.
    #[must_use]
    pub fn is_parent_live(&self) -> bool {
        !self.lineage.iter().skip(1).any(|step| step.trashed)
    }

    /// The node as listed in its owner's trash. Its parent is where it would be restored to; none if that is the root.
    #[must_use]
    pub fn trash_entry(self) -> Option<Entry> {
        if !self.is_in_owners_trash() {
            return None;
        }
        let parent_is_shown = self.lineage.len() > 2 && self.is_parent_live();
        let parent = self.node.parent.filter(|_| parent_is_shown);
        Some(Entry { node: self.node, owner: self.owner, parent, role: Role::Owner })
    }

    /// The names of the folders above the node, topmost first, whether or not they are in the trash.
    #[must_use]
    pub fn names_above(&self) -> Vec<Name> {
        let below_root = self.lineage.len().saturating_sub(1);
        self.lineage.iter().take(below_root).skip(1).rev().map(|step| step.name.clone()).collect()
    }

    /// The depth of a folder that is added to this node.
    #[must_use]
    pub fn depth_of_child_folder(&self) -> u32 {
        u32::try_from(self.lineage.len()).unwrap_or(u32::MAX)
    }

    /// Whether `id` is the node itself or one of its ancestors.
    #[must_use]
    pub fn is_at_or_below(&self, id: NodeId) -> bool {
        self.lineage.iter().any(|step| step.id == id)
    }

    /// The node as its viewer sees it.
    #[must_use]
    pub fn entry(self) -> Option<Entry> {
        let role = self.role()?;
        // The root is always the last step and is never shown.
        let parent_is_shown = self.lineage.len() > 2 && self.inherited_role().is_some();
        let parent = self.node.parent.filter(|_| parent_is_shown);
        Some(Entry { node: self.node, owner: self.owner, parent, role })
    }

    /// The estimated size of [`path`](Self::path) in a response, in bytes.
    #[must_use]
    pub fn path_bytes(&self) -> usize {
        self.path().iter().map(|step| step.name.as_str().len() + STEP_BYTES).sum()
    }

    /// The folders from the topmost one visible to the viewer down to the node itself, without the root.
    #[must_use]
    pub fn path(&self) -> Vec<PathStep> {
        let below_root = self.lineage.len().saturating_sub(1);
        let shown = if self.is_owners() {
            below_root
        } else {
            self.lineage.iter().rposition(|step| self.given_by(step).is_some()).map_or(0, |top| top + 1)
        };
        let steps = self.lineage.iter().take(shown.min(below_root));
        steps.rev().map(|step| PathStep { id: step.id, name: step.name.clone() }).collect()
    }
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

    /// The node with the data that authorised it.
    #[must_use]
    pub fn into_located(self) -> Located {
        self.read.into_located()
    }

    /// Authorises the action again, with the data that the acting transaction sees.
    ///
    /// # Errors
    /// As [`authorize`], e.g. if a share was revoked or a folder was trashed since the grant was created.
    pub fn renew(&self, fresh: Option<Located>) -> Result<Self> {
        authorize(fresh.filter(|found| found.viewer == self.viewer()), self.action)
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
}

impl Grant {
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

/// Every grant includes permission to read.
impl Deref for Grant {
    type Target = ReadGrant;

    fn deref(&self) -> &ReadGrant {
        &self.read
    }
}

/// Checks the depth of a folder at level `depth` that has `reach` more levels of folders below it.
///
/// # Errors
/// [`Error::Invalid`] for the field `parent_folder_id` past [`MAX_TREE_DEPTH`].
pub fn check_depth(depth: u32, reach: u32) -> Result<()> {
    if depth.saturating_add(reach) > MAX_TREE_DEPTH {
        return Err(Error::invalid("parent_folder_id", "folders stand at most 100 deep"));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
