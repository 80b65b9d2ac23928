#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use std::time::Duration;

use clouddrive_domain::Error;
use clouddrive_domain::error::Conflict;
use clouddrive_domain::model::{Action, ConflictPolicy, Permission, Upload, UploadId, UploadState};

use super::Fixture;
use crate::fixture::{ALL, assert_refused};

const MILLISECOND: Duration = Duration::from_millis(1);

pub(super) async fn an_aborted_upload_is_over(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let root = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    let upload = fixture.open(&root, "a", Some(5)).await;
    let bystander = fixture.open(&root, "b", Some(3)).await;
    assert!(!fixture.marked_for_deletion(fixture.now()).await.contains(&upload.blob));
    let command = fixture.command(ann.id);
    fixture.store.uploads().abort(&command, upload.id).await.unwrap();
    assert_eq!(fixture.upload(&upload).await, Upload { state: UploadState::Aborted, ..upload.clone() });
    assert_eq!(fixture.quota(ann.id).await.reserved, 3);
    assert!(!fixture.marked_for_deletion(command.at.minus(MILLISECOND)).await.contains(&upload.blob));
    assert!(fixture.marked_for_deletion(command.at).await.contains(&upload.blob));
    assert_eq!(fixture.upload(&bystander).await, bystander);
    let absent = Upload { id: fixture.id(), ..upload };
    assert_refused!(fixture.abort(&absent).await, Error::NotFound);
}

pub(super) async fn uploads_aborted_at_a_time_are_listed(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    for ending in ["revoked", "lowered", "trashed", "moved", "deleted"] {
        let shared = fixture.folder(ann.id, ann.root, ending).await;
        let inside = fixture.folder(ann.id, shared, "inside").await;
        let share = fixture.share(ann.id, shared, bob.id, Permission::Edit).await;
        let into = fixture.grant(bob.id, inside, Action::AddTo).await;
        let mut ended = Vec::new();
        for size in [Some(5), None, Some(7)] {
            ended.push(fixture.open(&into, "a", size).await);
        }
        let given_up = fixture.open(&into, "b", Some(1)).await;
        fixture.abort(&given_up).await.unwrap();
        fixture.open(&fixture.grant(ann.id, inside, Action::AddTo).await, "c", Some(3)).await;
        let (store, command) = (fixture.store, fixture.command(if ending == "deleted" { bob.id } else { ann.id }));
        match ending {
            "revoked" => store.shares().revoke(&command, share).await.unwrap(),
            "lowered" => {
                let item = fixture.grant(ann.id, shared, Action::Share).await;
                store.shares().change(&command, &item, share, Permission::View).await.unwrap();
            }
            "trashed" => {
                let item = fixture.grant(ann.id, shared, Action::Trash).await;
                store.trash().put(&command, &item, None).await.unwrap();
            }
            "moved" => {
                let moving = fixture.moving(ann.id, inside, ann.root).await;
                store.drive().relocate(&command, &moving).await.unwrap();
            }
            _ => store.accounts().delete(&command, bob.id, 0).await.unwrap(),
        }
        let mut expected: Vec<Upload> =
            ended.into_iter().map(|upload| Upload { state: UploadState::Aborted, ..upload }).collect();
        expected.sort_by_key(|upload| upload.id);
        let (first, rest) = expected.split_at(2);
        let list = async |at, after, max| store.uploads().list_aborted(at, after, max).await.unwrap();
        assert_eq!(list(command.at, None, 10).await, expected, "{ending}");
        assert_eq!(list(command.at, None, 2).await, first, "{ending}");
        let last = first.last().map(|upload| upload.id);
        assert_eq!(list(command.at, last, 2).await, rest, "{ending}");
        assert_eq!(list(command.at.plus(MILLISECOND), None, 10).await, [], "{ending}");
    }
}

pub(super) async fn a_complete_upload_is_not_aborted(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let root = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    let upload = fixture.open(&root, "a", Some(5)).await;
    let made = fixture.commit(&root, &fixture.completing(&upload, ConflictPolicy::Fail)).await.unwrap();
    assert_refused!(fixture.abort(&upload).await, Error::Conflict(Conflict::UploadClosed));
    assert_eq!(fixture.located(made.node.id, ann.id).await, made);
    assert_eq!(fixture.quota(ann.id).await.used, 5);
    assert!(!fixture.marked_for_deletion(fixture.now()).await.contains(&upload.blob));
}

