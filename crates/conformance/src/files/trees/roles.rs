#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use clouddrive_domain::Error;
use clouddrive_domain::error::Forbidden;
use clouddrive_domain::model::{Action, Permission, Quota};

use super::folder::{contents, sample};
use crate::world::{QUOTA, World, assert_refused};

pub(super) async fn a_guest_copies_out_of_what_is_shared(world: &World<'_>) {
    let (ann, bob) = (world.member().await, world.member().await);
    let top = sample(world, &ann).await;
    let share = world.share(ann.id, top, bob.id, Permission::View).await;
    let made = world.copy_into(bob.id, top, bob.root).await.unwrap();
    assert_eq!((made.owner.id, made.node.drive, made.node.created_by.id), (bob.id, bob.drive, bob.id));
    assert_eq!(world.quota(bob.id).await, Quota { total: QUOTA, used: 321, reserved: 0 });
    assert_eq!(world.quota(ann.id).await, Quota { total: QUOTA, used: 321, reserved: 0 });
    // The copy outlives the share, and the owner of the original has no access to it.
    world.revoke(ann.id, share).await;
    assert_eq!(contents(world, bob.id, made.node.id).await.len(), 7);
    assert_refused!(world.try_grant(ann.id, made.node.id, Action::Read).await, Error::NotFound);
}

pub(super) async fn the_copy_is_the_owners_of_where_it_goes(world: &World<'_>) {
    let (ann, bob) = (world.member().await, world.member().await);
    let file = world.file(bob.id, bob.root, "file", 10).await;
    let shared = world.folder(ann.id, ann.root, "shared").await;
    world.share(ann.id, shared, bob.id, Permission::Edit).await;
    let made = world.copy_into(bob.id, file, shared).await.unwrap();
    assert_eq!((made.owner.id, made.node.drive, made.node.created_by.id), (ann.id, ann.drive, bob.id));
    assert_eq!((world.quota(ann.id).await.used, world.quota(bob.id).await.used), (10, 10));
}

pub(super) async fn both_grants_are_renewed(world: &World<'_>) {
    let (ann, bob) = (world.member().await, world.member().await);
    let (from, to) = (world.folder(ann.id, ann.root, "from").await, world.folder(ann.id, ann.root, "to").await);
    let (folder, file) = (world.folder(ann.id, from, "folder").await, world.file(ann.id, from, "file", 1).await);
    for node in [folder, file] {
        let from_share = world.share(ann.id, from, bob.id, Permission::View).await;
        let to_share = world.share(ann.id, to, bob.id, Permission::Edit).await;
        let wish = world.copying(bob.id, node, to).await;
        world.allow(ann.id, to, to_share, Permission::View).await;
        assert_refused!(world.copy(&wish).await, Error::Forbidden(Forbidden::Permission));
        world.revoke(ann.id, to_share).await;
        assert_refused!(world.copy(&wish).await, Error::NotFound);
        let to_share = world.share(ann.id, to, bob.id, Permission::Edit).await;
        world.revoke(ann.id, from_share).await;
        assert_refused!(world.copy(&wish).await, Error::NotFound);
        let from_share = world.share(ann.id, from, bob.id, Permission::View).await;
        world.copy(&wish).await.unwrap();
        for share in [from_share, to_share] {
            world.revoke(ann.id, share).await;
        }
    }
}
