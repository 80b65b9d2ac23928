use std::sync::Arc;
use std::time::Duration;

use mockall::Sequence;
use mockall::predicate::eq;

use super::{NOW, ambient, made_key, outage, request};
use crate::error::Error;
use crate::model::{BlobKey, Command, StoreName, Timestamp, Transfer};
use crate::port::{MockBlobRecords, MockBlobStore, MockSessions, MockThrottle, MockUploads};
use crate::service::{Collector, CollectorReport};

const GRACE: Duration = Duration::from_secs(4);
/// Four seconds before [`NOW`].
const BEFORE: Timestamp = Timestamp::from_millis(6_000);

/// What the store is called.
const STORE: StoreName = StoreName("disk");

/// On a store in which no transfer was begun.
fn service(uploads: MockUploads, records: MockBlobRecords, mut store: MockBlobStore) -> Collector {
    store.expect_list_begun().returning(|_, _| Ok(vec![]));
    collector(uploads, records, store)
}

fn collector(uploads: MockUploads, records: MockBlobRecords, store: MockBlobStore) -> Collector {
    let (mut sessions, mut throttle) = (MockSessions::new(), MockThrottle::new());
    sessions.expect_forget_ended().with(eq(BEFORE), eq(500)).returning(|_, _| Ok(0));
    sessions.expect_forget_tokens().with(eq(BEFORE), eq(500)).returning(|_, _| Ok(0));
    throttle.expect_forget_full().with(eq(NOW), eq(500)).returning(|_, _| Ok(0));
    with_sessions(uploads, records, store, sessions, throttle)
}

fn with_sessions(
    uploads: MockUploads,
    records: MockBlobRecords,
    mut store: MockBlobStore,
    sessions: MockSessions,
    throttle: MockThrottle,
) -> Collector {
    store.expect_name().return_const(STORE);
    let (sessions, throttle) = (Arc::new(sessions), Arc::new(throttle));
    Collector::new(Arc::new(uploads), Arc::new(records), Arc::new(store), sessions, throttle, ambient(), GRACE)
}

/// No upload ran out of time, and none ended long ago.
fn nothing_expired() -> MockUploads {
    let mut uploads = MockUploads::new();
    uploads.expect_expire_due().times(1).returning(|_, _| Ok(0));
    uploads.expect_forget_ended().times(1).returning(|_, _| Ok(0));
    uploads.expect_count_open().returning(|| Ok(3));
    uploads
}

fn nothing_condemned() -> MockBlobRecords {
    let mut records = MockBlobRecords::new();
    records.expect_condemn().times(1).returning(|_, _, _| Ok(vec![]));
    records.expect_forget().returning(|_| Ok(()));
    records
}

fn nothing_swept() -> MockBlobStore {
    let mut store = MockBlobStore::new();
    store.expect_sweep().times(1).returning(|_| Ok(0));
    store
}

#[tokio::test]
async fn uploads_expire_in_batches_until_one_is_short_and_are_forgotten_likewise_after_the_grace() {
    let own = Command { actor: None, at: NOW, request: request() };
    let mut order = Sequence::new();
    let mut uploads = MockUploads::new();
    for due in [500, 500, 3] {
        let batch = uploads.expect_expire_due().with(eq(own.clone()), eq(500));
        batch.times(1).in_sequence(&mut order).returning(move |_, _| Ok(due));
    }
    for ended in [500, 499] {
        let batch = uploads.expect_forget_ended().with(eq(BEFORE), eq(500));
        batch.times(1).in_sequence(&mut order).returning(move |_, _| Ok(ended));
    }
    uploads.expect_count_open().times(1).returning(|| Ok(3));
    let report = service(uploads, nothing_condemned(), nothing_swept()).run(&request()).await.unwrap();
    assert_eq!(report, CollectorReport { uploads_expired: 1_003, uploads_open: 3, ..CollectorReport::default() });
}

#[tokio::test]
async fn a_blob_is_condemned_then_its_bytes_go_then_its_row() {
    let full = vec![made_key(1); 500];
    let short = vec![made_key(2), made_key(3)];
    let mut order = Sequence::new();
    let mut records = MockBlobRecords::new();
    let mut store = MockBlobStore::new();
    for batch in [full, short] {
        let condemned = batch.clone();
        records
            .expect_condemn()
            .with(eq(STORE), eq(BEFORE), eq(500))
            .times(1)
            .in_sequence(&mut order)
            .return_once(move |_, _, _| Ok(condemned));
        for key in batch.clone() {
            store.expect_delete().with(eq(key)).times(1).in_sequence(&mut order).returning(|_| Ok(()));
        }
        records
            .expect_forget()
            .withf(move |keys: &[BlobKey]| keys == batch)
            .times(1)
            .in_sequence(&mut order)
            .returning(|_| Ok(()));
    }
    store.expect_sweep().with(eq(BEFORE)).times(1).in_sequence(&mut order).returning(|_| Ok(7));
    let report = service(nothing_expired(), records, store).run(&request()).await.unwrap();
    assert_eq!(
        report,
        CollectorReport {
            blobs_removed: 502,
            partial_writes_removed: 7,
            uploads_open: 3,
            ..CollectorReport::default()
        }
    );
}

