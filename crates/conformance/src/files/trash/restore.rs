#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use clouddrive_domain::Error;
use clouddrive_domain::error::Conflict;
use clouddrive_domain::model::{Action, NodeId, Permission, Revision};
use clouddrive_domain::port::{Purge, Restoration};

use super::Fixture;
use crate::fixture::{ALL, assert_refused, name};

pub(super) async fn a_trashed_item_is_restored_unchanged(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let parent = fixture.folder(ann.id, ann.root, "parent").await;
    let top = fixture.folder(ann.id, parent, "top").await;
    let file = fixture.file(ann.id, top, "file", 5).await;
    let (before, below) = (fixture.located(top, ann.id).await, fixture.located(file, ann.id).await);
    fixture.trash(ann.id, top).await;
    let restored = fixture.restore(ann.id, top).await.unwrap();
    assert_eq!(restored, fixture.located(top, ann.id).await);
    let mut expected = before;
    expected.node.revision = Revision(3);
    assert_eq!(restored, expected, "name, place and times are what they were");
    assert_eq!(fixture.located(file, ann.id).await, below);
    assert_eq!(fixture.trashed(&ann).await, []);
}

pub(super) async fn a_taken_name_gives_way_to_the_first_free_one(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    for (text, taken, given) in [
        ("a.txt", &["a.txt"][..], "a (1).txt"),
        ("b.txt", &["b.txt", "b (1).txt"], "b (2).txt"),
        ("c.txt", &[], "c.txt"),
    ] {
        let file = fixture.file(ann.id, ann.root, text, 5).await;
        let before = fixture.located(file, ann.id).await.node;
        fixture.trash(ann.id, file).await;
        for other in taken {
            fixture.folder(ann.id, ann.root, other).await;
        }
        let command = fixture.command(ann.id);
        let spec = fixture.restoration(ann.id, file).await;
        let restored = fixture.store.trash().restore(&command, &spec).await.unwrap().node;
        assert_eq!(restored.name, name(given));
        assert_eq!(restored.modified_at, if taken.is_empty() { before.modified_at } else { command.at });
    }
    let folder = fixture.folder(ann.id, ann.root, "d.e").await;
    fixture.trash(ann.id, folder).await;
    fixture.file(ann.id, ann.root, "d.e", 1).await;
    assert_eq!(fixture.restore(ann.id, folder).await.unwrap().node.name, name("d.e (1)"));
}

pub(super) async fn an_item_without_its_folder_is_restored_to_the_root(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let top = fixture.folder(ann.id, ann.root, "top").await;
    let parent = fixture.folder(ann.id, top, "parent").await;
    let files = [fixture.file(ann.id, parent, "a", 1).await, fixture.file(ann.id, parent, "b", 1).await];
    let [first, second] = files;
    for file in files {
        fixture.trash(ann.id, file).await;
    }
    fixture.trash(ann.id, top).await;
    assert_eq!(fixture.restore(ann.id, first).await.unwrap().node.parent, Some(ann.root));
    fixture.begin_purge(ann.id, top).await.unwrap();
    fixture.purge(Purge::Of(ann.drive, top), ALL).await;
    assert_eq!(fixture.store.drive().find(parent, ann.id.into()).await.unwrap(), None);
    let restored = fixture.restore(ann.id, second).await.unwrap();
    assert_eq!((restored.node.parent, &restored.node.name), (Some(ann.root), &name("b")));
    // A restored folder can be restored into again.
    let parent = fixture.folder(ann.id, ann.root, "parent").await;
    let file = fixture.file(ann.id, parent, "c", 1).await;
    fixture.trash(ann.id, file).await;
    fixture.trash(ann.id, parent).await;
    fixture.restore(ann.id, parent).await.unwrap();
    assert_eq!(fixture.restore(ann.id, file).await.unwrap().node.parent, Some(parent));
}

