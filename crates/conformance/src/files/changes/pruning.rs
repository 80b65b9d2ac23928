#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use std::time::Duration;

use clouddrive_domain::Error;
use clouddrive_domain::error::Gone;
use clouddrive_domain::model::{Action, ChangePosition, Timestamp};

use super::{Fixture, all_after, end, read};
use crate::fixture::{ALL, TestUser, assert_refused, name};

/// Later than every entry.
const EVER: Timestamp = Timestamp::from_millis(i64::MAX);

/// Prunes all entries so far.
async fn clear(fixture: &Fixture<'_>) -> ChangePosition {
    let end = end(fixture).await;
    assert!(fixture.store.changes().prune(EVER, ALL).await.unwrap() > 0);
    end
}

/// Creates a folder at `at`.
async fn folder_at(fixture: &Fixture<'_>, ann: &TestUser, text: &str, at: Timestamp) {
    let root = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    let command = fixture.command_at(Some(ann.id), at);
    fixture.store.drive().create_folder(&command, &root, fixture.id(), &name(text)).await.unwrap();
}

pub(super) async fn the_oldest_entries_are_pruned_in_steps(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let start = clear(fixture).await;
    let first = fixture.now();
    let at = |second| first.plus(Duration::from_secs(second));
    for second in 0..4 {
        folder_at(fixture, &ann, &format!("{second}"), at(second)).await;
    }
    let whole = all_after(fixture, start).await;
    let changes = fixture.store.changes();
    assert_eq!(changes.prune(at(0), ALL).await.unwrap(), 0);
    assert_eq!(changes.prune(at(3), 2).await.unwrap(), 2);
    assert_eq!(changes.prune(at(3), 2).await.unwrap(), 1);
    assert_eq!(changes.prune(at(3), 2).await.unwrap(), 0);
    let (pruned, left) = whole.split_at(3);
    let last = pruned.last().unwrap().position;
    assert_eq!(read(fixture, last, 1).await.changes, left);
}

pub(super) async fn a_reader_behind_pruned_entries_starts_anew(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let start = clear(fixture).await;
    // Nothing after it is pruned yet.
    read(fixture, start, ALL).await;
    let first = fixture.now();
    folder_at(fixture, &ann, "a", first).await;
    folder_at(fixture, &ann, "b", first.plus(Duration::from_secs(1))).await;
    let whole = all_after(fixture, start).await;
    assert_eq!(fixture.store.changes().prune(first.plus(Duration::from_secs(1)), ALL).await.unwrap(), 1);
    for drive in [None, Some(ann.drive)] {
        let behind = fixture.store.changes().read(drive, start, ALL).await;
        assert_refused!(behind, Error::Gone(Gone::Changes));
    }
    let (pruned, left) = whole.split_first().unwrap();
    assert_eq!(read(fixture, pruned.position, 1).await.changes, left);
}

pub(super) async fn no_entry_is_pruned_before_its_elders(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let start = clear(fixture).await;
    let early = fixture.now();
    let late = early.plus(Duration::from_secs(60));
    folder_at(fixture, &ann, "a", late).await;
    folder_at(fixture, &ann, "b", early).await;
    let whole = all_after(fixture, start).await;
    assert_eq!(fixture.store.changes().prune(late, ALL).await.unwrap(), 0);
    assert_eq!(read(fixture, start, 2).await.changes, whole);
}

pub(super) async fn positions_are_not_used_again(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let start = clear(fixture).await;
    assert!(fixture.store.changes().end().await.unwrap() >= start);
    fixture.folder(ann.id, ann.root, "a").await;
    let rows = all_after(fixture, start).await;
    assert_eq!(rows.len(), 1);
    assert!(rows.iter().all(|row| row.position > start));
}
