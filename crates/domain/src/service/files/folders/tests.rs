use std::sync::Arc;

use mockall::predicate::eq;

use crate::error::{Conflict, Error, Forbidden};
use crate::model::{
    Action, AuditAction, ConflictPolicy, Entry, Limit, Located, Name, NodeId, NodeKind, NodePath, Order, PathStart,
    Permission, Position, Revision, Role, Sort, SortBy, SortValue, TrashItem, UserId, Viewer,
};
use crate::port::{FolderEntry, MetadataUpdate, MockNodeRepository, Relocated, Relocation};
use crate::service::testing::{
    FILE, FOLDER, GUEST, NOW, OTHER_FOLDER, OWNER, PARENT, ROOT, STRANGER, Trail, actor, command, context,
    context_with, drive_with, entry_quota_exceeded, file, folder, for_guest, for_guest_of_parent, for_outsider,
    for_owner, grant_for, made, name_taken, nothing_ended, one_ended_upload, root, seen, trashed, unconditioned,
    user_drive,
};
use crate::service::{Destination, FolderService, ListQuery, RelocationRequest};
use crate::testing::name;

const VIEW: Permission = Permission::View;
const EDIT: Permission = Permission::Edit;

fn service(drive: MockNodeRepository) -> FolderService {
    FolderService::new(Arc::new(drive), nothing_ended(), context())
}

/// The error of creating a folder in [`FOLDER`], or in whatever has its identifier; nothing may be created.
async fn refused_creation(found: Option<Located>, user: UserId) -> Error {
    let mut drive = drive_with(found);
    drive.expect_create_folder().never();
    service(drive).create(&actor(user), Some(FOLDER), &name("new")).await.unwrap_err()
}

/// The error of renaming or moving [`FOLDER`]; nothing may be changed.
async fn refused_relocation(found: impl IntoIterator<Item = Located>, user: UserId, place: RelocationRequest) -> Error {
    let mut drive = drive_with(found);
    drive.expect_relocate().never();
    service(drive).relocate(&actor(user), FOLDER, place, &unconditioned()).await.unwrap_err()
}

fn named(text: &str) -> RelocationRequest {
    RelocationRequest { name: Some(name(text)), to: None, ..RelocationRequest::default() }
}

fn into(folder: NodeId) -> RelocationRequest {
    RelocationRequest { name: None, to: Some(Destination::Folder(folder)), ..RelocationRequest::default() }
}

fn into_root() -> RelocationRequest {
    RelocationRequest { name: None, to: Some(Destination::Root), ..RelocationRequest::default() }
}

fn is_forbidden(error: &Error) -> bool {
    matches!(error, Error::Forbidden(Forbidden::Permission))
}

#[tokio::test]
async fn a_folder_goes_into_the_callers_root_by_default() {
    let mut drive = drive_with([]);
    let id: NodeId = made(1);
    drive
        .expect_create_folder()
        .with(eq(command(OWNER)), eq(grant_for(&root(OWNER), Action::AddTo)), eq(id), eq(name("holiday")))
        .times(1)
        .returning(|_, _, id, _| Ok(for_owner(folder(id))));
    let made = service(drive).create(&actor(OWNER), None, &name("holiday")).await.unwrap();
    assert_eq!((made.node.id, made.role), (id, Role::Owner));
}

#[tokio::test]
async fn a_guest_may_add_to_a_folder_that_is_shared_for_editing() {
    for found in [for_guest(folder(FOLDER), EDIT), for_guest_of_parent(folder(FOLDER), EDIT)] {
        let mut drive = drive_with([found.clone()]);
        drive
            .expect_create_folder()
            .with(eq(command(GUEST)), eq(grant_for(&found, Action::AddTo)), eq(made::<NodeId>(1)), eq(name("new")))
            .times(1)
            .returning(|_, _, id, _| Ok(for_guest_of_parent(folder(id), EDIT)));
        let made = service(drive).create(&actor(GUEST), Some(FOLDER), &name("new")).await.unwrap();
        assert_eq!((made.role, made.owner.id), (Role::Edit, OWNER));
    }
}