pub(super) async fn an_item_is_restored_to_the_given_folder(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let (top, to) = (fixture.folder(ann.id, ann.root, "top").await, fixture.folder(ann.id, ann.root, "to").await);
    let inner = fixture.folder(ann.id, top, "inner").await;
    let into = async |node: NodeId, grant: &clouddrive_domain::model::Grant| {
        let spec = Restoration { to: Some(grant.clone()), ..fixture.restoration(ann.id, node).await };
        fixture.store.trash().restore(&fixture.command(ann.id), &spec).await
    };
    let (there, root) =
        (fixture.grant(ann.id, to, Action::AddTo).await, fixture.grant(ann.id, ann.root, Action::AddTo).await);
    for (grant, parent) in [(&there, to), (&root, ann.root)] {
        fixture.trash(ann.id, inner).await;
        assert_eq!(into(inner, grant).await.unwrap().node.parent, Some(parent));
    }
    fixture.trash(ann.id, inner).await;
    // A restore cannot cross drives, even with access to the other one.
    let of_bob = fixture.folder(bob.id, bob.root, "bob's").await;
    fixture.share(bob.id, of_bob, ann.id, Permission::Edit).await;
    let foreign = fixture.grant(ann.id, of_bob, Action::AddTo).await;
    assert_refused!(into(inner, &foreign).await, Error::Conflict(Conflict::CrossDriveMove));
    fixture.trash(ann.id, to).await;
    assert_refused!(into(inner, &there).await, Error::NotFound);
    assert_eq!(fixture.trashed(&ann).await, [to, inner]);
}

pub(super) async fn it_is_restored_by_its_owner_as_it_was_seen(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let top = fixture.folder(ann.id, ann.root, "top").await;
    let file = fixture.file(ann.id, top, "file", 5).await;
    fixture.share(ann.id, top, bob.id, Permission::Edit).await;
    fixture.trash(bob.id, file).await;
    assert_refused!(fixture.try_grant(bob.id, file, Action::Restore).await, Error::NotFound);
    let spec = fixture.restoration(ann.id, file).await;
    let stale = Restoration { seen: Some(Revision(1)), ..spec.clone() };
    assert_refused!(fixture.store.trash().restore(&fixture.command(ann.id), &stale).await, Error::PreconditionFailed);
    let fresh = Restoration { seen: Some(Revision(2)), ..spec };
    fixture.store.trash().restore(&fixture.command(ann.id), &fresh).await.unwrap();
    // A restored node cannot be restored again.
    assert_refused!(fixture.store.trash().restore(&fixture.command(ann.id), &fresh).await, Error::NotFound);
    assert_refused!(fixture.try_grant(ann.id, file, Action::Restore).await, Error::NotFound);
}

pub(super) async fn restored_folders_stay_within_the_depth_limit(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let mut deepest = ann.root;
    for _ in 0..99 {
        deepest = fixture.folder(ann.id, deepest, "d").await;
    }
    let into = fixture.grant(ann.id, deepest, Action::AddTo).await;
    let two = fixture.folder(ann.id, ann.root, "two").await;
    let inner = fixture.folder(ann.id, two, "inner").await;
    for node in [inner, two] {
        fixture.trash(ann.id, node).await;
        let spec = Restoration { to: Some(into.clone()), ..fixture.restoration(ann.id, node).await };
        let outcome = fixture.store.trash().restore(&fixture.command(ann.id), &spec).await;
        // `inner` no longer counts towards the height of `two`, even if the store has recorded it.
        outcome.unwrap();
    }
    let three = fixture.folder(ann.id, ann.root, "three").await;
    fixture.folder(ann.id, three, "inner").await;
    fixture.trash(ann.id, three).await;
    let spec = Restoration { to: Some(into.clone()), ..fixture.restoration(ann.id, three).await };
    assert_refused!(fixture.store.trash().restore(&fixture.command(ann.id), &spec).await, Error::Invalid(_));
    assert_eq!(fixture.restore(ann.id, three).await.unwrap().node.parent, Some(ann.root));
}

pub(super) async fn a_trashed_descendant_can_be_restored_alone(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let top = fixture.folder(ann.id, ann.root, "top").await;
    let inner = fixture.folder(ann.id, top, "inner").await;
    let files = [fixture.file(ann.id, inner, "a", 1).await, fixture.file(ann.id, inner, "b", 1).await];
    let [first, second] = files;
    fixture.share(ann.id, inner, bob.id, Permission::View).await;
    fixture.trash(ann.id, top).await;
    assert_refused!(fixture.try_grant(bob.id, first, Action::Restore).await, Error::NotFound);
    // Its former place is in the trash, so it goes to the root.
    let restored = fixture.restore(ann.id, first).await.unwrap();
    assert_eq!((restored.node.parent, &restored.node.name), (Some(ann.root), &name("a")));
    assert_eq!(restored, fixture.located(first, ann.id).await);
    let to = fixture.grant(ann.id, fixture.folder(ann.id, ann.root, "to").await, Action::AddTo).await;
    let spec = Restoration { to: Some(to.clone()), ..fixture.restoration(ann.id, inner).await };
    let restored = fixture.store.trash().restore(&fixture.command(ann.id), &spec).await.unwrap();
    assert_eq!(restored.node.parent, Some(to.node().id));
    // With all remaining descendants and its shares.
    fixture.grant(bob.id, second, Action::Read).await;
    assert_eq!(fixture.trashed(&ann).await, [top]);
    assert_refused!(fixture.try_grant(ann.id, second, Action::Restore).await, Error::NotFound);
    let top = fixture.restore(ann.id, top).await.unwrap();
    assert_eq!(top.node.parent, Some(ann.root));
}

