#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use std::time::Duration;

use clouddrive_domain::Error;
use clouddrive_domain::error::Conflict;
use clouddrive_domain::model::{Action, ConflictPolicy, Permission, Upload, UploadState};

use crate::world::{ALL, World, assert_refused};

const MILLISECOND: Duration = Duration::from_millis(1);

async fn abort(world: &World<'_>, upload: &Upload) -> clouddrive_domain::Result<()> {
    world.store.uploads.abort(&world.command(upload.sender), upload.id).await
}

pub(super) async fn an_aborted_upload_is_over(world: &World<'_>) {
    let ann = world.member().await;
    let root = world.grant(ann.id, ann.root, Action::AddTo).await;
    let upload = world.open(&root, "a", Some(5)).await;
    let bystander = world.open(&root, "b", Some(3)).await;
    assert!(!world.condemned(world.now()).await.contains(&upload.blob));
    let command = world.command(ann.id);
    world.store.uploads.abort(&command, upload.id).await.unwrap();
    assert_eq!(world.upload(&upload).await, Upload { state: UploadState::Aborted, ..upload.clone() });
    assert_eq!(world.quota(ann.id).await.reserved, 3);
    assert!(!world.condemned(command.at.minus(MILLISECOND)).await.contains(&upload.blob));
    assert!(world.condemned(command.at).await.contains(&upload.blob));
    assert_eq!(world.upload(&bystander).await, bystander);
    let absent = Upload { id: world.id(), ..upload };
    assert_refused!(abort(world, &absent).await, Error::NotFound);
}

pub(super) async fn what_was_aborted_at_a_time_is_listed(world: &World<'_>) {
    let (ann, bob) = (world.member().await, world.member().await);
    for ending in ["revoked", "lowered", "trashed", "moved", "deleted"] {
        let shared = world.folder(ann.id, ann.root, ending).await;
        let inside = world.folder(ann.id, shared, "inside").await;
        let share = world.share(ann.id, shared, bob.id, Permission::Edit).await;
        let into = world.grant(bob.id, inside, Action::AddTo).await;
        let mut ended = Vec::new();
        for size in [Some(5), None, Some(7)] {
            ended.push(world.open(&into, "a", size).await);
        }
        let given_up = world.open(&into, "b", Some(1)).await;
        abort(world, &given_up).await.unwrap();
        world.open(&world.grant(ann.id, inside, Action::AddTo).await, "c", Some(3)).await;
        let (store, command) = (world.store, world.command(if ending == "deleted" { bob.id } else { ann.id }));
        match ending {
            "revoked" => store.shares.revoke(&command, share).await.unwrap(),
            "lowered" => {
                let item = world.grant(ann.id, shared, Action::Share).await;
                store.shares.change(&command, &item, share, Permission::View).await.unwrap();
            }
            "trashed" => {
                let item = world.grant(ann.id, shared, Action::Trash).await;
                store.trash.put(&command, &item, None).await.unwrap();
            }
            "moved" => {
                let moving = world.moving(ann.id, inside, ann.root).await;
                store.drive.relocate(&command, &moving).await.unwrap();
            }
            _ => store.accounts.delete(&command, bob.id, 0).await.unwrap(),
        }
        let mut expected: Vec<Upload> =
            ended.into_iter().map(|upload| Upload { state: UploadState::Aborted, ..upload }).collect();
        expected.sort_by_key(|upload| upload.id);
        let (first, rest) = expected.split_at(2);
        let list = async |at, after, most| store.uploads.list_aborted(at, after, most).await.unwrap();
        assert_eq!(list(command.at, None, 10).await, expected, "{ending}");
        assert_eq!(list(command.at, None, 2).await, first, "{ending}");
        let last = first.last().map(|upload| upload.id);
        assert_eq!(list(command.at, last, 2).await, rest, "{ending}");
        assert_eq!(list(command.at.plus(MILLISECOND), None, 10).await, [], "{ending}");
    }
}

pub(super) async fn a_complete_upload_is_not_aborted(world: &World<'_>) {
    let ann = world.member().await;
    let root = world.grant(ann.id, ann.root, Action::AddTo).await;
    let upload = world.open(&root, "a", Some(5)).await;
    let made = world.commit(&root, &world.completing(&upload, ConflictPolicy::Fail)).await.unwrap();
    assert_refused!(abort(world, &upload).await, Error::Conflict(Conflict::UploadClosed));
    assert_eq!(world.located(made.node.id, ann.id).await, made);
    assert_eq!(world.quota(ann.id).await.used, 5);
    assert!(!world.condemned(world.now()).await.contains(&upload.blob));
}

pub(super) async fn what_is_over_stays_as_it_ended(world: &World<'_>) {
    let ann = world.member().await;
    let root = world.grant(ann.id, ann.root, Action::AddTo).await;
    let (aborted, expired) = (world.open(&root, "a", Some(5)).await, world.open(&root, "b", Some(7)).await);
    abort(world, &aborted).await.unwrap();
    abort(world, &aborted).await.unwrap();
    assert_eq!(world.quota(ann.id).await.reserved, 7);
    let late = world.command_at(Some(ann.id), expired.expires_at);
    world.store.uploads.abort(&late, expired.id).await.unwrap();
    world.store.uploads.expire_due(&late, ALL).await.unwrap();
    world.store.uploads.abort(&late, expired.id).await.unwrap();
    world.store.uploads.abort(&late, aborted.id).await.unwrap();
    assert_eq!(world.upload(&aborted).await.state, UploadState::Aborted);
    assert_eq!(world.upload(&expired).await.state, UploadState::Expired);
    assert_eq!(world.quota(ann.id).await.reserved, 0);
}