#[tokio::test]
async fn callers_without_the_right_add_nothing() {
    for found in [for_guest(folder(FOLDER), VIEW), for_guest_of_parent(folder(FOLDER), VIEW)] {
        assert!(is_forbidden(&refused_creation(Some(found), GUEST).await));
    }
    let stranger = refused_creation(Some(for_outsider(folder(FOLDER))), STRANGER).await;
    let absent = refused_creation(None, STRANGER).await;
    assert!(matches!((stranger, absent), (Error::NotFound, Error::NotFound)));
}

#[tokio::test]
async fn files_and_trashed_folders_accept_no_entries() {
    assert!(matches!(refused_creation(Some(for_owner(file(FOLDER))), OWNER).await, Error::NotFound));
    assert!(matches!(refused_creation(Some(trashed(for_owner(folder(FOLDER)))), OWNER).await, Error::NotFound));
}

#[tokio::test]
async fn a_deleted_account_has_no_root() {
    let folders = service(drive_with([]));
    assert!(matches!(folders.create(&actor(GUEST), None, &name("new")).await, Err(Error::NotFound)));
    assert!(matches!(folders.list_root(&actor(GUEST), &ListQuery::default()).await, Err(Error::NotFound)));
}

#[tokio::test]
async fn a_taken_name_is_reported_with_its_holder() {
    let mut drive = drive_with([]);
    drive.expect_create_folder().returning(|_, _, _, _| Err(name_taken()));
    let error = service(drive).create(&actor(OWNER), None, &name("holiday")).await.unwrap_err();
    let Error::Conflict(Conflict::NameTaken(taken)) = error else { panic!("{error}") };
    assert_eq!((taken.item.id, taken.suggested.as_str()), (OTHER_FOLDER, "holiday (1)"));
}

#[tokio::test]
async fn only_the_owner_learns_how_many_entries_a_full_drive_has() {
    let refusal = async |found: Located| {
        let viewer = found.viewer.user().unwrap();
        let mut drive = drive_with([found]);
        drive.expect_create_folder().times(1).returning(|_, _, _, _| Err(entry_quota_exceeded()));
        service(drive).create(&actor(viewer), Some(FOLDER), &name("new")).await.unwrap_err()
    };
    let owned = refusal(for_owner(folder(FOLDER))).await;
    assert!(matches!(owned, Error::Forbidden(Forbidden::Entries { needed: 1, .. })), "{owned:?}");
    for found in [for_guest(folder(FOLDER), EDIT), for_guest_of_parent(folder(FOLDER), EDIT)] {
        let foreign = refusal(found).await;
        assert!(matches!(foreign, Error::Forbidden(Forbidden::QuotaOfOwner { needed: None })), "{foreign:?}");
    }
}

#[tokio::test]
async fn the_root_is_listed_with_the_account() {
    let mut drive = drive_with([]);
    drive
        .expect_list()
        .withf(|root_grant, sort, after, limit| {
            root_grant == grant_for(&root(OWNER), Action::Read).read()
                && *sort == Sort::default()
                && after.is_none()
                && *limit == Limit::default()
        })
        .times(1)
        .returning(|_, _, _, _| Ok(vec![FolderEntry::new(folder(PARENT), None)]));
    let (account, page) = service(drive).list_root(&actor(OWNER), &ListQuery::default()).await.unwrap();
    assert_eq!(account, user_drive().account);
    assert_eq!((page.items[0].node.id, page.items[0].role), (PARENT, Role::Owner));
    assert_eq!(page.items[0].parent, None, "the root shows nowhere, not even as a parent");
    assert_eq!(page.next, None);
}

/// What the caller gets at the path `beach.jpg` from [`PARENT`], where the drive finds `found`.
async fn at_path(found: Option<Located>, user: UserId) -> Result<Entry, Error> {
    let (start, path) = (PathStart::Folder(PARENT), NodePath::new(vec![name("beach.jpg")]).unwrap());
    let mut drive = MockNodeRepository::new();
    let find = drive.expect_find_by_path().with(eq(start), eq(path.clone()), eq(Viewer::from(user)));
    find.times(1).return_once(move |_, _, _| Ok(found));
    service(drive).find_by_path(&actor(user), start, &path).await
}

