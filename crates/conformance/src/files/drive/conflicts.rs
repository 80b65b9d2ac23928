#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use clouddrive_domain::Error;
use clouddrive_domain::error::Conflict;
use clouddrive_domain::model::{
    Action, ConflictPolicy, NodeId, NodeKind, Permission, Revision, Timestamp, UploadState,
};
use clouddrive_domain::port::{Relocated, Relocation};
use futures_util::future::{join, join_all};

use super::Fixture;
use crate::fixture::{assert_refused, name};

fn replacing(spec: Relocation) -> Relocation {
    Relocation { conflict: ConflictPolicy::Replace, ..spec }
}

fn keeping(spec: Relocation) -> Relocation {
    Relocation { conflict: ConflictPolicy::Keep, ..spec }
}

async fn relocated(fixture: &Fixture<'_>, spec: &Relocation) -> Relocated {
    fixture.store.drive().relocate(&fixture.command(spec.item.actor()), spec).await.unwrap()
}

pub(super) async fn a_replaced_node_goes_to_the_trash(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let to = fixture.folder(ann.id, ann.root, "to").await;
    let (old_file, old_folder) = (fixture.file(ann.id, to, "a.txt", 3).await, fixture.folder(ann.id, to, "a").await);
    let below = fixture.file(ann.id, old_folder, "below", 4).await;
    let (file, folder) =
        (fixture.file(ann.id, ann.root, "a.txt", 5).await, fixture.folder(ann.id, ann.root, "a").await);
    let (quota, entries) = (fixture.quota(ann.id).await, fixture.entries(ann.id).await);
    for (node, old) in [(file, old_file), (folder, old_folder)] {
        let (before, old_before) = (fixture.located(node, ann.id).await.node, fixture.located(old, ann.id).await.node);
        let (spec, command) = (replacing(fixture.moving(ann.id, node, to).await), fixture.command(ann.id));
        let moved = fixture.store.drive().relocate(&command, &spec).await.unwrap();
        assert_eq!(moved, Relocated { located: fixture.located(node, ann.id).await, replaced: Some(old) });
        let moved = moved.located.node;
        assert_eq!((moved.parent, &moved.name, moved.revision), (Some(to), &before.name, Revision(2)));
        assert_eq!((moved.body, moved.modified_at), (before.body, command.at));
        let trashed = fixture.located(old, ann.id).await;
        assert_eq!((trashed.role(), trashed.node.revision), (None, Revision(2)));
        assert_eq!((trashed.node.parent, trashed.node.body), (Some(to), old_before.body));
        assert_eq!(fixture.located(to, ann.id).await.node.modified_at, command.at);
    }
    assert_eq!(fixture.trashed(&ann).await, [old_folder, old_file]);
    assert_eq!((fixture.quota(ann.id).await, fixture.entries(ann.id).await), (quota, entries), "the trash counts");
    assert_refused!(fixture.try_grant(ann.id, below, Action::Read).await, Error::NotFound);
    // They come back beside what replaced them.
    assert_eq!(fixture.restore(ann.id, old_file).await.unwrap().node.name, name("a (1).txt"));
    assert_eq!(fixture.restore(ann.id, old_folder).await.unwrap().node.name, name("a (1)"));
    assert!(fixture.try_grant(ann.id, below, Action::Read).await.is_ok());
}

pub(super) async fn a_rename_replaces_as_well(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let (old, new) = (fixture.folder(ann.id, ann.root, "a").await, fixture.folder(ann.id, ann.root, "b").await);
    let done = relocated(fixture, &replacing(fixture.renaming(ann.id, new, "a").await)).await;
    assert_eq!((done.located.node.name, done.replaced), (name("a"), Some(old)));
    let child = fixture.folder(ann.id, new, "c").await;
    // A name that is free, or that only something trashed has, replaces nothing.
    for (node, text) in [(child, "a"), (new, "d"), (new, "a")] {
        let done = relocated(fixture, &replacing(fixture.renaming(ann.id, node, text).await)).await;
        assert_eq!((done.located.node.name, done.replaced), (name(text), None));
    }
    assert_eq!(fixture.trashed(&ann).await, [old]);
}

