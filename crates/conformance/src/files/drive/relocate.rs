#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use std::time::Duration;

use clouddrive_domain::Error;
use clouddrive_domain::error::Conflict;
use clouddrive_domain::model::{
    Action, ConflictPolicy, ItemRef, MediaType, NodeId, NodeKind, Permission, Revision, Timestamp,
};
use clouddrive_domain::port::{MetadataUpdate, Relocation, Restoration};

use super::Fixture;
use crate::fixture::{assert_refused, name};

pub(super) async fn a_renamed_node_is_the_same_node(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let folder = fixture.folder(ann.id, ann.root, "a").await;
    let before = fixture.located(folder, ann.id).await.node;
    let (spec, command) = (fixture.renaming(ann.id, folder, "b").await, fixture.command(ann.id));
    let renamed = fixture.store.drive().relocate(&command, &spec).await.unwrap().located;
    assert_eq!(renamed, fixture.located(folder, ann.id).await);
    let mut expected = before.clone();
    expected.name = name("b");
    expected.revision = Revision(before.revision.0 + 1);
    expected.modified_at = command.at;
    assert_eq!(renamed.node, expected);
}

pub(super) async fn a_moved_node_takes_along_what_lies_below_it(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let (a, to) = (fixture.folder(ann.id, ann.root, "a").await, fixture.folder(ann.id, ann.root, "to").await);
    let below = fixture.folder(ann.id, a, "below").await;
    let file = fixture.file(ann.id, below, "c.txt", 3).await;
    let (file_before, to_before) = (fixture.located(file, ann.id).await, fixture.located(to, ann.id).await);
    let (spec, command) = (fixture.moving(ann.id, a, to).await, fixture.command(ann.id));
    let moved = fixture.store.drive().relocate(&command, &spec).await.unwrap().located;
    assert_eq!(moved, fixture.located(a, ann.id).await);
    assert_eq!((moved.node.parent, moved.node.revision), (Some(to), Revision(2)));
    let found = fixture.located(file, ann.id).await;
    let way: Vec<NodeId> = found.lineage.iter().map(|step| step.id).collect();
    assert_eq!(way, [file, below, a, to, ann.root]);
    assert_eq!(found.node, file_before.node);
    let mut to_after = to_before;
    to_after.node.modified_at = command.at;
    assert_eq!(fixture.located(to, ann.id).await, to_after);
    let back = fixture.move_into(ann.id, a, ann.root).await.unwrap();
    assert_eq!((back.node.parent, back.node.revision), (Some(ann.root), Revision(3)));
}

pub(super) async fn name_and_place_change_at_once(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let (a, to) = (fixture.folder(ann.id, ann.root, "a").await, fixture.folder(ann.id, ann.root, "to").await);
    // Neither the old name in the new parent nor the new name in the old parent is a conflict.
    fixture.folder(ann.id, to, "a").await;
    fixture.folder(ann.id, ann.root, "b").await;
    let spec = Relocation { name: Some(name("b")), ..fixture.moving(ann.id, a, to).await };
    let moved = fixture.relocate(&spec).await.unwrap().node;
    assert_eq!((moved.parent, moved.name, moved.revision), (Some(to), name("b"), Revision(2)));
}

pub(super) async fn a_file_keeps_its_content(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let to = fixture.folder(ann.id, ann.root, "to").await;
    let file = fixture.file(ann.id, ann.root, "a.txt", 9).await;
    let before = fixture.located(file, ann.id).await.node;
    let quota = fixture.quota(ann.id).await;
    let spec = Relocation { name: Some(name("b.txt")), ..fixture.moving(ann.id, file, to).await };
    let moved = fixture.relocate(&spec).await.unwrap().node;
    assert_eq!((moved.body, moved.created_at, moved.id), (before.body, before.created_at, file));
    assert_eq!(fixture.quota(ann.id).await, quota);
}