/// Ends what earlier cases left open, so that store-wide counts are this case's.
async fn drain(world: &World<'_>) {
    let at = world.now();
    world.store.uploads.expire_due(&world.command_at(None, at), ALL).await.unwrap();
    world.store.uploads.forget_ended(at.plus(MILLISECOND), ALL).await.unwrap();
}

pub(super) async fn uploads_expire_at_their_very_time(world: &World<'_>) {
    drain(world).await;
    let ann = world.member().await;
    let root = world.grant(ann.id, ann.root, Action::AddTo).await;
    let (due, later) = (world.open(&root, "a", Some(5)).await, world.open(&root, "b", Some(3)).await);
    let complete = world.open(&root, "c", Some(1)).await;
    world.commit(&root, &world.completing(&complete, ConflictPolicy::Fail)).await.unwrap();
    let expire = async |at| world.store.uploads.expire_due(&world.command_at(None, at), ALL).await.unwrap().len();
    assert_eq!(world.store.uploads.count_open().await.unwrap(), 2);
    assert_eq!(expire(due.expires_at.minus(MILLISECOND)).await, 0);
    assert_eq!(world.upload(&due).await, due);
    assert_eq!(expire(due.expires_at).await, 1);
    assert_eq!(world.upload(&due).await, Upload { state: UploadState::Expired, ..due.clone() });
    assert_eq!(world.upload(&later).await, later);
    assert_eq!(world.quota(ann.id).await.reserved, 3);
    assert_eq!(world.store.uploads.count_open().await.unwrap(), 1);
    assert_eq!(expire(due.expires_at).await, 0);
    let condemned = world.condemned(due.expires_at).await;
    assert!(condemned.contains(&due.blob) && !condemned.contains(&later.blob));
    // An extension postpones the expiry.
    let until = later.expires_at.plus(MILLISECOND);
    world.store.uploads.extend(&world.command(ann.id), &root, later.id, until).await.unwrap();
    assert_eq!(expire(later.expires_at).await, 0);
    assert_eq!(expire(until).await, 1);
    assert_eq!(world.quota(ann.id).await.reserved, 0);
    assert!(!world.condemned(until).await.contains(&complete.blob));
}

pub(super) async fn uploads_expire_in_batches(world: &World<'_>) {
    drain(world).await;
    let ann = world.member().await;
    let root = world.grant(ann.id, ann.root, Action::AddTo).await;
    let mut last = world.now();
    for number in 0..5 {
        last = world.open(&root, &format!("{number}"), Some(1)).await.expires_at;
    }
    for (count, reserved) in [(2, 3), (2, 1), (1, 0), (0, 0)] {
        let ended = world.store.uploads.expire_due(&world.command_at(None, last), 2).await.unwrap();
        assert_eq!((ended.len(), world.quota(ann.id).await.reserved), (count, reserved));
    }
}

pub(super) async fn ended_uploads_are_forgotten(world: &World<'_>) {
    drain(world).await;
    let ann = world.member().await;
    let root = world.grant(ann.id, ann.root, Action::AddTo).await;
    let (aborted, expired) = (world.open(&root, "a", Some(1)).await, world.open(&root, "b", Some(1)).await);
    let complete = world.open(&root, "c", Some(1)).await;
    let made = world.commit(&root, &world.completing(&complete, ConflictPolicy::Fail)).await.unwrap();
    abort(world, &aborted).await.unwrap();
    let at = expired.expires_at;
    world.store.uploads.expire_due(&world.command_at(None, at), ALL).await.unwrap();
    let mut opening = world.opening(&root, "d", Some(1));
    opening.upload.expires_at = at.plus(Duration::from_secs(3600));
    world.begin(&root, &opening).await.unwrap();
    let forget = async |before| world.store.uploads.forget_ended(before, ALL).await.unwrap();
    assert_eq!(forget(aborted.created_at).await, 0);
    assert_eq!(forget(at).await, 2);
    assert_eq!(world.upload(&expired).await.state, UploadState::Expired);
    assert_eq!(forget(at.plus(MILLISECOND)).await, 1);
    for upload in [&aborted, &expired, &complete] {
        assert_eq!(world.store.uploads.find(upload.id, ann.id).await.unwrap(), None);
    }
    assert_eq!(forget(at.plus(Duration::from_secs(7200))).await, 0);
    assert_eq!(world.upload(&opening.upload).await, opening.upload);
    assert_eq!(world.located(made.node.id, ann.id).await, made);
    assert!(!world.condemned(at).await.contains(&complete.blob));
}

pub(super) async fn uploads_are_forgotten_in_batches(world: &World<'_>) {
    drain(world).await;
    let ann = world.member().await;
    let root = world.grant(ann.id, ann.root, Action::AddTo).await;
    for number in 0..5 {
        let upload = world.open(&root, &format!("{number}"), Some(1)).await;
        abort(world, &upload).await.unwrap();
    }
    let before = world.now();
    for count in [2, 2, 1, 0] {
        assert_eq!(world.store.uploads.forget_ended(before, 2).await.unwrap(), count);
    }
}
