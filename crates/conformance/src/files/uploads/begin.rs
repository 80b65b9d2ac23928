#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use std::time::Duration;

use clouddrive_domain::Error;
use clouddrive_domain::error::{Conflict, Gone};
use clouddrive_domain::model::{
    Action, ConflictPolicy, ItemRef, MediaType, NodeKind, Quota, Sha256, Timestamp, Upload, UserId,
};

use crate::world::{QUOTA, World, assert_refused, name};

pub(super) async fn an_upload_is_its_senders_and_is_found_as_it_began(world: &World<'_>) {
    let (ann, bob) = (world.member().await, world.member().await);
    let folder = world.folder(ann.id, ann.root, "a").await;
    let folder = world.grant(ann.id, folder, Action::AddTo).await;
    let plain = world.opening(&folder, "plain", Some(0));
    let mut full = world.opening(&folder, "日本語.txt", None);
    full.upload.file.media_type = MediaType::parse("text/plain; charset=utf-8").unwrap();
    full.upload.file.sha256 = Some(Sha256::from_bytes([0x7F; 32]));
    full.upload.file.client_modified_at = Some(Timestamp::from_millis(-1));
    full.upload.file.conflict = ConflictPolicy::Keep;
    let mut replacing = world.opening(&folder, "replacing", Some(1 << 10));
    replacing.upload.file.conflict = ConflictPolicy::Replace;
    let mut parted = world.opening(&folder, "parted", Some(25));
    parted.upload.part_size = Some(10);
    for opening in [plain, full, replacing, parted] {
        world.begin(&folder, &opening).await.unwrap();
        let upload = opening.upload;
        let find = async |sender: UserId| world.store.uploads.find(upload.id, sender).await.unwrap();
        assert_eq!(find(ann.id).await.as_ref(), Some(&upload));
        assert_eq!(find(bob.id).await, None);
        assert_eq!(find(world.id()).await, None);
    }
    assert_eq!(world.store.uploads.find(world.id(), ann.id).await.unwrap(), None);
}

pub(super) async fn what_would_fail_at_the_commit_is_refused_as_a_courtesy(world: &World<'_>) {
    use ConflictPolicy::{Fail, Keep, Replace};
    let ann = world.member().await;
    let file = world.file(ann.id, ann.root, "file.txt", 1).await;
    let folder = world.folder(ann.id, ann.root, "folder.d").await;
    let root = world.grant(ann.id, ann.root, Action::AddTo).await;
    let quota = Quota { total: QUOTA, used: 1, reserved: 0 };
    for (text, conflict, holder) in [
        ("file.txt", Fail, Some((NodeKind::File, file, "file (1).txt"))),
        ("folder.d", Fail, Some((NodeKind::Folder, folder, "folder (1).d"))),
        ("folder.d", Replace, Some((NodeKind::Folder, folder, "folder (1).d"))),
        ("file.txt", Replace, None),
        ("file.txt", Keep, None),
        ("folder.d", Keep, None),
        ("free", Fail, None),
    ] {
        let mut opening = world.opening(&root, text, Some(5));
        opening.upload.file.conflict = conflict;
        let outcome = world.begin(&root, &opening).await;
        let found = world.store.uploads.find(opening.upload.id, ann.id).await.unwrap();
        if let Some((kind, id, suggested)) = holder {
            let item = ItemRef { kind, id, name: name(text) };
            assert_refused!(outcome, Error::Conflict(Conflict::NameTaken(taken))
                if taken.item == item && taken.suggested == name(suggested));
            assert_eq!(found, None);
            assert_eq!(world.quota(ann.id).await, quota);
        } else {
            outcome.unwrap();
            world.store.uploads.abort(&world.command(ann.id), opening.upload.id).await.unwrap();
        }
    }
}

