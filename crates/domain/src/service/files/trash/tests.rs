use std::sync::Arc;
use std::time::Duration;

use mockall::Sequence;
use mockall::predicate::eq;

use crate::error::{Conflict, Error, Forbidden};
use crate::model::{
    Action, AuditAction, BlobKey, Limit, Located, Node, NodeId, NodeKind, Permission, Revision, Role, Step, Timestamp,
    TrashItem, TrashPosition,
};
use crate::port::{
    FolderEntry, MockBlobRecordRepository, MockBlobStore, MockTrashRepository, Purge, PurgeScope, PurgeStep,
    Restoration, Trashed,
};
use crate::service::testing::{
    FILE, FOLDER, GUEST, NOW, OTHER_FOLDER, OWNER, PARENT, ROOT, STRANGER, Trail, actor, command, context_with,
    drive_with, file, folder, for_guest, for_guest_of_parent, for_outsider, for_owner, grant_for, nothing_ended,
    nth_blob, nth_key, one_ended_upload, one_store, outage, root, seen, trashed, unconditioned, user_drive,
};
use crate::service::{BlobRemover, Destination, ListQuery, TrashService};
use crate::testing::{name, store_name};

const DAY: Duration = Duration::from_secs(86_400);

fn service(nodes: impl IntoIterator<Item = Located>, trash: MockTrashRepository) -> (TrashService, Trail) {
    service_on(nodes, trash, MockBlobRecordRepository::new(), MockBlobStore::new())
}

fn service_on(
    nodes: impl IntoIterator<Item = Located>,
    trash: MockTrashRepository,
    records: MockBlobRecordRepository,
    blobs: MockBlobStore,
) -> (TrashService, Trail) {
    let trail = Trail::default();
    let remover = BlobRemover::new(Arc::new(records), one_store(blobs));
    let context = context_with(NOW, trail.clone());
    (TrashService::new(Arc::new(drive_with(nodes)), Arc::new(trash), remover, nothing_ended(), context, DAY), trail)
}

/// The node itself was trashed.
fn trashed_root(mut found: Located) -> Located {
    found.lineage[0].trashed = true;
    found
}

fn step(removed: u32, reached: u32, more: bool) -> PurgeStep {
    PurgeStep { removed, reached, more, ..PurgeStep::default() }
}

const THE_FILE: TrashItem = TrashItem { kind: NodeKind::File, node: FILE };

#[tokio::test]
async fn movable_items_may_be_trashed_when_unchanged() {
    for found in [for_owner(file(FILE)), for_guest_of_parent(file(FILE), Permission::Edit)] {
        let (viewer, item) = (found.viewer.user().unwrap(), grant_for(&found, Action::Trash));
        let mut trash = MockTrashRepository::new();
        let put = trash.expect_put().with(eq(command(viewer)), eq(item), eq(Some(Revision(1))));
        put.times(1).returning(|_, _, _| Ok(()));
        let (service, trail) = service([found], trash);
        service.put(&actor(viewer), (NodeKind::File, FILE), &seen(1)).await.unwrap();
        assert_eq!(trail.read(), [(Some(viewer), AuditAction::ItemTrashed(THE_FILE))]);
    }
}

#[tokio::test]
async fn immovable_items_are_not_trashed() {
    for found in [for_guest(file(FILE), Permission::Edit), for_guest_of_parent(file(FILE), Permission::View)] {
        let (service, trail) = service([found], MockTrashRepository::new());
        let refused = service.put(&actor(GUEST), (NodeKind::File, FILE), &unconditioned()).await;
        assert!(matches!(refused, Err(Error::Forbidden(Forbidden::Permission))));
        assert_eq!(trail.read(), []);
    }
    let unseen = [
        for_outsider(file(FILE)),
        trashed(for_owner(file(FILE))),
        trashed_root(for_owner(file(FILE))),
        for_owner(folder(FILE)),
    ];
    for found in unseen {
        let viewer = found.viewer.user().unwrap();
        let (service, _) = service([found], MockTrashRepository::new());
        let refused = service.put(&actor(viewer), (NodeKind::File, FILE), &unconditioned()).await;
        assert!(matches!(refused, Err(Error::NotFound)));
    }
}

