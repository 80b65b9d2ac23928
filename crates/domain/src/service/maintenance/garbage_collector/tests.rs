use std::sync::Arc;
use std::time::Duration;

use mockall::Sequence;
use mockall::predicate::{always, eq};

use crate::error::Error;
use crate::model::{BlobKey, Command, MultipartUpload, StoreName, Timestamp};
use crate::port::{
    BlobStores, CleanupProgress, Lease, MockBlobRecordRepository, MockBlobStore, MockChangeRepository,
    MockIdempotencyRepository, MockLinkDownloadRepository, MockLinkRepository, MockNameKeyRepository,
    MockSessionRepository, MockTaskLeaseRepository, MockThrottleRepository, MockTrashRepository, MockUploadRepository,
    Purge, PurgeScope, PurgeStep,
};
use crate::service::testing::{
    NOW, context, made, nth_blob, nth_key, one_store, other_store, outage, request, two_stores,
};
use crate::service::{CollectorReport, CollectorSettings, CollectorStores, GarbageCollector, MaintenanceTask};
use crate::testing::{store_name, upload};

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
async fn uploads_expire_in_batches_and_are_forgotten_after_the_grace() {
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
async fn a_blob_is_marked_then_deleted_then_its_record_removed() {
    let full = vec![nth_key(1); 500];
    let short = vec![nth_key(2), nth_key(3)];
    let mut order = Sequence::new();
    let mut records = MockBlobRecordRepository::new();
    let mut store = MockBlobStore::new();
    for batch in [full, short] {
        let marked_for_deletion = batch.clone();
        records
            .expect_mark_for_deletion()
            .with(eq(store_name()), eq(BEFORE), eq(NOW), eq(500))
            .times(1)
            .in_sequence(&mut order)
            .return_once(move |_, _, _, _| Ok(marked_for_deletion));
        for key in batch.clone() {
            store.expect_delete().with(eq(key)).times(1).in_sequence(&mut order).returning(|_| Ok(()));
        }
        records
            .expect_remove()
            .withf(move |store: &StoreName, keys: &[BlobKey]| *store == store_name() && keys == batch)
            .times(1)
            .in_sequence(&mut order)
            .returning(|_, _| Ok(()));
    }
    store.expect_sweep().with(eq(BEFORE)).times(1).in_sequence(&mut order).returning(|_| Ok(7));
    let report = done(&service(nothing_expired(), records, store)).await;
    assert_eq!(report, CollectorReport { blobs_removed: 502, partial_writes_removed: 7, ..CollectorReport::default() });
}

#[tokio::test]
async fn blobs_and_remains_of_writes_are_removed_from_each_store() {
    let (mut store, mut other, mut records) = (nothing_swept(), nothing_swept(), MockBlobRecordRepository::new());
    for (name, blobs, nth) in [(store_name(), &mut store, 1), (other_store(), &mut other, 2)] {
        let mark = records.expect_mark_for_deletion().with(eq(name.clone()), eq(BEFORE), eq(NOW), eq(500));
        mark.times(1).returning(move |_, _, _, _| Ok(vec![nth_key(nth)]));
        blobs.expect_delete().with(eq(nth_key(nth))).times(1).returning(|_| Ok(()));
        blobs.expect_list_incomplete().times(1).returning(|_, _| Ok(vec![]));
        records
            .expect_remove()
            .withf(move |store: &StoreName, keys: &[BlobKey]| *store == name && keys == [nth_key(nth)])
            .times(1)
            .returning(|_, _| Ok(()));
    }
    let (stores, task_leases) = (two_stores(store, other), MockTaskLeaseRepository::new());
    let report = done(&collector_of(nothing_expired(), nothing_trashed(), records, stores, task_leases)).await;
    assert_eq!(report, CollectorReport { blobs_removed: 2, ..CollectorReport::default() });
}

#[tokio::test]
async fn a_blob_that_cannot_be_deleted_stays_and_stops_no_other() {
    let mut records = MockBlobRecordRepository::new();
    records.expect_mark_for_deletion().times(1).returning(|_, _, _, _| Ok(vec![nth_key(1), nth_key(2)]));
    records.expect_remove().times(1).withf(|_, keys| keys == [nth_key(2)]).returning(|_, _| Ok(()));
    let mut store = nothing_swept();
    store
        .expect_delete()
        .times(2)
        .returning(|key| if *key == nth_key(1) { Err(Error::unavailable("storage", "read-only")) } else { Ok(()) });
    let mut report = CollectorReport::default();
    let outcome = service(nothing_expired(), records, store).run(&request(), &mut report).await;
    assert!(matches!(outcome, Err(Error::Unavailable { part: "storage", .. })));
    assert_eq!(report.blobs_removed, 1);
}

#[tokio::test]
async fn abandoned_multipart_uploads_are_discarded_after_the_grace_period() {
    let multipart = |number| MultipartUpload { key: nth_key(number), multipart_id: None };
    let mut order = Sequence::new();
    let mut store = nothing_swept();
    let mut records = nothing_marked_for_deletion();
    for (after, page) in [(None, vec![1, 2]), (Some(2), vec![3]), (Some(3), vec![])] {
        let listed: Vec<MultipartUpload> = page.iter().map(|number| multipart(*number)).collect();
        store
            .expect_list_incomplete()
            .withf(move |before, last| *before == BEFORE && *last == after.map(multipart).as_ref())
            .times(1)
            .in_sequence(&mut order)
            .return_once(move |_, _| Ok(listed));
        for number in page {
            // The second belongs to an upload whose lifetime was extended.
            records
                .expect_is_referred_to()
                .with(eq(nth_key(number)))
                .times(1)
                .in_sequence(&mut order)
                .returning(move |_| Ok(number == 2));
            if number != 2 {
                let discard = store.expect_abort().with(eq(multipart(number)));
                discard.times(1).in_sequence(&mut order).returning(|_| Ok(()));
            }
        }
    }
    let report =
        done(&collector(nothing_expired(), nothing_trashed(), records, store, MockTaskLeaseRepository::new())).await;
    assert_eq!(report, CollectorReport { partial_writes_removed: 2, ..CollectorReport::default() });
}

#[tokio::test]
async fn a_failed_chore_is_reported_and_stops_no_other() {
    let mut uploads = MockUploadRepository::new();
    uploads.expect_expire_due().times(1).returning(|_, _| Err(outage()));
    uploads.expect_prune_ended().times(1).returning(|_, _| Err(Error::NotFound));
    let mut report = CollectorReport::default();
    let collector = service(uploads, nothing_marked_for_deletion(), nothing_swept());
    let outcome = collector.run(&request(), &mut report).await;
    assert!(matches!(outcome, Err(Error::Unavailable { part: "database", .. })), "the first error: {outcome:?}");
}

#[tokio::test]
async fn nothing_is_removed_without_its_records() {
    let mut records = MockBlobRecordRepository::new();
    records.expect_mark_for_deletion().times(1).returning(|_, _, _, _| Err(outage()));
    // Nothing is deleted or removed: no such call is expected.
    let mut report = CollectorReport::default();
    service(nothing_expired(), records, nothing_swept()).run(&request(), &mut report).await.unwrap_err();
    assert_eq!(report, CollectorReport::default());
}

#[tokio::test]
async fn an_instance_runs_the_chores_whose_lease_it_gets() {
    let interval = Duration::from_secs(100);
    let mut order = Sequence::new();
    let (mut task_leases, mut uploads) = (MockTaskLeaseRepository::new(), MockUploadRepository::new());
    for (nth, task) in (1..).zip(MaintenanceTask::ALL) {
        let mine = *task == MaintenanceTask::ExpireUploads;
        let lease = Lease { id: made(nth), task: task.as_str() };
        let claim = task_leases.expect_claim().with(eq(lease), eq(NOW), eq(NOW.plus(Duration::from_secs(60))));
        claim.times(1).in_sequence(&mut order).returning(move |_, _, _| Ok(mine));
        if mine {
            uploads.expect_expire_due().times(1).in_sequence(&mut order).returning(|_, _| Ok(vec![upload(); 7]));
            let finish = task_leases.expect_finish().with(eq(lease), eq(NOW.plus(Duration::from_secs(90))));
            finish.times(1).in_sequence(&mut order).returning(|_, _| Ok(()));
        }
    }
    uploads.expect_note_discarded().times(1).returning(|_, _| Ok(()));
    let mut store = MockBlobStore::new();
    store.expect_abort().times(7).returning(|_| Ok(()));
    let collector = collector(uploads, nothing_trashed(), MockBlobRecordRepository::new(), store, task_leases);
    let mut report = CollectorReport::default();
    for task in MaintenanceTask::ALL {
        let mine = collector.run_if_due(*task, &request(), interval, &mut report).await.unwrap();
        assert_eq!(mine, *task == MaintenanceTask::ExpireUploads);
    }
    assert_eq!(report.uploads_expired, 7);
}

#[tokio::test]
async fn a_chore_that_failed_is_due_again_at_once() {
    let (mut task_leases, mut uploads) = (MockTaskLeaseRepository::new(), MockUploadRepository::new());
    task_leases.expect_claim().returning(|_, _, _| Ok(true));
    task_leases.expect_finish().withf(|_, next| *next == NOW).times(1).returning(|_, _| Ok(()));
    uploads.expect_prune_ended().times(1).returning(|_, _| Err(outage()));
    let collector =
        collector(uploads, nothing_trashed(), MockBlobRecordRepository::new(), MockBlobStore::new(), task_leases);
    let mut report = CollectorReport::default();
    let outcome = collector.run_if_due(MaintenanceTask::PruneUploads, &request(), GRACE, &mut report).await;
    assert!(matches!(outcome, Err(Error::Unavailable { .. })));
}

#[tokio::test]
async fn old_trash_is_purged_and_purges_run_to_completion() {
    let own = Command { actor: None, at: NOW, request: request(), idempotency_record: None };
    let mut order = Sequence::new();
    let mut trash = MockTrashRepository::new();
    trash.expect_find_oldest().times(1).in_sequence(&mut order).returning(|| Ok(Some(DUE)));
    for begun in [500, 2, 0] {
        let batch = trash.expect_begin_purges().with(eq(own.clone()), eq(PurgeScope::Until(DUE)), eq(500));
        batch.times(1).in_sequence(&mut order).returning(move |_, _, _| Ok(begun));
    }
    let step = |removed, reached, kept| PurgeStep { removed, reached, kept, more: true, freed: vec![nth_blob(1)] };
    for (progress, step) in [
        (CleanupProgress::Nothing, step(500, 0, 0)),
        (CleanupProgress::Nothing, step(0, 7, 0)),
        (CleanupProgress::Nothing, step(0, 0, 1)),
        (CleanupProgress::Step, step(0, 0, 0)),
        (CleanupProgress::Drive, step(3, 0, 0)),
        // Others may still be working on it.
        (CleanupProgress::Nothing, PurgeStep { more: true, ..PurgeStep::default() }),
    ] {
        let clear = trash.expect_delete_orphaned_drives().with(eq(own.clone()), eq(None), eq(500));
        clear.times(1).in_sequence(&mut order).returning(move |_, _, _| Ok(progress));
        let purge = trash.expect_purge().with(eq(own.clone()), eq(Purge::Any), eq(500));
        purge.times(1).in_sequence(&mut order).return_once(move |_, _, _| Ok(step));
    }
    let mut store = nothing_swept();
    store.expect_list_incomplete().returning(|_, _| Ok(vec![]));
    // The bytes of each step are deleted before the next.
    store.expect_delete().with(eq(nth_key(1))).times(5).returning(|_| Ok(()));
    let mut uploads = nothing_expired();
    uploads.expect_list_aborted().with(eq(NOW), eq(None), always()).times(1).returning(|_, _, _| Ok(vec![]));
    let collector = collector(uploads, trash, nothing_marked_for_deletion(), store, MockTaskLeaseRepository::new());
    let expected =
        CollectorReport { nodes_purged: 503, drives_removed: 1, blobs_removed: 5, ..CollectorReport::default() };
    assert_eq!(done(&collector).await, expected);
}

/// As after a clock jump: all of the trash is due at once, and one hour's worth is purged per round.
#[tokio::test]
async fn one_round_purges_what_was_trashed_within_an_hour() {
    let oldest = DUE.minus(Duration::from_secs(86_400));
    for (found, until) in [
        (Some(oldest), Some(oldest.plus(Duration::from_secs(3_600)))),
        (Some(DUE), Some(DUE)),
        (Some(DUE.plus(Duration::from_millis(1))), None),
        (None, None),
    ] {
        let mut trash = MockTrashRepository::new();
        trash.expect_find_oldest().times(1).returning(move || Ok(found));
        if let Some(until) = until {
            let begin = trash.expect_begin_purges().withf(move |_, scope, _| *scope == PurgeScope::Until(until));
            begin.times(1).returning(|_, _, _| Ok(0));
        }
        trash.expect_delete_orphaned_drives().returning(|_, _, _| Ok(CleanupProgress::Nothing));
        trash.expect_purge().returning(|_, _, _| Ok(PurgeStep::default()));
        let mut store = nothing_swept();
        store.expect_list_incomplete().returning(|_, _| Ok(vec![]));
        done(&collector(
            nothing_expired(),
            trash,
            nothing_marked_for_deletion(),
            store,
            MockTaskLeaseRepository::new(),
        ))
        .await;
    }
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
