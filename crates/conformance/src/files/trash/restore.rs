#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use clouddrive_domain::Error;
use clouddrive_domain::error::Conflict;
use clouddrive_domain::model::{Action, NodeId, Permission, Revision};
use clouddrive_domain::port::{Purge, Restoration};

use crate::world::{ALL, World, assert_refused, name};

pub(super) async fn it_comes_back_as_it_was(world: &World<'_>) {
    let ann = world.member().await;
    let parent = world.folder(ann.id, ann.root, "parent").await;
    let top = world.folder(ann.id, parent, "top").await;
    let file = world.file(ann.id, top, "file", 5).await;
    let (before, below) = (world.located(top, ann.id).await, world.located(file, ann.id).await);
    world.trash(ann.id, top).await;
    let restored = world.restore(ann.id, top).await.unwrap();
    assert_eq!(restored, world.located(top, ann.id).await);
    let mut expected = before;
    expected.node.revision = Revision(3);
    assert_eq!(restored, expected, "name, place and times are what they were");
    assert_eq!(world.located(file, ann.id).await, below);
    assert_eq!(world.trashed(&ann).await, []);
}

pub(super) async fn a_taken_name_gives_way_to_the_first_free_one(world: &World<'_>) {
    let ann = world.member().await;
    for (text, taken, given) in [
        ("a.txt", &["a.txt"][..], "a (1).txt"),
        ("b.txt", &["b.txt", "b (1).txt"], "b (2).txt"),
        ("c.txt", &[], "c.txt"),
    ] {
        let file = world.file(ann.id, ann.root, text, 5).await;
        let before = world.located(file, ann.id).await.node;
        world.trash(ann.id, file).await;
        for other in taken {
            world.folder(ann.id, ann.root, other).await;
        }
        let command = world.command(ann.id);
        let wish = world.restoration(ann.id, file).await;
        let restored = world.store.trash.restore(&command, &wish).await.unwrap().node;
        assert_eq!(restored.name, name(given));
        assert_eq!(restored.modified_at, if taken.is_empty() { before.modified_at } else { command.at });
    }
    let folder = world.folder(ann.id, ann.root, "d.e").await;
    world.trash(ann.id, folder).await;
    world.file(ann.id, ann.root, "d.e", 1).await;
    assert_eq!(world.restore(ann.id, folder).await.unwrap().node.name, name("d.e (1)"));
}

pub(super) async fn it_goes_to_the_root_when_its_folder_is_in_the_trash_or_gone(world: &World<'_>) {
    let ann = world.member().await;
    let top = world.folder(ann.id, ann.root, "top").await;
    let parent = world.folder(ann.id, top, "parent").await;
    let files = [world.file(ann.id, parent, "a", 1).await, world.file(ann.id, parent, "b", 1).await];
    let [first, second] = files;
    for file in files {
        world.trash(ann.id, file).await;
    }
    world.trash(ann.id, top).await;
    assert_eq!(world.restore(ann.id, first).await.unwrap().node.parent, Some(ann.root));
    world.begin_purge(ann.id, top).await.unwrap();
    world.purge(Purge::Of(ann.drive, top), ALL).await;
    assert_eq!(world.store.drive.find(parent, ann.id.into()).await.unwrap(), None);
    let restored = world.restore(ann.id, second).await.unwrap();
    assert_eq!((restored.node.parent, &restored.node.name), (Some(ann.root), &name("b")));
    // A restored folder can be restored into again.
    let parent = world.folder(ann.id, ann.root, "parent").await;
    let file = world.file(ann.id, parent, "c", 1).await;
    world.trash(ann.id, file).await;
    world.trash(ann.id, parent).await;
    world.restore(ann.id, parent).await.unwrap();
    assert_eq!(world.restore(ann.id, file).await.unwrap().node.parent, Some(parent));
}