#[tokio::test]
async fn the_trash_lists_purge_time_and_former_path() {
    let at = Timestamp::from_millis(9_000);
    let rows = vec![
        Trashed { located: trashed_root(for_owner(file(FILE))), at },
        Trashed { located: trashed(trashed_root(for_owner(folder(FOLDER)))), at: NOW },
    ];
    let mut trash = MockTrashRepository::new();
    let place = TrashPosition { at: NOW, id: OTHER_FOLDER };
    let limit = Limit::new(1).unwrap();
    let grant = grant_for(&user_drive().root, Action::Read);
    let list = trash.expect_list().with(eq(grant), eq(Some(place)), eq(limit));
    list.times(1).return_once(move |_, _, _| Ok(rows));
    let (service, _) = service([], trash);
    let page = service.list(&actor(OWNER), Some(place), limit).await.unwrap();
    let [item] = page.items.as_slice() else { panic!("{page:?}") };
    assert_eq!((item.entry.node.id, item.entry.parent, item.entry.role), (FILE, Some(PARENT), Role::Owner));
    assert_eq!((item.trashed_at, item.purge_at), (at, at.plus(DAY)));
    assert_eq!(item.path, [name("shelf")]);
    assert_eq!(page.next, Some(TrashPosition { at, id: FILE }));
}

#[tokio::test]
async fn a_trash_page_is_fetched_in_batches_and_limited_in_size() {
    let id = |number: usize| NodeId::from_uuid(uuid::Uuid::from_u128(1_000_000 - number as u128));
    let deep = move |number: usize| {
        let mut located = trashed_root(for_owner(file(id(number))));
        located.lineage[0].id = id(number);
        let above = Step { id: OTHER_FOLDER, name: name(&"l".repeat(255)), trashed: false, share: None };
        drop(located.lineage.splice(1..1, std::iter::repeat_n(above, 60)));
        Trashed { located, at: NOW }
    };
    let mut trash = MockTrashRepository::new();
    trash.expect_list().returning(move |_, after, limit| {
        let first = after.map_or(0, |after| 1_000_000 - after.id.as_uuid().as_u128() as usize + 1);
        Ok((first..300).take(limit.get() + 1).map(deep).collect())
    });
    let (service, _) = service([], trash);
    let (mut after, mut seen, mut pages) = (None, Vec::new(), 0);
    loop {
        let page = service.list(&actor(OWNER), after, Limit::new(1000).unwrap()).await.unwrap();
        assert!((40..70).contains(&page.items.len()) || page.next.is_none(), "{}", page.items.len());
        seen.extend(page.items.iter().map(|item| item.entry.node.id));
        pages += 1;
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, (0..300).map(id).collect::<Vec<_>>());
    assert!(pages > 4, "{pages}");
}

#[tokio::test]
async fn an_item_is_restored_to_where_its_owner_says() {
    let item = || trashed_root(for_owner(file(FILE)));
    let there = for_owner(folder(OTHER_FOLDER));
    for (to, grant) in [
        (None, None),
        (Some(Destination::Root), Some(grant_for(&root(OWNER), Action::AddTo))),
        (Some(Destination::Folder(OTHER_FOLDER)), Some(grant_for(&there, Action::AddTo))),
    ] {
        let spec = Restoration {
            item: grant_for(&item(), Action::Restore),
            to: grant,
            seen: Some(Revision(1)),
            trashed_after: None,
        };
        let mut trash = MockTrashRepository::new();
        let restore = trash.expect_restore().with(eq(command(OWNER)), eq(spec));
        restore.times(1).returning(|_, _| Ok(for_owner(file(FILE))));
        let (service, trail) = service([item(), root(OWNER), there.clone()], trash);
        let entry = service.restore(&actor(OWNER), FILE, to, &seen(1)).await.unwrap();
        assert_eq!(entry.node.id, FILE);
        assert_eq!(trail.read(), [(Some(OWNER), AuditAction::ItemRestored(THE_FILE))]);
    }
}

