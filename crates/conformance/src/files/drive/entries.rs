#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use clouddrive_domain::Error;
use clouddrive_domain::error::Forbidden;
use clouddrive_domain::model::{Action, ConflictPolicy, EntryQuota, NewLimits, Permission};
use clouddrive_domain::port::Purge;
use futures_util::future::join_all;

use super::Fixture;
use crate::fixture::assert_refused;

pub(super) async fn live_and_trashed_entries_are_counted(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    assert_eq!(fixture.entries(ann.id).await, 0, "the root is none");
    let top = fixture.folder(ann.id, ann.root, "top").await;
    let file = fixture.file(ann.id, top, "a", 1).await;
    fixture.replace(ann.id, top, "a", 2).await;
    assert_eq!(fixture.entries(ann.id).await, 2, "a version is none");
    fixture.copy_into(ann.id, file, ann.root).await.unwrap();
    let source = fixture.folder(ann.id, ann.root, "source").await;
    fixture.file(ann.id, source, "x", 1).await;
    assert_eq!(fixture.entries(ann.id).await, 5);
    let copy = fixture.copy_into(ann.id, source, top).await.unwrap().node.id;
    assert_eq!(fixture.entries(ann.id).await, 7);
    fixture.share(ann.id, top, bob.id, Permission::Edit).await;
    fixture.folder(bob.id, copy, "by bob").await;
    assert_eq!((fixture.entries(ann.id).await, fixture.entries(bob.id).await), (8, 0), "it is the owner's");
    fixture.rename(ann.id, file, "b").await.unwrap();
    fixture.trash(ann.id, top).await;
    assert_eq!(fixture.entries(ann.id).await, 8);
    fixture.begin_purge(ann.id, top).await.unwrap();
    assert_eq!(fixture.purge(Purge::Of(ann.drive, top), 2).await, 5);
    assert_eq!(fixture.entries(ann.id).await, 3);
}

pub(super) async fn the_last_entry_fits_and_the_next_does_not(fixture: &Fixture<'_>) {
    let ann = fixture.user_with_entries(3).await;
    let root = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    let top = fixture.folder(ann.id, ann.root, "top").await;
    fixture.file(ann.id, top, "a", 1).await;
    let there = EntryQuota { total: 3, used: 2 };
    let bob = fixture.user().await;
    let source = fixture.folder(bob.id, bob.root, "source").await;
    fixture.file(bob.id, source, "x", 1).await;
    fixture.share(bob.id, source, ann.id, Permission::View).await;
    assert_refused!(fixture.copy_into(ann.id, source, ann.root).await,
        Error::Forbidden(Forbidden::Entries { entries, needed: 2, .. }) if *entries == there);
    assert_eq!(fixture.entries(ann.id).await, 2, "a copy is there whole or not at all");
    let upload = fixture.open(&root, "c", Some(1)).await;
    let last = fixture.file(ann.id, ann.root, "b", 1).await;
    let full = EntryQuota { total: 3, used: 3 };
    assert_refused!(fixture.create_folder(&root, "c").await,
        Error::Forbidden(Forbidden::Entries { entries, needed: 1, .. }) if *entries == full);
    let begun = fixture.begin(&root, &fixture.new_upload(&root, "d", Some(1))).await;
    assert_refused!(begun, Error::Forbidden(Forbidden::Entries { entries, needed: 1, .. }) if *entries == full);
    assert_eq!(fixture.quota(ann.id).await.reserved, 1, "of what is refused nothing is reserved");
    let commit = fixture.completing(&upload, ConflictPolicy::Fail);
    assert_refused!(fixture.commit(&root, &commit).await, Error::Forbidden(Forbidden::Entries { needed: 1, .. }));
    assert_eq!(fixture.upload(&upload).await, upload, "it stays open");
    // A replaced content needs no entry, and only a purge frees one.
    fixture.replace(ann.id, ann.root, "b", 2).await;
    fixture.trash(ann.id, last).await;
    assert_refused!(fixture.commit(&root, &commit).await, Error::Forbidden(Forbidden::Entries { .. }));
    fixture.begin_purge(ann.id, last).await.unwrap();
    fixture.purge(Purge::Of(ann.drive, last), 10).await;
    fixture.commit(&root, &commit).await.unwrap();
    assert_eq!(fixture.entries(ann.id).await, 3);
}

pub(super) async fn concurrent_creations_do_not_exceed_the_entry_quota(fixture: &Fixture<'_>) {
    let ann = fixture.user_with_entries(5).await;
    let root = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    let outcomes = join_all((0..12).map(async |number| fixture.create_folder(&root, &format!("{number}")).await)).await;
    let (made, refused): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
    assert_eq!((made.len(), fixture.entries(ann.id).await), (5, 5));
    for outcome in refused {
        assert_refused!(outcome, Error::Forbidden(Forbidden::Entries { .. }));
    }
}

pub(super) async fn a_drive_may_be_given_more_or_less(fixture: &Fixture<'_>) {
    let ann = fixture.user_with_entries(1).await;
    let root = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    let before = fixture.quota(ann.id).await;
    let set = async |entries| {
        let limits = NewLimits { bytes: None, entries: Some(entries) };
        fixture.store.accounts().set_quota(&fixture.command(ann.id), ann.id, limits).await.unwrap();
    };
    set(2).await;
    fixture.folder(ann.id, ann.root, "a").await;
    fixture.folder(ann.id, ann.root, "b").await;
    set(1).await;
    assert_refused!(
        fixture.create_folder(&root, "c").await,
        Error::Forbidden(Forbidden::Entries { entries: EntryQuota { total: 1, used: 2 }, needed: 1, .. })
    );
    assert_eq!(fixture.quota(ann.id).await, before, "what it may hold stays");
}
