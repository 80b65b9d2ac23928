//! Who may do what: the one rule by which every service decides.

use std::ops::Deref;

use super::{DriveId, Entry, LinkId, Node, NodeId, NodeKind, PathStep, Permission, Person, Role, UserId};
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
    /// Take it back out of the trash, in which it lies itself.
    Restore,
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
/// What lies in the trash is its owner's alone, and nothing can be done with it but to restore and to purge it.
pub fn authorize(located: Option<Located>, action: Action) -> Result<Grant> {
    if let Action::Restore | Action::Purge = action {
        let located = located.filter(Located::is_in_owners_trash).ok_or(Error::NotFound)?;
        let actor = located.viewer.user().ok_or(Error::NotFound)?;
        return Ok(Grant { action, actor, read: ReadGrant { role: Role::Owner, located } });
    }
    let read = authorize_read(located)?;
    let ReadGrant { role, located } = &read;
    let sensible = match (action, located.node.kind()) {
        (Action::Read | Action::AddTo, NodeKind::Root | NodeKind::Folder) => true,
        (Action::AddTo, NodeKind::File) | (Action::Replace, NodeKind::Root | NodeKind::Folder) => false,
        (Action::Read | Action::Replace, NodeKind::File) => true,
        (Action::Rename | Action::Move | Action::Share | Action::Trash, kind) => kind != NodeKind::Root,
        (Action::DeleteVersion, kind) => kind == NodeKind::File,
        (Action::Restore | Action::Purge, _) => false,
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
        Action::Restore | Action::Purge => false,
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
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::error::Forbidden;
    use crate::model::{NodeBody, Revision, Timestamp};
    use crate::testing::{content, name};

    const OWNER: UserId = UserId::from_uuid(Uuid::from_u128(1));
    const GUEST: UserId = UserId::from_uuid(Uuid::from_u128(2));

    /// A node below `shares.len() - 1` others, the root last, as `viewer` finds it.
    fn located(viewer: impl Into<Viewer>, body: NodeBody, shares: &[Option<Permission>]) -> Located {
        let id = |i: usize| NodeId::from_uuid(Uuid::from_u128(100 + i as u128));
        let lineage = shares.iter().enumerate();
        let lineage: Vec<Step> = lineage
            .map(|(i, share)| Step { id: id(i), name: name(&format!("n{i}")), trashed: false, share: *share })
            .collect();
        let node = Node {
            id: id(0),
            drive: DriveId::from_uuid(Uuid::from_u128(9)),
            parent: (shares.len() > 1).then(|| id(1)),
            name: name("n0"),
            body,
            revision: Revision(1),
            created_by: Person { id: OWNER, username: None },
            created_at: Timestamp::from_millis(0),
            modified_at: Timestamp::from_millis(0),
        };
        Located { node, owner: Person { id: OWNER, username: None }, viewer: viewer.into(), lineage }
    }

    const ALL: [Action; 10] = [
        Action::Read,
        Action::AddTo,
        Action::Replace,
        Action::Rename,
        Action::Move,
        Action::Share,
        Action::Trash,
        Action::Restore,
        Action::Purge,
        Action::DeleteVersion,
    ];

    fn allowed(found: &Located) -> Vec<Action> {
        ALL.into_iter().filter(|action| authorize(Some(found.clone()), *action).is_ok()).collect()
    }

    #[test]
    fn each_role_may_do_what_the_contract_says() {
        use Action::{AddTo, DeleteVersion, Move, Read, Rename, Replace, Share, Trash};
        let (view, edit) = (Some(Permission::View), Some(Permission::Edit));
        let file = || NodeBody::File(content(1));
        let cases = [
            (OWNER, NodeBody::Folder, vec![None, None, None], vec![Read, AddTo, Rename, Move, Share, Trash]),
            (OWNER, file(), vec![None, None, None], vec![Read, Replace, Rename, Move, Share, Trash, DeleteVersion]),
            (OWNER, NodeBody::Root, vec![None], vec![Read, AddTo]),
            (GUEST, NodeBody::Folder, vec![None, edit, None], vec![Read, AddTo, Rename, Move, Trash]),
            (GUEST, NodeBody::Folder, vec![edit, None, None], vec![Read, AddTo]),
            (GUEST, NodeBody::Folder, vec![edit, view, None], vec![Read, AddTo]),
            (GUEST, NodeBody::Folder, vec![view, edit, None], vec![Read, AddTo, Rename, Move, Trash]),
            (GUEST, file(), vec![edit, None], vec![Read, Replace]),
            (GUEST, file(), vec![None, edit, None], vec![Read, Replace, Rename, Move, Trash]),
            (GUEST, file(), vec![None, view, None], vec![Read]),
            (GUEST, NodeBody::Folder, vec![None, None, None], vec![]),
            (GUEST, NodeBody::Root, vec![None], vec![]),
        ];
        for (viewer, body, shares, expected) in cases {
            let found = located(viewer, body, &shares);
            assert_eq!(allowed(&found), expected, "{found:?}");
        }
    }

    #[test]
    fn what_is_invisible_is_not_found_and_what_is_visible_is_forbidden() {
        let stranger = located(GUEST, NodeBody::Folder, &[None, None]);
        assert!(matches!(authorize(Some(stranger), Action::Rename), Err(Error::NotFound)));
        assert!(matches!(authorize(None, Action::Read), Err(Error::NotFound)));
        let viewer = located(GUEST, NodeBody::Folder, &[Some(Permission::View), None]);
        let denied = authorize(Some(viewer), Action::AddTo);
        assert!(matches!(denied, Err(Error::Forbidden(Forbidden::Permission))));
    }

    #[test]
    fn the_path_and_the_parent_stop_where_the_share_begins() {
        let shares = [None, None, Some(Permission::View), None, None];
        let names = |found: &Located| found.path().iter().map(|step| step.name.to_string()).collect::<Vec<_>>();
        let guest = located(GUEST, NodeBody::Folder, &shares);
        assert_eq!(names(&guest), ["n2", "n1", "n0"]);
        assert!(guest.entry().unwrap().parent.is_some());
        let top = located(GUEST, NodeBody::Folder, &[Some(Permission::Edit), None, None]);
        assert_eq!(names(&top), ["n0"]);
        assert_eq!(top.entry().unwrap().parent, None);
        let owner = located(OWNER, NodeBody::Folder, &shares);
        assert_eq!(names(&owner), ["n3", "n2", "n1", "n0"]);
        assert_eq!(located(OWNER, NodeBody::Folder, &[None, None]).entry().unwrap().parent, None);
        assert_eq!(names(&located(OWNER, NodeBody::Root, &[None])), Vec::<String>::new());
    }

    /// Puts these steps of the way up, of which the node's own is the first, into the trash.
    fn in_trash(mut found: Located, trashed: &[usize]) -> Located {
        for step in trashed {
            found.lineage[*step].trashed = true;
        }
        found
    }

    #[test]
    fn what_lies_in_the_trash_itself_is_its_owners_to_restore_and_to_purge_and_nobodys_to_see() {
        let edit = Some(Permission::Edit);
        for body in [NodeBody::Folder, NodeBody::File(content(1))] {
            let found =
                |viewer, trashed: &[usize]| in_trash(located(viewer, body.clone(), &[edit, edit, None]), trashed);
            assert_eq!(allowed(&found(OWNER, &[0])), [Action::Restore, Action::Purge]);
            assert_eq!(allowed(&found(OWNER, &[0, 1])), [Action::Restore, Action::Purge]);
            // What was not put there itself comes back with what was.
            assert_eq!(allowed(&found(OWNER, &[1])), []);
            for trashed in [&[0][..], &[1], &[0, 1]] {
                assert_eq!(allowed(&found(GUEST, trashed)), []);
                let refused = authorize(Some(found(GUEST, trashed)), Action::Purge);
                assert!(matches!(refused, Err(Error::NotFound)));
            }
            let live = authorize(Some(found(OWNER, &[])), Action::Purge);
            assert!(matches!(live, Err(Error::NotFound)));
        }
    }

    #[test]
    fn the_trash_shows_where_something_would_go_back_to_and_where_it_was() {
        let shown = |shares: &[Option<Permission>], trashed: &[usize]| {
            let found = in_trash(located(OWNER, NodeBody::Folder, shares), trashed);
            let names: Vec<String> = found.names_above().iter().map(ToString::to_string).collect();
            (found.trash_entry().unwrap().parent.is_some(), names.join("/"))
        };
        assert_eq!(shown(&[None, None, None, None], &[0]), (true, "n2/n1".to_owned()));
        assert_eq!(shown(&[None, None, None, None], &[0, 2]), (false, "n2/n1".to_owned()));
        assert_eq!(shown(&[None, None], &[0]), (false, String::new()));
        assert_eq!(located(OWNER, NodeBody::Folder, &[None, None]).trash_entry(), None);
        assert_eq!(in_trash(located(GUEST, NodeBody::Folder, &[None, None]), &[0]).trash_entry(), None);
    }

    #[test]
    fn a_grant_is_for_the_revision_that_was_seen_if_one_was() {
        let grant = authorize(Some(located(OWNER, NodeBody::Folder, &[None, None])), Action::Trash).unwrap();
        assert!(grant.require(None).is_ok() && grant.require(Some(Revision(1))).is_ok());
        assert!(matches!(grant.require(Some(Revision(2))), Err(Error::PreconditionFailed)));
    }

    #[test]
    fn a_grant_is_not_renewed_once_its_reason_is_gone() {
        let before = located(GUEST, NodeBody::Folder, &[Some(Permission::Edit), None]);
        let grant = authorize(Some(before.clone()), Action::AddTo).unwrap();
        assert!(grant.renew(Some(before.clone())).is_ok());
        assert!(grant.renew(None).is_err());
        assert!(grant.renew(Some(located(GUEST, NodeBody::Folder, &[Some(Permission::View), None]))).is_err());
        assert!(grant.renew(Some(Located { viewer: OWNER.into(), ..before })).is_err());
    }

    #[test]
    fn a_folder_may_stand_a_hundred_deep() {
        assert!(check_depth(MAX_TREE_DEPTH, 0).is_ok());
        assert!(check_depth(MAX_TREE_DEPTH, 1).is_err());
        assert_eq!(located(OWNER, NodeBody::Root, &[None]).depth_of_child_folder(), 1);
        assert_eq!(located(OWNER, NodeBody::Folder, &[None, None]).depth_of_child_folder(), 2);
    }

    #[test]
    fn a_grant_tells_the_highest_role_that_any_share_on_the_way_gives() {
        let (view, edit) = (Some(Permission::View), Some(Permission::Edit));
        let role =
            |shares: &[_]| authorize(Some(located(GUEST, NodeBody::Folder, shares)), Action::Read).unwrap().role();
        assert_eq!(role(&[view, None, None]), Role::View);
        assert_eq!(role(&[view, edit, None]), Role::Edit);
        assert_eq!(role(&[edit, view, None]), Role::Edit);
    }

    #[test]
    fn a_node_is_below_itself_and_all_that_stands_above_it() {
        let found = located(OWNER, NodeBody::Folder, &[None, None, None]);
        assert!(found.lineage.iter().all(|step| found.is_at_or_below(step.id)));
        assert!(!found.is_at_or_below(NodeId::from_uuid(Uuid::from_u128(103))));
    }

    /// The holder of a link of the node that [`located`] puts at step `step`.
    fn holder(step: u128) -> Viewer {
        let link = LinkId::from_uuid(Uuid::from_u128(50));
        Viewer::Link { link, node: NodeId::from_uuid(Uuid::from_u128(100 + step)) }
    }

    #[test]
    fn a_links_holder_reads_the_linked_node_and_what_lies_below_and_changes_nothing() {
        let edit = Some(Permission::Edit);
        // Shares give nothing to whoever comes by a link, not even where they stand above.
        let shares = [edit, None, edit, None];
        let role = |step| located(holder(step), NodeBody::Folder, &shares).role();
        assert_eq!((role(0), role(1), role(2)), (Some(Role::View), Some(Role::View), Some(Role::View)));
        assert_eq!(role(4), None, "the linked node is not on the way");
        for body in [NodeBody::Folder, NodeBody::File(content(1))] {
            let found = located(holder(1), body, &shares);
            assert_eq!(authorize_read(Some(found.clone())).unwrap().role(), Role::View);
            assert_eq!(allowed(&found), []);
            let outside = located(holder(4), found.node.body.clone(), &shares);
            assert!(matches!(authorize_read(Some(outside)), Err(Error::NotFound)));
        }
        let mut trashed = located(holder(1), NodeBody::Folder, &shares);
        for step in 0..4 {
            trashed.lineage[step].trashed = true;
            assert!(matches!(authorize_read(Some(trashed.clone())), Err(Error::NotFound)), "{step}");
            trashed.lineage[step].trashed = false;
        }
    }

    #[test]
    fn nothing_above_the_linked_node_shows() {
        let found = |step| located(holder(step), NodeBody::Folder, &[None, Some(Permission::View), None, None]);
        let names = |found: &Located| found.path().iter().map(|step| step.name.to_string()).collect::<Vec<_>>();
        assert_eq!(names(&found(0)), ["n0"]);
        assert_eq!(names(&found(1)), ["n1", "n0"]);
        assert_eq!(found(0).entry().unwrap().parent, None);
        assert_eq!(found(1).entry().unwrap().parent, Some(NodeId::from_uuid(Uuid::from_u128(101))));
    }

    fn share() -> impl Strategy<Value = Option<Permission>> {
        prop_oneof![3 => Just(None), 1 => Just(Some(Permission::View)), 1 => Just(Some(Permission::Edit))]
    }

    proptest! {
        /// A random tree: node `i + 1` hangs below `parents[i] % (i + 1)`; node 0 is the root.
        #[test]
        fn roles_over_random_trees(
            tree in proptest::collection::vec((any::<usize>(), share(), proptest::bool::weighted(0.05)), 1..40)
        ) {
            let lineage_of = |node: usize| {
                let mut at = node;
                let mut steps = vec![];
                while at > 0 {
                    let (parent, share, trashed) = tree[at - 1];
                    steps.push((at, share, trashed));
                    at = parent % at;
                }
                steps.push((0, None, false));
                steps
            };
            for node in 1..=tree.len() {
                let steps = lineage_of(node);
                let shares: Vec<_> = steps.iter().map(|step| step.1).collect();
                let as_found = |viewer| {
                    let mut found = located(viewer, NodeBody::Folder, &shares);
                    for (step, (_, _, trashed)) in found.lineage.iter_mut().zip(&steps) {
                        step.trashed = *trashed;
                    }
                    found
                };
                let trashed = steps.iter().any(|step| step.2);
                let guest = as_found(GUEST);
                let expected = shares.iter().flatten().max().map(|p| Role::from(*p)).filter(|_| !trashed);
                prop_assert_eq!(guest.role(), expected);
                prop_assert_eq!(as_found(OWNER).role(), (!trashed).then_some(Role::Owner));
                prop_assert_eq!(authorize(Some(guest.clone()), Action::Read).is_ok(), expected.is_some());
                // A role never shrinks on the way down, unless the trash intervenes.
                let (parent, _, _) = steps[1];
                let above: Vec<_> = lineage_of(parent).iter().map(|step| step.1).collect();
                let inherited = located(GUEST, NodeBody::Folder, &above).role();
                prop_assert!(trashed || guest.role() >= inherited);
                // Renaming and moving ask for what comes from above; nothing shows above the topmost share.
                for action in [Action::Rename, Action::Trash] {
                    let may = authorize(Some(guest.clone()), action).is_ok();
                    prop_assert_eq!(may, !trashed && inherited >= Some(Role::Edit));
                }
                let visible = shares.iter().rposition(Option::is_some).map_or(0, |top| top + 1);
                prop_assert_eq!(guest.path().len(), visible);
            }
        }
    }
}