#[tokio::test]
async fn a_path_leads_to_what_stands_below_a_folder_that_the_caller_sees() {
    let owned = at_path(Some(for_owner(file(FILE))), OWNER).await.unwrap();
    assert_eq!((owned.node.id, owned.role), (FILE, Role::Owner));
    let inherited = at_path(Some(for_guest_of_parent(file(FILE), VIEW)), GUEST).await.unwrap();
    assert_eq!((inherited.node.id, inherited.role, inherited.parent), (FILE, Role::View, Some(PARENT)));
}

#[tokio::test]
async fn paths_through_invisible_nodes_are_not_found() {
    for (found, user) in [
        (None, OWNER),
        (Some(for_outsider(file(FILE))), STRANGER),
        (Some(trashed(for_owner(file(FILE)))), OWNER),
        // The file is shared, the folder in which the path starts is not.
        (Some(for_guest(file(FILE), EDIT)), GUEST),
    ] {
        assert!(matches!(at_path(found, user).await, Err(Error::NotFound)));
    }
}

#[tokio::test]
async fn a_root_does_not_show_at_the_end_of_a_path() {
    let mut drive = MockNodeRepository::new();
    drive.expect_find_by_path().times(1).return_once(|_, _, _| Ok(Some(root(OWNER))));
    let found = service(drive).find_by_path(&actor(OWNER), PathStart::OwnRoot, &NodePath::default()).await;
    assert!(matches!(found, Err(Error::NotFound)));
}

#[tokio::test]
async fn a_page_starts_after_its_position_and_returns_the_next() {
    let found = for_owner(folder(FOLDER));
    let after = Position { value: SortValue::Size(3), kind: NodeKind::Folder, id: OTHER_FOLDER };
    let sort = Sort { by: SortBy::Size, order: Order::Descending, folders_first: false };
    let query = ListQuery { sort, after: Some(after.clone()), limit: Limit::new(1).unwrap() };
    let mut drive = drive_with([found.clone()]);
    drive
        .expect_list()
        .withf(move |grant, by, from, limit| {
            grant == grant_for(&found, Action::Read).read() && *by == sort && *from == Some(&after) && limit.get() == 1
        })
        .times(1)
        .returning(|_, _, _, _| Ok(vec![FolderEntry::new(file(FILE), None), FolderEntry::new(folder(PARENT), None)]));
    let listing = service(drive).list(&actor(OWNER), FOLDER, &query).await.ok().unwrap();
    let ids: Vec<NodeId> = listing.page.items.iter().map(|item| item.node.id).collect();
    assert_eq!(ids, [FILE]);
    assert_eq!(listing.page.next, Some(Position { value: SortValue::Size(10), kind: NodeKind::File, id: FILE }));
}

#[tokio::test]
async fn a_guest_sees_the_path_from_the_shared_folder_and_item_roles() {
    let mut drive = drive_with([for_guest(folder(FOLDER), VIEW)]);
    drive.expect_list().returning(|_, _, _, _| {
        Ok(vec![FolderEntry::new(file(FILE), None), FolderEntry::new(folder(OTHER_FOLDER), Some(EDIT))])
    });
    let listing = service(drive).list(&actor(GUEST), FOLDER, &ListQuery::default()).await.ok().unwrap();
    let roles: Vec<Role> = listing.page.items.iter().map(|item| item.role).collect();
    assert_eq!(roles, [Role::View, Role::Edit]);
    assert!(listing.page.items.iter().all(|item| item.parent == Some(FOLDER) && item.owner.id == OWNER));
    assert_eq!((listing.folder.role, listing.folder.parent), (Role::View, None));
    let path: Vec<&Name> = listing.path.iter().map(|step| &step.name).collect();
    assert_eq!(path, [&name("holiday")]);
}