#[tokio::test]
async fn only_the_owner_accesses_the_trash() {
    let guests = trashed_root(for_guest_of_parent(file(FILE), Permission::Edit));
    let live = for_owner(file(FILE));
    for found in [guests, live] {
        let viewer = found.viewer.user().unwrap();
        let mut trash = MockTrashRepository::new();
        let undoable = trash.expect_find_trashed_by().with(eq(FILE), eq(viewer), eq(an_hour_ago()));
        undoable.times(1).returning(|_, _, _| Ok(None));
        let (service, trail) = service([found], trash);
        assert!(matches!(service.restore(&actor(viewer), FILE, None, &unconditioned()).await, Err(Error::NotFound)));
        let elsewhere = service.restore(&actor(viewer), FILE, Some(Destination::Root), &unconditioned()).await;
        assert!(matches!(elsewhere, Err(Error::NotFound)));
        assert!(matches!(service.purge(&actor(viewer), FILE, &unconditioned()).await, Err(Error::NotFound)));
        assert!(matches!(service.list_folder(&actor(viewer), FILE, &ListQuery::default()).await, Err(Error::NotFound)));
        assert_eq!(trail.read(), []);
    }
    let (service, _) = service([], MockTrashRepository::new());
    assert!(matches!(service.empty(&actor(STRANGER)).await, Err(Error::NotFound)));
}

fn an_hour_ago() -> Timestamp {
    NOW.minus(Duration::from_secs(3_600))
}

#[tokio::test]
async fn a_guest_may_undo_within_an_hour() {
    let undoable = || trashed_root(for_guest_of_parent(file(FILE), Permission::Edit));
    let spec = Restoration {
        item: grant_for(&undoable(), Action::Undo),
        to: None,
        seen: Some(Revision(1)),
        trashed_after: Some(an_hour_ago()),
    };
    let mut trash = MockTrashRepository::new();
    let find = trash.expect_find_trashed_by().with(eq(FILE), eq(GUEST), eq(an_hour_ago()));
    find.times(1).returning(move |_, _, _| Ok(Some(undoable())));
    let restore = trash.expect_restore().with(eq(command(GUEST)), eq(spec));
    restore.times(1).returning(|_, _| Ok(for_guest_of_parent(file(FILE), Permission::Edit)));
    let (service, trail) = service([undoable()], trash);
    let entry = service.restore(&actor(GUEST), FILE, None, &seen(1)).await.unwrap();
    assert_eq!((entry.node.id, entry.role), (FILE, Role::Edit));
    assert_eq!(trail.read(), [(Some(GUEST), AuditAction::ItemRestored(THE_FILE))]);
}

#[tokio::test]
async fn a_guest_without_edit_permission_undoes_nothing() {
    for found in [for_guest_of_parent(file(FILE), Permission::View), for_guest(file(FILE), Permission::Edit)] {
        let found = trashed_root(found);
        let mut trash = MockTrashRepository::new();
        let now = found.clone();
        trash.expect_find_trashed_by().times(1).returning(move |_, _, _| Ok(Some(now.clone())));
        let (service, _) = service([found], trash);
        assert!(matches!(service.restore(&actor(GUEST), FILE, None, &unconditioned()).await, Err(Error::NotFound)));
    }
}

