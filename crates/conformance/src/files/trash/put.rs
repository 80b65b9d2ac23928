#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use clouddrive_domain::Error;
use clouddrive_domain::model::{
    Action, ConflictPolicy, Limit, Located, NodeId, Page, Permission, Revision, Sort, TrashPosition,
};

use super::Fixture;
use crate::fixture::{TestUser, assert_refused, name};

pub(super) async fn trashed_folders_are_invisible_with_their_descendants(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let (top, beside) =
        (fixture.folder(ann.id, ann.root, "top").await, fixture.folder(ann.id, ann.root, "beside").await);
    let below = fixture.folder(ann.id, top, "below").await;
    let file = fixture.file(ann.id, below, "file", 5).await;
    let before = fixture.located(top, ann.id).await.node;
    let quota = fixture.quota(ann.id).await;
    fixture.trash(ann.id, top).await;
    for node in [top, below, file] {
        let found = fixture.located(node, ann.id).await;
        assert_eq!(found.role(), None);
        for action in [Action::Read, Action::AddTo, Action::Rename, Action::Move, Action::Share, Action::Trash] {
            assert_refused!(fixture.try_grant(ann.id, node, action).await, Error::NotFound);
        }
    }
    let root = fixture.grant(ann.id, ann.root, Action::Read).await;
    let listed = fixture.store.drive().list(root.read(), Sort::default(), None, Limit::default()).await.unwrap();
    assert_eq!(listed.iter().map(|child| child.node.id).collect::<Vec<_>>(), [beside]);
    // Of the node itself only the revision changes.
    let after = fixture.located(top, ann.id).await.node;
    assert_eq!(after.revision, Revision(2));
    assert_eq!((after.modified_at, after.name), (before.modified_at, before.name));
    assert_eq!(fixture.located(file, ann.id).await.node.revision, Revision(1));
    assert_eq!(fixture.quota(ann.id).await, quota);
}

pub(super) async fn its_name_is_free_at_once(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    for _ in 0..3 {
        let file = fixture.file(ann.id, ann.root, "a", 1).await;
        fixture.trash(ann.id, file).await;
        let folder = fixture.folder(ann.id, ann.root, "a").await;
        fixture.trash(ann.id, folder).await;
    }
    let other = fixture.folder(ann.id, ann.root, "b").await;
    assert_eq!(fixture.rename(ann.id, other, "a").await.unwrap().node.name, name("a"));
    assert_eq!(fixture.trashed(&ann).await.len(), 6);
}

pub(super) async fn a_trashed_folder_accepts_no_new_entries(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let top = fixture.folder(ann.id, ann.root, "top").await;
    let below = fixture.folder(ann.id, top, "below").await;
    let mover = fixture.folder(ann.id, ann.root, "mover").await;
    let moving = fixture.moving(ann.id, mover, below).await;
    let into = fixture.grant(ann.id, below, Action::AddTo).await;
    let upload = fixture.open(&into, "a", Some(1)).await;
    let new_upload = fixture.new_upload(&into, "b", Some(1));
    fixture.trash(ann.id, top).await;
    let commit = fixture.completing(&upload, ConflictPolicy::Fail);
    assert_refused!(fixture.commit(&into, &commit).await, Error::NotFound);
    assert_refused!(fixture.begin(&into, &new_upload).await, Error::NotFound);
    assert_refused!(fixture.create_folder(&into, "c").await, Error::NotFound);
    assert_refused!(fixture.relocate(&moving).await, Error::NotFound);
    // After the restore the upload can be committed.
    fixture.restore(ann.id, top).await.unwrap();
    fixture.commit(&into, &commit).await.unwrap();
}

pub(super) async fn its_shares_are_asleep(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let top = fixture.folder(ann.id, ann.root, "top").await;
    let file = fixture.file(ann.id, top, "file", 5).await;
    let on_top = fixture.share(ann.id, top, bob.id, Permission::Edit).await;
    let on_file = fixture.share(ann.id, file, bob.id, Permission::View).await;
    let received = async || {
        let rows = fixture.store.shares().list_received(bob.id, None, Limit::default()).await.unwrap();
        rows.into_iter().filter_map(|(share, found)| found.entry().map(|_| share.id)).collect::<Vec<_>>()
    };
    assert_eq!(received().await, [on_file, on_top]);
    fixture.trash(ann.id, top).await;
    assert_eq!(received().await, []);
    for node in [top, file] {
        assert_refused!(fixture.try_grant(bob.id, node, Action::Read).await, Error::NotFound);
        assert_refused!(fixture.try_grant(bob.id, node, Action::Restore).await, Error::NotFound);
    }
    fixture.restore(ann.id, top).await.unwrap();
    assert_eq!(received().await, [on_file, on_top]);
    assert!(fixture.try_grant(bob.id, file, Action::Replace).await.is_ok());
}

pub(super) async fn trashing_needs_permission(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let top = fixture.folder(ann.id, ann.root, "top").await;
    let file = fixture.file(ann.id, top, "file", 5).await;
    let share = fixture.share(ann.id, top, bob.id, Permission::Edit).await;
    assert_refused!(fixture.try_grant(bob.id, top, Action::Trash).await, Error::Forbidden(_));
    let item = fixture.grant(bob.id, file, Action::Trash).await;
    let by = fixture.command(bob.id);
    fixture.change_share(ann.id, top, share, Permission::View).await;
    assert_refused!(fixture.store.trash().put(&by, &item, None).await, Error::Forbidden(_));
    fixture.revoke(ann.id, share).await;
    assert_refused!(fixture.store.trash().put(&by, &item, None).await, Error::NotFound);
    assert!(fixture.try_grant(ann.id, file, Action::Read).await.is_ok());
    // What an editor trashes is in the owner's trash.
    fixture.share(ann.id, top, bob.id, Permission::Edit).await;
    fixture.trash(bob.id, file).await;
    assert_eq!((fixture.trashed(&ann).await, fixture.trashed(&bob).await), (vec![file], vec![]));
}

