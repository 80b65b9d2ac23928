//! Where a relocated node may go: the rule that the stores' transactions apply.

use uuid::Uuid;

use crate::error::{Conflict, Error};
use crate::model::{Action, ConflictPolicy, DriveId, Grant, Located, Name, NodeId, Permission, Step};
use crate::port::{MetadataUpdate, NodeLocation, Relocation};
use crate::service::testing::{
    FILE, FOLDER, OTHER_FOLDER, OWNER, PARENT, ROOT, file, folder, for_guest, for_guest_of_parent, for_owner,
    grant_for, root, trashed,
};
use crate::testing::name;

fn relocation(item: &Located, to: Option<&Located>, name: Option<Name>) -> Relocation {
    let action = if to.is_some() { Action::Move } else { Action::Rename };
    Relocation {
        item: grant_for(item, action),
        to: to.map(|to| grant_for(to, Action::AddTo)),
        name,
        conflict: ConflictPolicy::Fail,
        metadata: MetadataUpdate::default(),
        seen: None,
    }
}

/// The destination; `None` when the node is already there.
fn place(relocation: &Relocation) -> Result<Option<(NodeId, Name)>, Error> {
    let place = relocation.new_location(&relocation.item, relocation.to.as_ref())?;
    Ok(place.map(|NodeLocation { parent, name }| (parent, name.clone())))
}

/// A folder in [`FOLDER`].
fn below_folder() -> Located {
    let mut inner = for_owner(folder(OTHER_FOLDER));
    inner.node.parent = Some(FOLDER);
    inner.lineage.insert(1, Step { id: FOLDER, name: name("holiday"), trashed: false, share: None });
    inner
}

fn is_cycle(outcome: &Result<Option<(NodeId, Name)>, Error>) -> bool {
    matches!(outcome, Err(Error::Conflict(Conflict::FolderCycle)))
}

#[test]
fn a_folder_cannot_move_into_itself_or_below() {
    let holiday = for_owner(folder(FOLDER));
    assert!(is_cycle(&place(&relocation(&holiday, Some(&holiday), None))));
    assert!(is_cycle(&place(&relocation(&holiday, Some(&below_folder()), None))));
    // The other way round is fine: it is there already.
    assert_eq!(place(&relocation(&below_folder(), Some(&holiday), None)).unwrap(), None);
}

#[test]
fn a_cycle_is_detected_from_the_current_state() {
    // When authorized, the other folder was a sibling; by now it is inside this one.
    let relocation = relocation(&for_owner(folder(FOLDER)), Some(&for_owner(folder(OTHER_FOLDER))), None);
    assert!(relocation.new_location(&relocation.item, relocation.to.as_ref()).is_ok());
    let by_now: Grant = grant_for(&below_folder(), Action::AddTo);
    let refused = relocation.new_location(&relocation.item, Some(&by_now));
    assert!(matches!(refused, Err(Error::Conflict(Conflict::FolderCycle))));
}

#[test]
fn nodes_do_not_move_to_other_drives() {
    let mut elsewhere = for_owner(folder(OTHER_FOLDER));
    elsewhere.node.drive = DriveId::from_uuid(Uuid::from_u128(8));
    let refused = place(&relocation(&for_owner(file(FILE)), Some(&elsewhere), None));
    assert!(matches!(refused, Err(Error::Conflict(Conflict::CrossDriveMove))));
}

#[test]
fn replacing_needs_the_permission_to_trash() {
    let edit = Permission::Edit;
    let mover = grant_for(&for_guest_of_parent(folder(FOLDER), edit), Action::Move);
    let other = || folder(OTHER_FOLDER);
    assert_eq!(
        Relocation::replacing(&mover, Some(for_guest_of_parent(other(), edit))).unwrap().node().id,
        OTHER_FOLDER
    );
    for refused in [for_guest(other(), edit), for_guest_of_parent(other(), Permission::View)] {
        assert!(matches!(Relocation::replacing(&mover, Some(refused)), Err(Error::Forbidden(_))));
    }
    for missing in [None, Some(trashed(for_guest_of_parent(other(), edit)))] {
        assert!(matches!(Relocation::replacing(&mover, missing), Err(Error::NotFound)));
    }
}

#[test]
fn a_folder_is_not_replaced_by_what_is_in_it() {
    let mover = grant_for(&below_folder(), Action::Move);
    let refused = Relocation::replacing(&mover, Some(for_owner(folder(FOLDER))));
    assert!(matches!(refused, Err(Error::Conflict(Conflict::FolderCycle))));
}

#[test]
fn a_root_cannot_be_moved() {
    let relocation = Relocation {
        item: grant_for(&root(OWNER), Action::Read),
        to: None,
        name: Some(name("x")),
        conflict: ConflictPolicy::Fail,
        metadata: MetadataUpdate::default(),
        seen: None,
    };
    assert!(matches!(relocation.new_location(&relocation.item, None), Err(Error::NotFound)));
}

#[test]
fn absent_fields_are_unchanged() {
    let beach = for_owner(file(FILE));
    let other = for_owner(folder(OTHER_FOLDER));
    let (old, new) = (name("beach.jpg"), name("sea.jpg"));
    assert_eq!(place(&relocation(&beach, None, Some(new.clone()))).unwrap(), Some((PARENT, new.clone())));
    assert_eq!(place(&relocation(&beach, Some(&other), None)).unwrap(), Some((OTHER_FOLDER, old.clone())));
    assert_eq!(place(&relocation(&beach, Some(&other), Some(new.clone()))).unwrap(), Some((OTHER_FOLDER, new)));
    assert_eq!(place(&relocation(&beach, Some(&root(OWNER)), None)).unwrap(), Some((ROOT, old.clone())));
    // It already has that name and parent.
    assert_eq!(place(&relocation(&beach, None, Some(old))).unwrap(), None);
    assert_eq!(place(&relocation(&beach, None, None)).unwrap(), None);
}