pub(super) async fn metadata_changes_without_new_content(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let file = fixture.file(ann.id, ann.root, "a.txt", 9).await;
    let before = fixture.located(file, ann.id).await.node;
    let html = MediaType::parse("text/html").unwrap();
    let time = Timestamp::from_millis(1_000);
    let item = fixture.grant(ann.id, file, Action::Replace).await;
    let silent = Relocation {
        item,
        to: None,
        name: None,
        conflict: ConflictPolicy::Fail,
        metadata: MetadataUpdate::default(),
        seen: None,
    };
    assert_eq!(fixture.relocate(&silent).await.unwrap().node, before);
    let mut expected = before.content().unwrap().clone();
    let mut revision = before.revision.0;
    for (media_type, client_modified_at) in [(Some(html.clone()), None), (None, Some(time)), (Some(html), Some(time))] {
        expected.media_type = media_type.clone().unwrap_or(expected.media_type);
        expected.client_modified_at = client_modified_at.or(expected.client_modified_at);
        let spec = Relocation { metadata: MetadataUpdate { media_type, client_modified_at }, ..silent.clone() };
        let (command, stale) = (fixture.command(ann.id), Relocation { seen: Some(Revision(77)), ..spec.clone() });
        assert_refused!(fixture.relocate(&stale).await, Error::PreconditionFailed);
        let changed = fixture.store.drive().relocate(&command, &spec).await.unwrap().located;
        assert_eq!(changed, fixture.located(file, ann.id).await);
        // The last request changes nothing.
        if changed.node.revision.0 > revision {
            revision += 1;
            assert_eq!(changed.node.modified_at, command.at);
        }
        assert_eq!((changed.node.revision, changed.node.content()), (Revision(revision), Some(&expected)));
    }
    assert_eq!(revision, before.revision.0 + 2);
    // Together with a new name and parent.
    let to = fixture.folder(ann.id, ann.root, "to").await;
    let metadata = MetadataUpdate { media_type: MediaType::parse("image/png").ok(), client_modified_at: None };
    let spec = Relocation { name: Some(name("b.txt")), metadata, ..fixture.moving(ann.id, file, to).await };
    let moved = fixture.relocate(&spec).await.unwrap().node;
    assert_eq!((moved.parent, moved.name.as_str(), moved.revision.0), (Some(to), "b.txt", revision + 1));
    assert_eq!(moved.content().unwrap().media_type.as_str(), "image/png");
    // A folder ignores details of a content.
    let folder = fixture.renaming(ann.id, to, "to").await;
    let spec = Relocation { metadata: spec.metadata, ..folder };
    assert_eq!(fixture.relocate(&spec).await.unwrap().node.revision, Revision(1));
}

pub(super) async fn a_folder_shows_when_something_was_added_or_removed(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let (a, b) = (fixture.folder(ann.id, ann.root, "a").await, fixture.folder(ann.id, ann.root, "b").await);
    let start = fixture.now();
    let mut at = start;
    let mut tick = || {
        at = at.plus(Duration::from_secs(1));
        at
    };
    let shows = async |folder, expected: Timestamp| {
        let node = fixture.located(folder, ann.id).await.node;
        assert_eq!((node.modified_at, node.revision), (expected, Revision(1)));
    };
    let store = fixture.store;
    // Creating and moving a folder.
    let (made, parent, id) = (tick(), fixture.grant(ann.id, a, Action::AddTo).await, fixture.id());
    store.drive().create_folder(&fixture.command_at(Some(ann.id), made), &parent, id, &name("inner")).await.unwrap();
    shows(a, made).await;
    let (moved, spec) = (tick(), fixture.moving(ann.id, id, b).await);
    store.drive().relocate(&fixture.command_at(Some(ann.id), moved), &spec).await.unwrap();
    shows(a, moved).await;
    shows(b, moved).await;
    // Renaming an entry does not change its folder.
    let spec = fixture.renaming(ann.id, id, "renamed").await;
    store.drive().relocate(&fixture.command_at(Some(ann.id), tick()), &spec).await.unwrap();
    shows(b, moved).await;
    // Trashing and restoring.
    let (put, item) = (tick(), fixture.grant(ann.id, id, Action::Trash).await);
    store.trash().put(&fixture.command_at(Some(ann.id), put), &item, None).await.unwrap();
    shows(b, put).await;
    let (back, item) = (tick(), fixture.grant(ann.id, id, Action::Restore).await);
    let restoration = Restoration { item, to: None, seen: None, trashed_after: None };
    store.trash().restore(&fixture.command_at(Some(ann.id), back), &restoration).await.unwrap();
    shows(b, back).await;
    // Copying and uploading.
    let (copied, spec) = (tick(), fixture.copy_request(ann.id, id, a).await);
    store.trees().copy(&fixture.command_at(Some(ann.id), copied), &spec).await.unwrap();
    shows(a, copied).await;
    let (came, new, parent) = (tick(), fixture.new_file("c").await, fixture.grant(ann.id, a, Action::AddTo).await);
    store.uploads().create(&fixture.command_at(Some(ann.id), came), &parent, &new).await.unwrap();
    shows(a, came).await;
    // A command with an earlier time does not set the time back.
    let new = fixture.new_file("d").await;
    store.uploads().create(&fixture.command_at(Some(ann.id), start), &parent, &new).await.unwrap();
    shows(a, came).await;
}