pub(super) async fn it_goes_where_it_is_told(world: &World<'_>) {
    let (ann, bob) = (world.member().await, world.member().await);
    let (top, to) = (world.folder(ann.id, ann.root, "top").await, world.folder(ann.id, ann.root, "to").await);
    let inner = world.folder(ann.id, top, "inner").await;
    let into = async |node: NodeId, grant: &clouddrive_domain::model::Grant| {
        let wish = Restoration { to: Some(grant.clone()), ..world.restoration(ann.id, node).await };
        world.store.trash.restore(&world.command(ann.id), &wish).await
    };
    let (there, root) =
        (world.grant(ann.id, to, Action::AddTo).await, world.grant(ann.id, ann.root, Action::AddTo).await);
    for (grant, parent) in [(&there, to), (&root, ann.root)] {
        world.trash(ann.id, inner).await;
        assert_eq!(into(inner, grant).await.unwrap().node.parent, Some(parent));
    }
    world.trash(ann.id, inner).await;
    // A restore cannot cross drives, even with access to the other one.
    let of_bob = world.folder(bob.id, bob.root, "bob's").await;
    world.share(bob.id, of_bob, ann.id, Permission::Edit).await;
    let foreign = world.grant(ann.id, of_bob, Action::AddTo).await;
    assert_refused!(into(inner, &foreign).await, Error::Conflict(Conflict::CrossDriveMove));
    world.trash(ann.id, to).await;
    assert_refused!(into(inner, &there).await, Error::NotFound);
    assert_eq!(world.trashed(&ann).await, [to, inner]);
}

pub(super) async fn it_is_restored_by_its_owner_as_it_was_seen(world: &World<'_>) {
    let (ann, bob) = (world.member().await, world.member().await);
    let top = world.folder(ann.id, ann.root, "top").await;
    let file = world.file(ann.id, top, "file", 5).await;
    world.share(ann.id, top, bob.id, Permission::Edit).await;
    world.trash(bob.id, file).await;
    assert_refused!(world.try_grant(bob.id, file, Action::Restore).await, Error::NotFound);
    let wish = world.restoration(ann.id, file).await;
    let stale = Restoration { seen: Some(Revision(1)), ..wish.clone() };
    assert_refused!(world.store.trash.restore(&world.command(ann.id), &stale).await, Error::PreconditionFailed);
    let fresh = Restoration { seen: Some(Revision(2)), ..wish };
    world.store.trash.restore(&world.command(ann.id), &fresh).await.unwrap();
    // A restored node cannot be restored again.
    assert_refused!(world.store.trash.restore(&world.command(ann.id), &fresh).await, Error::NotFound);
    assert_refused!(world.try_grant(ann.id, file, Action::Restore).await, Error::NotFound);
}

pub(super) async fn folders_come_back_no_deeper_than_folders_stand(world: &World<'_>) {
    let ann = world.member().await;
    let mut deepest = ann.root;
    for _ in 0..99 {
        deepest = world.folder(ann.id, deepest, "d").await;
    }
    let into = world.grant(ann.id, deepest, Action::AddTo).await;
    let two = world.folder(ann.id, ann.root, "two").await;
    let inner = world.folder(ann.id, two, "inner").await;
    for node in [inner, two] {
        world.trash(ann.id, node).await;
        let wish = Restoration { to: Some(into.clone()), ..world.restoration(ann.id, node).await };
        let outcome = world.store.trash.restore(&world.command(ann.id), &wish).await;
        // `inner` no longer counts towards the height of `two`, even if the store has recorded it.
        outcome.unwrap();
    }
    let three = world.folder(ann.id, ann.root, "three").await;
    world.folder(ann.id, three, "inner").await;
    world.trash(ann.id, three).await;
    let wish = Restoration { to: Some(into.clone()), ..world.restoration(ann.id, three).await };
    assert_refused!(world.store.trash.restore(&world.command(ann.id), &wish).await, Error::Invalid(_));
    assert_eq!(world.restore(ann.id, three).await.unwrap().node.parent, Some(ann.root));
}

pub(super) async fn what_lies_below_comes_back_alone(world: &World<'_>) {
    let (ann, bob) = (world.member().await, world.member().await);
    let top = world.folder(ann.id, ann.root, "top").await;
    let inner = world.folder(ann.id, top, "inner").await;
    let files = [world.file(ann.id, inner, "a", 1).await, world.file(ann.id, inner, "b", 1).await];
    let [first, second] = files;
    world.share(ann.id, inner, bob.id, Permission::View).await;
    world.trash(ann.id, top).await;
    assert_refused!(world.try_grant(bob.id, first, Action::Restore).await, Error::NotFound);
    // Its former place is in the trash, so it goes to the root.
    let restored = world.restore(ann.id, first).await.unwrap();
    assert_eq!((restored.node.parent, &restored.node.name), (Some(ann.root), &name("a")));
    assert_eq!(restored, world.located(first, ann.id).await);
    let to = world.grant(ann.id, world.folder(ann.id, ann.root, "to").await, Action::AddTo).await;
    let wish = Restoration { to: Some(to.clone()), ..world.restoration(ann.id, inner).await };
    let restored = world.store.trash.restore(&world.command(ann.id), &wish).await.unwrap();
    assert_eq!(restored.node.parent, Some(to.node().id));
    // With all remaining descendants and its shares.
    world.grant(bob.id, second, Action::Read).await;
    assert_eq!(world.trashed(&ann).await, [top]);
    assert_refused!(world.try_grant(ann.id, second, Action::Restore).await, Error::NotFound);
    let top = world.restore(ann.id, top).await.unwrap();
    assert_eq!(top.node.parent, Some(ann.root));
}