#[tokio::test]
async fn only_visible_folders_are_listed() {
    let cases = [
        (for_outsider(folder(FOLDER)), STRANGER),
        (for_owner(file(FOLDER)), OWNER),
        (trashed(for_owner(folder(FOLDER))), OWNER),
        (trashed(for_guest(folder(FOLDER), EDIT)), GUEST),
    ];
    for (found, user) in cases {
        let mut drive = drive_with([found]);
        drive.expect_list().never();
        let refused = service(drive).list(&actor(user), FOLDER, &ListQuery::default()).await;
        assert!(matches!(refused.err(), Some(Error::NotFound)));
    }
    // A root is listed only as the caller's own, never by its identifier.
    let refused = service(drive_with([root(OWNER)])).list(&actor(OWNER), ROOT, &ListQuery::default()).await;
    assert!(matches!(refused.err(), Some(Error::NotFound)));
}

#[tokio::test]
async fn the_owner_and_editors_of_the_parent_may_rename() {
    for found in [for_owner(folder(FOLDER)), for_guest_of_parent(folder(FOLDER), EDIT)] {
        let user = found.viewer.user().unwrap();
        let mut drive = drive_with([found.clone()]);
        let relocation = Relocation {
            item: grant_for(&found, Action::Rename),
            to: None,
            name: Some(name("seaside")),
            conflict: ConflictPolicy::Fail,
            metadata: MetadataUpdate::default(),
            seen: Some(Revision(1)),
        };
        drive
            .expect_relocate()
            .with(eq(command(user)), eq(relocation))
            .times(1)
            .returning(move |_, _| Ok(found.clone().into()));
        let renamed = service(drive).relocate(&actor(user), FOLDER, named("seaside"), &seen(1)).await;
        assert_eq!(renamed.unwrap().node.id, FOLDER);
    }
}

#[tokio::test]
async fn guests_may_not_rename_or_move_the_shared_folder_itself() {
    let found = || [for_guest(folder(FOLDER), EDIT), for_guest(folder(OTHER_FOLDER), EDIT)];
    for place in [named("mine"), into(OTHER_FOLDER), into_root()] {
        assert!(is_forbidden(&refused_relocation(found(), GUEST, place).await));
    }
}

#[tokio::test]
async fn a_viewer_changes_nothing_and_a_stranger_finds_nothing() {
    for place in [named("mine"), into(OTHER_FOLDER), into_root()] {
        let viewer = refused_relocation([for_guest_of_parent(folder(FOLDER), VIEW)], GUEST, place.clone()).await;
        assert!(is_forbidden(&viewer));
        let stranger = refused_relocation([for_outsider(folder(FOLDER))], STRANGER, place).await;
        assert!(matches!(stranger, Error::NotFound));
    }
}

#[tokio::test]
async fn a_move_passes_grants_for_both_ends() {
    let item = for_guest_of_parent(folder(FOLDER), EDIT);
    let destination = for_guest(folder(OTHER_FOLDER), EDIT);
    let mut drive = drive_with([item.clone(), destination.clone()]);
    let relocation = Relocation {
        item: grant_for(&item, Action::Move),
        to: Some(grant_for(&destination, Action::AddTo)),
        name: Some(name("seaside")),
        conflict: ConflictPolicy::Fail,
        metadata: MetadataUpdate::default(),
        seen: None,
    };
    drive
        .expect_relocate()
        .with(eq(command(GUEST)), eq(relocation))
        .times(1)
        .returning(move |_, _| Ok(item.clone().into()));
    let place = RelocationRequest { name: Some(name("seaside")), ..into(OTHER_FOLDER) };
    assert!(service(drive).relocate(&actor(GUEST), FOLDER, place, &unconditioned()).await.is_ok());
}

