//! Conformance suite for [`ChangeRepository`](clouddrive_domain::port::ChangeRepository), and the entries that the
//! other ports write.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a suite fails by a panic")]

mod log;
mod no_rows;
mod pruning;
mod rows;

use std::collections::HashSet;

use clouddrive_domain::Error;
use clouddrive_domain::error::Gone;
use clouddrive_domain::model::{ChangeBatch, ChangePosition, DriveId, LoggedChange, NodeId, RequestId};
use clouddrive_domain::port::{ChangeRepository, UserRepository};
use futures_util::future::{join_all, join3};

use crate::case::persistence_suite;
use crate::fixture::{self, ALL, TestUser, assert_refused};

persistence_suite! {
    $ changes uses
        AccountRepository, BlobRecordRepository, ChangeRepository, LinkDownloadRepository, LinkRepository,
        NodeRepository, SessionRepository, ShareRepository, ThrottleRepository, TrashRepository, TreeRepository,
        UploadRepository, UserRepository, VersionRepository;

    rows of "`ChangeRepository`: Each entry commits atomically with the mutation it describes." {
        accounts_leave_rows,
        account_changes_leave_rows,
        sessions_leave_rows,
        the_tree_leaves_rows,
        copies_leave_rows,
        uploads_leave_rows,
        expiry_leaves_a_row_for_each_upload,
        shares_leave_rows,
        links_leave_rows,
        the_trash_leaves_rows,
        versions_leave_rows,
    }

    no_rows of "`ChangeRepository`: Each entry commits atomically with the mutation it describes." {
        no_ops_leave_no_row,
        failures_leave_no_row,
        failures_of_uploads_leave_no_row,
    }

    no_rows of "`BlobRecordRepository`: leave no rows in the change log" {
        housekeeping_leaves_no_rows,
    }

    self of "`ChangeRepository::read`: Reads up to `max` entries after `after`, in order: those of `drive`, or all." {
        rows_come_in_order_and_in_pages,
        a_reader_of_one_drive_sees_only_that_drive,
    }

    self of "`ChangeRepository`: an entry MUST NOT appear before a position that" {
        a_reader_misses_nothing_that_commits_late,
    }

    self of "`ChangeRepository::read`: or `after` cannot come from this log" {
        a_position_beyond_the_end_is_refused,
    }

    pruning of "`ChangeRepository::prune`: Removes up to `max` of the oldest entries" {
        the_oldest_entries_are_pruned_in_steps,
    }

    pruning of "`ChangeRepository::read`: if entries after `after` have been pruned, of whichever drive" {
        a_reader_behind_pruned_entries_starts_anew,
    }

    pruning of "`ChangeRepository::prune`: those before the first that was written at `before` or later" {
        no_entry_is_pruned_before_its_elders,
    }

    pruning of "`ChangeRepository::end`: every entry that is committed later comes after it" {
        positions_are_not_used_again,
    }
}

