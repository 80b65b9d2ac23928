#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use std::time::Duration;

use clouddrive_domain::Error;
use clouddrive_domain::error::{Conflict, Gone};
use clouddrive_domain::model::{
    Action, ConflictPolicy, ItemRef, MediaType, NodeKind, Quota, Sha256, Timestamp, Upload, UserId,
};

use super::Fixture;
use crate::fixture::{QUOTA, assert_refused, name};

pub(super) async fn an_upload_is_its_senders_and_is_found_as_it_began(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let folder = fixture.folder(ann.id, ann.root, "a").await;
    let folder = fixture.grant(ann.id, folder, Action::AddTo).await;
    let plain = fixture.new_upload(&folder, "plain", Some(0));
    let mut full = fixture.new_upload(&folder, "日本語.txt", None);
    full.upload.file.media_type = MediaType::parse("text/plain; charset=utf-8").unwrap();
    full.upload.file.sha256 = Some(Sha256::from_bytes([0x7F; 32]));
    full.upload.file.client_modified_at = Some(Timestamp::from_millis(-1));
    full.upload.file.conflict = ConflictPolicy::Keep;
    let mut replacing = fixture.new_upload(&folder, "replacing", Some(1 << 10));
    replacing.upload.file.conflict = ConflictPolicy::Replace;
    let mut parted = fixture.new_upload(&folder, "parted", Some(25));
    parted.upload.part_size = Some(10);
    for new_upload in [plain, full, replacing, parted] {
        fixture.begin(&folder, &new_upload).await.unwrap();
        let upload = new_upload.upload;
        let find = async |sender: UserId| fixture.store.uploads().find(upload.id, sender).await.unwrap();
        assert_eq!(find(ann.id).await.as_ref(), Some(&upload));
        assert_eq!(find(bob.id).await, None);
        assert_eq!(find(fixture.id()).await, None);
    }
    assert_eq!(fixture.store.uploads().find(fixture.id(), ann.id).await.unwrap(), None);
}

pub(super) async fn uploads_that_would_fail_at_the_commit_are_refused_early(fixture: &Fixture<'_>) {
    use ConflictPolicy::{Fail, Keep, Replace};
    let ann = fixture.user().await;
    let file = fixture.file(ann.id, ann.root, "file.txt", 1).await;
    let folder = fixture.folder(ann.id, ann.root, "folder.d").await;
    let root = fixture.grant(ann.id, ann.root, Action::AddTo).await;
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
        let mut new_upload = fixture.new_upload(&root, text, Some(5));
        new_upload.upload.file.conflict = conflict;
        let outcome = fixture.begin(&root, &new_upload).await;
        let found = fixture.store.uploads().find(new_upload.upload.id, ann.id).await.unwrap();
        if let Some((kind, id, suggested)) = holder {
            let item = ItemRef { kind, id, name: name(text) };
            assert_refused!(outcome, Error::Conflict(Conflict::NameTaken(taken))
                if taken.item == item && taken.suggested == name(suggested));
            assert_eq!(found, None);
            assert_eq!(fixture.quota(ann.id).await, quota);
        } else {
            outcome.unwrap();
            fixture.store.uploads().abort(&fixture.command(ann.id), new_upload.upload.id).await.unwrap();
        }
    }
}

pub(super) async fn a_sender_has_so_many_open_and_no_more(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let root = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    let begin = async |text: &str| {
        let mut new_upload = fixture.new_upload(&root, text, Some(1));
        new_upload.max_open = 2;
        fixture.begin(&root, &new_upload).await.map(|_| new_upload.upload)
    };
    let (first, second) = (begin("a").await.unwrap(), begin("b").await.unwrap());
    assert_refused!(begin("c").await, Error::Invalid(violations) if violations.len() == 1);
    assert_eq!(fixture.quota(ann.id).await.reserved, 2);
    fixture.store.uploads().abort(&fixture.command(ann.id), first.id).await.unwrap();
    begin("c").await.unwrap();
    assert_refused!(begin("d").await, Error::Invalid(_));
    fixture.commit(&root, &fixture.completing(&second, ConflictPolicy::Fail)).await.unwrap();
    let last = begin("d").await.unwrap();
    assert_refused!(begin("e").await, Error::Invalid(_));
    // Expired uploads do not count, whether or not they are marked as such.
    let mut late = fixture.new_upload(&root, "e", Some(1));
    late.max_open = 1;
    late.upload.created_at = last.expires_at;
    late.upload.expires_at = last.expires_at.plus(Duration::from_secs(1));
    fixture.begin(&root, &late).await.unwrap();
    let other = fixture.grant(bob.id, bob.root, Action::AddTo).await;
    let mut new_upload = fixture.new_upload(&other, "a", Some(1));
    new_upload.max_open = 1;
    fixture.begin(&other, &new_upload).await.unwrap();
}

async fn extend(
    fixture: &Fixture<'_>,
    upload: &Upload,
    at: Timestamp,
    until: Timestamp,
) -> clouddrive_domain::Result<()> {
    let folder = fixture.grant(upload.sender, upload.folder, Action::AddTo).await;
    fixture.store.uploads().extend(&fixture.command_at(Some(upload.sender), at), &folder, upload.id, until).await
}

pub(super) async fn an_upload_gets_more_time_and_never_less(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let root = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    let upload = fixture.open(&root, "a", Some(1)).await;
    let later = upload.expires_at.plus(Duration::from_secs(10));
    for (until, expected) in [
        (upload.created_at, upload.expires_at),
        (upload.expires_at, upload.expires_at),
        (later, later),
        (upload.expires_at, later),
    ] {
        extend(fixture, &upload, fixture.now(), until).await.unwrap();
        assert_eq!(fixture.upload(&upload).await, Upload { expires_at: expected, ..upload.clone() });
    }
    // It outlives its original expiry.
    extend(fixture, &upload, upload.expires_at, later).await.unwrap();
}

pub(super) async fn an_upload_that_is_over_gets_no_more_time(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let root = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    let (complete, aborted) = (fixture.open(&root, "a", Some(1)).await, fixture.open(&root, "b", Some(1)).await);
    let expired = fixture.open(&root, "c", Some(1)).await;
    let until = expired.expires_at.plus(Duration::from_secs(10));
    fixture.commit(&root, &fixture.completing(&complete, ConflictPolicy::Fail)).await.unwrap();
    fixture.store.uploads().abort(&fixture.command(ann.id), aborted.id).await.unwrap();
    for upload in [&complete, &aborted] {
        let before = fixture.upload(upload).await;
        let refused = extend(fixture, upload, fixture.now(), until).await;
        assert_refused!(refused, Error::Conflict(Conflict::UploadClosed));
        assert_eq!(fixture.upload(upload).await, before);
    }
    let refused = extend(fixture, &expired, expired.expires_at, until).await;
    assert_refused!(refused, Error::Gone(Gone::UploadExpired));
    assert_eq!(fixture.upload(&expired).await, expired);
    let absent = Upload { id: fixture.id(), ..expired };
    assert_refused!(extend(fixture, &absent, fixture.now(), until).await, Error::NotFound);
}