pub(super) async fn an_ended_upload_keeps_its_state(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let root = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    let (aborted, expired) = (fixture.open(&root, "a", Some(5)).await, fixture.open(&root, "b", Some(7)).await);
    fixture.abort(&aborted).await.unwrap();
    fixture.abort(&aborted).await.unwrap();
    assert_eq!(fixture.quota(ann.id).await.reserved, 7);
    let late = fixture.command_at(Some(ann.id), expired.expires_at);
    fixture.store.uploads().abort(&late, expired.id).await.unwrap();
    fixture.store.uploads().expire_due(&late, ALL).await.unwrap();
    fixture.store.uploads().abort(&late, expired.id).await.unwrap();
    fixture.store.uploads().abort(&late, aborted.id).await.unwrap();
    assert_eq!(fixture.upload(&aborted).await.state, UploadState::Aborted);
    assert_eq!(fixture.upload(&expired).await.state, UploadState::Expired);
    assert_eq!(fixture.quota(ann.id).await.reserved, 0);
}

/// Ends what earlier cases left open, so that store-wide counts are this case's.
async fn drain(fixture: &Fixture<'_>) {
    let at = fixture.now();
    let expired = fixture.store.uploads().expire_due(&fixture.command_at(None, at), ALL).await.unwrap();
    note_discarded(fixture, &expired).await;
    fixture.store.uploads().prune_ended(at.plus(MILLISECOND), ALL).await.unwrap();
}

/// Notes that the bytes of these uploads are deleted.
async fn note_discarded(fixture: &Fixture<'_>, uploads: &[Upload]) {
    let uploads: Vec<UploadId> = uploads.iter().map(|upload| upload.id).collect();
    fixture.store.uploads().note_discarded(fixture.now(), &uploads).await.unwrap();
}

pub(super) async fn only_what_ended_without_a_file_is_found_as_ended(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let root = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    let find = async |upload: &Upload| fixture.store.uploads().find_ended(upload.id).await.unwrap();
    let [open, complete, aborted, expired] = ["a", "b", "c", "d"].map(|name| fixture.open(&root, name, Some(1)));
    let (open, complete, aborted, expired) = (open.await, complete.await, aborted.await, expired.await);
    fixture.commit(&root, &fixture.completing(&complete, ConflictPolicy::Fail)).await.unwrap();
    fixture.abort(&aborted).await.unwrap();
    for upload in [&open, &complete] {
        assert_eq!(find(upload).await, None);
    }
    assert_eq!(find(&aborted).await, Some(Upload { state: UploadState::Aborted, ..aborted.clone() }));
    fixture.store.uploads().expire_due(&fixture.command_at(None, expired.expires_at), ALL).await.unwrap();
    assert_eq!(find(&expired).await, Some(Upload { state: UploadState::Expired, ..expired.clone() }));
    assert_eq!(find(&Upload { id: fixture.id(), ..aborted }).await, None);
}

pub(super) async fn what_was_held_is_given_back_once_it_is_deleted(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let root = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    let (ended, other) = (fixture.open(&root, "a", Some(5)).await, fixture.open(&root, "b", Some(3)).await);
    for (upload, bytes) in [(&ended, 4), (&other, 2)] {
        fixture.abort(upload).await.unwrap();
        fixture.store.records().hold(&upload.blob, ann.drive, bytes).await.unwrap();
    }
    let open = fixture.open(&root, "c", Some(10)).await;
    assert_eq!(fixture.quota(ann.id).await.reserved, 16);
    for _ in 0..2 {
        note_discarded(fixture, &[ended.clone(), open.clone()]).await;
        assert_eq!(fixture.quota(ann.id).await.reserved, 12);
    }
    assert_eq!(fixture.upload(&open).await, open);
    // Late bytes may still arrive, so the blob stays recorded.
    assert!(fixture.marked_for_deletion(fixture.now()).await.contains(&ended.blob));
}

pub(super) async fn uploads_expire_at_their_very_time(fixture: &Fixture<'_>) {
    drain(fixture).await;
    let ann = fixture.user().await;
    let root = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    let (due, later) = (fixture.open(&root, "a", Some(5)).await, fixture.open(&root, "b", Some(3)).await);
    let complete = fixture.open(&root, "c", Some(1)).await;
    fixture.commit(&root, &fixture.completing(&complete, ConflictPolicy::Fail)).await.unwrap();
    let expire = async |at| fixture.store.uploads().expire_due(&fixture.command_at(None, at), ALL).await.unwrap().len();
    assert_eq!(fixture.store.uploads().count_open().await.unwrap(), 2);
    assert_eq!(expire(due.expires_at.minus(MILLISECOND)).await, 0);
    assert_eq!(fixture.upload(&due).await, due);
    assert_eq!(expire(due.expires_at).await, 1);
    assert_eq!(fixture.upload(&due).await, Upload { state: UploadState::Expired, ..due.clone() });
    assert_eq!(fixture.upload(&later).await, later);
    assert_eq!(fixture.quota(ann.id).await.reserved, 3);
    assert_eq!(fixture.store.uploads().count_open().await.unwrap(), 1);
    assert_eq!(expire(due.expires_at).await, 0);
    let marked_for_deletion = fixture.marked_for_deletion(due.expires_at).await;
    assert!(marked_for_deletion.contains(&due.blob) && !marked_for_deletion.contains(&later.blob));
    // An extension postpones the expiry.
    let until = later.expires_at.plus(MILLISECOND);
    fixture.store.uploads().extend(&fixture.command(ann.id), &root, later.id, until).await.unwrap();
    assert_eq!(expire(later.expires_at).await, 0);
    assert_eq!(expire(until).await, 1);
    assert_eq!(fixture.quota(ann.id).await.reserved, 0);
    assert!(!fixture.marked_for_deletion(until).await.contains(&complete.blob));
}