pub(super) async fn a_relocation_to_where_it_is_changes_nothing(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let folder = fixture.folder(ann.id, ann.root, "a").await;
    let before = fixture.located(folder, ann.id).await;
    let renaming = fixture.renaming(ann.id, folder, "a").await;
    let moving = fixture.moving(ann.id, folder, ann.root).await;
    let both = Relocation { name: Some(name("a")), ..moving.clone() };
    let neither = Relocation { to: None, ..moving.clone() };
    let seen = Relocation { seen: Some(before.node.revision), ..renaming.clone() };
    for spec in [renaming.clone(), moving, both, neither, seen] {
        assert_eq!(fixture.relocate(&spec).await.unwrap(), before);
    }
    assert_eq!(fixture.located(folder, ann.id).await, before);
    let unseen = Relocation { seen: Some(Revision(7)), ..renaming };
    assert_refused!(fixture.relocate(&unseen).await, Error::PreconditionFailed);
}

pub(super) async fn a_revision_that_was_not_seen_last_is_refused(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let (folder, to) = (fixture.folder(ann.id, ann.root, "a").await, fixture.folder(ann.id, ann.root, "to").await);
    fixture.rename(ann.id, folder, "b").await.unwrap();
    let now = fixture.located(folder, ann.id).await;
    for seen in [Revision(1), Revision(3), Revision(0)] {
        let renaming = Relocation { seen: Some(seen), ..fixture.renaming(ann.id, folder, "c").await };
        assert_refused!(fixture.relocate(&renaming).await, Error::PreconditionFailed);
        let moving = Relocation { seen: Some(seen), ..fixture.moving(ann.id, folder, to).await };
        assert_refused!(fixture.relocate(&moving).await, Error::PreconditionFailed);
    }
    assert_eq!(fixture.located(folder, ann.id).await, now);
    let spec = Relocation { seen: Some(Revision(2)), ..fixture.renaming(ann.id, folder, "c").await };
    assert_eq!(fixture.relocate(&spec).await.unwrap().node.revision, Revision(3));
}

