use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::error::Forbidden;
use crate::model::{LinkId, MAX_TREE_DEPTH, NodeBody, NodeId, Revision, Step, Timestamp, UserRef, check_depth};
use crate::testing::{content, name};

const OWNER: UserId = UserId::from_uuid(Uuid::from_u128(1));
const GUEST: UserId = UserId::from_uuid(Uuid::from_u128(2));

/// A node below `shares.len() - 1` others, the root last, as seen by `viewer`.
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
        created_by: UserRef { id: OWNER, username: None },
        created_at: Timestamp::from_millis(0),
        modified_at: Timestamp::from_millis(0),
    };
    Located { node, owner: UserRef { id: OWNER, username: None }, viewer: viewer.into(), lineage }
}

const ALL: [Action; 13] = [
    Action::Read,
    Action::AddTo,
    Action::Replace,
    Action::Rename,
    Action::Move,
    Action::Share,
    Action::ListShares,
    Action::Trash,
    Action::Restore,
    Action::ReadTrash,
    Action::Undo,
    Action::Purge,
    Action::DeleteVersion,
];

fn allowed(found: &Located) -> Vec<Action> {
    ALL.into_iter().filter(|action| authorize(Some(found.clone()), *action).is_ok()).collect()
}

#[test]
fn each_role_has_the_documented_permissions() {
    use Action::{AddTo, DeleteVersion, ListShares, Move, Read, Rename, Replace, Share, Trash};
    let (view, edit) = (Some(Permission::View), Some(Permission::Edit));
    let file = || NodeBody::File(content(1));
    let cases = [
        (OWNER, NodeBody::Folder, vec![None, None, None], vec![Read, AddTo, Rename, Move, Share, ListShares, Trash]),
        (
            OWNER,
            file(),
            vec![None, None, None],
            vec![Read, Replace, Rename, Move, Share, ListShares, Trash, DeleteVersion],
        ),
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
fn invisible_nodes_are_not_found_and_visible_ones_forbidden() {
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

/// Trashes these steps of the lineage; step 0 is the node itself.
fn in_trash(mut found: Located, trashed: &[usize]) -> Located {
    for step in trashed {
        found.lineage[*step].trashed = true;
    }
    found
}

#[test]
fn only_the_owner_restores_and_purges_trashed_nodes() {
    let edit = Some(Permission::Edit);
    for body in [NodeBody::Folder, NodeBody::File(content(1))] {
        let found = |viewer, trashed: &[usize]| in_trash(located(viewer, body.clone(), &[edit, edit, None]), trashed);
        assert_eq!(allowed(&found(OWNER, &[0])), [Action::Restore, Action::ReadTrash, Action::Purge]);
        assert_eq!(allowed(&found(OWNER, &[0, 1])), [Action::Restore, Action::ReadTrash, Action::Purge]);
        // A node below a trashed one can be restored alone, but is purged only with it.
        assert_eq!(allowed(&found(OWNER, &[1])), [Action::Restore, Action::ReadTrash]);
        // Guests may undo their own trashing as long as the folder exists.
        assert_eq!(allowed(&found(GUEST, &[0])), [Action::Undo]);
        for trashed in [&[1][..], &[0, 1]] {
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
fn folders_may_be_nested_a_hundred_deep() {
    assert!(check_depth(MAX_TREE_DEPTH, 0).is_ok());
    assert!(check_depth(MAX_TREE_DEPTH, 1).is_err());
    assert_eq!(located(OWNER, NodeBody::Root, &[None]).depth_of_child_folder(), 1);
    assert_eq!(located(OWNER, NodeBody::Folder, &[None, None]).depth_of_child_folder(), 2);
}

#[test]
fn a_grant_tells_the_highest_role_that_any_share_on_the_way_gives() {
    let (view, edit) = (Some(Permission::View), Some(Permission::Edit));
    let role =
        |shares: &[_]| authorize(Some(located(GUEST, NodeBody::Folder, shares)), Action::Read).unwrap().read().role();
    assert_eq!(role(&[view, None, None]), Role::View);
    assert_eq!(role(&[view, edit, None]), Role::Edit);
    assert_eq!(role(&[edit, view, None]), Role::Edit);
}

#[test]
fn a_node_is_below_itself_and_its_ancestors() {
    let found = located(OWNER, NodeBody::Folder, &[None, None, None]);
    assert!(found.lineage.iter().all(|step| found.is_at_or_below(step.id)));
    assert!(!found.is_at_or_below(NodeId::from_uuid(Uuid::from_u128(103))));
}

/// The holder of a link to the node at step `step` of [`located`].
fn holder(step: u128) -> Viewer {
    let link = LinkId::from_uuid(Uuid::from_u128(50));
    Viewer::Link { link, node: NodeId::from_uuid(Uuid::from_u128(100 + step)) }
}

#[test]
fn a_link_bearer_reads_the_linked_tree_and_changes_nothing() {
    let edit = Some(Permission::Edit);
    // Shares give nothing to the holder of a link, even above the linked node.
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
fn a_link_reveals_nothing_above_its_node() {
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
    /// A random tree: node `i + 1` is a child of `parents[i] % (i + 1)`; node 0 is the root.
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
            // A role never shrinks on the way down, except in the trash.
            let (parent, _, _) = steps[1];
            let above: Vec<_> = lineage_of(parent).iter().map(|step| step.1).collect();
            let inherited = located(GUEST, NodeBody::Folder, &above).role();
            prop_assert!(trashed || guest.role() >= inherited);
            // Renaming and moving need a role from above; nothing above the topmost share is visible.
            for action in [Action::Rename, Action::Trash] {
                let may = authorize(Some(guest.clone()), action).is_ok();
                prop_assert_eq!(may, !trashed && inherited >= Some(Role::Edit));
            }
            let visible = shares.iter().rposition(Option::is_some).map_or(0, |top| top + 1);
            prop_assert_eq!(guest.path().len(), visible);
        }
    }
}

#[test]
fn only_editors_of_the_former_folder_may_undo() {
    let (view, edit) = (Some(Permission::View), Some(Permission::Edit));
    for (shares, may) in [
        ([None, edit, None], true),
        ([None, view, edit], true),
        ([edit, None, None], false),
        ([edit, view, None], false),
        ([None, None, None], false),
    ] {
        let found = in_trash(located(GUEST, NodeBody::Folder, &shares), &[0]);
        assert_eq!(allowed(&found), if may { vec![Action::Undo] } else { vec![] }, "{shares:?}");
    }
    let live = located(GUEST, NodeBody::Folder, &[None, edit, None]);
    assert!(matches!(authorize(Some(live), Action::Undo), Err(Error::NotFound)));
    let by_link = in_trash(located(holder(1), NodeBody::Folder, &[None, edit, None]), &[0]);
    assert!(matches!(authorize(Some(by_link), Action::Undo), Err(Error::NotFound)));
}
