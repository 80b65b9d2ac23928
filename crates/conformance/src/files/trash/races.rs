#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use clouddrive_domain::model::{Action, ConflictPolicy, NodeId};
use clouddrive_domain::port::Purge;
use clouddrive_domain::{Error, Result};
use futures_util::future::{join, join_all};

use super::Fixture;
use crate::fixture::{assert_refused, name};

async fn put(fixture: &Fixture<'_>, owner: clouddrive_domain::model::UserId, node: NodeId) -> Result<()> {
    let item = fixture.grant(owner, node, Action::Trash).await;
    fixture.store.trash().put(&fixture.command(owner), &item, None).await
}

pub(super) async fn an_upload_does_not_land_in_the_trash(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    for round in 0..8 {
        let top = fixture.folder(ann.id, ann.root, &format!("{round}")).await;
        let below = fixture.folder(ann.id, top, "below").await;
        let into = fixture.grant(ann.id, below, Action::AddTo).await;
        let upload = fixture.open(&into, "a", Some(1)).await;
        let commit = fixture.completing(&upload, ConflictPolicy::Fail);
        let (item, by) = (fixture.grant(ann.id, top, Action::Trash).await, fixture.command(ann.id));
        let (trashed, committed) =
            join(fixture.store.trash().put(&by, &item, None), fixture.commit(&into, &commit)).await;
        trashed.unwrap();
        let made = fixture.store.drive().find(commit.file, ann.id.into()).await.unwrap();
        if committed.is_ok() {
            assert_eq!(made.unwrap().role(), None, "it went there with its folder");
        } else {
            assert_refused!(committed, Error::NotFound);
            assert_eq!(made, None);
        }
    }
}

pub(super) async fn a_folder_is_not_made_in_the_trash(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    for round in 0..8 {
        let top = fixture.folder(ann.id, ann.root, &format!("{round}")).await;
        let into = fixture.grant(ann.id, top, Action::AddTo).await;
        let (trashed, made) = join(put(fixture, ann.id, top), fixture.create_folder(&into, "a")).await;
        trashed.unwrap();
        if let Err(error) = made {
            assert_refused!(Err::<(), _>(error), Error::NotFound);
        }
        // Either way a purge removes everything.
        fixture.begin_purge(ann.id, top).await.unwrap();
        fixture.purge(Purge::Of(ann.drive, top), 10).await;
        assert_eq!(fixture.store.drive().find(top, ann.id.into()).await.unwrap(), None);
    }
}

pub(super) async fn a_concurrent_move_and_trash_leave_the_item_in_one_place(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let to = fixture.folder(ann.id, ann.root, "to").await;
    for round in 0..8 {
        let from = fixture.folder(ann.id, ann.root, &format!("from {round}")).await;
        let file = fixture.file(ann.id, from, &format!("{round}"), 1).await;
        let moving = fixture.moving(ann.id, file, to).await;
        // The source folder of the move is trashed.
        let (trashed, moved) = join(put(fixture, ann.id, from), fixture.relocate(&moving)).await;
        trashed.unwrap();
        let found = fixture.located(file, ann.id).await;
        if moved.is_ok() {
            assert_eq!((found.node.parent, found.role().is_some()), (Some(to), true));
        } else {
            assert_refused!(moved, Error::NotFound);
            assert_eq!((found.node.parent, found.role().is_some()), (Some(from), false));
        }
    }
}

pub(super) async fn a_restored_name_and_a_new_one_stand_side_by_side(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let root = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    for round in 0..8 {
        let text = format!("{round}");
        let folder = fixture.folder(ann.id, ann.root, &text).await;
        fixture.trash(ann.id, folder).await;
        let (restored, made) = join(fixture.restore(ann.id, folder), fixture.create_folder(&root, &text)).await;
        let restored = restored.unwrap().node.name;
        if made.is_ok() {
            assert_eq!(restored, name(&format!("{text} (1)")));
        } else {
            assert_refused!(made, Error::Conflict(_));
            assert_eq!(restored, name(&text));
        }
    }
}

pub(super) async fn a_concurrent_purge_and_restore_have_one_winner(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let mut used = 0;
    for round in 0..8 {
        let top = fixture.folder(ann.id, ann.root, &format!("{round}")).await;
        let file = fixture.file(ann.id, top, "a", 1).await;
        fixture.trash(ann.id, top).await;
        let (spec, item) = (fixture.restoration(ann.id, top).await, fixture.grant(ann.id, top, Action::Purge).await);
        let commands = [fixture.command(ann.id), fixture.command(ann.id)];
        let (restored, purged) = join(
            fixture.store.trash().restore(&commands[0], &spec),
            fixture.store.trash().begin_purge(&commands[1], &item, None),
        )
        .await;
        fixture.purge(Purge::In(ann.drive), 10).await;
        let found = fixture.store.drive().find(file, ann.id.into()).await.unwrap();
        if restored.is_ok() {
            assert_refused!(purged, Error::NotFound);
            assert!(found.unwrap().role().is_some());
            used += 1;
        } else {
            assert_refused!(restored, Error::NotFound);
            purged.unwrap();
            assert_eq!(found, None);
        }
        assert_eq!(fixture.quota(ann.id).await.used, used);
    }
}

pub(super) async fn two_purges_at_once_count_each_byte_once(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    for round in 0..4 {
        let top = fixture.folder(ann.id, ann.root, &format!("{round}")).await;
        for number in 0..6 {
            fixture.file(ann.id, top, &format!("{number}"), 10).await;
        }
        fixture.trash(ann.id, top).await;
        let item = fixture.grant(ann.id, top, Action::Purge).await;
        let commands = [fixture.command(ann.id), fixture.command(ann.id)];
        let begun = join_all(commands.iter().map(|by| fixture.store.trash().begin_purge(by, &item, None))).await;
        assert_eq!(begun.iter().filter(|outcome| outcome.is_ok()).count(), 1);
        let which = Purge::Of(ann.drive, top);
        let (first, second) = join(steps(fixture, which), steps(fixture, which)).await;
        assert_eq!(first + second, 7);
        assert_eq!(fixture.quota(ann.id).await.used, 0);
    }
}

/// Purges in small steps until no more are reported, possibly alongside others.
async fn steps(fixture: &Fixture<'_>, which: Purge) -> u32 {
    let mut removed = 0;
    loop {
        let step = fixture.purge_step(which, 2).await;
        removed += step.removed;
        if !step.more {
            return removed;
        }
    }
}

pub(super) async fn many_workers_share_one_purge(fixture: &Fixture<'_>) {
    fixture.purge(Purge::Any, 100).await;
    let ann = fixture.user().await;
    let top = fixture.folder(ann.id, ann.root, "top").await;
    for folder in 0..5 {
        let folder = fixture.folder(ann.id, top, &format!("{folder}")).await;
        for number in 0..5 {
            fixture.file(ann.id, folder, &format!("{number}"), 1).await;
        }
    }
    fixture.trash(ann.id, top).await;
    fixture.begin_purge(ann.id, top).await.unwrap();
    let workers = (0..6).map(async |number| {
        let which = if number % 2 == 0 { Purge::Any } else { Purge::In(ann.drive) };
        let mut removed = 0;
        loop {
            let step = fixture.purge_step(which, 3).await;
            removed += step.removed;
            // There may be no more for the moment if the other workers have the rest.
            if !step.more {
                return removed;
            }
        }
    });
    let removed: u32 = join_all(workers).await.into_iter().sum();
    assert_eq!(removed + fixture.purge(Purge::In(ann.drive), 3).await, 31);
    assert_eq!(fixture.quota(ann.id).await.used, 0);
}
