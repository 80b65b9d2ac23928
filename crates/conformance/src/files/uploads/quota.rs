#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use clouddrive_domain::Error;
use clouddrive_domain::error::Forbidden;
use clouddrive_domain::model::{Action, ConflictPolicy, Permission, Quota};

use crate::world::{ALL, World, assert_refused};

pub(super) async fn each_step_counts(world: &World<'_>) {
    let ann = world.member_with(100).await;
    let root = world.grant(ann.id, ann.root, Action::AddTo).await;
    let assert_quota = async |used, reserved| {
        assert_eq!(world.quota(ann.id).await, Quota { total: 100, used, reserved });
    };
    let opening = world.opening(&root, "a", Some(30));
    let quota = world.begin(&root, &opening).await.unwrap();
    assert_eq!(quota, Quota { total: 100, used: 0, reserved: 30 });
    assert_quota(0, 30).await;
    let aborted = world.open(&root, "b", Some(20)).await;
    assert_quota(0, 50).await;
    world.commit(&root, &world.completing(&opening.upload, ConflictPolicy::Fail)).await.unwrap();
    assert_quota(30, 20).await;
    world.store.uploads.abort(&world.command(ann.id), aborted.id).await.unwrap();
    assert_quota(30, 0).await;
    let expired = world.open(&root, "c", Some(10)).await;
    assert_quota(30, 10).await;
    let replacing = world.open(&root, "a", Some(25)).await;
    assert_quota(30, 35).await;
    world.commit(&root, &world.completing(&replacing, ConflictPolicy::Replace)).await.unwrap();
    assert_quota(55, 10).await;
    let late = world.command_at(None, expired.expires_at);
    world.store.uploads.expire_due(&late, ALL).await.unwrap();
    assert_quota(55, 0).await;
    world.store.uploads.forget_ended(late.at.plus(crate::world::LIFETIME), ALL).await.unwrap();
    assert_quota(55, 0).await;
}

pub(super) async fn the_true_size_counts(world: &World<'_>) {
    let ann = world.member_with(100).await;
    let root = world.grant(ann.id, ann.root, Action::AddTo).await;
    for (text, announced, size, used) in
        [("less", Some(40), 10, 10), ("more", Some(10), 40, 50), ("streamed", None, 50, 100), ("none", None, 0, 100)]
    {
        let upload = world.open(&root, text, announced).await;
        assert_eq!(world.quota(ann.id).await.reserved, announced.unwrap_or(0));
        let mut commit = world.completing(&upload, ConflictPolicy::Fail);
        commit.stored.size = size;
        let made = world.commit(&root, &commit).await.unwrap();
        assert_eq!(made.node.size(), size);
        assert_eq!(world.quota(ann.id).await, Quota { total: 100, used, reserved: 0 });
    }
}

pub(super) async fn the_last_byte_fits_and_the_next_does_not(world: &World<'_>) {
    let ann = world.member_with(100).await;
    let root = world.grant(ann.id, ann.root, Action::AddTo).await;
    world.file(ann.id, ann.root, "a", 60).await;
    let open = world.open(&root, "b", Some(10)).await;
    let before = world.quota(ann.id).await;
    for size in [31, 101, u64::from(u32::MAX), 5 << 40] {
        let opening = world.opening(&root, "c", Some(size));
        assert_refused!(world.begin(&root, &opening).await, Error::Forbidden(Forbidden::Quota { quota, needed })
            if *quota == before && *needed == size);
        assert_eq!(world.store.uploads.find(opening.upload.id, ann.id).await.unwrap(), None);
        assert_eq!(world.quota(ann.id).await, before);
    }
    world.open(&root, "c", Some(30)).await;
    let opening = world.opening(&root, "d", Some(1));
    assert_refused!(world.begin(&root, &opening).await, Error::Forbidden(Forbidden::Quota { .. }));
    for announced in [Some(0), None] {
        world.open(&root, "empty", announced).await;
    }
    // Reserved space is available to its upload.
    world.commit(&root, &world.completing(&open, ConflictPolicy::Fail)).await.unwrap();
    assert_eq!(world.quota(ann.id).await, Quota { total: 100, used: 70, reserved: 30 });
}

pub(super) async fn a_commit_over_the_quota_leaves_the_upload_open(world: &World<'_>) {
    let ann = world.member_with(100).await;
    let root = world.grant(ann.id, ann.root, Action::AddTo).await;
    world.file(ann.id, ann.root, "a", 60).await;
    let blocking = world.open(&root, "b", Some(10)).await;
    let upload = world.open(&root, "c", None).await;
    let mut commit = world.completing(&upload, ConflictPolicy::Fail);
    commit.stored.size = 31;
    let before = world.quota(ann.id).await;
    assert_refused!(world.commit(&root, &commit).await, Error::Forbidden(Forbidden::Quota { quota, needed: 31 })
        if *quota == before);
    assert_eq!(world.upload(&upload).await, upload);
    assert_eq!(world.quota(ann.id).await, before);
    assert_eq!(world.store.drive.find(commit.file, ann.id.into()).await.unwrap(), None);
    assert!(!world.condemned(world.now()).await.contains(&upload.blob));
    world.store.uploads.abort(&world.command(ann.id), blocking.id).await.unwrap();
    world.commit(&root, &commit).await.unwrap();
    assert_eq!(world.quota(ann.id).await, Quota { total: 100, used: 91, reserved: 0 });
    // A replacement that does not fit leaves the existing file unchanged.
    let file = world.located(commit.file, ann.id).await;
    let replacing = world.open(&root, "c", None).await;
    let mut commit = world.completing(&replacing, ConflictPolicy::Replace);
    commit.stored.size = 41;
    assert_refused!(world.commit(&root, &commit).await, Error::Forbidden(Forbidden::Quota { .. }));
    assert_eq!(world.located(file.node.id, ann.id).await, file);
    assert!(!world.condemned(world.now()).await.contains(&file.node.content().unwrap().blob));
}

pub(super) async fn guests_fill_the_drive_of_its_owner(world: &World<'_>) {
    let (ann, bob) = (world.member_with(100).await, world.member_with(10).await);
    let shared = world.folder(ann.id, ann.root, "shared").await;
    world.share(ann.id, shared, bob.id, Permission::Edit).await;
    let folder = world.grant(bob.id, shared, Action::AddTo).await;
    let upload = world.open(&folder, "a", Some(50)).await;
    assert_eq!(world.quota(ann.id).await, Quota { total: 100, used: 0, reserved: 50 });
    world.commit(&folder, &world.completing(&upload, ConflictPolicy::Fail)).await.unwrap();
    assert_eq!(world.quota(ann.id).await, Quota { total: 100, used: 50, reserved: 0 });
    let opening = world.opening(&folder, "b", Some(51));
    assert_refused!(world.begin(&folder, &opening).await, Error::Forbidden(Forbidden::Quota { .. }));
    assert_eq!(world.quota(bob.id).await, Quota { total: 10, used: 0, reserved: 0 });
}
