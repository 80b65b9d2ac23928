mod blobs;
mod leases;
mod purges;

use std::sync::Arc;
use std::time::Duration;

use mockall::Sequence;
use mockall::predicate::eq;

use crate::error::Error;
use crate::model::{Command, Timestamp};
use crate::port::{
    BlobStores, CleanupProgress, MockBlobRecordRepository, MockBlobStore, MockChangeRepository,
    MockIdempotencyRepository, MockLinkDownloadRepository, MockLinkRepository, MockNameKeyRepository,
    MockSessionRepository, MockTaskLeaseRepository, MockThrottleRepository, MockTrashRepository, MockUploadRepository,
    PurgeStep,
};
use crate::service::testing::{NOW, context, nth_key, one_store, outage, request};
use crate::service::{CollectorReport, CollectorSettings, CollectorStores, GarbageCollector};
use crate::testing::upload;

const GRACE: Duration = Duration::from_secs(4);
const RETENTION: Duration = Duration::from_secs(3);
const CHANGES_RETENTION: Duration = Duration::from_secs(5);
/// Three seconds before [`NOW`].
const DUE: Timestamp = Timestamp::from_millis(7_000);
/// Four seconds before [`NOW`].
const BEFORE: Timestamp = Timestamp::from_millis(6_000);

/// A collector on a store without begun multipart uploads.
fn service(
    uploads: MockUploadRepository,
    records: MockBlobRecordRepository,
    mut blobs: MockBlobStore,
) -> GarbageCollector {
    blobs.expect_list_incomplete().returning(|_, _| Ok(vec![]));
    collector(uploads, nothing_trashed(), records, blobs, MockTaskLeaseRepository::new())
}

fn collector(
    uploads: MockUploadRepository,
    trash: MockTrashRepository,
    records: MockBlobRecordRepository,
    blobs: MockBlobStore,
    task_leases: MockTaskLeaseRepository,
) -> GarbageCollector {
    collector_of(uploads, trash, records, one_store(blobs), task_leases)
}

fn collector_of(
    uploads: MockUploadRepository,
    trash: MockTrashRepository,
    records: MockBlobRecordRepository,
    blobs: BlobStores,
    task_leases: MockTaskLeaseRepository,
) -> GarbageCollector {
    let (mut sessions, mut throttle) = (MockSessionRepository::new(), MockThrottleRepository::new());
    sessions.expect_prune_ended().with(eq(BEFORE), eq(500)).returning(|_, _| Ok(0));
    sessions.expect_prune_tokens().with(eq(BEFORE), eq(500)).returning(|_, _| Ok(0));
    throttle.expect_prune_full().with(eq(NOW), eq(500)).returning(|_, _| Ok(0));
    let mut idempotency_records = MockIdempotencyRepository::new();
    idempotency_records.expect_prune().with(eq(NOW), eq(500)).returning(|_, _| Ok(3));
    let stores = CollectorStores {
        uploads: Arc::new(uploads),
        trash: Some(Arc::new(trash)),
        records: Arc::new(records),
        links: Some(Arc::new(no_links())),
        link_downloads: Some(Arc::new(no_downloads())),
        sessions: Some(Arc::new(sessions)),
        throttle: Some(Arc::new(throttle)),
        idempotency_records: Some(Arc::new(idempotency_records)),
        blobs,
        task_leases: Arc::new(task_leases),
        name_keys: Some(Arc::new(keys_are_there())),
        changes: Some(Arc::new(nothing_to_prune())),
    };
    on(stores)
}

fn on(stores: CollectorStores) -> GarbageCollector {
    let settings = CollectorSettings { grace: GRACE, trash_retention: RETENTION, changes_retention: CHANGES_RETENTION };
    GarbageCollector::new(stores, context(), settings)
}

/// No change is older than its retention.
fn nothing_to_prune() -> MockChangeRepository {
    let mut changes = MockChangeRepository::new();
    changes.expect_prune().with(eq(NOW.minus(CHANGES_RETENTION)), eq(500)).returning(|_, _| Ok(0));
    changes
}