pub(super) async fn items_being_purged_cannot_be_restored(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let top = fixture.folder(ann.id, ann.root, "top").await;
    let inner = fixture.folder(ann.id, top, "inner").await;
    let file = fixture.file(ann.id, inner, "a", 1).await;
    fixture.trash(ann.id, top).await;
    let specs = [fixture.restoration(ann.id, inner).await, fixture.restoration(ann.id, file).await];
    fixture.begin_purge(ann.id, top).await.unwrap();
    for spec in &specs {
        assert_refused!(fixture.store.trash().restore(&fixture.command(ann.id), spec).await, Error::NotFound);
    }
    fixture.purge(Purge::Of(ann.drive, top), ALL).await;
    assert_eq!(fixture.store.drive().find(file, ann.id.into()).await.unwrap(), None);
}

pub(super) async fn items_trashed_by_a_guest_are_listed_for_that_guest_for_a_while(fixture: &Fixture<'_>) {
    let (ann, bob, cat) = (fixture.user().await, fixture.user().await, fixture.user().await);
    let top = fixture.folder(ann.id, ann.root, "top").await;
    let file = fixture.file(ann.id, top, "a", 1).await;
    for guest in [bob.id, cat.id] {
        fixture.share(ann.id, top, guest, Permission::Edit).await;
    }
    let find = async |user, after| fixture.store.trash().find_trashed_by(file, user, after).await.unwrap();
    let before = fixture.now();
    assert_eq!(find(bob.id, before).await, None, "it is live");
    let item = fixture.grant(bob.id, file, Action::Trash).await;
    let command = fixture.command(bob.id);
    fixture.store.trash().put(&command, &item, None).await.unwrap();
    let found = find(bob.id, before).await.unwrap();
    assert_eq!((found.node.id, found.viewer), (file, bob.id.into()));
    for (user, after) in [(bob.id, command.at), (cat.id, before), (ann.id, before)] {
        assert_eq!(find(user, after).await, None);
    }
    fixture.restore(ann.id, file).await.unwrap();
    assert_eq!(find(bob.id, before).await, None);
    // Bob cannot undo the next trashing, by another user.
    fixture.trash(ann.id, file).await;
    assert_eq!(find(bob.id, before).await, None);
    fixture.begin_purge(ann.id, file).await.unwrap();
    assert_eq!(find(ann.id, before).await, None);
}

pub(super) async fn a_guest_undoes_only_their_own(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let top = fixture.folder(ann.id, ann.root, "top").await;
    let file = fixture.file(ann.id, top, "a", 1).await;
    let share = fixture.share(ann.id, top, bob.id, Permission::Edit).await;
    let before = fixture.now();
    fixture.trash(bob.id, file).await;
    let found = fixture.store.trash().find_trashed_by(file, bob.id, before).await.unwrap();
    let undo = Restoration {
        item: clouddrive_domain::model::authorize(found, Action::Undo).unwrap(),
        to: None,
        seen: None,
        trashed_after: Some(before),
    };
    let restore = async |spec: &Restoration| fixture.store.trash().restore(&fixture.command(bob.id), spec).await;
    assert_refused!(
        restore(&Restoration { trashed_after: Some(fixture.now()), ..undo.clone() }).await,
        Error::NotFound
    );
    let stale = Restoration { seen: Some(Revision(1)), ..undo.clone() };
    assert_refused!(restore(&stale).await, Error::PreconditionFailed);
    // Its owner has restored and trashed it again meanwhile.
    fixture.restore(ann.id, file).await.unwrap();
    fixture.trash(ann.id, file).await;
    assert_refused!(restore(&undo).await, Error::NotFound);
    fixture.restore(ann.id, file).await.unwrap();
    fixture.trash(bob.id, file).await;
    let restored = restore(&undo).await.unwrap();
    assert_eq!((restored.node.parent, restored.viewer), (Some(top), bob.id.into()));
    fixture.trash(bob.id, file).await;
    fixture.change_share(ann.id, top, share, Permission::View).await;
    assert_refused!(restore(&undo).await, Error::NotFound);
    fixture.revoke(ann.id, share).await;
    assert_refused!(restore(&undo).await, Error::NotFound);
    assert_eq!(fixture.trashed(&ann).await, [file]);
}
