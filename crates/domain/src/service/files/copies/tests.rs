use std::collections::HashSet;
use std::sync::Arc;

use mockall::predicate::{always, eq};

use crate::error::{Conflict, Error, Field, Forbidden};
use crate::model::{
    Action, ConflictPolicy, IdSource, Located, Name, NodeId, Permission, Revision, Step, UserId, VersionId,
};
use crate::port::{CopyRequest, MockBlobRecordRepository, MockBlobStore, MockTreeRepository, SavedNode};
use crate::service::testing::{
    FILE, FOLDER, GUEST, OTHER_FOLDER, OWNER, STRANGER, actor, command, context, drive_with, file, folder, for_guest,
    for_guest_of_parent, for_outsider, for_owner, grant_for, name_taken, nth_blob, nth_key, one_store, root, seen,
    trashed, unconditioned,
};
use crate::service::{BlobRemover, CopyService, CopyTarget};
use crate::testing::name;

const VIEW: Permission = Permission::View;
const EDIT: Permission = Permission::Edit;

fn service(found: impl IntoIterator<Item = Located>, trees: MockTreeRepository) -> CopyService {
    service_on(found, trees, MockBlobRecordRepository::new(), MockBlobStore::new())
}

fn service_on(
    found: impl IntoIterator<Item = Located>,
    trees: MockTreeRepository,
    records: MockBlobRecordRepository,
    store: MockBlobStore,
) -> CopyService {
    let remover = BlobRemover::new(Arc::new(records), one_store(store));
    CopyService::new(Arc::new(drive_with(found)), Arc::new(trees), remover, context(), 7)
}

fn into(folder: NodeId) -> CopyTarget {
    CopyTarget { folder: Some(folder), ..CopyTarget::default() }
}

/// The error of a refused copy; nothing may be copied.
async fn refused(found: impl IntoIterator<Item = Located>, user: UserId, kind: &str, place: CopyTarget) -> Error {
    let mut trees = MockTreeRepository::new();
    trees.expect_copy().never();
    let copies = service(found, trees);
    let outcome = match kind {
        "file" => copies.copy_file(&actor(user), FILE, place, &unconditioned()).await,
        _ => copies.copy_folder(&actor(user), FOLDER, place, &unconditioned()).await,
    };
    outcome.unwrap_err()
}

#[tokio::test]
async fn a_copy_goes_into_the_callers_root_by_default() {
    let mut trees = MockTreeRepository::new();
    trees
        .expect_copy()
        .withf(|by, copy_request| {
            *by == command(OWNER)
                && copy_request.item == grant_for(&for_owner(file(FILE)), Action::Read)
                && copy_request.to == grant_for(&root(OWNER), Action::AddTo)
                && (copy_request.name.clone(), copy_request.conflict, copy_request.seen)
                    == (None, ConflictPolicy::Fail, None)
        })
        .times(1)
        .returning(|_, _| Ok(for_owner(file(FILE)).into()));
    let copies = service([for_owner(file(FILE))], trees);
    let made = copies.copy_file(&actor(OWNER), FILE, CopyTarget::default(), &unconditioned()).await.unwrap();
    assert_eq!(made.node.id, FILE);
}

#[tokio::test]
async fn the_bytes_of_versions_that_a_copy_made_superfluous_are_deleted() {
    let (mut trees, mut records, mut store) =
        (MockTreeRepository::new(), MockBlobRecordRepository::new(), MockBlobStore::new());
    let saved = SavedNode { located: for_owner(file(FILE)), freed: vec![nth_blob(8)] };
    trees.expect_copy().times(1).return_once(|_, _| Ok(saved));
    store.expect_delete().with(eq(nth_key(8))).times(1).returning(|_| Ok(()));
    let removal = records.expect_remove().withf(|_, keys| keys == [nth_key(8)]);
    removal.times(1).returning(|_, _| Ok(()));
    let copies = service_on([for_owner(file(FILE))], trees, records, store);
    copies.copy_file(&actor(OWNER), FILE, CopyTarget::default(), &unconditioned()).await.unwrap();
}

#[tokio::test]
async fn a_viewer_may_copy_to_an_editable_folder() {
    let item = for_guest(folder(FOLDER), VIEW);
    let to = for_guest(folder(OTHER_FOLDER), EDIT);
    let (seen_item, seen_to) = (grant_for(&item, Action::Read), grant_for(&to, Action::AddTo));
    let mut trees = MockTreeRepository::new();
    trees
        .expect_copy()
        .withf(move |by, copy_request| {
            *by == command(GUEST)
                && (&copy_request.item, &copy_request.to) == (&seen_item, &seen_to)
                && copy_request.name == Some(name("seaside"))
                && (copy_request.conflict, copy_request.seen) == (ConflictPolicy::Keep, Some(Revision(1)))
        })
        .times(1)
        .returning(|_, _| Ok(for_guest_of_parent(folder(OTHER_FOLDER), EDIT).into()));
    let place = CopyTarget { folder: Some(OTHER_FOLDER), name: Some(name("seaside")), conflict: ConflictPolicy::Keep };
    let copies = service([item, to], trees);
    let made = copies.copy_folder(&actor(GUEST), FOLDER, place, &seen(1)).await.unwrap();
    assert_eq!(made.node.id, OTHER_FOLDER);
}

