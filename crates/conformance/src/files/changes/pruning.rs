#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use std::time::Duration;

use clouddrive_domain::Error;
use clouddrive_domain::error::Gone;
use clouddrive_domain::model::{Action, ChangePosition, Timestamp};

use super::{all_after, end, read};
use crate::world::{ALL, Member, World, assert_refused, name};

/// Later than every entry.
const EVER: Timestamp = Timestamp::from_millis(i64::MAX);

/// Prunes all entries so far.
async fn clear(world: &World<'_>) -> ChangePosition {
    let end = end(world).await;
    assert!(world.store.changes.prune(EVER, ALL).await.unwrap() > 0);
    end
}

/// Creates a folder at `at`.
async fn folder_at(world: &World<'_>, ann: &Member, text: &str, at: Timestamp) {
    let root = world.grant(ann.id, ann.root, Action::AddTo).await;
    let command = world.command_at(Some(ann.id), at);
    world.store.drive.create_folder(&command, &root, world.id(), &name(text)).await.unwrap();
}

pub(super) async fn the_oldest_entries_are_pruned_in_steps(world: &World<'_>) {
    let ann = world.member().await;
    let start = clear(world).await;
    let first = world.now();
    let at = |second| first.plus(Duration::from_secs(second));
    for second in 0..4 {
        folder_at(world, &ann, &format!("{second}"), at(second)).await;
    }
    let whole = all_after(world, start).await;
    let changes = &world.store.changes;
    assert_eq!(changes.prune(at(0), ALL).await.unwrap(), 0);
    assert_eq!(changes.prune(at(3), 2).await.unwrap(), 2);
    assert_eq!(changes.prune(at(3), 2).await.unwrap(), 1);
    assert_eq!(changes.prune(at(3), 2).await.unwrap(), 0);
    let (pruned, left) = whole.split_at(3);
    let last = pruned.last().unwrap().position;
    assert_eq!(read(world, last, 1).await.changes, left);
}

pub(super) async fn a_reader_behind_pruned_entries_starts_anew(world: &World<'_>) {
    let ann = world.member().await;
    let start = clear(world).await;
    // Nothing after it is pruned yet.
    read(world, start, ALL).await;
    let first = world.now();
    folder_at(world, &ann, "a", first).await;
    folder_at(world, &ann, "b", first.plus(Duration::from_secs(1))).await;
    let whole = all_after(world, start).await;
    assert_eq!(world.store.changes.prune(first.plus(Duration::from_secs(1)), ALL).await.unwrap(), 1);
    for drive in [None, Some(ann.drive)] {
        let behind = world.store.changes.read(drive, start, ALL).await;
        assert_refused!(behind, Error::Gone(Gone::Changes));
    }
    let (pruned, left) = whole.split_first().unwrap();
    assert_eq!(read(world, pruned.position, 1).await.changes, left);
}

pub(super) async fn no_entry_is_pruned_before_its_elders(world: &World<'_>) {
    let ann = world.member().await;
    let start = clear(world).await;
    let early = world.now();
    let late = early.plus(Duration::from_secs(60));
    folder_at(world, &ann, "a", late).await;
    folder_at(world, &ann, "b", early).await;
    let whole = all_after(world, start).await;
    assert_eq!(world.store.changes.prune(late, ALL).await.unwrap(), 0);
    assert_eq!(read(world, start, 2).await.changes, whole);
}

pub(super) async fn positions_are_not_used_again(world: &World<'_>) {
    let ann = world.member().await;
    let start = clear(world).await;
    assert!(world.store.changes.end().await.unwrap() >= start);
    world.folder(ann.id, ann.root, "a").await;
    let rows = all_after(world, start).await;
    assert_eq!(rows.len(), 1);
    assert!(rows.iter().all(|row| row.position > start));
}
