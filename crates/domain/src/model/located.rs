use super::{Entry, Name, Node, NodeId, NodeKind, PathStep, Permission, Role, UserRef, Viewer};

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

impl Located {
    /// The viewer's role on the node; none if the viewer may not see it.
    #[must_use]
    pub fn role(&self) -> Option<Role> {
        self.role_from(0)
    }

    /// The viewer's role inherited from above the node.
    pub(super) fn inherited_role(&self) -> Option<Role> {
        self.role_from(1)
    }

    /// The highest role granted by the steps from `first` upwards; none in or below the trash.
    pub(super) fn role_from(&self, first: usize) -> Option<Role> {
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
    pub(super) fn is_in_owners_trash(&self) -> bool {
        let trashed = self.lineage.first().is_some_and(|step| step.trashed);
        trashed && self.node.kind() != NodeKind::Root && self.is_owners()
    }

    /// Whether the node or one above it is in the trash and the viewer is its owner.
    pub(super) fn is_below_owners_trash(&self) -> bool {
        let trashed = self.lineage.iter().any(|step| step.trashed);
        trashed && self.node.kind() != NodeKind::Root && self.is_owners()
    }

    /// Whether the node itself is in the trash and the viewer is a guest with edit permission on its former folder,
    /// which is not.
    pub(super) fn is_in_trash_of_editor(&self) -> bool {
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