#[tokio::test]
async fn invisible_items_are_not_copied() {
    for (found, user) in [
        (for_outsider(file(FILE)), STRANGER),
        (for_owner(folder(FILE)), OWNER),
        (trashed(for_owner(file(FILE))), OWNER),
        (trashed(for_guest(file(FILE), EDIT)), GUEST),
    ] {
        assert!(matches!(refused([found, root(user)], user, "file", CopyTarget::default()).await, Error::NotFound));
    }
    let as_folder = refused([for_owner(file(FOLDER))], OWNER, "folder", CopyTarget::default()).await;
    assert!(matches!(as_folder, Error::NotFound));
}

#[tokio::test]
async fn nothing_is_copied_to_where_the_caller_may_not_add() {
    let viewed = for_guest(folder(OTHER_FOLDER), VIEW);
    let error = refused([for_guest(file(FILE), EDIT), viewed], GUEST, "file", into(OTHER_FOLDER)).await;
    assert!(matches!(error, Error::Forbidden(Forbidden::Permission)));
    for to in [
        Located { viewer: GUEST.into(), ..for_outsider(folder(OTHER_FOLDER)) },
        for_guest(file(OTHER_FOLDER), EDIT),
        trashed(for_guest(folder(OTHER_FOLDER), EDIT)),
    ] {
        let error = refused([for_guest(file(FILE), EDIT), to], GUEST, "file", into(OTHER_FOLDER)).await;
        assert!(matches!(error, Error::NotFound));
    }
}

#[tokio::test]
async fn a_folder_replaces_nothing() {
    let place = CopyTarget { conflict: ConflictPolicy::Replace, ..CopyTarget::default() };
    let error = refused([for_owner(folder(FOLDER))], OWNER, "folder", place).await;
    assert!(matches!(error, Error::Invalid(violations) if violations[0].field == Field::FolderConflict));
}

#[tokio::test]
async fn errors_of_the_copy_are_passed_on() {
    let faults: [fn() -> Error; 3] =
        [|| Error::PreconditionFailed, || Error::Conflict(Conflict::FolderCycle), name_taken];
    for error in faults {
        let mut trees = MockTreeRepository::new();
        trees.expect_copy().with(eq(command(OWNER)), always()).times(1).returning(move |_, _| Err(error()));
        let copies = service([for_owner(folder(FOLDER))], trees);
        let met = copies.copy_folder(&actor(OWNER), FOLDER, CopyTarget::default(), &unconditioned()).await.unwrap_err();
        assert_eq!(met.to_string(), error().to_string());
    }
}

#[tokio::test]
async fn a_copy_gets_enough_identifiers() {
    let mut trees = MockTreeRepository::new();
    trees.expect_copy().times(1).returning(|_, copy_request| {
        let nodes: HashSet<NodeId> = (0..100).map(|_| copy_request.ids.id()).collect();
        let versions: HashSet<VersionId> = (0..100).map(|_| copy_request.ids.id()).collect();
        assert_eq!((nodes.len(), versions.len()), (100, 100));
        Ok(for_owner(file(FILE)).into())
    });
    let copies = service([for_owner(file(FILE))], trees);
    copies.copy_file(&actor(OWNER), FILE, CopyTarget::default(), &unconditioned()).await.unwrap();
}

fn copy_request(item: &Located, to: &Located, name: Option<Name>, seen: Option<Revision>) -> CopyRequest {
    CopyRequest {
        item: grant_for(item, Action::Read),
        to: grant_for(to, Action::AddTo),
        name,
        conflict: ConflictPolicy::Fail,
        seen,
        max_versions: 7,
        ids: IdSource::new(crate::service::testing::NOW, Arc::new(crate::service::testing::CountingRandom::from(1))),
    }
}

#[test]
fn a_copy_keeps_its_name_by_default() {
    let (beach, holiday) = (for_owner(file(FILE)), for_owner(folder(FOLDER)));
    for (given, expected) in [(None, "beach.jpg"), (Some(name("sea.jpg")), "sea.jpg")] {
        let copy_request = copy_request(&beach, &holiday, given, Some(Revision(1)));
        assert_eq!(copy_request.place(&copy_request.item, &copy_request.to).unwrap(), &name(expected));
    }
}

#[test]
fn the_state_in_the_transaction_decides() {
    let (holiday, other) = (for_owner(folder(FOLDER)), for_owner(folder(OTHER_FOLDER)));
    let spec = copy_request(&holiday, &other, None, Some(Revision(1)));
    // The revision has changed.
    let mut changed = holiday.clone();
    changed.node.revision = Revision(2);
    let refused = spec.place(&grant_for(&changed, Action::Read), &spec.to).unwrap_err();
    assert!(matches!(refused, Error::PreconditionFailed));
    // The other folder is inside this one by now.
    let mut below = other;
    below.lineage.insert(1, Step { id: FOLDER, name: name("holiday"), trashed: false, share: None });
    for to in [&below, &holiday] {
        let refused = spec.place(&spec.item, &grant_for(to, Action::AddTo)).unwrap_err();
        assert!(matches!(refused, Error::Conflict(Conflict::FolderCycle)));
    }
    let of_root = copy_request(&root(OWNER), &holiday, None, None);
    assert!(matches!(of_root.place(&of_root.item, &of_root.to), Err(Error::NotFound)));
}
