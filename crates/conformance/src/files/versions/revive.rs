#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use clouddrive_domain::Error;
use clouddrive_domain::error::Forbidden;
use clouddrive_domain::model::{Action, Content, Permission, Revision, VersionId};
use clouddrive_domain::port::Revival;

use super::{delete, list_history, revive, sizes, version_of_size};
use crate::world::{MOST_VERSIONS, STORE, World, assert_refused};

pub(super) async fn a_former_content_is_current_anew(world: &World<'_>) {
    let (ann, bob) = (world.member().await, world.member().await);
    let shared = world.folder(ann.id, ann.root, "shared").await;
    world.share(ann.id, shared, bob.id, Permission::Edit).await;
    let file = world.file(ann.id, shared, "a", 5).await;
    let first = world.located(file, ann.id).await.node.content().unwrap().clone();
    world.replace(ann.id, shared, "a", 7).await;
    let restored = revive(world, bob.id, file, first.version).await.unwrap();
    assert_eq!(restored, world.located(file, bob.id).await);
    let content = restored.node.content().unwrap();
    assert_ne!(content.version, first.version);
    assert_eq!(*content, Content { version: content.version, created_at: content.created_at, ..first.clone() });
    assert_eq!(restored.node.revision, Revision(3));
    let versions = list_history(world, ann.id, file).await;
    assert_eq!(versions.iter().map(|version| version.content.size).collect::<Vec<_>>(), [5, 7, 5]);
    assert_eq!(versions.iter().map(|version| version.is_current).collect::<Vec<_>>(), [true, false, false]);
    assert_eq!(versions.first().unwrap().created_by.id, bob.id);
}

pub(super) async fn what_is_current_stays_as_it_is(world: &World<'_>) {
    let ann = world.member().await;
    let file = world.file(ann.id, ann.root, "a", 5).await;
    let first = version_of_size(world, ann.id, file, 5).await;
    let before = world.located(file, ann.id).await;
    assert_eq!(revive(world, ann.id, file, first).await.unwrap(), before);
    world.replace(ann.id, ann.root, "a", 7).await;
    // A retry after a lost response returns the same.
    let once = revive(world, ann.id, file, first).await.unwrap();
    assert_eq!(revive(world, ann.id, file, first).await.unwrap(), once);
    assert_eq!(sizes(world, ann.id, file).await, [5, 7, 5]);
    assert_eq!(world.quota(ann.id).await.used, 17);
}

pub(super) async fn a_blob_is_referred_to_as_long_as_any_version_is_on_it(world: &World<'_>) {
    let ann = world.member().await;
    let file = world.file(ann.id, ann.root, "a", 5).await;
    let (first, blob) = (version_of_size(world, ann.id, file, 5).await, world.blob_of(file, ann.id).await);
    let mut on_blob = vec![first];
    for size in [1, 2] {
        world.replace(ann.id, ann.root, "a", size).await;
        let restored = revive(world, ann.id, file, first).await.unwrap();
        on_blob.push(restored.node.content().unwrap().version);
    }
    world.replace(ann.id, ann.root, "a", 3).await;
    let last: Option<VersionId> = on_blob.pop();
    for version in on_blob {
        delete(world, ann.id, file, version).await.unwrap();
        assert!(!world.condemned(world.now()).await.contains(&blob));
    }
    assert_eq!(sizes(world, ann.id, file).await, [3, 5, 2, 1]);
    let grant = world.grant(ann.id, file, Action::DeleteVersion).await;
    let freed = world.store.versions.delete(&world.command(ann.id), &grant, last.unwrap(), None).await.unwrap();
    assert_eq!(freed.as_ref(), Some(&blob));
    world.store.records.forget(&STORE, &[blob]).await.unwrap();
    assert_eq!(world.quota(ann.id).await.used, 6);
}

pub(super) async fn a_revival_is_charged(world: &World<'_>) {
    let ann = world.member_with(100).await;
    let file = world.file(ann.id, ann.root, "a", 40).await;
    let first = version_of_size(world, ann.id, file, 40).await;
    world.replace(ann.id, ann.root, "a", 21).await;
    let before = world.located(file, ann.id).await;
    let refused = revive(world, ann.id, file, first).await;
    assert_refused!(refused, Error::Forbidden(Forbidden::Quota { quota, needed: 40 }) if quota.used == 61);
    assert_eq!(world.located(file, ann.id).await, before);
    // Versions removed for the limit make room, even the one that is revived.
    let grant = world.grant(ann.id, file, Action::Replace).await;
    let revival = Revival { from: first, version: world.id(), seen: None, most_versions: 2 };
    world.store.versions.revive(&world.command(ann.id), &grant, &revival).await.unwrap();
    assert_eq!(sizes(world, ann.id, file).await, [40, 21]);
    assert_eq!(world.quota(ann.id).await.used, 61);
    let blob = world.blob_of(file, ann.id).await;
    assert!(!world.condemned(world.now()).await.contains(&blob));
}

pub(super) async fn what_a_revival_removes_counts_until_its_bytes_are_deleted(world: &World<'_>) {
    let ann = world.member().await;
    let file = world.file(ann.id, ann.root, "a", 40).await;
    let first = version_of_size(world, ann.id, file, 40).await;
    let blob = world.replace(ann.id, ann.root, "a", 21).await.node.content().unwrap().blob.clone();
    let grant = world.grant(ann.id, file, Action::Replace).await;
    let revival = Revival { from: first, version: world.id(), seen: None, most_versions: 1 };
    let saved = world.store.versions.revive(&world.command(ann.id), &grant, &revival).await.unwrap();
    // Not the blob of the former version that is current again.
    assert_eq!(saved.freed, [blob]);
    assert_eq!(sizes(world, ann.id, file).await, [40]);
    assert_eq!(world.quota(ann.id).await.used, 61);
    world.store.records.forget(&STORE, &saved.freed).await.unwrap();
    assert_eq!(world.quota(ann.id).await.used, 40);
}

pub(super) async fn only_what_the_file_has_is_revived(world: &World<'_>) {
    let (ann, bob) = (world.member().await, world.member().await);
    let file = world.file(ann.id, ann.root, "a", 5).await;
    let first = version_of_size(world, ann.id, file, 5).await;
    world.replace(ann.id, ann.root, "a", 7).await;
    let other = world.file(ann.id, ann.root, "b", 1).await;
    let foreign = version_of_size(world, ann.id, other, 1).await;
    for version in [foreign, world.id()] {
        assert_refused!(revive(world, ann.id, file, version).await, Error::NotFound);
    }
    let share = world.share(ann.id, file, bob.id, Permission::Edit).await;
    let grant = world.grant(bob.id, file, Action::Replace).await;
    let revival = |seen| Revival { from: first, version: world.id(), seen, most_versions: MOST_VERSIONS };
    let stale = revival(Some(Revision(1)));
    let refused = world.store.versions.revive(&world.command(bob.id), &grant, &stale).await;
    assert_refused!(refused, Error::PreconditionFailed);
    world.allow(ann.id, file, share, Permission::View).await;
    let refused = world.store.versions.revive(&world.command(bob.id), &grant, &revival(None)).await;
    assert_refused!(refused, Error::Forbidden(Forbidden::Permission));
    assert_eq!(sizes(world, ann.id, file).await, [7, 5]);
}