pub(super) async fn a_move_to_its_own_place_replaces_nothing(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let folder = fixture.folder(ann.id, ann.root, "a").await;
    let before = fixture.located(folder, ann.id).await;
    let (renaming, moving) =
        (fixture.renaming(ann.id, folder, "a").await, fixture.moving(ann.id, folder, ann.root).await);
    for spec in [renaming, moving] {
        for spec in [replacing(spec.clone()), keeping(spec)] {
            assert_eq!(relocated(fixture, &spec).await, before.clone().into());
        }
    }
    assert_eq!(fixture.trashed(&ann).await, []);
}

pub(super) async fn both_are_kept_under_the_first_free_name(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let to = fixture.folder(ann.id, ann.root, "to").await;
    for text in ["a.txt", "a (2).txt", "b.c", "b.c (1)"] {
        fixture.folder(ann.id, to, text).await;
    }
    let (one, two) = (fixture.file(ann.id, ann.root, "a.txt", 1).await, fixture.file(ann.id, ann.root, "x", 1).await);
    let folder = fixture.folder(ann.id, ann.root, "b.c").await;
    for (node, text, expected) in [(one, "a.txt", "a (1).txt"), (two, "a.txt", "a (3).txt"), (folder, "b.c", "b.c (2)")]
    {
        let spec = keeping(Relocation { name: Some(name(text)), ..fixture.moving(ann.id, node, to).await });
        let done = relocated(fixture, &spec).await;
        assert_eq!((done.located.node.name.clone(), done.replaced), (name(expected), None));
        // The node's own name is free to it, so a repeat changes nothing.
        assert_eq!(relocated(fixture, &spec).await, done);
    }
    let free = keeping(fixture.renaming(ann.id, one, "free").await);
    assert_eq!(relocated(fixture, &free).await.located.node.name, name("free"));
    // A free name before the own one is taken.
    let back = keeping(fixture.renaming(ann.id, two, "a.txt").await);
    assert_eq!(relocated(fixture, &back).await.located.node.name, name("a (1).txt"));
    // In another folder the own name is anyone's.
    fixture.folder(ann.id, ann.root, "a (1).txt").await;
    let out = keeping(fixture.moving(ann.id, two, ann.root).await);
    assert_eq!(relocated(fixture, &out).await.located.node.name, name("a (1) (1).txt"));
    assert_eq!(fixture.trashed(&ann).await, []);
}

pub(super) async fn a_file_and_a_folder_do_not_replace_each_other(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let to = fixture.folder(ann.id, ann.root, "to").await;
    let (file, folder) = (fixture.file(ann.id, ann.root, "a", 1).await, fixture.folder(ann.id, ann.root, "b").await);
    let (of_file, of_folder) = (fixture.folder(ann.id, to, "a").await, fixture.file(ann.id, to, "b", 1).await);
    for (node, holder, kind, suggested) in
        [(file, of_file, NodeKind::Folder, "a (1)"), (folder, of_folder, NodeKind::File, "b (1)")]
    {
        let before = fixture.located(node, ann.id).await;
        let spec = replacing(fixture.moving(ann.id, node, to).await);
        assert_refused!(fixture.relocate(&spec).await, Error::Conflict(Conflict::NameTaken(taken))
            if (taken.item.id, taken.item.kind) == (holder, kind) && taken.suggested == name(suggested));
        assert_eq!(fixture.located(node, ann.id).await, before);
    }
    assert_eq!(fixture.trashed(&ann).await, []);
}

pub(super) async fn a_folder_is_not_replaced_by_what_is_in_it(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let top = fixture.folder(ann.id, ann.root, "a").await;
    let middle = fixture.folder(ann.id, top, "b").await;
    let inner = fixture.folder(ann.id, middle, "a").await;
    let before = fixture.located(inner, ann.id).await;
    let out = fixture.moving(ann.id, inner, ann.root).await;
    assert_refused!(fixture.relocate(&replacing(out.clone())).await, Error::Conflict(Conflict::FolderCycle));
    assert_eq!(fixture.located(inner, ann.id).await, before);
    assert_eq!(fixture.trashed(&ann).await, []);
    assert_eq!(relocated(fixture, &keeping(out)).await.located.node.name, name("a (1)"));
}