#[tokio::test]
async fn a_folder_in_the_trash_is_listed_by_its_owner() {
    for found in [trashed_root(for_owner(folder(FOLDER))), trashed(for_owner(folder(FOLDER)))] {
        let child = Node { parent: Some(FOLDER), ..file(FILE) };
        let mut drive = drive_with([found]);
        let list = drive.expect_list().withf(|folder, _, _, _| folder.node().id == FOLDER);
        list.times(1).returning(move |_, _, _, _| Ok(vec![FolderEntry::new(child.clone(), None)]));
        let remover = BlobRemover::new(Arc::new(MockBlobRecordRepository::new()), one_store(MockBlobStore::new()));
        let context = context_with(NOW, Trail::default());
        let service = TrashService::new(
            Arc::new(drive),
            Arc::new(MockTrashRepository::new()),
            remover,
            nothing_ended(),
            context,
            DAY,
        );
        let page = service.list_folder(&actor(OWNER), FOLDER, &ListQuery::default()).await.unwrap();
        let [item] = page.items.as_slice() else { panic!("{page:?}") };
        assert_eq!((item.node.id, item.parent, item.role), (FILE, Some(FOLDER), Role::Owner));
    }
    for found in [
        for_owner(folder(FOLDER)),
        trashed_root(for_owner(file(FOLDER))),
        trashed_root(for_guest_of_parent(folder(FOLDER), Permission::Edit)),
    ] {
        let viewer = found.viewer.user().unwrap();
        let (service, _) = service([found], MockTrashRepository::new());
        let refused = service.list_folder(&actor(viewer), FOLDER, &ListQuery::default()).await;
        assert!(matches!(refused, Err(Error::NotFound)));
    }
}

#[test]
fn a_restored_item_goes_to_its_old_folder_or_the_root_within_its_drive() {
    let of = |found: &Located| grant_for(found, Action::Restore);
    let item = trashed_root(for_owner(folder(FOLDER)));
    assert_eq!(Restoration::parent(&of(&item), None).unwrap(), PARENT);
    assert_eq!(Restoration::parent(&of(&trashed(item.clone())), None).unwrap(), ROOT);
    let there = grant_for(&for_owner(folder(OTHER_FOLDER)), Action::AddTo);
    assert_eq!(Restoration::parent(&of(&item), Some(&there)).unwrap(), OTHER_FOLDER);
    let mut foreign = for_owner(folder(OTHER_FOLDER));
    foreign.node.drive = crate::model::DriveId::from_uuid(uuid::Uuid::from_u128(8));
    let foreign = grant_for(&foreign, Action::AddTo);
    let refused = Restoration::parent(&of(&item), Some(&foreign));
    assert!(matches!(refused, Err(Error::Conflict(Conflict::CrossDriveMove))));
    let itself = grant_for(&for_owner(folder(FOLDER)), Action::AddTo);
    assert!(matches!(Restoration::parent(&of(&item), Some(&itself)), Err(Error::Conflict(Conflict::FolderCycle))));
}

#[tokio::test]
async fn a_purge_runs_to_completion_or_its_bound() {
    let item = trashed_root(for_owner(file(FILE)));
    let drive = item.node.drive;
    for steps in [
        vec![step(1, 0, false)],
        // A purge of a thousand nodes, each of which was reached first, is complete when it returns.
        vec![step(1, 499, true), step(499, 500, true), step(500, 0, false)],
        vec![step(0, 0, true), step(500, 500, true), step(500, 500, true)],
    ] {
        let mut order = Sequence::new();
        let mut trash = MockTrashRepository::new();
        let begin = trash.expect_begin_purge().with(eq(command(OWNER)), eq(grant_for(&item, Action::Purge)), eq(None));
        begin.times(1).in_sequence(&mut order).returning(|_, _, _| Ok(()));
        for step in steps {
            let purge = trash.expect_purge().with(eq(command(OWNER)), eq(Purge::Of(drive, FILE)), eq(500));
            purge.times(1).in_sequence(&mut order).return_once(move |_, _, _| Ok(step));
        }
        let (service, trail) = service([item.clone()], trash);
        service.purge(&actor(OWNER), FILE, &unconditioned()).await.unwrap();
        assert_eq!(trail.read(), [(Some(OWNER), AuditAction::ItemPurged(THE_FILE))]);
    }
}

