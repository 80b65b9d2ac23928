//! Who may do what: the one rule by which every service decides.

use std::ops::Deref;

use super::{DriveId, Entry, LinkId, Node, NodeId, NodeKind, PathStep, Permission, Person, Role, Seen, UserId};
use super::{MAX_TREE_DEPTH, Name, Revision};
use crate::error::{Error, Result};

/// What somebody wants to do with a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// See it; list it, if it is a folder; download it, if it is a file.
    Read,
    /// Put something into it. Only folders and roots take anything.
    AddTo,
    /// Give it another content. Only files have one.
    Replace,
    /// Give it another name.
    Rename,
    /// Take it out of the folder in which it lies.
    Move,
    /// Decide who else may do what with it.
    Share,
    /// Put it into the trash.
    Trash,
    /// Take it back out of the trash, in which it or a folder above it lies.
    Restore,
    /// Take back out of the trash, in which it lies itself, what one has put there as a guest. That it was just oneself, and
    /// not long ago, is for [`Trash`](crate::port::Trash) to know.
    Undo,
    /// Remove it from the trash, in which it lies itself, for good.
    Purge,
    /// Delete a content that it had. Only files have any.
    DeleteVersion,
}

/// Who looks at a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Viewer {
    /// Somebody with an account: sees what is theirs and what is shared with them.
    User(UserId),
    /// Whoever holds a public link: sees the linked node and what lies below it, whatever else they may see as somebody.
    Link {
        /// The link.
        link: LinkId,
        /// The node that it is of.
        node: NodeId,
    },
}

impl Viewer {
    /// The user who looks, if it is one.
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

/// What a step of a path takes in an answer beside its name: the identifier, and what parts them.
const STEP_BYTES: usize = 64;

/// One node on the way from a node up to the root of its drive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The node.
    pub id: NodeId,
    /// Its name.
    pub name: Name,
    /// Whether it itself lies in the trash.
    pub trashed: bool,
    /// What a share on this very node gives to the viewer, if that is a user.
    pub share: Option<Permission>,
}

/// A node with all that decides what the viewer may do with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// The node.
    pub node: Node,
    /// Who owns the drive; nobody, once that account is deleted.
    pub owner: Person,
    /// Whose shares stand in `lineage`.
    pub viewer: Viewer,
    /// The way from the node itself, which comes first, up to the root, which comes last.
    pub lineage: Vec<Step>,
}

/// Leave for a viewer to read a node. Only [`authorize_read`] and [`authorize`] make one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadGrant {
    role: Role,
    located: Located,
}

/// Leave for one user to do one thing with one node. Only [`authorize`] makes one, and to users alone: a public link's holder
/// never comes to one, and so to nothing that changes anything. Whoever has leave to do anything may also read.
///
/// Whoever changes anything renews the grant by what the changing transaction itself sees: see [`Grant::renew`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    action: Action,
    actor: UserId,
    read: ReadGrant,
}

/// Decides whether the viewer of `located`, a user or a public link's holder, may read its node.
///
/// # Errors
/// [`Error::NotFound`] when the node is invisible to the viewer: absent, in the trash, not shared, not below the linked one.
pub fn authorize_read(located: Option<Located>) -> Result<ReadGrant> {
    let located = located.ok_or(Error::NotFound)?;
    let role = located.role().ok_or(Error::NotFound)?;
    Ok(ReadGrant { role, located })
}

/// Decides whether the user who is the viewer of `located` may do `action` with its node.
///
/// # Errors
/// [`Error::NotFound`] when the node is invisible to the viewer (absent, in the trash, not shared) or is of a kind with
/// which nobody can do such a thing; [`Error::Forbidden`] when it is visible and the viewer's role does not suffice, or
/// the viewer is no user.
///
/// What lies in the trash is its owner's alone, and nothing can be done with it but to restore and to purge it; and a guest
/// who may edit the folder in which it lay may undo what they did themselves.
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

/// Decides on what can be done with a node that does not lie in the trash.
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
        // The very node that was shared is its owner's to rename, to move and to trash.
        Action::Rename | Action::Move | Action::Trash => located.inherited_role() >= Some(Role::Edit),
        Action::Share | Action::DeleteVersion => *role == Role::Owner,
        Action::Restore | Action::Purge | Action::Undo => false,
    };
    let actor = located.viewer.user().filter(|_| allowed).ok_or_else(Error::permission_denied)?;
    Ok(Grant { action, actor, read })
}

impl Located {
    /// The viewer's role on the node, if the viewer may see it at all.
    #[must_use]
    pub fn role(&self) -> Option<Role> {
        self.role_from(0)
    }

    /// The viewer's role as far as it comes from above the node.
    fn inherited_role(&self) -> Option<Role> {
        self.role_from(1)
    }

    /// The highest role that the steps from `first` upward give. What lies in or below the trash is nobody's to see.
    fn role_from(&self, first: usize) -> Option<Role> {
        if self.lineage.iter().any(|step| step.trashed) {
            return None;
        }
        if self.is_owners() {
            return Some(Role::Owner);
        }
        self.lineage.iter().skip(first).filter_map(|step| self.given_by(step)).max().map(Role::from)
    }

    /// Whether it is the owner who looks.
    fn is_owners(&self) -> bool {
        self.viewer == Viewer::User(self.owner.id)
    }

    /// What this very step gives to the viewer.
    fn given_by(&self, step: &Step) -> Option<Permission> {
        match self.viewer {
            Viewer::User(_) => step.share,
            Viewer::Link { node, .. } => (step.id == node).then_some(Permission::View),
        }
    }

