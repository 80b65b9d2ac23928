#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use clouddrive_domain::Error;
use clouddrive_domain::error::Conflict;
use clouddrive_domain::model::{
    Action, ConflictPolicy, NodeId, NodeKind, Permission, Revision, Timestamp, UploadState,
};
use clouddrive_domain::port::{Relocated, Relocation};
use futures_util::future::{join, join_all};

use crate::world::{World, assert_refused, name};

fn replacing(wish: Relocation) -> Relocation {
    Relocation { conflict: ConflictPolicy::Replace, ..wish }
}

fn keeping(wish: Relocation) -> Relocation {
    Relocation { conflict: ConflictPolicy::Keep, ..wish }
}

async fn relocated(world: &World<'_>, wish: &Relocation) -> Relocated {
    world.store.drive.relocate(&world.command(wish.item.actor()), wish).await.unwrap()
}

pub(super) async fn a_replaced_node_goes_to_the_trash(world: &World<'_>) {
    let ann = world.member().await;
    let to = world.folder(ann.id, ann.root, "to").await;
    let (old_file, old_folder) = (world.file(ann.id, to, "a.txt", 3).await, world.folder(ann.id, to, "a").await);
    let below = world.file(ann.id, old_folder, "below", 4).await;
    let (file, folder) = (world.file(ann.id, ann.root, "a.txt", 5).await, world.folder(ann.id, ann.root, "a").await);
    let (quota, entries) = (world.quota(ann.id).await, world.entries(ann.id).await);
    for (node, old) in [(file, old_file), (folder, old_folder)] {
        let (before, old_before) = (world.located(node, ann.id).await.node, world.located(old, ann.id).await.node);
        let (wish, command) = (replacing(world.moving(ann.id, node, to).await), world.command(ann.id));
        let moved = world.store.drive.relocate(&command, &wish).await.unwrap();
        assert_eq!(moved, Relocated { located: world.located(node, ann.id).await, replaced: Some(old) });
        let moved = moved.located.node;
        assert_eq!((moved.parent, &moved.name, moved.revision), (Some(to), &before.name, Revision(2)));
        assert_eq!((moved.body, moved.modified_at), (before.body, command.at));
        let trashed = world.located(old, ann.id).await;
        assert_eq!((trashed.role(), trashed.node.revision), (None, Revision(2)));
        assert_eq!((trashed.node.parent, trashed.node.body), (Some(to), old_before.body));
        assert_eq!(world.located(to, ann.id).await.node.modified_at, command.at);
    }
    assert_eq!(world.trashed(&ann).await, [old_folder, old_file]);
    assert_eq!((world.quota(ann.id).await, world.entries(ann.id).await), (quota, entries), "the trash counts");
    assert_refused!(world.try_grant(ann.id, below, Action::Read).await, Error::NotFound);
    // They come back beside what replaced them.
    assert_eq!(world.restore(ann.id, old_file).await.unwrap().node.name, name("a (1).txt"));
    assert_eq!(world.restore(ann.id, old_folder).await.unwrap().node.name, name("a (1)"));
    assert!(world.try_grant(ann.id, below, Action::Read).await.is_ok());
}

pub(super) async fn a_rename_replaces_as_well(world: &World<'_>) {
    let ann = world.member().await;
    let (old, new) = (world.folder(ann.id, ann.root, "a").await, world.folder(ann.id, ann.root, "b").await);
    let done = relocated(world, &replacing(world.renaming(ann.id, new, "a").await)).await;
    assert_eq!((done.located.node.name, done.replaced), (name("a"), Some(old)));
    let child = world.folder(ann.id, new, "c").await;
    // A name that is free, or that only something trashed has, replaces nothing.
    for (node, text) in [(child, "a"), (new, "d"), (new, "a")] {
        let done = relocated(world, &replacing(world.renaming(ann.id, node, text).await)).await;
        assert_eq!((done.located.node.name, done.replaced), (name(text), None));
    }
    assert_eq!(world.trashed(&ann).await, [old]);
}