#[tokio::test]
async fn a_blob_whose_bytes_could_not_be_removed_is_not_forgotten_and_keeps_no_other() {
    let mut records = MockBlobRecords::new();
    records.expect_condemn().times(1).returning(|_, _, _| Ok(vec![made_key(1), made_key(2)]));
    records.expect_forget().times(1).withf(|keys| keys == [made_key(2)]).returning(|_| Ok(()));
    let mut store = MockBlobStore::new();
    store
        .expect_delete()
        .times(2)
        .returning(|key| if *key == made_key(1) { Err(Error::unavailable("storage", "read-only")) } else { Ok(()) });
    let fault = service(nothing_expired(), records, store).run(&request()).await.unwrap_err();
    assert!(matches!(fault, Error::Unavailable { part: "storage", .. }));
}

#[tokio::test]
async fn transfers_that_belong_to_no_upload_are_discarded_page_by_page_after_the_grace() {
    let transfer = |number| Transfer { key: made_key(number), ticket: None };
    let mut order = Sequence::new();
    let mut store = nothing_swept();
    let mut records = nothing_condemned();
    for (after, page) in [(None, vec![1, 2]), (Some(2), vec![3]), (Some(3), vec![])] {
        let listed: Vec<Transfer> = page.iter().map(|number| transfer(*number)).collect();
        store
            .expect_list_begun()
            .withf(move |before, last| *before == BEFORE && *last == after.map(transfer).as_ref())
            .times(1)
            .in_sequence(&mut order)
            .return_once(move |_, _| Ok(listed));
        for number in page {
            // The second belongs to an upload that was given more time.
            records
                .expect_is_referred_to()
                .with(eq(made_key(number)))
                .times(1)
                .in_sequence(&mut order)
                .returning(move |_| Ok(number == 2));
            if number != 2 {
                let discard = store.expect_discard().with(eq(transfer(number)));
                discard.times(1).in_sequence(&mut order).returning(|_| Ok(()));
            }
        }
    }
    let report = collector(nothing_expired(), records, store).run(&request()).await.unwrap();
    assert_eq!(report, CollectorReport { partial_writes_removed: 2, uploads_open: 3, ..CollectorReport::default() });
}

#[tokio::test]
async fn nothing_is_condemned_while_the_books_cannot_be_read() {
    let mut uploads = MockUploads::new();
    uploads.expect_expire_due().times(1).returning(|_, _| Err(outage()));
    let mut records = MockBlobRecords::new();
    records.expect_condemn().never();
    let fault = service(uploads, records, MockBlobStore::new()).run(&request()).await.unwrap_err();
    assert!(matches!(fault, Error::Unavailable { part: "database", .. }));
}

#[tokio::test]
async fn sessions_tokens_and_buckets_are_forgotten_in_batches_until_one_is_short() {
    let mut order = Sequence::new();
    let (mut sessions, mut throttle) = (MockSessions::new(), MockThrottle::new());
    for over in [500, 7] {
        let batch = sessions.expect_forget_ended().with(eq(BEFORE), eq(500)).times(1).in_sequence(&mut order);
        batch.returning(move |_, _| Ok(over));
    }
    for over in [500, 500, 0] {
        let batch = sessions.expect_forget_tokens().with(eq(BEFORE), eq(500)).times(1).in_sequence(&mut order);
        batch.returning(move |_, _| Ok(over));
    }
    for full in [500, 499] {
        let batch = throttle.expect_forget_full().with(eq(NOW), eq(500)).times(1).in_sequence(&mut order);
        batch.returning(move |_, _| Ok(full));
    }
    let mut store = nothing_swept();
    store.expect_list_begun().returning(|_, _| Ok(vec![]));
    let collector = with_sessions(nothing_expired(), nothing_condemned(), store, sessions, throttle);
    let report = collector.run(&request()).await.unwrap();
    assert_eq!((report.sessions_removed, report.refresh_tokens_removed), (507, 1000));
}