/// Reads up to `max` entries after `after` and checks their order.
async fn read<P>(fixture: &fixture::Fixture<'_, P>, after: ChangePosition, max: u32) -> ChangeBatch
where
    P: AsRef<dyn ChangeRepository> + ?Sized,
{
    let batch = fixture.store.changes().read(None, after, max).await.unwrap();
    assert!(batch.changes.len() <= max as usize);
    let mut positions = vec![after];
    positions.extend(batch.changes.iter().map(|entry| entry.position));
    assert!(positions.is_sorted_by(|one, next| one < next), "{positions:?}");
    assert!(positions.last().is_some_and(|last| *last <= batch.end));
    batch
}

/// Writes an entry, and reads from `after` on until it appears. Returns the entries before it, and its position.
///
/// A store may hold back entries for a moment, so only what comes before an entry that has appeared is complete.
async fn settled<P>(fixture: &fixture::Fixture<'_, P>, after: ChangePosition) -> (Vec<LoggedChange>, ChangePosition)
where
    P: AsRef<dyn ChangeRepository> + AsRef<dyn UserRepository> + ?Sized,
{
    let new = fixture.registration();
    let mark = fixture.command(new.user.id);
    fixture.store.users().register(&mark, &new).await.unwrap();
    let (mut found, mut last) = (Vec::new(), after);
    for _ in 0..100_000 {
        let batch = read(fixture, last, 1000).await;
        last = batch.end;
        for entry in batch.changes {
            if entry.command.request == mark.request {
                return (found, entry.position);
            }
            found.push(entry);
        }
    }
    panic!("an entry of the change log that was committed does not appear");
}

/// All entries after `after`.
pub(crate) async fn all_after<P>(fixture: &fixture::Fixture<'_, P>, after: ChangePosition) -> Vec<LoggedChange>
where
    P: AsRef<dyn ChangeRepository> + AsRef<dyn UserRepository> + ?Sized,
{
    settled(fixture, after).await.0
}

/// A position after all entries so far.
pub(crate) async fn end<P>(fixture: &fixture::Fixture<'_, P>) -> ChangePosition
where
    P: AsRef<dyn ChangeRepository> + AsRef<dyn UserRepository> + ?Sized,
{
    settled(fixture, fixture.store.changes().end().await.unwrap()).await.1
}

fn nodes(entries: &[LoggedChange]) -> Vec<NodeId> {
    entries.iter().filter_map(|entry| entry.change.node).collect()
}

async fn folders(fixture: &Fixture<'_>, ann: &TestUser, count: u32) -> Vec<NodeId> {
    let mut made = Vec::new();
    for number in 0..count {
        made.push(fixture.folder(ann.id, ann.root, &format!("{number}")).await);
    }
    made
}

async fn rows_come_in_order_and_in_pages(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let start = end(fixture).await;
    let made = folders(fixture, &ann, 7).await;
    let whole = all_after(fixture, start).await;
    assert_eq!(nodes(&whole), made);
    for max in [1, 3, 7] {
        let (mut rows, mut last) = (Vec::new(), start);
        while rows.len() < whole.len() {
            let page = read(fixture, last, max).await;
            assert!(!page.changes.is_empty());
            last = page.end;
            rows.extend(page.changes);
        }
        rows.truncate(whole.len());
        assert_eq!(rows, whole);
    }
    assert_eq!(read(fixture, start, 0).await, ChangeBatch { changes: vec![], end: start });
}

/// Reads the entries of `drive` after `after`, in pages of `max`, until `count` have come. Returns them, and where the
/// next page begins.
async fn read_drive(
    fixture: &Fixture<'_>,
    drive: DriveId,
    mut after: ChangePosition,
    count: usize,
    max: u32,
) -> (Vec<LoggedChange>, ChangePosition) {
    let mut seen = Vec::new();
    for _ in 0..100_000 {
        let batch = fixture.store.changes().read(Some(drive), after, max).await.unwrap();
        assert!(batch.changes.len() <= max as usize && after <= batch.end);
        after = batch.end;
        seen.extend(batch.changes);
        if seen.len() >= count {
            return (seen, after);
        }
    }
    panic!("of {count} changes only {} appear", seen.len());
}

async fn a_reader_of_one_drive_sees_only_that_drive(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let start = end(fixture).await;
    let mut made = folders(fixture, &ann, 3).await;
    let foreign = folders(fixture, &bob, 2).await;
    made.push(fixture.folder(ann.id, ann.root, "last").await);
    let (seen, after) = read_drive(fixture, ann.drive, start, 4, 2).await;
    assert_eq!(nodes(&seen), made);
    assert_eq!(nodes(&read_drive(fixture, bob.drive, start, 2, 1000).await.0), foreign);
    assert_eq!(fixture.store.changes().read(Some(ann.drive), after, 1000).await.unwrap().changes, []);
}

/// Transactions of different lengths overlap while readers go on from page to page.
async fn a_reader_misses_nothing_that_commits_late(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let tree = fixture.folder(ann.id, ann.root, "tree").await;
    for number in 0..60 {
        fixture.folder(ann.id, tree, &format!("{number}")).await;
    }
    let start = end(fixture).await;
    let cursor = fixture.store.changes().end().await.unwrap();
    let writing = join_all([&ann, &bob, &ann, &bob].into_iter().enumerate().map(async |(writer, user)| {
        for number in 0..15 {
            fixture.folder(user.id, user.root, &format!("{writer}-{number}")).await;
        }
    }));
    let copying = async {
        for number in 0..8 {
            let to = fixture.folder(ann.id, ann.root, &format!("copy-{number}")).await;
            fixture.copy_into(ann.id, tree, to).await.unwrap();
        }
    };
    let reading = read_drive(fixture, ann.drive, cursor, 30 + 2 * 8, 7);
    let (_, (), (seen, _)) = join3(writing, copying, reading).await;
    let all = all_after(fixture, start).await;
    assert_eq!(all.len(), 60 + 2 * 8);
    let requests: HashSet<RequestId> = all.iter().map(|entry| entry.command.request.clone()).collect();
    assert_eq!(requests.len(), all.len());
    let of_ann: Vec<LoggedChange> = all.into_iter().filter(|entry| entry.change.drive == Some(ann.drive)).collect();
    assert_eq!(seen, of_ann);
}

async fn a_position_beyond_the_end_is_refused(fixture: &Fixture<'_>) {
    let end = fixture.store.changes().end().await.unwrap();
    let beyond = ChangePosition { transaction: end.transaction + 1_000_000, entry: end.entry, ..end };
    let elsewhere = ChangePosition { epoch: end.epoch + 1, ..end };
    for position in [beyond, elsewhere] {
        assert_refused!(fixture.store.changes().read(None, position, ALL).await, Error::Gone(Gone::Changes));
    }
}