pub(super) async fn what_is_in_its_place_replaces_nothing(world: &World<'_>) {
    let ann = world.member().await;
    let folder = world.folder(ann.id, ann.root, "a").await;
    let before = world.located(folder, ann.id).await;
    let (renaming, moving) = (world.renaming(ann.id, folder, "a").await, world.moving(ann.id, folder, ann.root).await);
    for wish in [renaming, moving] {
        for wish in [replacing(wish.clone()), keeping(wish)] {
            assert_eq!(relocated(world, &wish).await, before.clone().into());
        }
    }
    assert_eq!(world.trashed(&ann).await, []);
}

pub(super) async fn both_are_kept_under_the_first_free_name(world: &World<'_>) {
    let ann = world.member().await;
    let to = world.folder(ann.id, ann.root, "to").await;
    for text in ["a.txt", "a (2).txt", "b.c", "b.c (1)"] {
        world.folder(ann.id, to, text).await;
    }
    let (one, two) = (world.file(ann.id, ann.root, "a.txt", 1).await, world.file(ann.id, ann.root, "x", 1).await);
    let folder = world.folder(ann.id, ann.root, "b.c").await;
    for (node, text, expected) in [(one, "a.txt", "a (1).txt"), (two, "a.txt", "a (3).txt"), (folder, "b.c", "b.c (2)")]
    {
        let wish = keeping(Relocation { name: Some(name(text)), ..world.moving(ann.id, node, to).await });
        let done = relocated(world, &wish).await;
        assert_eq!((done.located.node.name.clone(), done.replaced), (name(expected), None));
        // The node's own name is free to it, so a repeat changes nothing.
        assert_eq!(relocated(world, &wish).await, done);
    }
    let free = keeping(world.renaming(ann.id, one, "free").await);
    assert_eq!(relocated(world, &free).await.located.node.name, name("free"));
    // A free name before the own one is taken.
    let back = keeping(world.renaming(ann.id, two, "a.txt").await);
    assert_eq!(relocated(world, &back).await.located.node.name, name("a (1).txt"));
    // In another folder the own name is anyone's.
    world.folder(ann.id, ann.root, "a (1).txt").await;
    let out = keeping(world.moving(ann.id, two, ann.root).await);
    assert_eq!(relocated(world, &out).await.located.node.name, name("a (1) (1).txt"));
    assert_eq!(world.trashed(&ann).await, []);
}

pub(super) async fn a_file_and_a_folder_do_not_replace_each_other(world: &World<'_>) {
    let ann = world.member().await;
    let to = world.folder(ann.id, ann.root, "to").await;
    let (file, folder) = (world.file(ann.id, ann.root, "a", 1).await, world.folder(ann.id, ann.root, "b").await);
    let (of_file, of_folder) = (world.folder(ann.id, to, "a").await, world.file(ann.id, to, "b", 1).await);
    for (node, holder, kind, suggested) in
        [(file, of_file, NodeKind::Folder, "a (1)"), (folder, of_folder, NodeKind::File, "b (1)")]
    {
        let before = world.located(node, ann.id).await;
        let wish = replacing(world.moving(ann.id, node, to).await);
        assert_refused!(world.relocate(&wish).await, Error::Conflict(Conflict::NameTaken(taken))
            if (taken.item.id, taken.item.kind) == (holder, kind) && taken.suggested == name(suggested));
        assert_eq!(world.located(node, ann.id).await, before);
    }
    assert_eq!(world.trashed(&ann).await, []);
}

pub(super) async fn a_folder_is_not_replaced_by_what_is_in_it(world: &World<'_>) {
    let ann = world.member().await;
    let top = world.folder(ann.id, ann.root, "a").await;
    let middle = world.folder(ann.id, top, "b").await;
    let inner = world.folder(ann.id, middle, "a").await;
    let before = world.located(inner, ann.id).await;
    let out = world.moving(ann.id, inner, ann.root).await;
    assert_refused!(world.relocate(&replacing(out.clone())).await, Error::Conflict(Conflict::FolderCycle));
    assert_eq!(world.located(inner, ann.id).await, before);
    assert_eq!(world.trashed(&ann).await, []);
    assert_eq!(relocated(world, &keeping(out)).await.located.node.name, name("a (1)"));
}

