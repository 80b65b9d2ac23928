#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use clouddrive_domain::Error;
use clouddrive_domain::error::Conflict;
use clouddrive_domain::model::{Action, Permission, Revision, Timestamp};

use super::{delete, sizes, version_of_size};
use crate::world::{STORE, World, assert_refused};

pub(super) async fn a_former_version_is_deleted_and_gives_its_bytes_back(world: &World<'_>) {
    let ann = world.member().await;
    let file = world.file(ann.id, ann.root, "a", 5).await;
    let (first, blob) = (version_of_size(world, ann.id, file, 5).await, world.blob_of(file, ann.id).await);
    world.replace(ann.id, ann.root, "a", 7).await;
    let other = world.file(ann.id, ann.root, "b", 1).await;
    let before = world.located(file, ann.id).await;
    assert_refused!(delete(world, ann.id, other, first).await, Error::NotFound);
    let grant = world.grant(ann.id, file, Action::DeleteVersion).await;
    let freed = world.store.versions.delete(&world.command(ann.id), &grant, first, None).await.unwrap();
    assert_eq!(freed.as_ref(), Some(&blob));
    assert_eq!(sizes(world, ann.id, file).await, [7]);
    assert_eq!(world.located(file, ann.id).await, before);
    assert_eq!(world.quota(ann.id).await.used, 13, "its bytes are there still");
    assert!(world.condemned(Timestamp::from_millis(0)).await.contains(&blob));
    world.store.records.forget(&STORE, &[blob]).await.unwrap();
    assert_eq!(world.quota(ann.id).await.used, 8);
    for gone in [first, world.id()] {
        assert_refused!(delete(world, ann.id, file, gone).await, Error::NotFound);
    }
}

pub(super) async fn the_current_version_is_in_use(world: &World<'_>) {
    let ann = world.member().await;
    let file = world.file(ann.id, ann.root, "a", 5).await;
    let first = version_of_size(world, ann.id, file, 5).await;
    assert_refused!(delete(world, ann.id, file, first).await, Error::Conflict(Conflict::VersionInUse));
    assert_eq!(sizes(world, ann.id, file).await, [5]);
    let grant = world.grant(ann.id, file, Action::DeleteVersion).await;
    world.replace(ann.id, ann.root, "a", 7).await;
    let by = world.command(ann.id);
    let stale = world.store.versions.delete(&by, &grant, first, Some(Revision(1))).await;
    assert_refused!(stale, Error::PreconditionFailed);
    world.store.versions.delete(&by, &grant, first, Some(Revision(2))).await.unwrap();
    assert_eq!(sizes(world, ann.id, file).await, [7]);
}

pub(super) async fn versions_are_their_owners_to_delete(world: &World<'_>) {
    let (ann, bob) = (world.member().await, world.member().await);
    let shared = world.folder(ann.id, ann.root, "shared").await;
    let file = world.file(ann.id, shared, "a", 5).await;
    let first = version_of_size(world, ann.id, file, 5).await;
    world.replace(ann.id, shared, "a", 7).await;
    world.share(ann.id, shared, bob.id, Permission::Edit).await;
    assert_refused!(world.try_grant(bob.id, file, Action::DeleteVersion).await, Error::Forbidden(_));
    let grant = world.grant(ann.id, file, Action::DeleteVersion).await;
    world.trash(ann.id, shared).await;
    let refused = world.store.versions.delete(&world.command(ann.id), &grant, first, None).await;
    assert_refused!(refused, Error::NotFound);
    world.restore(ann.id, shared).await.unwrap();
    assert_eq!(sizes(world, ann.id, file).await, [7, 5]);
}