/// No link expired thirty days ago.
fn no_links() -> MockLinkRepository {
    let mut links = MockLinkRepository::new();
    let before = NOW.minus(Duration::from_secs(30 * 86_400));
    links.expect_prune_expired().with(eq(before), eq(500)).returning(|_, _| Ok(0));
    links
}

/// All names have their keys.
fn keys_are_there() -> MockNameKeyRepository {
    let mut name_keys = MockNameKeyRepository::new();
    name_keys.expect_refresh().with(eq(500)).returning(|_| Ok(0));
    name_keys
}

/// Three downloads are pruned.
fn no_downloads() -> MockLinkDownloadRepository {
    let mut downloads = MockLinkDownloadRepository::new();
    downloads.expect_prune().with(eq(NOW.minus(Duration::from_hours(1))), eq(500)).returning(|_, _| Ok(3));
    downloads
}

/// The trash is empty, and every drive has an owner.
fn nothing_trashed() -> MockTrashRepository {
    let mut trash = MockTrashRepository::new();
    trash.expect_find_oldest().returning(|| Ok(None));
    trash.expect_delete_orphaned_drives().returning(|_, _, _| Ok(CleanupProgress::Nothing));
    trash.expect_purge().returning(|_, _, _| Ok(PurgeStep::default()));
    trash
}

/// Runs a round that must succeed, and returns its report.
async fn done(collector: &GarbageCollector) -> CollectorReport {
    let mut report = CollectorReport::default();
    collector.run(&request(), &mut report).await.unwrap();
    report
}

/// No upload expired, and none ended long ago.
fn nothing_expired() -> MockUploadRepository {
    let mut uploads = MockUploadRepository::new();
    uploads.expect_expire_due().times(1).returning(|_, _| Ok(vec![]));
    uploads.expect_prune_ended().times(1).returning(|_, _| Ok(0));
    uploads
}

fn nothing_marked_for_deletion() -> MockBlobRecordRepository {
    let mut records = MockBlobRecordRepository::new();
    records.expect_mark_for_deletion().times(1).returning(|_, _, _, _| Ok(vec![]));
    records.expect_remove().returning(|_, _| Ok(()));
    records
}

fn nothing_swept() -> MockBlobStore {
    let mut store = MockBlobStore::new();
    store.expect_sweep().times(1).returning(|_| Ok(0));
    store
}

#[tokio::test]
async fn uploads_expire_in_batches_and_are_pruned_after_the_grace_period() {
    let own = Command { actor: None, at: NOW, request: request(), idempotency_record: None };
    let mut order = Sequence::new();
    let mut uploads = MockUploadRepository::new();
    for due in [500, 500, 3] {
        let batch = uploads.expect_expire_due().with(eq(own.clone()), eq(500));
        batch.times(1).in_sequence(&mut order).returning(move |_, _| Ok(vec![upload(); due]));
    }
    // The one that cannot be removed keeps its job.
    for discarded in [499, 500, 3] {
        let note = uploads.expect_note_discarded().withf(move |at, noted| *at == NOW && noted.len() == discarded);
        note.times(1).returning(|_, _| Ok(()));
    }
    for ended in [500, 499] {
        let batch = uploads.expect_prune_ended().with(eq(BEFORE), eq(500));
        batch.times(1).in_sequence(&mut order).returning(move |_, _| Ok(ended));
    }
    // Received data is removed; what cannot be removed stays reserved.
    let (mut store, mut records) = (nothing_swept(), nothing_marked_for_deletion());
    store.expect_abort().with(eq(upload().multipart())).times(1).returning(|_| Err(outage()));
    store.expect_abort().with(eq(upload().multipart())).times(1_002).returning(|_| Ok(()));
    store.expect_received_bytes().with(eq(upload().multipart())).times(1).returning(|_| Ok(4));
    let hold = records.expect_hold().with(eq(upload().blob), eq(upload().drive), eq(4));
    hold.times(1).returning(|_, _, _| Ok(()));
    let report = done(&service(uploads, records, store)).await;
    assert_eq!(report, CollectorReport { uploads_expired: 1_003, ..CollectorReport::default() });
}

