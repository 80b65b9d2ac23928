//! Conformance suite for [`ChangeRepository`](clouddrive_domain::port::ChangeRepository), and the rows that the other
//! ports write.

#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

mod rows;

use std::collections::HashSet;

use clouddrive_domain::model::{Change, RequestId};
use futures_util::future::{join, join_all};

use crate::Persistence;
use crate::fixture::{Fixture, run};

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
        rows::uploads_leave_rows,
        rows::expiry_leaves_a_row_for_each_upload,
        rows::shares_leave_rows,
        rows::links_leave_rows,
        rows::the_trash_leaves_rows,
        rows::versions_leave_rows,
        rows::housekeeping_leaves_no_rows,
        rows::what_changes_nothing_leaves_no_row,
        rows::what_fails_leaves_no_row,
        rows::failures_of_uploads_leave_no_row,
    );
    run!(store;
        rows_come_in_order_and_in_pages,
        a_reader_who_remembers_the_last_row_misses_none,
    );
}

/// Reads up to `max` rows after `sequence` and checks their order.
async fn read(fixture: &Fixture<'_>, sequence: u64, max: u32) -> Vec<Change> {
    let rows = fixture.store.changes.read_after(sequence, max).await.unwrap();
    assert!(rows.len() <= max as usize);
    assert!(rows.first().is_none_or(|row| row.sequence > sequence));
    assert!(rows.is_sorted_by(|one, next| one.sequence < next.sequence));
    rows
}

/// All rows after `sequence`.
pub(crate) async fn all_after(fixture: &Fixture<'_>, sequence: u64) -> Vec<Change> {
    let mut rows = Vec::new();
    let mut last = sequence;
    loop {
        let more = read(fixture, last, 1000).await;
        let Some(row) = more.last() else {
            return rows;
        };
        last = row.sequence;
        rows.extend(more);
    }
}

/// The sequence number of the last row, or 0.
pub(crate) async fn end(fixture: &Fixture<'_>) -> u64 {
    all_after(fixture, 0).await.last().map_or(0, |row| row.sequence)
}

async fn rows_come_in_order_and_in_pages(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let start = end(fixture).await;
    assert_eq!(read(fixture, start, 10).await, []);
    let mut made = Vec::new();
    for number in 0..7 {
        made.push(fixture.folder(ann.id, ann.root, &format!("{number}")).await);
    }
    let whole = read(fixture, start, 100).await;
    assert_eq!(whole.iter().filter_map(|row| row.node).collect::<Vec<_>>(), made);
    for max in [1, 3, 7] {
        let mut rows = Vec::new();
        let mut last = start;
        loop {
            let page = read(fixture, last, max).await;
            let Some(row) = page.last() else {
                break;
            };
            last = row.sequence;
            rows.extend(page);
        }
        assert_eq!(rows, whole);
    }
    let last = whole.last().map_or(0, |row| row.sequence);
    assert_eq!(read(fixture, last, 10).await, []);
    assert_eq!(read(fixture, last + 1_000_000, 10).await, []);
}

async fn a_reader_who_remembers_the_last_row_misses_none(fixture: &Fixture<'_>) {
    let mut members = Vec::new();
    for _ in 0..4 {
        members.push(fixture.user().await);
    }
    let start = end(fixture).await;
    let writing = join_all(members.iter().map(async |ann| {
        for number in 0..15 {
            fixture.folder(ann.id, ann.root, &format!("{number}")).await;
        }
    }));
    let reading = async {
        let (mut last, mut seen) = (start, Vec::new());
        while seen.len() < 60 {
            let rows = read(fixture, last, 7).await;
            last = rows.last().map_or(last, |row| row.sequence);
            seen.extend(rows);
        }
        seen
    };
    let (_, seen) = join(writing, reading).await;
    assert_eq!(seen, all_after(fixture, start).await);
    let requests: HashSet<RequestId> = seen.into_iter().map(|row| row.command.request).collect();
    assert_eq!(requests.len(), 60);
}
