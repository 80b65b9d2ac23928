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
use clouddrive_domain::model::{
    Actor, ChangeBatch, ChangeCursor, ChangePosition, Limit, LoggedChange, NodeId, RequestId, UserId,
};
use clouddrive_domain::service::ChangeService;
use futures_util::future::{join_all, join3};

use crate::Persistence;
use crate::fixture::{ALL, Fixture, TestUser, assert_refused, run};

/// Runs every case.
///
/// # Panics
/// If the store breaks the contract.
pub async fn suite(store: &Persistence) {
    run!(store;
        rows::accounts_leave_rows,
        rows::what_becomes_of_accounts_leaves_rows,
        rows::sessions_leave_rows,
        rows::the_tree_leaves_rows,
        rows::copies_leave_rows,
        rows::uploads_leave_rows,
        rows::expiry_leaves_a_row_for_each_upload,
        rows::shares_leave_rows,
        rows::links_leave_rows,
        rows::the_trash_leaves_rows,
        rows::versions_leave_rows,
        no_rows::housekeeping_leaves_no_rows,
        no_rows::what_changes_nothing_leaves_no_row,
        no_rows::what_fails_leaves_no_row,
        no_rows::failures_of_uploads_leave_no_row,
    );
    run!(store;
        rows_come_in_order_and_in_pages,
        a_reader_of_one_drive_sees_only_that_drive,
        a_reader_misses_nothing_that_commits_late,
        a_position_beyond_the_end_is_refused,
        pruning::the_oldest_entries_are_pruned_in_steps,
        pruning::a_reader_behind_pruned_entries_starts_anew,
        pruning::no_entry_is_pruned_before_its_elders,
        pruning::positions_are_not_used_again,
    );
}

/// Reads up to `max` entries after `after` and checks their order.
async fn read(fixture: &Fixture<'_>, after: ChangePosition, max: u32) -> ChangeBatch {
    let batch = fixture.store.changes.read(None, after, max).await.unwrap();
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
async fn settled(fixture: &Fixture<'_>, after: ChangePosition) -> (Vec<LoggedChange>, ChangePosition) {
    let new = fixture.registration();
    let mark = fixture.command(new.user.id);
    fixture.store.users.register(&mark, &new).await.unwrap();
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
pub(crate) async fn all_after(fixture: &Fixture<'_>, after: ChangePosition) -> Vec<LoggedChange> {
    settled(fixture, after).await.0
}

/// A position after all entries so far.
pub(crate) async fn end(fixture: &Fixture<'_>) -> ChangePosition {
    settled(fixture, fixture.store.changes.end().await.unwrap()).await.1
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

/// The reader of `user`'s own drive.
struct Reader {
    service: ChangeService,
    actor: Actor,
}

impl Reader {
    fn new(fixture: &Fixture<'_>, user: UserId) -> Self {
        let service = ChangeService::new(fixture.store.changes.clone(), fixture.store.drive.clone());
        let actor = Actor::embedded(user, fixture.command(user).request);
        Self { service, actor }
    }

    async fn start(&self) -> ChangeCursor {
        self.service.start(&self.actor).await.unwrap()
    }

    /// Reads from `cursor` on until `count` entries have come.
    async fn read(&self, mut cursor: ChangeCursor, count: usize, limit: u64) -> (Vec<LoggedChange>, ChangeCursor) {
        let limit = Limit::new(limit).unwrap();
        let mut seen = Vec::new();
        for _ in 0..100_000 {
            let page = self.service.list(&self.actor, cursor, limit).await.unwrap();
            assert_eq!(page.more, page.changes.len() == limit.get());
            assert!(cursor.after <= page.next.after);
            cursor = page.next;
            seen.extend(page.changes);
            if seen.len() >= count {
                return (seen, cursor);
            }
        }
        panic!("of {count} changes only {} appear", seen.len());
    }
}

async fn a_reader_of_one_drive_sees_only_that_drive(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    end(fixture).await;
    let (reader, other) = (Reader::new(fixture, ann.id), Reader::new(fixture, bob.id));
    let (start, start_of_other) = (reader.start().await, other.start().await);
    let mut made = folders(fixture, &ann, 3).await;
    let foreign = folders(fixture, &bob, 2).await;
    made.push(fixture.folder(ann.id, ann.root, "last").await);
    let (seen, after) = reader.read(start, 4, 2).await;
    assert_eq!(nodes(&seen), made);
    assert_eq!(nodes(&other.read(start_of_other, 2, 1000).await.0), foreign);
    assert_eq!(reader.service.list(&reader.actor, after, Limit::default()).await.unwrap().changes, []);
    let mixed_up = reader.service.list(&reader.actor, start_of_other, Limit::default()).await;
    assert_refused!(mixed_up, Error::Gone(Gone::Changes));
}

/// Transactions of different lengths overlap while readers go on from page to page.
async fn a_reader_misses_nothing_that_commits_late(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let tree = fixture.folder(ann.id, ann.root, "tree").await;
    for number in 0..60 {
        fixture.folder(ann.id, tree, &format!("{number}")).await;
    }
    let (start, reader) = (end(fixture).await, Reader::new(fixture, ann.id));
    let cursor = reader.start().await;
    let writing = join_all([&ann, &bob, &ann, &bob].into_iter().enumerate().map(async |(writer, member)| {
        for number in 0..15 {
            fixture.folder(member.id, member.root, &format!("{writer}-{number}")).await;
        }
    }));
    let copy_request = async {
        for number in 0..8 {
            let to = fixture.folder(ann.id, ann.root, &format!("copy-{number}")).await;
            fixture.copy_into(ann.id, tree, to).await.unwrap();
        }
    };
    let (_, (), (seen, _)) = join3(writing, copy_request, reader.read(cursor, 30 + 2 * 8, 7)).await;
    let all = all_after(fixture, start).await;
    assert_eq!(all.len(), 60 + 2 * 8);
    let requests: HashSet<RequestId> = all.iter().map(|entry| entry.command.request.clone()).collect();
    assert_eq!(requests.len(), all.len());
    let of_ann: Vec<LoggedChange> = all.into_iter().filter(|entry| entry.change.drive == Some(ann.drive)).collect();
    assert_eq!(seen, of_ann);
}

async fn a_position_beyond_the_end_is_refused(fixture: &Fixture<'_>) {
    let end = fixture.store.changes.end().await.unwrap();
    let beyond = ChangePosition { transaction: end.transaction + 1_000_000, entry: end.entry, ..end };
    let elsewhere = ChangePosition { epoch: end.epoch + 1, ..end };
    for position in [beyond, elsewhere] {
        assert_refused!(fixture.store.changes.read(None, position, ALL).await, Error::Gone(Gone::Changes));
    }
}