pub(super) async fn a_refused_request_replaces_nothing(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let shared = fixture.folder(ann.id, ann.root, "shared").await;
    let to = fixture.folder(ann.id, shared, "to").await;
    let (file, old) = (fixture.file(ann.id, shared, "a", 1).await, fixture.file(ann.id, to, "a", 2).await);
    let share = fixture.share(ann.id, shared, bob.id, Permission::Edit).await;
    fixture.file(bob.id, bob.root, "a", 1).await;
    let moving = replacing(fixture.moving(bob.id, file, to).await);
    let stale = Relocation { seen: Some(Revision(7)), ..moving.clone() };
    assert_refused!(fixture.relocate(&stale).await, Error::PreconditionFailed);
    let away = replacing(fixture.moving(bob.id, file, bob.root).await);
    assert_refused!(fixture.relocate(&away).await, Error::Conflict(Conflict::CrossDriveMove));
    fixture.change_share(ann.id, shared, share, Permission::View).await;
    assert_refused!(fixture.relocate(&moving).await, Error::Forbidden(_));
    fixture.revoke(ann.id, share).await;
    assert_refused!(fixture.relocate(&moving).await, Error::NotFound);
    assert_eq!((fixture.trashed(&ann).await, fixture.trashed(&bob).await), (vec![], vec![]));
    assert_eq!(fixture.located(old, ann.id).await.node.revision, Revision(1));
}

pub(super) async fn a_folder_too_deep_replaces_nothing(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let mut bottom = ann.root;
    for level in 1..=99 {
        bottom = fixture.folder(ann.id, bottom, &format!("level {level}")).await;
    }
    let old = fixture.folder(ann.id, bottom, "a").await;
    let folder = fixture.folder(ann.id, ann.root, "a").await;
    let below = fixture.folder(ann.id, folder, "below").await;
    let spec = replacing(fixture.moving(ann.id, folder, bottom).await);
    assert_refused!(fixture.relocate(&spec).await, Error::Invalid(_));
    assert_eq!(fixture.trashed(&ann).await, []);
    fixture.move_into(ann.id, below, ann.root).await.unwrap();
    assert_eq!(relocated(fixture, &spec).await.replaced, Some(old));
}

pub(super) async fn a_guest_who_replaces_may_undo_it(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let shared = fixture.folder(ann.id, ann.root, "shared").await;
    fixture.share(ann.id, shared, bob.id, Permission::Edit).await;
    let (old, new) = (fixture.file(ann.id, shared, "a", 1).await, fixture.file(bob.id, shared, "b", 2).await);
    // A share on the replaced file itself sleeps with it.
    let carl = fixture.user().await;
    fixture.share(ann.id, old, carl.id, Permission::View).await;
    let done = relocated(fixture, &replacing(fixture.renaming(bob.id, new, "a").await)).await;
    assert_eq!((done.replaced, fixture.trashed(&ann).await), (Some(old), vec![old]));
    assert_refused!(fixture.try_grant(carl.id, old, Action::Read).await, Error::NotFound);
    assert_refused!(fixture.try_grant(carl.id, new, Action::Read).await, Error::NotFound);
    let since = Timestamp::from_millis(0);
    let by_bob = async |user| fixture.store.trash().find_trashed_by(old, user, since).await.unwrap();
    assert!(by_bob(bob.id).await.is_some_and(|found| found.node.id == old));
    assert_eq!(by_bob(ann.id).await, None);
    fixture.restore(ann.id, old).await.unwrap();
    fixture.grant(carl.id, old, Action::Read).await;
}

