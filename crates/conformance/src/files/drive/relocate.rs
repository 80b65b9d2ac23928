#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use std::time::Duration;

use clouddrive_domain::Error;
use clouddrive_domain::error::Conflict;
use clouddrive_domain::model::{
    Action, ConflictPolicy, ItemRef, MediaType, NodeId, NodeKind, Permission, Revision, Timestamp,
};
use clouddrive_domain::port::{Details, Relocation, Restoration};

use crate::world::{World, assert_refused, name};

pub(super) async fn a_renamed_node_is_the_same_node(world: &World<'_>) {
    let ann = world.member().await;
    let folder = world.folder(ann.id, ann.root, "a").await;
    let before = world.located(folder, ann.id).await.node;
    let (wish, command) = (world.renaming(ann.id, folder, "b").await, world.command(ann.id));
    let renamed = world.store.drive.relocate(&command, &wish).await.unwrap().located;
    assert_eq!(renamed, world.located(folder, ann.id).await);
    let mut expected = before.clone();
    expected.name = name("b");
    expected.revision = Revision(before.revision.0 + 1);
    expected.modified_at = command.at;
    assert_eq!(renamed.node, expected);
}

pub(super) async fn a_moved_node_takes_along_what_lies_below_it(world: &World<'_>) {
    let ann = world.member().await;
    let (a, to) = (world.folder(ann.id, ann.root, "a").await, world.folder(ann.id, ann.root, "to").await);
    let below = world.folder(ann.id, a, "below").await;
    let file = world.file(ann.id, below, "c.txt", 3).await;
    let (file_before, to_before) = (world.located(file, ann.id).await, world.located(to, ann.id).await);
    let (wish, command) = (world.moving(ann.id, a, to).await, world.command(ann.id));
    let moved = world.store.drive.relocate(&command, &wish).await.unwrap().located;
    assert_eq!(moved, world.located(a, ann.id).await);
    assert_eq!((moved.node.parent, moved.node.revision), (Some(to), Revision(2)));
    let found = world.located(file, ann.id).await;
    let way: Vec<NodeId> = found.lineage.iter().map(|step| step.id).collect();
    assert_eq!(way, [file, below, a, to, ann.root]);
    assert_eq!(found.node, file_before.node);
    let mut to_after = to_before;
    to_after.node.modified_at = command.at;
    assert_eq!(world.located(to, ann.id).await, to_after);
    let back = world.move_into(ann.id, a, ann.root).await.unwrap();
    assert_eq!((back.node.parent, back.node.revision), (Some(ann.root), Revision(3)));
}

pub(super) async fn name_and_place_change_at_once(world: &World<'_>) {
    let ann = world.member().await;
    let (a, to) = (world.folder(ann.id, ann.root, "a").await, world.folder(ann.id, ann.root, "to").await);
    // Neither the old name in the new parent nor the new name in the old parent is a conflict.
    world.folder(ann.id, to, "a").await;
    world.folder(ann.id, ann.root, "b").await;
    let wish = Relocation { name: Some(name("b")), ..world.moving(ann.id, a, to).await };
    let moved = world.relocate(&wish).await.unwrap().node;
    assert_eq!((moved.parent, moved.name, moved.revision), (Some(to), name("b"), Revision(2)));
}

pub(super) async fn a_file_keeps_its_content(world: &World<'_>) {
    let ann = world.member().await;
    let to = world.folder(ann.id, ann.root, "to").await;
    let file = world.file(ann.id, ann.root, "a.txt", 9).await;
    let before = world.located(file, ann.id).await.node;
    let quota = world.quota(ann.id).await;
    let wish = Relocation { name: Some(name("b.txt")), ..world.moving(ann.id, file, to).await };
    let moved = world.relocate(&wish).await.unwrap().node;
    assert_eq!((moved.body, moved.created_at, moved.id), (before.body, before.created_at, file));
    assert_eq!(world.quota(ann.id).await, quota);
}