#[tokio::test]
async fn a_failed_task_is_reported_and_stops_no_other() {
    let mut uploads = MockUploadRepository::new();
    uploads.expect_expire_due().times(1).returning(|_, _| Err(outage()));
    uploads.expect_prune_ended().times(1).returning(|_, _| Err(Error::NotFound));
    let mut report = CollectorReport::default();
    let collector = service(uploads, nothing_marked_for_deletion(), nothing_swept());
    let outcome = collector.run(&request(), &mut report).await;
    assert!(matches!(outcome, Err(Error::Unavailable { part: "database", .. })), "the first error: {outcome:?}");
}

#[tokio::test]
async fn sessions_tokens_buckets_names_and_changes_are_processed_in_batches() {
    let mut order = Sequence::new();
    let (mut sessions, mut throttle) = (MockSessionRepository::new(), MockThrottleRepository::new());
    for over in [500, 7] {
        let batch = sessions.expect_prune_ended().with(eq(BEFORE), eq(500)).times(1).in_sequence(&mut order);
        batch.returning(move |_, _| Ok(over));
    }
    for over in [500, 500, 0] {
        let batch = sessions.expect_prune_tokens().with(eq(BEFORE), eq(500)).times(1).in_sequence(&mut order);
        batch.returning(move |_, _| Ok(over));
    }
    for full in [500, 499] {
        let batch = throttle.expect_prune_full().with(eq(NOW), eq(500)).times(1).in_sequence(&mut order);
        batch.returning(move |_, _| Ok(full));
    }
    let mut name_keys = MockNameKeyRepository::new();
    for keyless in [500, 3] {
        let batch = name_keys.expect_refresh().with(eq(500)).times(1).in_sequence(&mut order);
        batch.returning(move |_| Ok(keyless));
    }
    let mut changes = MockChangeRepository::new();
    let before = NOW.minus(CHANGES_RETENTION);
    for old in [500, 7] {
        let batch = changes.expect_prune().with(eq(before), eq(500)).times(1).in_sequence(&mut order);
        batch.returning(move |_, _| Ok(old));
    }
    let mut blobs = nothing_swept();
    blobs.expect_list_incomplete().returning(|_, _| Ok(vec![]));
    let mut idempotency_records = MockIdempotencyRepository::new();
    idempotency_records.expect_prune().times(1).returning(|_, _| Ok(0));
    let stores = CollectorStores {
        uploads: Arc::new(nothing_expired()),
        trash: Some(Arc::new(nothing_trashed())),
        records: Arc::new(nothing_marked_for_deletion()),
        links: Some(Arc::new(no_links())),
        link_downloads: Some(Arc::new(no_downloads())),
        sessions: Some(Arc::new(sessions)),
        throttle: Some(Arc::new(throttle)),
        idempotency_records: Some(Arc::new(idempotency_records)),
        blobs: one_store(blobs),
        task_leases: Arc::new(MockTaskLeaseRepository::new()),
        name_keys: Some(Arc::new(name_keys)),
        changes: Some(Arc::new(changes)),
    };
    let report = done(&on(stores)).await;
    assert_eq!(report.changes_pruned, 507);
    assert_eq!((report.sessions_removed, report.refresh_tokens_removed), (507, 1000));
}

#[tokio::test]
async fn a_task_without_its_port_has_nothing_to_do() {
    let mut blobs = nothing_swept();
    blobs.expect_list_incomplete().returning(|_, _| Ok(vec![]));
    let stores = CollectorStores {
        uploads: Arc::new(nothing_expired()),
        trash: None,
        records: Arc::new(nothing_marked_for_deletion()),
        links: None,
        link_downloads: None,
        sessions: None,
        throttle: None,
        idempotency_records: None,
        blobs: one_store(blobs),
        task_leases: Arc::new(MockTaskLeaseRepository::new()),
        name_keys: None,
        changes: None,
    };
    assert_eq!(done(&on(stores)).await, CollectorReport::default());
}