pub(super) async fn what_is_being_purged_does_not_come_back(world: &World<'_>) {
    let ann = world.member().await;
    let top = world.folder(ann.id, ann.root, "top").await;
    let inner = world.folder(ann.id, top, "inner").await;
    let file = world.file(ann.id, inner, "a", 1).await;
    world.trash(ann.id, top).await;
    let wishes = [world.restoration(ann.id, inner).await, world.restoration(ann.id, file).await];
    world.begin_purge(ann.id, top).await.unwrap();
    for wish in &wishes {
        assert_refused!(world.store.trash.restore(&world.command(ann.id), wish).await, Error::NotFound);
    }
    world.purge(Purge::Of(ann.drive, top), ALL).await;
    assert_eq!(world.store.drive.find(file, ann.id.into()).await.unwrap(), None);
}

pub(super) async fn what_a_guest_has_trashed_is_found_by_that_guest_for_a_while(world: &World<'_>) {
    let (ann, bob, cat) = (world.member().await, world.member().await, world.member().await);
    let top = world.folder(ann.id, ann.root, "top").await;
    let file = world.file(ann.id, top, "a", 1).await;
    for guest in [bob.id, cat.id] {
        world.share(ann.id, top, guest, Permission::Edit).await;
    }
    let find = async |user, after| world.store.trash.find_trashed_by(file, user, after).await.unwrap();
    let before = world.now();
    assert_eq!(find(bob.id, before).await, None, "it is live");
    let item = world.grant(bob.id, file, Action::Trash).await;
    let command = world.command(bob.id);
    world.store.trash.put(&command, &item, None).await.unwrap();
    let found = find(bob.id, before).await.unwrap();
    assert_eq!((found.node.id, found.viewer), (file, bob.id.into()));
    for (user, after) in [(bob.id, command.at), (cat.id, before), (ann.id, before)] {
        assert_eq!(find(user, after).await, None);
    }
    world.restore(ann.id, file).await.unwrap();
    assert_eq!(find(bob.id, before).await, None);
    // Bob cannot undo the next trashing, by another user.
    world.trash(ann.id, file).await;
    assert_eq!(find(bob.id, before).await, None);
    world.begin_purge(ann.id, file).await.unwrap();
    assert_eq!(find(ann.id, before).await, None);
}

pub(super) async fn a_guest_undoes_only_their_own(world: &World<'_>) {
    let (ann, bob) = (world.member().await, world.member().await);
    let top = world.folder(ann.id, ann.root, "top").await;
    let file = world.file(ann.id, top, "a", 1).await;
    let share = world.share(ann.id, top, bob.id, Permission::Edit).await;
    let before = world.now();
    world.trash(bob.id, file).await;
    let found = world.store.trash.find_trashed_by(file, bob.id, before).await.unwrap();
    let undo = Restoration {
        item: clouddrive_domain::model::authorize(found, Action::Undo).unwrap(),
        to: None,
        seen: None,
        trashed_after: Some(before),
    };
    let restore = async |wish: &Restoration| world.store.trash.restore(&world.command(bob.id), wish).await;
    assert_refused!(restore(&Restoration { trashed_after: Some(world.now()), ..undo.clone() }).await, Error::NotFound);
    let stale = Restoration { seen: Some(Revision(1)), ..undo.clone() };
    assert_refused!(restore(&stale).await, Error::PreconditionFailed);
    // Its owner has restored and trashed it again meanwhile.
    world.restore(ann.id, file).await.unwrap();
    world.trash(ann.id, file).await;
    assert_refused!(restore(&undo).await, Error::NotFound);
    world.restore(ann.id, file).await.unwrap();
    world.trash(bob.id, file).await;
    let restored = restore(&undo).await.unwrap();
    assert_eq!((restored.node.parent, restored.viewer), (Some(top), bob.id.into()));
    world.trash(bob.id, file).await;
    world.allow(ann.id, top, share, Permission::View).await;
    assert_refused!(restore(&undo).await, Error::NotFound);
    world.revoke(ann.id, share).await;
    assert_refused!(restore(&undo).await, Error::NotFound);
    assert_eq!(world.trashed(&ann).await, [file]);
}
