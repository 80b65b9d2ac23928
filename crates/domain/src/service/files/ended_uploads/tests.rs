use mockall::predicate::eq;

use crate::model::{Upload, UploadId};
use crate::port::{MockBlobRecordRepository, MockBlobStore, MockUploadRepository};
use crate::service::testing::{OWNER, command, ended_among, made, nothing_ended, outage};
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