    /// Whether the node itself lies in the trash, and its viewer is its owner. What merely lies below such a node does not.
    fn is_in_owners_trash(&self) -> bool {
        let trashed = self.lineage.first().is_some_and(|step| step.trashed);
        trashed && self.node.kind() != NodeKind::Root && self.is_owners()
    }

    /// Whether the node itself, or something above it, lies in the trash, and its viewer is its owner.
    fn is_below_owners_trash(&self) -> bool {
        let trashed = self.lineage.iter().any(|step| step.trashed);
        trashed && self.node.kind() != NodeKind::Root && self.is_owners()
    }

    /// Whether the node itself lies in the trash, and its viewer is a guest who may edit the live folder in which it lay.
    fn is_in_trash_of_editor(&self) -> bool {
        let trashed = self.lineage.first().is_some_and(|step| step.trashed);
        let above = self.lineage.iter().skip(1).filter_map(|step| self.given_by(step)).max();
        trashed && !self.is_owners() && self.is_parent_live() && above == Some(Permission::Edit)
    }

    /// Whether nothing above the node lies in the trash.
    #[must_use]
    pub fn is_parent_live(&self) -> bool {
        !self.lineage.iter().skip(1).any(|step| step.trashed)
    }

    /// The node as its owner finds it in the trash. Its parent is where it would go back to; none where that is the root.
    #[must_use]
    pub fn trash_entry(self) -> Option<Entry> {
        if !self.is_in_owners_trash() {
            return None;
        }
        let parent_is_shown = self.lineage.len() > 2 && self.is_parent_live();
        let parent = self.node.parent.filter(|_| parent_is_shown);
        Some(Entry { node: self.node, owner: self.owner, parent, role: Role::Owner })
    }

    /// The names of the folders above the node, from the topmost one on, whether or not they lie in the trash.
    #[must_use]
    pub fn names_above(&self) -> Vec<Name> {
        let below_root = self.lineage.len().saturating_sub(1);
        self.lineage.iter().take(below_root).skip(1).rev().map(|step| step.name.clone()).collect()
    }

    /// How many folders would stand inside one another down to a folder that is put into this node.
    #[must_use]
    pub fn depth_of_child_folder(&self) -> u32 {
        u32::try_from(self.lineage.len()).unwrap_or(u32::MAX)
    }

    /// Whether `id` is the node itself or stands above it.
    #[must_use]
    pub fn is_at_or_below(&self, id: NodeId) -> bool {
        self.lineage.iter().any(|step| step.id == id)
    }

    /// The node as its viewer sees it.
    #[must_use]
    pub fn entry(self) -> Option<Entry> {
        let role = self.role()?;
        // The root is always the last step, and is never shown.
        let parent_is_shown = self.lineage.len() > 2 && self.inherited_role().is_some();
        let parent = self.node.parent.filter(|_| parent_is_shown);
        Some(Entry { node: self.node, owner: self.owner, parent, role })
    }

    /// About how many bytes [`path`](Self::path) takes in an answer.
    #[must_use]
    pub fn path_bytes(&self) -> usize {
        self.path().iter().map(|step| step.name.as_str().len() + STEP_BYTES).sum()
    }

    /// The folders from the topmost one that the viewer may see down to the node itself, without the root.
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
    /// Who may read.
    #[must_use]
    pub const fn viewer(&self) -> Viewer {
        self.located.viewer
    }

    /// What the viewer's role on the node is.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.role
    }

    /// The node.
    #[must_use]
    pub const fn node(&self) -> &Node {
        &self.located.node
    }

    /// The drive in which the node lies.
    #[must_use]
    pub const fn drive(&self) -> DriveId {
        self.located.node.drive
    }

    /// The node with all that the decision went by.
    #[must_use]
    pub const fn located(&self) -> &Located {
        &self.located
    }

    /// The same, by value.
    #[must_use]
    pub fn into_located(self) -> Located {
        self.located
    }

    /// The child `node` of the granted folder as the viewer sees it, given what a share on that very child gives.
    #[must_use]
    pub fn child(&self, node: Node, share: Option<Permission>) -> Entry {
        let parent = (self.node().kind() != NodeKind::Root).then_some(self.node().id);
        let role = share.map_or(self.role, |permission| self.role.max(permission.into()));
        Entry { node, owner: self.located.owner.clone(), parent, role }
    }
}

impl Grant {
    /// Who may act.
    #[must_use]
    pub const fn actor(&self) -> UserId {
        self.actor
    }

    /// The node with all that the decision went by.
    #[must_use]
    pub fn into_located(self) -> Located {
        self.read.into_located()
    }

    /// Decides again, by what a transaction sees that is about to act on this grant.
    ///
    /// # Errors
    /// As [`authorize`]: a share that was revoked, or a folder that was trashed, since the grant was made.
    pub fn renew(&self, fresh: Option<Located>) -> Result<Self> {
        authorize(fresh.filter(|found| found.viewer == self.viewer()), self.action)
    }

    /// Checks that the node still has the revision that the caller has seen, if the caller insists on it.
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
    /// Checks that the file still is what the caller has seen of it, if the caller insists on that.
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

/// Leave to do anything is leave to read.
impl Deref for Grant {
    type Target = ReadGrant;

    fn deref(&self) -> &ReadGrant {
        &self.read
    }
}

/// Checks that a folder which stands as deep as `depth`, with `reach` more levels of folders below it, is allowed.
///
/// # Errors
/// [`Error::Invalid`], of the field `parent_folder_id`, past [`MAX_TREE_DEPTH`].
pub fn check_depth(depth: u32, reach: u32) -> Result<()> {
    if depth.saturating_add(reach) > MAX_TREE_DEPTH {
        return Err(Error::invalid("parent_folder_id", "folders stand at most 100 deep"));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