pub(super) async fn uploads_of_guests_into_a_replaced_folder_end(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let old = fixture.folder(ann.id, ann.root, "a").await;
    let new = fixture.folder(ann.id, ann.root, "b").await;
    fixture.share(ann.id, old, bob.id, Permission::Edit).await;
    let upload = fixture.open(&fixture.grant(bob.id, old, Action::AddTo).await, "x", Some(5)).await;
    let own = fixture.open(&fixture.grant(ann.id, old, Action::AddTo).await, "y", Some(3)).await;
    let (spec, command) = (replacing(fixture.renaming(ann.id, new, "a").await), fixture.command(ann.id));
    fixture.store.drive().relocate(&command, &spec).await.unwrap();
    let listed = fixture.store.uploads().list_aborted(command.at, None, 10).await.unwrap();
    assert_eq!(listed.iter().map(|upload| upload.id).collect::<Vec<_>>(), [upload.id]);
    assert_eq!(fixture.upload(&upload).await.state, UploadState::Aborted);
    assert_eq!(fixture.upload(&own).await.state, UploadState::Open, "as if the folder had been deleted");
    assert_eq!(fixture.quota(ann.id).await.reserved, 3);
}

pub(super) async fn concurrent_replacements_leave_one_node(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let to = fixture.folder(ann.id, ann.root, "to").await;
    let mut rivals = vec![fixture.file(ann.id, to, "wanted", 1).await];
    let mut specs = Vec::new();
    for number in 0..6 {
        let file = fixture.file(ann.id, ann.root, &format!("{number}"), 1).await;
        let spec = Relocation { name: Some(name("wanted")), ..fixture.moving(ann.id, file, to).await };
        rivals.push(file);
        specs.push(replacing(spec));
    }
    let done = join_all(specs.iter().map(|spec| relocated(fixture, spec))).await;
    let mut live = Vec::new();
    for node in rivals {
        if fixture.located(node, ann.id).await.role().is_some() {
            live.push(node);
        }
    }
    assert_eq!(live.len(), 1, "{live:?}");
    let mut replaced: Vec<NodeId> = done.into_iter().map(|done| done.replaced.unwrap()).collect();
    let mut trashed = fixture.trashed(&ann).await;
    replaced.sort_unstable();
    trashed.sort_unstable();
    assert_eq!(trashed, replaced, "each replaced another, and that is in the trash");
}

pub(super) async fn concurrent_keep_both_moves_get_distinct_names(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let to = fixture.folder(ann.id, ann.root, "to").await;
    let mut specs = Vec::new();
    for number in 0..6 {
        let folder = fixture.folder(ann.id, ann.root, &format!("{number}")).await;
        specs.push(keeping(Relocation { name: Some(name("a")), ..fixture.moving(ann.id, folder, to).await }));
    }
    let done = join_all(specs.iter().map(|spec| relocated(fixture, spec))).await;
    let mut names: Vec<String> = done.into_iter().map(|done| done.located.node.name.to_string()).collect();
    names.sort_unstable();
    assert_eq!(names, ["a", "a (1)", "a (2)", "a (3)", "a (4)", "a (5)"]);
}

pub(super) async fn concurrent_edits_of_a_replaced_file_are_not_lost(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    for round in 0..8 {
        let text = format!("{round}");
        let old = fixture.file(ann.id, ann.root, &text, 1).await;
        let new = fixture.file(ann.id, ann.root, &format!("new {round}"), 2).await;
        let spec = replacing(fixture.renaming(ann.id, new, &text).await);
        let (file, content) = (fixture.grant(ann.id, old, Action::Replace).await, fixture.new_content(9).await);
        let edit = fixture.command(ann.id);
        let (moved, edited) =
            join(relocated(fixture, &spec), fixture.store.versions().append(&edit, &file, &content)).await;
        assert_eq!(moved.replaced, Some(old));
        let size = match edited {
            Ok(saved) => saved.located.node.size(),
            Err(refused) => {
                assert_refused!(Err::<(), _>(refused), Error::NotFound);
                1
            }
        };
        assert_eq!(fixture.located(new, ann.id).await.node.size(), 2);
        assert_eq!(fixture.restore(ann.id, old).await.unwrap().node.size(), size);
    }
}