pub(super) async fn what_is_refused_replaces_nothing(world: &World<'_>) {
    let (ann, bob) = (world.member().await, world.member().await);
    let shared = world.folder(ann.id, ann.root, "shared").await;
    let to = world.folder(ann.id, shared, "to").await;
    let (file, old) = (world.file(ann.id, shared, "a", 1).await, world.file(ann.id, to, "a", 2).await);
    let share = world.share(ann.id, shared, bob.id, Permission::Edit).await;
    world.file(bob.id, bob.root, "a", 1).await;
    let moving = replacing(world.moving(bob.id, file, to).await);
    let stale = Relocation { seen: Some(Revision(7)), ..moving.clone() };
    assert_refused!(world.relocate(&stale).await, Error::PreconditionFailed);
    let away = replacing(world.moving(bob.id, file, bob.root).await);
    assert_refused!(world.relocate(&away).await, Error::Conflict(Conflict::CrossDriveMove));
    world.allow(ann.id, shared, share, Permission::View).await;
    assert_refused!(world.relocate(&moving).await, Error::Forbidden(_));
    world.revoke(ann.id, share).await;
    assert_refused!(world.relocate(&moving).await, Error::NotFound);
    assert_eq!((world.trashed(&ann).await, world.trashed(&bob).await), (vec![], vec![]));
    assert_eq!(world.located(old, ann.id).await.node.revision, Revision(1));
}

pub(super) async fn a_folder_too_deep_replaces_nothing(world: &World<'_>) {
    let ann = world.member().await;
    let mut bottom = ann.root;
    for level in 1..=99 {
        bottom = world.folder(ann.id, bottom, &format!("level {level}")).await;
    }
    let old = world.folder(ann.id, bottom, "a").await;
    let folder = world.folder(ann.id, ann.root, "a").await;
    let below = world.folder(ann.id, folder, "below").await;
    let wish = replacing(world.moving(ann.id, folder, bottom).await);
    assert_refused!(world.relocate(&wish).await, Error::Invalid(_));
    assert_eq!(world.trashed(&ann).await, []);
    world.move_into(ann.id, below, ann.root).await.unwrap();
    assert_eq!(relocated(world, &wish).await.replaced, Some(old));
}

pub(super) async fn a_guest_who_replaces_may_undo_it(world: &World<'_>) {
    let (ann, bob) = (world.member().await, world.member().await);
    let shared = world.folder(ann.id, ann.root, "shared").await;
    world.share(ann.id, shared, bob.id, Permission::Edit).await;
    let (old, new) = (world.file(ann.id, shared, "a", 1).await, world.file(bob.id, shared, "b", 2).await);
    // A share on the replaced file itself sleeps with it.
    let carl = world.member().await;
    world.share(ann.id, old, carl.id, Permission::View).await;
    let done = relocated(world, &replacing(world.renaming(bob.id, new, "a").await)).await;
    assert_eq!((done.replaced, world.trashed(&ann).await), (Some(old), vec![old]));
    assert_refused!(world.try_grant(carl.id, old, Action::Read).await, Error::NotFound);
    assert_refused!(world.try_grant(carl.id, new, Action::Read).await, Error::NotFound);
    let since = Timestamp::from_millis(0);
    let by_bob = async |user| world.store.trash.find_trashed_by(old, user, since).await.unwrap();
    assert!(by_bob(bob.id).await.is_some_and(|found| found.node.id == old));
    assert_eq!(by_bob(ann.id).await, None);
    world.restore(ann.id, old).await.unwrap();
    world.grant(carl.id, old, Action::Read).await;
}

