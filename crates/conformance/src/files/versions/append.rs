#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use clouddrive_domain::Error;
use clouddrive_domain::error::Forbidden;
use clouddrive_domain::model::{Action, Content, EntityTag, NodeBody, Permission, Revision, Seen, Sha256};
use clouddrive_domain::port::NewContent;

use super::{append_content, list_history, sizes};
use crate::world::{STORE, World, assert_refused, name};

pub(super) async fn a_content_is_appended_to_the_file_wherever_it_went(world: &World<'_>) {
    let ann = world.member().await;
    let to = world.folder(ann.id, ann.root, "to").await;
    let file = world.file(ann.id, ann.root, "a", 5).await;
    let grant = world.grant(ann.id, file, Action::Replace).await;
    world.rename(ann.id, file, "b").await.unwrap();
    world.move_into(ann.id, file, to).await.unwrap();
    world.file(ann.id, ann.root, "a", 1).await;
    let before = world.located(file, ann.id).await;
    let mut new = world.new_content(7).await;
    new.stored.sha256 = Some(Sha256::from_bytes([1; 32]));
    new.stored.tag = EntityTag::parse("d41d8");
    let command = world.command(ann.id);
    let replaced = world.store.versions.append(&command, &grant, &new).await.unwrap().located;
    assert_eq!(replaced, world.located(file, ann.id).await);
    let mut expected = before;
    expected.node.revision = Revision(4);
    expected.node.modified_at = command.at;
    expected.node.body = NodeBody::File(Content {
        version: new.version,
        blob: new.blob.clone(),
        size: 7,
        sha256: new.stored.sha256,
        media_type: new.media_type.clone(),
        client_modified_at: None,
        store_tag: EntityTag::parse("d41d8"),
        created_at: command.at,
    });
    assert_eq!(replaced, expected);
    assert_eq!(replaced.node.name, name("b"));
    assert_eq!(sizes(world, ann.id, file).await, [7, 5]);
    assert_eq!(world.quota(ann.id).await.used, 13);
    assert!(!world.condemned(world.now()).await.contains(&new.blob));
}

pub(super) async fn a_guest_who_may_edit_may_append(world: &World<'_>) {
    let (ann, bob) = (world.member().await, world.member().await);
    let file = world.file(ann.id, ann.root, "a", 5).await;
    world.share(ann.id, file, bob.id, Permission::Edit).await;
    append_content(world, bob.id, file, &world.new_content(7).await).await.unwrap();
    assert_eq!(list_history(world, ann.id, file).await.first().unwrap().created_by.id, bob.id);
    assert_eq!((world.quota(ann.id).await.used, world.quota(bob.id).await.used), (12, 0));
}

pub(super) async fn who_may_not_replace_appends_nothing(world: &World<'_>) {
    let (ann, bob) = (world.member().await, world.member().await);
    let file = world.file(ann.id, ann.root, "a", 5).await;
    let share = world.share(ann.id, file, bob.id, Permission::Edit).await;
    let grant = world.grant(bob.id, file, Action::Replace).await;
    let new = world.new_content(7).await;
    let by = world.command(bob.id);
    world.allow(ann.id, file, share, Permission::View).await;
    assert_refused!(world.store.versions.append(&by, &grant, &new).await, Error::Forbidden(Forbidden::Permission));
    world.revoke(ann.id, share).await;
    assert_refused!(world.store.versions.append(&by, &grant, &new).await, Error::NotFound);
    let grant = world.grant(ann.id, file, Action::Replace).await;
    world.trash(ann.id, file).await;
    assert_refused!(world.store.versions.append(&by, &grant, &new).await, Error::NotFound);
    assert_eq!(world.quota(ann.id).await.used, 5);
    assert!(world.condemned(world.now()).await.contains(&new.blob));
}

pub(super) async fn a_content_is_for_the_revision_that_was_seen(world: &World<'_>) {
    let ann = world.member().await;
    let file = world.file(ann.id, ann.root, "a", 5).await;
    let mut new = world.new_content(7).await;
    for seen in [0, 2, 99] {
        new.seen = Some(Seen::Revision(Revision(seen)));
        assert_refused!(append_content(world, ann.id, file, &new).await, Error::PreconditionFailed);
    }
    assert_eq!(sizes(world, ann.id, file).await, [5]);
    new.seen = Some(Seen::Revision(Revision(1)));
    append_content(world, ann.id, file, &new).await.unwrap();
    assert_eq!(sizes(world, ann.id, file).await, [7, 5]);
}

