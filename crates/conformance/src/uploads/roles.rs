#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use clouddrive_domain::Error;
use clouddrive_domain::error::Forbidden;
use clouddrive_domain::model::{Action, ConflictPolicy, Permission};

use crate::world::{LIFETIME, World, assert_refused};

pub(super) async fn a_revoked_share_ends_grants(world: &World<'_>) {
    let (ann, bob) = (world.member().await, world.member().await);
    let shared = world.folder(ann.id, ann.root, "shared").await;
    let file = world.file(ann.id, shared, "file", 1).await;
    let share = world.share(ann.id, shared, bob.id, Permission::Edit).await;
    let folder = world.grant(bob.id, shared, Action::AddTo).await;
    let (new, replacing) = (world.open(&folder, "new", Some(5)).await, world.open(&folder, "file", Some(5)).await);
    let before = world.located(file, ann.id).await;
    world.revoke(ann.id, share).await;
    let opening = world.opening(&folder, "other", Some(5));
    assert_refused!(world.begin(&folder, &opening).await, Error::NotFound);
    assert_eq!(world.store.uploads.find(opening.upload.id, bob.id).await.unwrap(), None);
    let commit = world.completing(&new, ConflictPolicy::Fail);
    assert_refused!(world.commit(&folder, &commit).await, Error::NotFound);
    assert_eq!(world.store.drive.find(commit.file, ann.id.into()).await.unwrap(), None);
    let refused = world.commit(&folder, &world.completing(&replacing, ConflictPolicy::Replace)).await;
    assert_refused!(refused, Error::NotFound);
    let later = new.expires_at.plus(LIFETIME);
    let refused = world.store.uploads.extend(&world.command(bob.id), &folder, new.id, later).await;
    assert_refused!(refused, Error::NotFound);
    assert_eq!(world.located(file, ann.id).await, before);
    assert_eq!(world.upload(&new).await, new);
    assert_eq!(world.quota(ann.id).await.reserved, 10);
}

pub(super) async fn a_lowered_share_ends_grants(world: &World<'_>) {
    let (ann, bob) = (world.member().await, world.member().await);
    let shared = world.folder(ann.id, ann.root, "shared").await;
    let share = world.share(ann.id, shared, bob.id, Permission::Edit).await;
    let folder = world.grant(bob.id, shared, Action::AddTo).await;
    let upload = world.open(&folder, "a", Some(5)).await;
    world.allow(ann.id, shared, share, Permission::View).await;
    let opening = world.opening(&folder, "b", Some(5));
    assert_refused!(world.begin(&folder, &opening).await, Error::Forbidden(Forbidden::Permission));
    let commit = world.completing(&upload, ConflictPolicy::Fail);
    assert_refused!(world.commit(&folder, &commit).await, Error::Forbidden(Forbidden::Permission));
    assert_eq!(world.upload(&upload).await, upload);
    // A grant holds again as soon as its reason does.
    world.allow(ann.id, shared, share, Permission::Edit).await;
    world.begin(&folder, &opening).await.unwrap();
    world.commit(&folder, &commit).await.unwrap();
}

pub(super) async fn what_left_the_shared_folder_is_out_of_reach(world: &World<'_>) {
    let (ann, bob) = (world.member().await, world.member().await);
    let shared = world.folder(ann.id, ann.root, "shared").await;
    let inside = world.folder(ann.id, shared, "inside").await;
    world.share(ann.id, shared, bob.id, Permission::Edit).await;
    let folder = world.grant(bob.id, inside, Action::AddTo).await;
    let upload = world.open(&folder, "a", Some(5)).await;
    world.move_into(ann.id, inside, ann.root).await.unwrap();
    let opening = world.opening(&folder, "b", Some(5));
    assert_refused!(world.begin(&folder, &opening).await, Error::NotFound);
    let refused = world.commit(&folder, &world.completing(&upload, ConflictPolicy::Fail)).await;
    assert_refused!(refused, Error::NotFound);
    assert_eq!(world.upload(&upload).await, upload);
}