pub(super) async fn uploads_expire_in_batches(fixture: &Fixture<'_>) {
    drain(fixture).await;
    let ann = fixture.user().await;
    let root = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    let mut last = fixture.now();
    for number in 0..5 {
        last = fixture.open(&root, &format!("{number}"), Some(1)).await.expires_at;
    }
    for (count, reserved) in [(2, 3), (2, 1), (1, 0), (0, 0)] {
        let ended = fixture.store.uploads().expire_due(&fixture.command_at(None, last), 2).await.unwrap();
        assert_eq!((ended.len(), fixture.quota(ann.id).await.reserved), (count, reserved));
    }
}

pub(super) async fn ended_uploads_are_pruned(fixture: &Fixture<'_>) {
    drain(fixture).await;
    let ann = fixture.user().await;
    let root = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    let (aborted, expired) = (fixture.open(&root, "a", Some(1)).await, fixture.open(&root, "b", Some(1)).await);
    let complete = fixture.open(&root, "c", Some(1)).await;
    let made = fixture.commit(&root, &fixture.completing(&complete, ConflictPolicy::Fail)).await.unwrap();
    fixture.abort(&aborted).await.unwrap();
    let at = expired.expires_at;
    fixture.store.uploads().expire_due(&fixture.command_at(None, at), ALL).await.unwrap();
    let mut new_upload = fixture.new_upload(&root, "d", Some(1));
    new_upload.upload.expires_at = at.plus(Duration::from_secs(3600));
    fixture.begin(&root, &new_upload).await.unwrap();
    let prune = async |before| fixture.store.uploads().prune_ended(before, ALL).await.unwrap();
    note_discarded(fixture, &[aborted.clone(), expired.clone()]).await;
    assert_eq!(prune(aborted.created_at).await, 0);
    assert_eq!(prune(at).await, 2);
    assert_eq!(fixture.upload(&expired).await.state, UploadState::Expired);
    assert_eq!(prune(at.plus(MILLISECOND)).await, 1);
    for upload in [&aborted, &expired, &complete] {
        assert_eq!(fixture.store.uploads().find(upload.id, ann.id).await.unwrap(), None);
    }
    assert_eq!(prune(at.plus(Duration::from_secs(7200))).await, 0);
    assert_eq!(fixture.upload(&new_upload.upload).await, new_upload.upload);
    assert_eq!(fixture.located(made.node.id, ann.id).await, made);
    assert!(!fixture.marked_for_deletion(at).await.contains(&complete.blob));
}

pub(super) async fn uploads_are_pruned_in_batches(fixture: &Fixture<'_>) {
    drain(fixture).await;
    let ann = fixture.user().await;
    let root = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    for number in 0..5 {
        let upload = fixture.open(&root, &format!("{number}"), Some(1)).await;
        fixture.abort(&upload).await.unwrap();
        note_discarded(fixture, &[upload]).await;
    }
    let before = fixture.now();
    for count in [2, 2, 1, 0] {
        assert_eq!(fixture.store.uploads().prune_ended(before, 2).await.unwrap(), count);
    }
}

pub(super) async fn what_has_a_job_is_not_forgotten(fixture: &Fixture<'_>) {
    drain(fixture).await;
    let ann = fixture.user().await;
    let root = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    let (ended, other) = (fixture.open(&root, "a", Some(1)).await, fixture.open(&root, "b", Some(1)).await);
    for upload in [&ended, &other] {
        fixture.abort(upload).await.unwrap();
    }
    let before = fixture.now();
    let prune = async || fixture.store.uploads().prune_ended(before, ALL).await.unwrap();
    assert_eq!(prune().await, 0);
    note_discarded(fixture, std::slice::from_ref(&ended)).await;
    assert_eq!(prune().await, 1);
    assert_eq!(fixture.store.uploads().find(ended.id, ann.id).await.unwrap(), None);
    assert_eq!(fixture.upload(&other).await.state, UploadState::Aborted);
}