pub(super) async fn a_content_is_for_the_content_that_was_seen(world: &World<'_>) {
    let ann = world.member().await;
    let file = world.file(ann.id, ann.root, "a", 5).await;
    let version = world.located(file, ann.id).await.node.content().unwrap().version;
    // A rename does not change the content.
    world.rename(ann.id, file, "b").await.unwrap();
    let mut new = world.new_content(7).await;
    new.seen = Some(Seen::Version(world.id()));
    assert_refused!(append_content(world, ann.id, file, &new).await, Error::PreconditionFailed);
    new.seen = Some(Seen::Version(version));
    append_content(world, ann.id, file, &new).await.unwrap();
    let mut next = world.new_content(9).await;
    next.seen = Some(Seen::Version(version));
    assert_refused!(append_content(world, ann.id, file, &next).await, Error::PreconditionFailed);
    assert_eq!(sizes(world, ann.id, file).await, [7, 5]);
}

pub(super) async fn a_content_that_does_not_fit_leaves_the_file_as_it_was(world: &World<'_>) {
    let ann = world.member_with(100).await;
    let file = world.file(ann.id, ann.root, "a", 60).await;
    let before = world.located(file, ann.id).await;
    let large = world.new_content(41).await;
    let refused = append_content(world, ann.id, file, &large).await;
    assert_refused!(refused, Error::Forbidden(Forbidden::Quota { quota, needed: 41 }) if quota.used == 60);
    assert_eq!(world.located(file, ann.id).await, before);
    assert_eq!(sizes(world, ann.id, file).await, [60]);
    assert!(world.condemned(world.now()).await.contains(&large.blob));
    append_content(world, ann.id, file, &world.new_content(40).await).await.unwrap();
    assert_eq!(world.quota(ann.id).await.used, 100);
    append_content(world, ann.id, file, &world.new_content(0).await).await.unwrap();
    assert_eq!(sizes(world, ann.id, file).await, [0, 40, 60]);
}

pub(super) async fn a_blob_that_was_condemned_becomes_no_content(world: &World<'_>) {
    let ann = world.member().await;
    let file = world.file(ann.id, ann.root, "a", 5).await;
    let new = world.new_content(7).await;
    assert!(world.condemned(world.now()).await.contains(&new.blob));
    assert_refused!(append_content(world, ann.id, file, &new).await, Error::Internal { .. });
    assert_eq!(sizes(world, ann.id, file).await, [5]);
    assert_eq!(world.quota(ann.id).await.used, 5);
}

pub(super) async fn a_superfluous_version_counts_until_its_bytes_are_deleted(world: &World<'_>) {
    let ann = world.member_with(100).await;
    let file = world.file(ann.id, ann.root, "a", 40).await;
    let (first, grant) = (world.blob_of(file, ann.id).await, world.grant(ann.id, file, Action::Replace).await);
    let replace = async |size| {
        let new = NewContent { most_versions: 1, ..world.new_content(size).await };
        world.store.versions.append(&world.command(ann.id), &grant, &new).await
    };
    let saved = replace(50).await.unwrap();
    assert_eq!(saved.freed, [first]);
    assert_eq!(sizes(world, ann.id, file).await, [50]);
    assert_eq!(world.quota(ann.id).await.used, 90);
    // What is still on disk makes no room, however often the content is replaced.
    for _ in 0..2 {
        assert_refused!(replace(11).await, Error::Forbidden(Forbidden::Quota { quota, needed: 11 }) if quota.used == 90);
    }
    world.store.records.forget(&STORE, &saved.freed).await.unwrap();
    assert_eq!(world.quota(ann.id).await.used, 50);
    world.cleared_up(replace(11).await.unwrap()).await;
    assert_eq!(world.quota(ann.id).await.used, 11);
    // A version with a blob that another file has leaves nothing over.
    let copy = world.copy_into(ann.id, file, world.folder(ann.id, ann.root, "to").await).await.unwrap();
    assert_eq!(world.quota(ann.id).await.used, 22);
    assert_eq!(replace(1).await.unwrap().freed, []);
    assert_eq!((world.located(copy.node.id, ann.id).await.node.size(), world.quota(ann.id).await.used), (11, 12));
}