pub(super) async fn what_is_said_of_a_content_changes_without_another_content(world: &World<'_>) {
    let ann = world.member().await;
    let file = world.file(ann.id, ann.root, "a.txt", 9).await;
    let before = world.located(file, ann.id).await.node;
    let html = MediaType::parse("text/html").unwrap();
    let time = Timestamp::from_millis(1_000);
    let item = world.grant(ann.id, file, Action::Replace).await;
    let silent = Relocation {
        item,
        to: None,
        name: None,
        conflict: ConflictPolicy::Fail,
        details: Details::default(),
        seen: None,
    };
    assert_eq!(world.relocate(&silent).await.unwrap().node, before);
    let mut expected = before.content().unwrap().clone();
    let mut revision = before.revision.0;
    for (media_type, client_modified_at) in [(Some(html.clone()), None), (None, Some(time)), (Some(html), Some(time))] {
        expected.media_type = media_type.clone().unwrap_or(expected.media_type);
        expected.client_modified_at = client_modified_at.or(expected.client_modified_at);
        let wish = Relocation { details: Details { media_type, client_modified_at }, ..silent.clone() };
        let (command, stale) = (world.command(ann.id), Relocation { seen: Some(Revision(77)), ..wish.clone() });
        assert_refused!(world.relocate(&stale).await, Error::PreconditionFailed);
        let changed = world.store.drive.relocate(&command, &wish).await.unwrap().located;
        assert_eq!(changed, world.located(file, ann.id).await);
        // The last request changes nothing.
        if changed.node.revision.0 > revision {
            revision += 1;
            assert_eq!(changed.node.modified_at, command.at);
        }
        assert_eq!((changed.node.revision, changed.node.content()), (Revision(revision), Some(&expected)));
    }
    assert_eq!(revision, before.revision.0 + 2);
    // Together with a new name and parent.
    let to = world.folder(ann.id, ann.root, "to").await;
    let details = Details { media_type: MediaType::parse("image/png"), client_modified_at: None };
    let wish = Relocation { name: Some(name("b.txt")), details, ..world.moving(ann.id, file, to).await };
    let moved = world.relocate(&wish).await.unwrap().node;
    assert_eq!((moved.parent, moved.name.as_str(), moved.revision.0), (Some(to), "b.txt", revision + 1));
    assert_eq!(moved.content().unwrap().media_type.as_str(), "image/png");
    // A folder ignores details of a content.
    let folder = world.renaming(ann.id, to, "to").await;
    let wish = Relocation { details: wish.details, ..folder };
    assert_eq!(world.relocate(&wish).await.unwrap().node.revision, Revision(1));
}

pub(super) async fn a_folder_shows_when_something_was_added_or_removed(world: &World<'_>) {
    let ann = world.member().await;
    let (a, b) = (world.folder(ann.id, ann.root, "a").await, world.folder(ann.id, ann.root, "b").await);
    let start = world.now();
    let mut at = start;
    let mut tick = || {
        at = at.plus(Duration::from_secs(1));
        at
    };
    let shows = async |folder, expected: Timestamp| {
        let node = world.located(folder, ann.id).await.node;
        assert_eq!((node.modified_at, node.revision), (expected, Revision(1)));
    };
    let store = world.store;
    // Creating and moving a folder.
    let (made, parent, id) = (tick(), world.grant(ann.id, a, Action::AddTo).await, world.id());
    store.drive.create_folder(&world.command_at(Some(ann.id), made), &parent, id, &name("inner")).await.unwrap();
    shows(a, made).await;
    let (moved, wish) = (tick(), world.moving(ann.id, id, b).await);
    store.drive.relocate(&world.command_at(Some(ann.id), moved), &wish).await.unwrap();
    shows(a, moved).await;
    shows(b, moved).await;
    // Renaming an entry does not change its folder.
    let wish = world.renaming(ann.id, id, "renamed").await;
    store.drive.relocate(&world.command_at(Some(ann.id), tick()), &wish).await.unwrap();
    shows(b, moved).await;
    // Trashing and restoring.
    let (put, item) = (tick(), world.grant(ann.id, id, Action::Trash).await);
    store.trash.put(&world.command_at(Some(ann.id), put), &item, None).await.unwrap();
    shows(b, put).await;
    let (back, item) = (tick(), world.grant(ann.id, id, Action::Restore).await);
    let restoration = Restoration { item, to: None, seen: None, trashed_after: None };
    store.trash.restore(&world.command_at(Some(ann.id), back), &restoration).await.unwrap();
    shows(b, back).await;
    // Copying and uploading.
    let (copied, wish) = (tick(), world.copying(ann.id, id, a).await);
    store.trees.copy(&world.command_at(Some(ann.id), copied), &wish).await.unwrap();
    shows(a, copied).await;
    let (came, new, parent) = (tick(), world.new_file("c").await, world.grant(ann.id, a, Action::AddTo).await);
    store.uploads.create(&world.command_at(Some(ann.id), came), &parent, &new).await.unwrap();
    shows(a, came).await;
    // A command with an earlier time does not set the time back.
    let new = world.new_file("d").await;
    store.uploads.create(&world.command_at(Some(ann.id), start), &parent, &new).await.unwrap();
    shows(a, came).await;
}