#[tokio::test]
async fn a_move_needs_permission_at_the_destination() {
    let item = || for_guest_of_parent(folder(FOLDER), EDIT);
    let unseen = Located { viewer: GUEST.into(), ..for_outsider(folder(OTHER_FOLDER)) };
    let viewed = for_guest(folder(OTHER_FOLDER), VIEW);
    assert!(is_forbidden(&refused_relocation([item(), viewed], GUEST, into(OTHER_FOLDER)).await));
    for found in [
        unseen,
        for_guest_of_parent(file(OTHER_FOLDER), EDIT),
        trashed(for_guest_of_parent(folder(OTHER_FOLDER), EDIT)),
    ] {
        let error = refused_relocation([item(), found], GUEST, into(OTHER_FOLDER)).await;
        assert!(matches!(error, Error::NotFound));
    }
    assert!(matches!(refused_relocation([item()], GUEST, into(OTHER_FOLDER)).await, Error::NotFound));
}

#[tokio::test]
async fn only_the_owner_moves_to_the_root_of_the_drive() {
    let item = for_owner(folder(FOLDER));
    let mut drive = drive_with([item.clone(), root(OWNER)]);
    let relocation = Relocation {
        item: grant_for(&item, Action::Move),
        to: Some(grant_for(&root(OWNER), Action::AddTo)),
        name: None,
        conflict: ConflictPolicy::Fail,
        metadata: MetadataUpdate::default(),
        seen: None,
    };
    drive
        .expect_relocate()
        .with(eq(command(OWNER)), eq(relocation))
        .times(1)
        .returning(move |_, _| Ok(item.clone().into()));
    assert!(service(drive).relocate(&actor(OWNER), FOLDER, into_root(), &unconditioned()).await.is_ok());

    let guest = refused_relocation([for_guest_of_parent(folder(FOLDER), EDIT), root(GUEST)], GUEST, into_root()).await;
    assert!(is_forbidden(&guest));
}

#[tokio::test]
async fn errors_of_the_move_are_passed_on() {
    let faults: [fn() -> Error; 3] = [
        || Error::PreconditionFailed,
        || Error::Conflict(Conflict::FolderCycle),
        || Error::Conflict(Conflict::CrossDriveMove),
    ];
    for error in faults {
        let mut drive = drive_with([for_owner(folder(FOLDER)), for_owner(folder(OTHER_FOLDER))]);
        drive.expect_relocate().times(1).returning(move |_, _| Err(error()));
        let met =
            service(drive).relocate(&actor(OWNER), FOLDER, into(OTHER_FOLDER), &unconditioned()).await.unwrap_err();
        assert_eq!(met.to_string(), error().to_string());
    }
}

#[tokio::test]
async fn a_file_is_not_renamed_as_a_folder() {
    let error = refused_relocation([for_owner(file(FOLDER))], OWNER, named("x")).await;
    assert!(matches!(error, Error::NotFound));
}

#[tokio::test]
async fn data_of_uploads_ended_by_a_move_is_deleted() {
    let item = for_owner(folder(FOLDER));
    let mut drive = drive_with([item.clone(), for_owner(folder(OTHER_FOLDER))]);
    drive.expect_relocate().times(1).return_once(move |_, _| Ok(item.into()));
    let folders = FolderService::new(Arc::new(drive), one_ended_upload(), context());
    assert!(folders.relocate(&actor(OWNER), FOLDER, into(OTHER_FOLDER), &unconditioned()).await.is_ok());
}

#[tokio::test]
async fn a_folder_replaced_by_a_move_ends_like_a_deleted_one() {
    let item = for_owner(folder(FOLDER));
    let mut drive = drive_with([item.clone()]);
    let asked = drive.expect_relocate().withf(|_, spec| spec.conflict == ConflictPolicy::Replace && spec.to.is_none());
    asked.times(1).return_once(move |_, _| Ok(Relocated { located: item, replaced: Some(OTHER_FOLDER) }));
    let trail = Trail::default();
    let folders = FolderService::new(Arc::new(drive), one_ended_upload(), context_with(NOW, trail.clone()));
    let place = RelocationRequest { conflict: ConflictPolicy::Replace, ..named("seaside") };
    folders.relocate(&actor(OWNER), FOLDER, place, &unconditioned()).await.unwrap();
    let item = TrashItem { kind: NodeKind::Folder, node: OTHER_FOLDER };
    assert_eq!(trail.read(), [(Some(OWNER), AuditAction::ItemTrashed(item))]);
}