pub(super) async fn uploads_of_guests_into_a_replaced_folder_end(world: &World<'_>) {
    let (ann, bob) = (world.member().await, world.member().await);
    let old = world.folder(ann.id, ann.root, "a").await;
    let new = world.folder(ann.id, ann.root, "b").await;
    world.share(ann.id, old, bob.id, Permission::Edit).await;
    let upload = world.open(&world.grant(bob.id, old, Action::AddTo).await, "x", Some(5)).await;
    let own = world.open(&world.grant(ann.id, old, Action::AddTo).await, "y", Some(3)).await;
    let (wish, command) = (replacing(world.renaming(ann.id, new, "a").await), world.command(ann.id));
    world.store.drive.relocate(&command, &wish).await.unwrap();
    let listed = world.store.uploads.list_aborted(command.at, None, 10).await.unwrap();
    assert_eq!(listed.iter().map(|upload| upload.id).collect::<Vec<_>>(), [upload.id]);
    assert_eq!(world.upload(&upload).await.state, UploadState::Aborted);
    assert_eq!(world.upload(&own).await.state, UploadState::Open, "as if the folder had been deleted");
    assert_eq!(world.quota(ann.id).await.reserved, 3);
}

pub(super) async fn of_many_that_replace_at_once_one_remains(world: &World<'_>) {
    let ann = world.member().await;
    let to = world.folder(ann.id, ann.root, "to").await;
    let mut rivals = vec![world.file(ann.id, to, "wanted", 1).await];
    let mut wishes = Vec::new();
    for number in 0..6 {
        let file = world.file(ann.id, ann.root, &format!("{number}"), 1).await;
        let wish = Relocation { name: Some(name("wanted")), ..world.moving(ann.id, file, to).await };
        rivals.push(file);
        wishes.push(replacing(wish));
    }
    let done = join_all(wishes.iter().map(|wish| relocated(world, wish))).await;
    let mut live = Vec::new();
    for node in rivals {
        if world.located(node, ann.id).await.role().is_some() {
            live.push(node);
        }
    }
    assert_eq!(live.len(), 1, "{live:?}");
    let mut replaced: Vec<NodeId> = done.into_iter().map(|done| done.replaced.unwrap()).collect();
    let mut trashed = world.trashed(&ann).await;
    replaced.sort_unstable();
    trashed.sort_unstable();
    assert_eq!(trashed, replaced, "each replaced another, and that is in the trash");
}

pub(super) async fn of_many_that_keep_both_at_once_each_has_a_name(world: &World<'_>) {
    let ann = world.member().await;
    let to = world.folder(ann.id, ann.root, "to").await;
    let mut wishes = Vec::new();
    for number in 0..6 {
        let folder = world.folder(ann.id, ann.root, &format!("{number}")).await;
        wishes.push(keeping(Relocation { name: Some(name("a")), ..world.moving(ann.id, folder, to).await }));
    }
    let done = join_all(wishes.iter().map(|wish| relocated(world, wish))).await;
    let mut names: Vec<String> = done.into_iter().map(|done| done.located.node.name.to_string()).collect();
    names.sort_unstable();
    assert_eq!(names, ["a", "a (1)", "a (2)", "a (3)", "a (4)", "a (5)"]);
}

pub(super) async fn what_is_edited_while_it_is_replaced_loses_nothing(world: &World<'_>) {
    let ann = world.member().await;
    for round in 0..8 {
        let text = format!("{round}");
        let old = world.file(ann.id, ann.root, &text, 1).await;
        let new = world.file(ann.id, ann.root, &format!("new {round}"), 2).await;
        let wish = replacing(world.renaming(ann.id, new, &text).await);
        let (file, content) = (world.grant(ann.id, old, Action::Replace).await, world.new_content(9).await);
        let edit = world.command(ann.id);
        let (moved, edited) = join(relocated(world, &wish), world.store.versions.append(&edit, &file, &content)).await;
        assert_eq!(moved.replaced, Some(old));
        let size = match edited {
            Ok(saved) => saved.located.node.size(),
            Err(refused) => {
                assert_refused!(Err::<(), _>(refused), Error::NotFound);
                1
            }
        };
        assert_eq!(world.located(new, ann.id).await.node.size(), 2);
        assert_eq!(world.restore(ann.id, old).await.unwrap().node.size(), size);
    }
}
