use mockall::Sequence;
use mockall::predicate::eq;

use crate::error::Error;
use crate::model::{Upload, UploadId, UploadState};
use crate::port::{MockBlobRecordRepository, MockBlobStore, MockUploadRepository};
use crate::service::testing::{NOW, OWNER, command, ended_among, made, nothing_ended, outage};
use crate::testing::upload;

#[tokio::test]
async fn ended_uploads_are_discarded_in_steps() {
    let mut uploads = MockUploadRepository::new();
    let last: UploadId = made(9);
    let first = uploads.expect_list_aborted().with(eq(command(OWNER).at), eq(None), eq(500));
    first.times(1).returning(move |_, _, _| {
        let mut step = vec![upload(); 499];
        step.push(Upload { id: last, ..upload() });
        Ok(step)
    });
    let second = uploads.expect_list_aborted().with(eq(command(OWNER).at), eq(Some(last)), eq(500));
    second.times(1).returning(|_, _, _| Ok(vec![upload(); 3]));
    let mut store = MockBlobStore::new();
    store.expect_abort().times(503).returning(|_| Ok(()));
    for count in [500, 3] {
        let note = uploads.expect_note_discarded().withf(move |at, noted| *at == NOW && noted.len() == count);
        note.times(1).returning(|_, _| Ok(()));
    }
    ended_among(uploads, MockBlobRecordRepository::new(), store).discard(&command(OWNER)).await;
}

#[tokio::test]
async fn undeletable_bytes_that_arrived_stay_reserved() {
    let mut uploads = MockUploadRepository::new();
    uploads.expect_list_aborted().times(1).returning(|_, _, _| Ok(vec![upload()]));
    let (mut records, mut store) = (MockBlobRecordRepository::new(), MockBlobStore::new());
    store.expect_abort().times(1).returning(|_| Err(outage()));
    store.expect_received_bytes().with(eq(upload().multipart())).times(1).returning(|_| Ok(4));
    let hold = records.expect_hold().with(eq(upload().blob), eq(upload().drive), eq(4));
    hold.times(1).returning(|_, _, _| Ok(()));
    ended_among(uploads, records, store).discard(&command(OWNER)).await;
}

#[tokio::test]
async fn nothing_is_deleted_if_none_ended_or_listing_fails() {
    nothing_ended().discard(&command(OWNER)).await;
    let mut uploads = MockUploadRepository::new();
    uploads.expect_list_aborted().times(1).returning(|_, _, _| Err(outage()));
    ended_among(uploads, MockBlobRecordRepository::new(), MockBlobStore::new()).discard(&command(OWNER)).await;
}

/// The upload is found as ended by its job.
fn found() -> MockUploadRepository {
    let mut uploads = MockUploadRepository::new();
    let find = uploads.expect_find_ended().with(eq(upload().id));
    find.times(1).returning(|_| Ok(Some(Upload { state: UploadState::Expired, ..upload() })));
    uploads
}

#[tokio::test]
async fn the_job_deletes_the_bytes_and_then_notes_that() {
    let (mut uploads, mut store, mut order) = (found(), MockBlobStore::new(), Sequence::new());
    let abort = store.expect_abort().with(eq(upload().multipart()));
    abort.times(1).in_sequence(&mut order).returning(|_| Ok(()));
    let note = uploads.expect_note_discarded().withf(|at, noted| *at == NOW && noted == [upload().id]);
    note.times(1).in_sequence(&mut order).returning(|_, _| Ok(()));
    ended_among(uploads, MockBlobRecordRepository::new(), store).finish(upload().id, NOW).await.unwrap();
}

#[tokio::test]
async fn the_job_fails_if_the_bytes_cannot_be_deleted_and_they_stay_reserved() {
    let (mut records, mut store) = (MockBlobRecordRepository::new(), MockBlobStore::new());
    store.expect_abort().times(1).returning(|_| Err(outage()));
    store.expect_received_bytes().times(1).returning(|_| Ok(4));
    let hold = records.expect_hold().with(eq(upload().blob), eq(upload().drive), eq(4));
    hold.times(1).returning(|_, _, _| Ok(()));
    // It is not noted: no such call is expected.
    let outcome = ended_among(found(), records, store).finish(upload().id, NOW).await;
    assert!(matches!(outcome, Err(Error::Unavailable { .. })), "{outcome:?}");
}

#[tokio::test]
async fn the_job_fails_if_the_deletion_cannot_be_noted() {
    let (mut uploads, mut store) = (found(), MockBlobStore::new());
    store.expect_abort().times(1).returning(|_| Ok(()));
    uploads.expect_note_discarded().times(1).returning(|_, _| Err(outage()));
    let outcome = ended_among(uploads, MockBlobRecordRepository::new(), store).finish(upload().id, NOW).await;
    assert!(matches!(outcome, Err(Error::Unavailable { .. })), "{outcome:?}");
}

/// As after its job was revived long after it died. A store may write something to keep late bytes out, which only the
/// removal of the record's bytes deletes.
#[tokio::test]
async fn the_job_of_an_upload_whose_bytes_the_collector_has_deleted_asks_nothing_of_the_store() {
    let mut uploads = MockUploadRepository::new();
    let gone = Upload { state: UploadState::Expired, store: None, ..upload() };
    uploads.expect_find_ended().times(1).return_once(|_| Ok(Some(gone)));
    let note = uploads.expect_note_discarded().withf(|at, noted| *at == NOW && noted == [upload().id]);
    note.times(1).returning(|_, _| Ok(()));
    let ended = ended_among(uploads, MockBlobRecordRepository::new(), MockBlobStore::new());
    ended.finish(upload().id, NOW).await.unwrap();
}

#[tokio::test]
async fn the_job_leaves_an_upload_alone_that_did_not_end_or_is_gone() {
    let mut uploads = MockUploadRepository::new();
    uploads.expect_find_ended().times(1).returning(|_| Ok(None));
    let ended = ended_among(uploads, MockBlobRecordRepository::new(), MockBlobStore::new());
    ended.finish(upload().id, NOW).await.unwrap();
}
