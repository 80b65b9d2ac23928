#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use clouddrive_domain::Error;
use clouddrive_domain::error::Forbidden;
use clouddrive_domain::model::{Action, ConflictPolicy, EntryQuota, NewLimits, Permission};
use clouddrive_domain::port::Purge;
use futures_util::future::join_all;

use crate::world::{World, assert_refused};

pub(super) async fn what_stands_in_a_drive_and_lies_in_its_trash_is_counted(world: &World<'_>) {
    let (ann, bob) = (world.member().await, world.member().await);
    assert_eq!(world.entries(ann.id).await, 0, "the root is none");
    let top = world.folder(ann.id, ann.root, "top").await;
    let file = world.file(ann.id, top, "a", 1).await;
    world.replace(ann.id, top, "a", 2).await;
    assert_eq!(world.entries(ann.id).await, 2, "a version is none");
    world.copy_into(ann.id, file, ann.root).await.unwrap();
    let source = world.folder(ann.id, ann.root, "source").await;
    world.file(ann.id, source, "x", 1).await;
    assert_eq!(world.entries(ann.id).await, 5);
    let copy = world.copy_into(ann.id, source, top).await.unwrap().node.id;
    assert_eq!(world.entries(ann.id).await, 7);
    world.share(ann.id, top, bob.id, Permission::Edit).await;
    world.folder(bob.id, copy, "by bob").await;
    assert_eq!((world.entries(ann.id).await, world.entries(bob.id).await), (8, 0), "it is the owner's");
    world.rename(ann.id, file, "b").await.unwrap();
    world.trash(ann.id, top).await;
    assert_eq!(world.entries(ann.id).await, 8);
    world.begin_purge(ann.id, top).await.unwrap();
    assert_eq!(world.purge(Purge::Of(ann.drive, top), 2).await, 5);
    assert_eq!(world.entries(ann.id).await, 3);
}

pub(super) async fn the_last_entry_fits_and_the_next_does_not(world: &World<'_>) {
    let ann = world.member_with_entries(3).await;
    let root = world.grant(ann.id, ann.root, Action::AddTo).await;
    let top = world.folder(ann.id, ann.root, "top").await;
    world.file(ann.id, top, "a", 1).await;
    let there = EntryQuota { total: 3, used: 2 };
    let bob = world.member().await;
    let source = world.folder(bob.id, bob.root, "source").await;
    world.file(bob.id, source, "x", 1).await;
    world.share(bob.id, source, ann.id, Permission::View).await;
    assert_refused!(world.copy_into(ann.id, source, ann.root).await,
        Error::Forbidden(Forbidden::Entries { entries, needed: 2, .. }) if *entries == there);
    assert_eq!(world.entries(ann.id).await, 2, "a copy is there whole or not at all");
    let upload = world.open(&root, "c", Some(1)).await;
    let last = world.file(ann.id, ann.root, "b", 1).await;
    let full = EntryQuota { total: 3, used: 3 };
    assert_refused!(world.create_folder(&root, "c").await,
        Error::Forbidden(Forbidden::Entries { entries, needed: 1, .. }) if *entries == full);
    let begun = world.begin(&root, &world.opening(&root, "d", Some(1))).await;
    assert_refused!(begun, Error::Forbidden(Forbidden::Entries { entries, needed: 1, .. }) if *entries == full);
    assert_eq!(world.quota(ann.id).await.reserved, 1, "of what is refused nothing is reserved");
    let commit = world.completing(&upload, ConflictPolicy::Fail);
    assert_refused!(world.commit(&root, &commit).await, Error::Forbidden(Forbidden::Entries { needed: 1, .. }));
    assert_eq!(world.upload(&upload).await, upload, "it stays open");
    // A replaced content needs no entry, and only a purge frees one.
    world.replace(ann.id, ann.root, "b", 2).await;
    world.trash(ann.id, last).await;
    assert_refused!(world.commit(&root, &commit).await, Error::Forbidden(Forbidden::Entries { .. }));
    world.begin_purge(ann.id, last).await.unwrap();
    world.purge(Purge::Of(ann.drive, last), 10).await;
    world.commit(&root, &commit).await.unwrap();
    assert_eq!(world.entries(ann.id).await, 3);
}

pub(super) async fn of_many_at_once_only_as_many_as_fit_arrive(world: &World<'_>) {
    let ann = world.member_with_entries(5).await;
    let root = world.grant(ann.id, ann.root, Action::AddTo).await;
    let outcomes = join_all((0..12).map(async |number| world.create_folder(&root, &format!("{number}")).await)).await;
    let (made, refused): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
    assert_eq!((made.len(), world.entries(ann.id).await), (5, 5));
    for outcome in refused {
        assert_refused!(outcome, Error::Forbidden(Forbidden::Entries { .. }));
    }
}

pub(super) async fn a_drive_may_be_given_more_or_less(world: &World<'_>) {
    let ann = world.member_with_entries(1).await;
    let root = world.grant(ann.id, ann.root, Action::AddTo).await;
    let before = world.quota(ann.id).await;
    let set = async |entries| {
        let limits = NewLimits { bytes: None, entries: Some(entries) };
        world.store.accounts.set_quota(&world.command(ann.id), ann.id, limits).await.unwrap();
    };
    set(2).await;
    world.folder(ann.id, ann.root, "a").await;
    world.folder(ann.id, ann.root, "b").await;
    set(1).await;
    assert_refused!(
        world.create_folder(&root, "c").await,
        Error::Forbidden(Forbidden::Entries { entries: EntryQuota { total: 1, used: 2 }, needed: 1, .. })
    );
    assert_eq!(world.quota(ann.id).await, before, "what it may hold stays");
}