pub(super) async fn what_is_there_already_stays_as_it_is(world: &World<'_>) {
    let ann = world.member().await;
    let folder = world.folder(ann.id, ann.root, "a").await;
    let before = world.located(folder, ann.id).await;
    let renaming = world.renaming(ann.id, folder, "a").await;
    let moving = world.moving(ann.id, folder, ann.root).await;
    let both = Relocation { name: Some(name("a")), ..moving.clone() };
    let neither = Relocation { to: None, ..moving.clone() };
    let seen = Relocation { seen: Some(before.node.revision), ..renaming.clone() };
    for wish in [renaming.clone(), moving, both, neither, seen] {
        assert_eq!(world.relocate(&wish).await.unwrap(), before);
    }
    assert_eq!(world.located(folder, ann.id).await, before);
    let unseen = Relocation { seen: Some(Revision(7)), ..renaming };
    assert_refused!(world.relocate(&unseen).await, Error::PreconditionFailed);
}

pub(super) async fn a_revision_that_was_not_seen_last_is_refused(world: &World<'_>) {
    let ann = world.member().await;
    let (folder, to) = (world.folder(ann.id, ann.root, "a").await, world.folder(ann.id, ann.root, "to").await);
    world.rename(ann.id, folder, "b").await.unwrap();
    let now = world.located(folder, ann.id).await;
    for seen in [Revision(1), Revision(3), Revision(0)] {
        let renaming = Relocation { seen: Some(seen), ..world.renaming(ann.id, folder, "c").await };
        assert_refused!(world.relocate(&renaming).await, Error::PreconditionFailed);
        let moving = Relocation { seen: Some(seen), ..world.moving(ann.id, folder, to).await };
        assert_refused!(world.relocate(&moving).await, Error::PreconditionFailed);
    }
    assert_eq!(world.located(folder, ann.id).await, now);
    let wish = Relocation { seen: Some(Revision(2)), ..world.renaming(ann.id, folder, "c").await };
    assert_eq!(world.relocate(&wish).await.unwrap().node.revision, Revision(3));
}

pub(super) async fn a_taken_name_is_refused_in_either_place(world: &World<'_>) {
    let ann = world.member().await;
    let to = world.folder(ann.id, ann.root, "to").await;
    let holder = world.file(ann.id, ann.root, "b.txt", 1).await;
    let other = world.folder(ann.id, to, "a.txt").await;
    for (node, suggested_here, suggested_there) in [
        (world.file(ann.id, ann.root, "a.txt", 1).await, "b (1).txt", "a (1).txt"),
        (world.folder(ann.id, ann.root, "a").await, "b.txt (1)", "a.txt (1)"),
    ] {
        let before = world.located(node, ann.id).await;
        let here = world.rename(ann.id, node, "b.txt").await;
        let item = ItemRef { kind: NodeKind::File, id: holder, name: name("b.txt") };
        assert_refused!(here, Error::Conflict(Conflict::NameTaken(taken))
            if taken.item == item && taken.suggested == name(suggested_here));
        let wish = Relocation { name: Some(name("a.txt")), ..world.moving(ann.id, node, to).await };
        let item = ItemRef { kind: NodeKind::Folder, id: other, name: name("a.txt") };
        assert_refused!(world.relocate(&wish).await, Error::Conflict(Conflict::NameTaken(taken))
            if taken.item == item && taken.suggested == name(suggested_there) && taken.revision == Revision(1));
        assert_eq!(world.located(node, ann.id).await, before);
    }
}