pub(super) async fn a_taken_name_is_refused_in_either_place(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let to = fixture.folder(ann.id, ann.root, "to").await;
    let holder = fixture.file(ann.id, ann.root, "b.txt", 1).await;
    let other = fixture.folder(ann.id, to, "a.txt").await;
    for (node, suggested_here, suggested_there) in [
        (fixture.file(ann.id, ann.root, "a.txt", 1).await, "b (1).txt", "a (1).txt"),
        (fixture.folder(ann.id, ann.root, "a").await, "b.txt (1)", "a.txt (1)"),
    ] {
        let before = fixture.located(node, ann.id).await;
        let here = fixture.rename(ann.id, node, "b.txt").await;
        let item = ItemRef { kind: NodeKind::File, id: holder, name: name("b.txt") };
        assert_refused!(here, Error::Conflict(Conflict::NameTaken(taken))
            if taken.item == item && taken.suggested == name(suggested_here));
        let spec = Relocation { name: Some(name("a.txt")), ..fixture.moving(ann.id, node, to).await };
        let item = ItemRef { kind: NodeKind::Folder, id: other, name: name("a.txt") };
        assert_refused!(fixture.relocate(&spec).await, Error::Conflict(Conflict::NameTaken(taken))
            if taken.item == item && taken.suggested == name(suggested_there) && taken.revision == Revision(1));
        assert_eq!(fixture.located(node, ann.id).await, before);
    }
}

pub(super) async fn the_case_of_a_name_may_change(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let folder = fixture.folder(ann.id, ann.root, "straße").await;
    let renamed = fixture.rename(ann.id, folder, "STRASSE").await.unwrap().node;
    assert_eq!((renamed.name, renamed.revision), (name("STRASSE"), Revision(2)));
}

pub(super) async fn nothing_moves_to_another_drive(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let shared = fixture.folder(ann.id, ann.root, "shared").await;
    fixture.share(ann.id, shared, bob.id, Permission::Edit).await;
    let folder = fixture.folder(ann.id, shared, "folder").await;
    let file = fixture.file(ann.id, shared, "file", 1).await;
    let own = fixture.folder(bob.id, bob.root, "own").await;
    let cross_drive = async |node, to| {
        let before = fixture.located(node, bob.id).await;
        let refused = fixture.move_into(bob.id, node, to).await;
        assert_refused!(refused, Error::Conflict(Conflict::CrossDriveMove));
        assert_eq!(fixture.located(node, bob.id).await, before);
    };
    for to in [bob.root, own] {
        cross_drive(folder, to).await;
        cross_drive(file, to).await;
    }
    cross_drive(own, shared).await;
}

pub(super) async fn a_folder_cannot_be_moved_into_itself_or_a_descendant(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let a = fixture.folder(ann.id, ann.root, "a").await;
    let b = fixture.folder(ann.id, a, "b").await;
    let c = fixture.folder(ann.id, b, "c").await;
    let before = fixture.located(c, ann.id).await;
    for to in [a, b, c] {
        let plain = fixture.moving(ann.id, a, to).await;
        let renamed = Relocation { name: Some(name("new")), ..plain.clone() };
        for spec in [plain, renamed] {
            assert_refused!(fixture.relocate(&spec).await, Error::Conflict(Conflict::FolderCycle));
        }
    }
    assert_eq!(fixture.located(c, ann.id).await, before);
    fixture.move_into(ann.id, c, a).await.unwrap();
}

pub(super) async fn shares_stay_with_what_is_relocated(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let (a, to) = (fixture.folder(ann.id, ann.root, "a").await, fixture.folder(ann.id, ann.root, "to").await);
    let below = fixture.folder(ann.id, a, "below").await;
    fixture.share(ann.id, a, bob.id, Permission::Edit).await;
    let spec = Relocation { name: Some(name("b")), ..fixture.moving(ann.id, a, to).await };
    fixture.relocate(&spec).await.unwrap();
    fixture.grant(bob.id, below, Action::AddTo).await;
    assert_refused!(fixture.try_grant(bob.id, to, Action::Read).await, Error::NotFound);
}

pub(super) async fn a_name_that_was_left_is_free(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let to = fixture.folder(ann.id, ann.root, "to").await;
    let renamed = fixture.folder(ann.id, ann.root, "a").await;
    fixture.rename(ann.id, renamed, "b").await.unwrap();
    let moved = fixture.folder(ann.id, ann.root, "a").await;
    fixture.move_into(ann.id, moved, to).await.unwrap();
    fixture.folder(ann.id, ann.root, "a").await;
}