pub(super) async fn a_sender_has_so_many_open_and_no_more(world: &World<'_>) {
    let (ann, bob) = (world.member().await, world.member().await);
    let root = world.grant(ann.id, ann.root, Action::AddTo).await;
    let begin = async |text: &str| {
        let mut opening = world.opening(&root, text, Some(1));
        opening.most_open = 2;
        world.begin(&root, &opening).await.map(|_| opening.upload)
    };
    let (first, second) = (begin("a").await.unwrap(), begin("b").await.unwrap());
    assert_refused!(begin("c").await, Error::Invalid(violations) if violations.len() == 1);
    assert_eq!(world.quota(ann.id).await.reserved, 2);
    world.store.uploads.abort(&world.command(ann.id), first.id).await.unwrap();
    begin("c").await.unwrap();
    assert_refused!(begin("d").await, Error::Invalid(_));
    world.commit(&root, &world.completing(&second, ConflictPolicy::Fail)).await.unwrap();
    let last = begin("d").await.unwrap();
    assert_refused!(begin("e").await, Error::Invalid(_));
    // Expired uploads do not count, whether or not they are marked as such.
    let mut late = world.opening(&root, "e", Some(1));
    late.most_open = 1;
    late.upload.created_at = last.expires_at;
    late.upload.expires_at = last.expires_at.plus(Duration::from_secs(1));
    world.begin(&root, &late).await.unwrap();
    let other = world.grant(bob.id, bob.root, Action::AddTo).await;
    let mut opening = world.opening(&other, "a", Some(1));
    opening.most_open = 1;
    world.begin(&other, &opening).await.unwrap();
}

async fn extend(world: &World<'_>, upload: &Upload, at: Timestamp, until: Timestamp) -> clouddrive_domain::Result<()> {
    let folder = world.grant(upload.sender, upload.folder, Action::AddTo).await;
    world.store.uploads.extend(&world.command_at(Some(upload.sender), at), &folder, upload.id, until).await
}

pub(super) async fn an_upload_gets_more_time_and_never_less(world: &World<'_>) {
    let ann = world.member().await;
    let root = world.grant(ann.id, ann.root, Action::AddTo).await;
    let upload = world.open(&root, "a", Some(1)).await;
    let later = upload.expires_at.plus(Duration::from_secs(10));
    for (until, expected) in [
        (upload.created_at, upload.expires_at),
        (upload.expires_at, upload.expires_at),
        (later, later),
        (upload.expires_at, later),
    ] {
        extend(world, &upload, world.now(), until).await.unwrap();
        assert_eq!(world.upload(&upload).await, Upload { expires_at: expected, ..upload.clone() });
    }
    // It outlives its original expiry.
    extend(world, &upload, upload.expires_at, later).await.unwrap();
}

pub(super) async fn an_upload_that_is_over_gets_no_more_time(world: &World<'_>) {
    let ann = world.member().await;
    let root = world.grant(ann.id, ann.root, Action::AddTo).await;
    let (complete, aborted) = (world.open(&root, "a", Some(1)).await, world.open(&root, "b", Some(1)).await);
    let expired = world.open(&root, "c", Some(1)).await;
    let until = expired.expires_at.plus(Duration::from_secs(10));
    world.commit(&root, &world.completing(&complete, ConflictPolicy::Fail)).await.unwrap();
    world.store.uploads.abort(&world.command(ann.id), aborted.id).await.unwrap();
    for upload in [&complete, &aborted] {
        let before = world.upload(upload).await;
        let refused = extend(world, upload, world.now(), until).await;
        assert_refused!(refused, Error::Conflict(Conflict::UploadClosed));
        assert_eq!(world.upload(upload).await, before);
    }
    let refused = extend(world, &expired, expired.expires_at, until).await;
    assert_refused!(refused, Error::Gone(Gone::UploadExpired));
    assert_eq!(world.upload(&expired).await, expired);
    let absent = Upload { id: world.id(), ..expired };
    assert_refused!(extend(world, &absent, world.now(), until).await, Error::NotFound);
}