pub(super) async fn the_case_of_a_name_may_change(world: &World<'_>) {
    let ann = world.member().await;
    let folder = world.folder(ann.id, ann.root, "straße").await;
    let renamed = world.rename(ann.id, folder, "STRASSE").await.unwrap().node;
    assert_eq!((renamed.name, renamed.revision), (name("STRASSE"), Revision(2)));
}

pub(super) async fn nothing_moves_to_another_drive(world: &World<'_>) {
    let (ann, bob) = (world.member().await, world.member().await);
    let shared = world.folder(ann.id, ann.root, "shared").await;
    world.share(ann.id, shared, bob.id, Permission::Edit).await;
    let folder = world.folder(ann.id, shared, "folder").await;
    let file = world.file(ann.id, shared, "file", 1).await;
    let own = world.folder(bob.id, bob.root, "own").await;
    let cross_drive = async |node, to| {
        let before = world.located(node, bob.id).await;
        let refused = world.move_into(bob.id, node, to).await;
        assert_refused!(refused, Error::Conflict(Conflict::CrossDriveMove));
        assert_eq!(world.located(node, bob.id).await, before);
    };
    for to in [bob.root, own] {
        cross_drive(folder, to).await;
        cross_drive(file, to).await;
    }
    cross_drive(own, shared).await;
}

pub(super) async fn a_folder_goes_neither_into_itself_nor_below(world: &World<'_>) {
    let ann = world.member().await;
    let a = world.folder(ann.id, ann.root, "a").await;
    let b = world.folder(ann.id, a, "b").await;
    let c = world.folder(ann.id, b, "c").await;
    let before = world.located(c, ann.id).await;
    for to in [a, b, c] {
        let plain = world.moving(ann.id, a, to).await;
        let renamed = Relocation { name: Some(name("new")), ..plain.clone() };
        for wish in [plain, renamed] {
            assert_refused!(world.relocate(&wish).await, Error::Conflict(Conflict::FolderCycle));
        }
    }
    assert_eq!(world.located(c, ann.id).await, before);
    world.move_into(ann.id, c, a).await.unwrap();
}

pub(super) async fn shares_stay_with_what_is_relocated(world: &World<'_>) {
    let (ann, bob) = (world.member().await, world.member().await);
    let (a, to) = (world.folder(ann.id, ann.root, "a").await, world.folder(ann.id, ann.root, "to").await);
    let below = world.folder(ann.id, a, "below").await;
    world.share(ann.id, a, bob.id, Permission::Edit).await;
    let wish = Relocation { name: Some(name("b")), ..world.moving(ann.id, a, to).await };
    world.relocate(&wish).await.unwrap();
    world.grant(bob.id, below, Action::AddTo).await;
    assert_refused!(world.try_grant(bob.id, to, Action::Read).await, Error::NotFound);
}

pub(super) async fn a_name_that_was_left_is_free(world: &World<'_>) {
    let ann = world.member().await;
    let to = world.folder(ann.id, ann.root, "to").await;
    let renamed = world.folder(ann.id, ann.root, "a").await;
    world.rename(ann.id, renamed, "b").await.unwrap();
    let moved = world.folder(ann.id, ann.root, "a").await;
    world.move_into(ann.id, moved, to).await.unwrap();
    world.folder(ann.id, ann.root, "a").await;
}
