#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use clouddrive_domain::model::{Action, Grant, Limit, StoreName, Upload, UploadState};

use super::Fixture;
use crate::fixture::ALL;

/// A store that is not the one of all other blobs.
fn other() -> StoreName {
    StoreName::parse("third-store").unwrap()
}

/// Begins an upload into the [other](other) store.
async fn open_elsewhere(fixture: &Fixture<'_>, folder: &Grant, text: &str) -> Upload {
    let mut new_upload = fixture.new_upload(folder, text, Some(1));
    new_upload.upload.store = Some(other());
    fixture.begin(folder, &new_upload).await.unwrap();
    new_upload.upload
}

pub(super) async fn an_upload_is_found_with_the_store_of_its_blob(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let root = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    let (usual, aborted) = (fixture.open(&root, "a", Some(1)).await, open_elsewhere(fixture, &root, "b").await);
    let expired = open_elsewhere(fixture, &root, "c").await;
    let uploads = fixture.store.uploads();
    for upload in [&usual, &aborted, &expired] {
        assert_eq!(fixture.upload(upload).await, *upload);
        assert_eq!(uploads.find_abortable(upload.id, ann.id).await.unwrap().as_ref(), Some(upload));
    }
    let listed = uploads.list(ann.id, fixture.now(), None, Limit::default()).await.unwrap();
    let listed: Vec<Upload> = listed.into_iter().map(|open| open.upload).collect();
    assert_eq!(listed, [expired.clone(), aborted.clone(), usual]);

    let command = fixture.command(ann.id);
    uploads.abort(&command, aborted.id).await.unwrap();
    let aborted = Upload { state: UploadState::Aborted, ..aborted };
    assert_eq!(uploads.find_ended(aborted.id).await.unwrap().as_ref(), Some(&aborted));
    assert_eq!(uploads.list_aborted(command.at, None, ALL).await.unwrap(), [aborted]);
    let ended = uploads.expire_due(&fixture.command_at(None, expired.expires_at), ALL).await.unwrap();
    let ended = ended.into_iter().find(|upload| upload.id == expired.id).unwrap();
    assert_eq!(ended.store, Some(other()));
}

pub(super) async fn an_upload_is_without_a_store_once_its_blob_is_gone(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let root = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    let (gone, left) = (open_elsewhere(fixture, &root, "a").await, open_elsewhere(fixture, &root, "b").await);
    let command = fixture.command(ann.id);
    fixture.store.uploads().abort(&command, gone.id).await.unwrap();
    let records = fixture.store.records();
    let marked = records.mark_for_deletion(&other(), command.at, fixture.now(), ALL).await.unwrap();
    assert!(marked.contains(&gone.blob) && !marked.contains(&left.blob));
    let gone = Upload { state: UploadState::Aborted, ..gone };
    assert_eq!(fixture.upload(&gone).await, gone);
    records.remove(&other(), &marked).await.unwrap();
    let gone = Upload { store: None, ..gone };
    assert_eq!(fixture.upload(&gone).await, gone);
    let uploads = fixture.store.uploads();
    assert_eq!(uploads.find_ended(gone.id).await.unwrap().as_ref(), Some(&gone));
    assert_eq!(uploads.list_aborted(command.at, None, ALL).await.unwrap(), [gone]);
    assert_eq!(fixture.upload(&left).await, left);
}
