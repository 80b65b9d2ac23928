use super::*;
use crate::model::{BlobKey, MultipartUpload, StoreName};
use crate::service::testing::{other_store, two_stores};
use crate::testing::store_name;

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
async fn nothing_is_removed_without_its_records() {
    let mut records = MockBlobRecordRepository::new();
    records.expect_mark_for_deletion().times(1).returning(|_, _, _, _| Err(outage()));
    // Nothing is deleted or removed: no such call is expected.
    let mut report = CollectorReport::default();
    service(nothing_expired(), records, nothing_swept()).run(&request(), &mut report).await.unwrap_err();
    assert_eq!(report, CollectorReport::default());
}
