#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use clouddrive_domain::Error;
use clouddrive_domain::error::Forbidden;
use clouddrive_domain::model::{Action, Permission};

use crate::world::{World, assert_refused};

pub(super) async fn a_revoked_share_ends_grants(world: &World<'_>) {
    let (ann, bob) = (world.member().await, world.member().await);
    let shared = world.folder(ann.id, ann.root, "shared").await;
    let (item, to) = (world.folder(ann.id, shared, "item").await, world.folder(ann.id, shared, "to").await);
    let share = world.share(ann.id, shared, bob.id, Permission::Edit).await;
    let parent = world.grant(bob.id, shared, Action::AddTo).await;
    let renaming = world.renaming(bob.id, item, "renamed").await;
    let moving = world.moving(bob.id, item, to).await;
    world.revoke(ann.id, share).await;
    let before = world.located(item, ann.id).await;
    assert_refused!(world.create_folder(&parent, "new").await, Error::NotFound);
    assert_refused!(world.relocate(&renaming).await, Error::NotFound);
    assert_refused!(world.relocate(&moving).await, Error::NotFound);
    assert_eq!(world.located(item, ann.id).await, before);
    world.folder(ann.id, shared, "new").await;
}

pub(super) async fn a_lowered_share_ends_grants(world: &World<'_>) {
    let (ann, bob) = (world.member().await, world.member().await);
    let shared = world.folder(ann.id, ann.root, "shared").await;
    let item = world.file(ann.id, shared, "item", 1).await;
    let share = world.share(ann.id, shared, bob.id, Permission::Edit).await;
    let parent = world.grant(bob.id, shared, Action::AddTo).await;
    let renaming = world.renaming(bob.id, item, "renamed").await;
    world.allow(ann.id, shared, share, Permission::View).await;
    assert_refused!(world.create_folder(&parent, "new").await, Error::Forbidden(Forbidden::Permission));
    assert_refused!(world.relocate(&renaming).await, Error::Forbidden(Forbidden::Permission));
    // The grant is valid again once the share allows it.
    world.allow(ann.id, shared, share, Permission::Edit).await;
    world.create_folder(&parent, "new").await.unwrap();
    world.relocate(&renaming).await.unwrap();
}

pub(super) async fn what_left_the_shared_folder_is_out_of_reach(world: &World<'_>) {
    let (ann, bob) = (world.member().await, world.member().await);
    let shared = world.folder(ann.id, ann.root, "shared").await;
    let (item, kept) = (world.folder(ann.id, shared, "item").await, world.folder(ann.id, shared, "kept").await);
    world.share(ann.id, shared, bob.id, Permission::Edit).await;
    world.share(ann.id, kept, bob.id, Permission::Edit).await;
    let inside = world.grant(bob.id, item, Action::AddTo).await;
    let renaming = world.renaming(bob.id, item, "renamed").await;
    let renaming_kept = world.renaming(bob.id, kept, "renamed").await;
    world.move_into(ann.id, item, ann.root).await.unwrap();
    world.move_into(ann.id, kept, ann.root).await.unwrap();
    assert_refused!(world.create_folder(&inside, "new").await, Error::NotFound);
    assert_refused!(world.relocate(&renaming).await, Error::NotFound);
    // Only the owner may rename the shared node itself.
    assert_refused!(world.relocate(&renaming_kept).await, Error::Forbidden(Forbidden::Permission));
}

pub(super) async fn a_destination_is_checked_like_an_item(world: &World<'_>) {
    let (ann, bob) = (world.member().await, world.member().await);
    let (from, to) = (world.folder(ann.id, ann.root, "from").await, world.folder(ann.id, ann.root, "to").await);
    let item = world.file(ann.id, from, "item", 1).await;
    world.share(ann.id, from, bob.id, Permission::Edit).await;
    let share = world.share(ann.id, to, bob.id, Permission::Edit).await;
    let moving = world.moving(bob.id, item, to).await;
    world.allow(ann.id, to, share, Permission::View).await;
    assert_refused!(world.relocate(&moving).await, Error::Forbidden(Forbidden::Permission));
    world.revoke(ann.id, share).await;
    assert_refused!(world.relocate(&moving).await, Error::NotFound);
    assert_eq!(world.located(item, ann.id).await.node.parent, Some(from));
    world.share(ann.id, to, bob.id, Permission::Edit).await;
    assert_eq!(world.relocate(&moving).await.unwrap().node.parent, Some(to));
}
