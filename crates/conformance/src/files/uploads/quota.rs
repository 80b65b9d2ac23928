#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use clouddrive_domain::Error;
use clouddrive_domain::error::Forbidden;
use clouddrive_domain::model::{Action, ConflictPolicy, Permission, Quota};

use super::Fixture;
use crate::fixture::{ALL, assert_refused};

pub(super) async fn each_step_counts(fixture: &Fixture<'_>) {
    let ann = fixture.user_with_quota(100).await;
    let root = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    let assert_quota = async |used, reserved| {
        assert_eq!(fixture.quota(ann.id).await, Quota { total: 100, used, reserved });
    };
    let new_upload = fixture.new_upload(&root, "a", Some(30));
    let quota = fixture.begin(&root, &new_upload).await.unwrap();
    assert_eq!(quota, Quota { total: 100, used: 0, reserved: 30 });
    assert_quota(0, 30).await;
    let aborted = fixture.open(&root, "b", Some(20)).await;
    assert_quota(0, 50).await;
    fixture.commit(&root, &fixture.completing(&new_upload.upload, ConflictPolicy::Fail)).await.unwrap();
    assert_quota(30, 20).await;
    fixture.store.uploads().abort(&fixture.command(ann.id), aborted.id).await.unwrap();
    assert_quota(30, 0).await;
    let expired = fixture.open(&root, "c", Some(10)).await;
    assert_quota(30, 10).await;
    let replacing = fixture.open(&root, "a", Some(25)).await;
    assert_quota(30, 35).await;
    fixture.commit(&root, &fixture.completing(&replacing, ConflictPolicy::Replace)).await.unwrap();
    assert_quota(55, 10).await;
    let late = fixture.command_at(None, expired.expires_at);
    fixture.store.uploads().expire_due(&late, ALL).await.unwrap();
    assert_quota(55, 0).await;
    fixture.store.uploads().prune_ended(late.at.plus(crate::fixture::LIFETIME), ALL).await.unwrap();
    assert_quota(55, 0).await;
}

pub(super) async fn the_true_size_counts(fixture: &Fixture<'_>) {
    let ann = fixture.user_with_quota(100).await;
    let root = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    for (text, announced, size, used) in
        [("less", Some(40), 10, 10), ("more", Some(10), 40, 50), ("streamed", None, 50, 100), ("none", None, 0, 100)]
    {
        let upload = fixture.open(&root, text, announced).await;
        assert_eq!(fixture.quota(ann.id).await.reserved, announced.unwrap_or(0));
        let mut commit = fixture.completing(&upload, ConflictPolicy::Fail);
        commit.stored.size = size;
        let made = fixture.commit(&root, &commit).await.unwrap();
        assert_eq!(made.node.size(), size);
        assert_eq!(fixture.quota(ann.id).await, Quota { total: 100, used, reserved: 0 });
    }
}

pub(super) async fn the_last_byte_fits_and_the_next_does_not(fixture: &Fixture<'_>) {
    let ann = fixture.user_with_quota(100).await;
    let root = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    fixture.file(ann.id, ann.root, "a", 60).await;
    let open = fixture.open(&root, "b", Some(10)).await;
    let before = fixture.quota(ann.id).await;
    for size in [31, 101, u64::from(u32::MAX), 5 << 40] {
        let new_upload = fixture.new_upload(&root, "c", Some(size));
        assert_refused!(fixture.begin(&root, &new_upload).await, Error::Forbidden(Forbidden::Quota { quota, needed })
            if *quota == before && *needed == size);
        assert_eq!(fixture.store.uploads().find(new_upload.upload.id, ann.id).await.unwrap(), None);
        assert_eq!(fixture.quota(ann.id).await, before);
    }
    fixture.open(&root, "c", Some(30)).await;
    let new_upload = fixture.new_upload(&root, "d", Some(1));
    assert_refused!(fixture.begin(&root, &new_upload).await, Error::Forbidden(Forbidden::Quota { .. }));
    for announced in [Some(0), None] {
        fixture.open(&root, "empty", announced).await;
    }
    // Reserved space is available to its upload.
    fixture.commit(&root, &fixture.completing(&open, ConflictPolicy::Fail)).await.unwrap();
    assert_eq!(fixture.quota(ann.id).await, Quota { total: 100, used: 70, reserved: 30 });
}

pub(super) async fn a_commit_over_the_quota_leaves_the_upload_open(fixture: &Fixture<'_>) {
    let ann = fixture.user_with_quota(100).await;
    let root = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    fixture.file(ann.id, ann.root, "a", 60).await;
    let blocking = fixture.open(&root, "b", Some(10)).await;
    let upload = fixture.open(&root, "c", None).await;
    let mut commit = fixture.completing(&upload, ConflictPolicy::Fail);
    commit.stored.size = 31;
    let before = fixture.quota(ann.id).await;
    assert_refused!(fixture.commit(&root, &commit).await, Error::Forbidden(Forbidden::Quota { quota, needed: 31 })
        if *quota == before);
    assert_eq!(fixture.upload(&upload).await, upload);
    assert_eq!(fixture.quota(ann.id).await, before);
    assert_eq!(fixture.store.drive().find(commit.file, ann.id.into()).await.unwrap(), None);
    assert!(!fixture.marked_for_deletion(fixture.now()).await.contains(&upload.blob));
    fixture.store.uploads().abort(&fixture.command(ann.id), blocking.id).await.unwrap();
    fixture.commit(&root, &commit).await.unwrap();
    assert_eq!(fixture.quota(ann.id).await, Quota { total: 100, used: 91, reserved: 0 });
    // A replacement that does not fit leaves the existing file unchanged.
    let file = fixture.located(commit.file, ann.id).await;
    let replacing = fixture.open(&root, "c", None).await;
    let mut commit = fixture.completing(&replacing, ConflictPolicy::Replace);
    commit.stored.size = 41;
    assert_refused!(fixture.commit(&root, &commit).await, Error::Forbidden(Forbidden::Quota { .. }));
    assert_eq!(fixture.located(file.node.id, ann.id).await, file);
    assert!(!fixture.marked_for_deletion(fixture.now()).await.contains(&file.node.content().unwrap().blob.key));
}

pub(super) async fn guests_fill_the_drive_of_its_owner(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user_with_quota(100).await, fixture.user_with_quota(10).await);
    let shared = fixture.folder(ann.id, ann.root, "shared").await;
    fixture.share(ann.id, shared, bob.id, Permission::Edit).await;
    let folder = fixture.grant(bob.id, shared, Action::AddTo).await;
    let upload = fixture.open(&folder, "a", Some(50)).await;
    assert_eq!(fixture.quota(ann.id).await, Quota { total: 100, used: 0, reserved: 50 });
    fixture.commit(&folder, &fixture.completing(&upload, ConflictPolicy::Fail)).await.unwrap();
    assert_eq!(fixture.quota(ann.id).await, Quota { total: 100, used: 50, reserved: 0 });
    let new_upload = fixture.new_upload(&folder, "b", Some(51));
    assert_refused!(fixture.begin(&folder, &new_upload).await, Error::Forbidden(Forbidden::Quota { .. }));
    assert_eq!(fixture.quota(bob.id).await, Quota { total: 10, used: 0, reserved: 0 });
}