/// Blobs whose bytes are deleted are forgotten, to release their quota, before the call returns; the others stay, and
/// the purge goes on.
#[tokio::test]
async fn the_bytes_of_a_purge_are_deleted_once_it_is_committed() {
    let mut order = Sequence::new();
    let (mut trash, mut records, mut blobs) =
        (MockTrashRepository::new(), MockBlobRecordRepository::new(), MockBlobStore::new());
    trash.expect_begin_purge().times(1).in_sequence(&mut order).returning(|_, _, _| Ok(()));
    for (keys, more) in [([1, 2], true), ([3, 4], false)] {
        let freed = keys.map(nth_blob).to_vec();
        let step = PurgeStep { removed: 2, more, freed, ..PurgeStep::default() };
        trash.expect_purge().times(1).in_sequence(&mut order).return_once(move |_, _, _| Ok(step));
        for key in keys {
            let delete = blobs.expect_delete().with(eq(nth_key(key))).times(1).in_sequence(&mut order);
            delete.returning(move |_| if key == 2 { Err(Error::unavailable("storage", "busy")) } else { Ok(()) });
        }
        let gone: Vec<BlobKey> = keys.into_iter().filter(|key| *key != 2).map(nth_key).collect();
        let removal = records.expect_remove().withf(move |store, keys| *store == store_name() && keys == gone);
        removal.times(1).in_sequence(&mut order).returning(|_, _| Ok(()));
    }
    let (service, _) = service_on([trashed_root(for_owner(file(FILE)))], trash, records, blobs);
    service.purge(&actor(OWNER), FILE, &unconditioned()).await.unwrap();
}

#[tokio::test]
async fn a_trash_is_emptied_in_batches_until_one_is_short() {
    let drive = root(OWNER).node.drive;
    let scope = PurgeScope::All(Box::new(grant_for(&user_drive().root, Action::Read)));
    let mut order = Sequence::new();
    let mut trash = MockTrashRepository::new();
    for begun in [500, 3] {
        let batch = trash.expect_begin_purges().with(eq(command(OWNER)), eq(scope.clone()), eq(500));
        batch.times(1).in_sequence(&mut order).returning(move |_, _, _| Ok(begun));
    }
    let purge = trash.expect_purge().with(eq(command(OWNER)), eq(Purge::In(drive)), eq(500));
    purge.times(1).in_sequence(&mut order).returning(|_, _, _| Ok(step(500, 0, false)));
    let (service, trail) = service([], trash);
    service.empty(&actor(OWNER)).await.unwrap();
    assert_eq!(trail.read(), [(Some(OWNER), AuditAction::TrashEmptied { drive })]);
}

#[tokio::test]
async fn failures_are_not_audited() {
    let mut trash = MockTrashRepository::new();
    trash.expect_put().returning(|_, _, _| Err(outage()));
    trash.expect_restore().returning(|_, _| Err(outage()));
    trash.expect_begin_purge().returning(|_, _, _| Err(Error::PreconditionFailed));
    trash.expect_begin_purges().returning(|_, _, _| Err(outage()));
    let (service, trail) = service([for_owner(folder(FOLDER)), trashed_root(for_owner(file(FILE)))], trash);
    let me = actor(OWNER);
    assert!(service.put(&me, (NodeKind::Folder, FOLDER), &unconditioned()).await.is_err());
    assert!(service.restore(&me, FILE, None, &unconditioned()).await.is_err());
    assert!(matches!(service.purge(&me, FILE, &unconditioned()).await, Err(Error::PreconditionFailed)));
    assert!(service.empty(&me).await.is_err());
    assert_eq!(trail.read(), []);
}

#[tokio::test]
async fn data_of_uploads_ended_with_a_folder_is_deleted() {
    let mut trash = MockTrashRepository::new();
    trash.expect_put().times(1).returning(|_, _, _| Ok(()));
    let drive = Arc::new(drive_with([for_owner(folder(FOLDER))]));
    let remover = BlobRemover::new(Arc::new(MockBlobRecordRepository::new()), one_store(MockBlobStore::new()));
    let context = context_with(NOW, Trail::default());
    let service = TrashService::new(drive, Arc::new(trash), remover, one_ended_upload(), context, DAY);
    service.put(&actor(OWNER), (NodeKind::Folder, FOLDER), &unconditioned()).await.unwrap();
}