pub(super) async fn it_is_trashed_as_it_was_seen(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let file = fixture.file(ann.id, ann.root, "a", 5).await;
    let item = fixture.grant(ann.id, file, Action::Trash).await;
    let by = fixture.command(ann.id);
    fixture.rename(ann.id, file, "b").await.unwrap();
    let stale = fixture.store.trash().put(&by, &item, Some(Revision(1))).await;
    assert_refused!(stale, Error::PreconditionFailed);
    fixture.store.trash().put(&by, &item, Some(Revision(2))).await.unwrap();
    assert_refused!(fixture.store.trash().put(&by, &item, None).await, Error::NotFound);
    assert_eq!(fixture.located(file, ann.id).await.node.revision, Revision(3));
}

/// A page of the trash, with the times of trashing.
async fn page(
    fixture: &Fixture<'_>,
    owner: &TestUser,
    after: Option<TrashPosition>,
    limit: u64,
) -> (Vec<Located>, Option<TrashPosition>) {
    let (root, limit) = (fixture.grant(owner.id, owner.root, Action::Read).await, Limit::new(limit).unwrap());
    let rows = fixture.store.trash().list(&root, after, limit).await.unwrap();
    assert!(rows.len() <= limit.get() + 1);
    let page = Page::cut(rows, limit, |row| TrashPosition { at: row.at, id: row.located.node.id });
    (page.items.into_iter().map(|row| row.located).collect(), page.next)
}

pub(super) async fn the_trash_lists_what_was_put_there_itself_newest_first(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let top = fixture.folder(ann.id, ann.root, "top").await;
    let below = fixture.folder(ann.id, top, "below").await;
    let (file, other) = (fixture.file(ann.id, below, "file", 5).await, fixture.file(ann.id, below, "other", 5).await);
    for node in [file, below] {
        fixture.trash(ann.id, node).await;
    }
    assert_eq!(fixture.trashed(&ann).await, [below, file]);
    fixture.trash(ann.id, top).await;
    let (found, next) = page(fixture, &ann, None, 100).await;
    assert_eq!(found.iter().map(|found| found.node.id).collect::<Vec<_>>(), [top, below, file]);
    assert_eq!(next, None);
    for found in found {
        assert_eq!(found, fixture.located(found.node.id, ann.id).await);
    }
    assert_eq!(fixture.located(file, ann.id).await.names_above(), [name("top"), name("below")]);
    // A node below a trashed folder is no item of the trash: it can be restored alone, but not purged alone.
    assert_refused!(fixture.try_grant(ann.id, other, Action::Purge).await, Error::NotFound);
    fixture.grant(ann.id, other, Action::Restore).await;
}

/// Trashed nodes, in pairs of equal time, newest first.
async fn many(fixture: &Fixture<'_>, ann: &TestUser) -> Vec<NodeId> {
    let mut nodes = Vec::new();
    for pair in 0..4 {
        let at = fixture.now();
        for half in 0..2 {
            let node = fixture.folder(ann.id, ann.root, &format!("{pair}-{half}")).await;
            let item = fixture.grant(ann.id, node, Action::Trash).await;
            fixture.store.trash().put(&fixture.command_at(Some(ann.id), at), &item, None).await.unwrap();
            nodes.push((at, node));
        }
    }
    nodes.sort_by_key(|(at, id)| std::cmp::Reverse((*at, *id.as_uuid().as_bytes())));
    nodes.into_iter().map(|(_, id)| id).collect()
}

pub(super) async fn the_trash_comes_in_pages(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let expected = many(fixture, &ann).await;
    let ids = |found: &[Located]| found.iter().map(|found| found.node.id).collect::<Vec<_>>();
    for limit in [1, 3, 8] {
        let (mut found, mut next) = page(fixture, &ann, None, limit).await;
        while next.is_some() {
            let (more, after) = page(fixture, &ann, next, limit).await;
            found.extend(more);
            next = after;
        }
        assert_eq!(ids(&found), expected, "in pages of {limit}");
    }
    // A position outlives its node; newer nodes come before it.
    let (_, place) = page(fixture, &ann, None, 3).await;
    let (gone, left) = expected.split_at(3);
    for node in gone {
        fixture.restore(ann.id, *node).await.unwrap();
    }
    let new = fixture.folder(ann.id, ann.root, "new").await;
    fixture.trash(ann.id, new).await;
    assert_eq!(ids(&page(fixture, &ann, place, 100).await.0), left);
}

pub(super) async fn each_drive_has_a_trash_of_its_own(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let (of_ann, of_bob) = (fixture.folder(ann.id, ann.root, "a").await, fixture.folder(bob.id, bob.root, "b").await);
    fixture.share(ann.id, of_ann, bob.id, Permission::Edit).await;
    fixture.trash(ann.id, of_ann).await;
    fixture.trash(bob.id, of_bob).await;
    assert_eq!((fixture.trashed(&ann).await, fixture.trashed(&bob).await), (vec![of_ann], vec![of_bob]));
    for action in [Action::Restore, Action::Purge] {
        assert_refused!(fixture.try_grant(bob.id, of_ann, action).await, Error::NotFound);
    }
}
