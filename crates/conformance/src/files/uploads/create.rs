#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use clouddrive_domain::Error;
use clouddrive_domain::error::{Conflict, Forbidden};
use clouddrive_domain::model::{
    Action, ConflictPolicy, MediaType, Permission, Revision, Sha256, Stored, Timestamp, UserRef,
};
use futures_util::future::join_all;

use super::Fixture;
use crate::fixture::{QUOTA, assert_refused, in_store, name};

pub(super) async fn bytes_that_came_without_an_upload_become_a_file(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let shared = fixture.folder(ann.id, ann.root, "shared").await;
    fixture.share(ann.id, shared, bob.id, Permission::Edit).await;
    let folder = fixture.grant(bob.id, shared, Action::AddTo).await;
    let mut new = fixture.new_file("a.txt").await;
    new.stored = Stored { size: 5, sha256: Some(Sha256::from_bytes([1; 32])), ..Stored::default() };
    new.info.client_modified_at = Some(Timestamp::from_millis(7_000));
    let command = fixture.command(bob.id);
    let made = fixture.store.uploads().create(&command, &folder, &new).await.unwrap().located;
    assert_eq!(made, fixture.located(new.file, bob.id).await);
    let node = &made.node;
    assert_eq!((node.id, node.parent, node.drive), (new.file, Some(shared), ann.drive));
    assert_eq!((&node.name, node.revision), (&name("a.txt"), Revision(1)));
    assert_eq!((node.created_at, node.modified_at), (command.at, command.at));
    assert_eq!(node.created_by, UserRef { id: bob.id, username: Some(bob.username) });
    assert_eq!(node.content(), Some(&new.content(None, command.at)));
    assert_eq!((fixture.quota(ann.id).await.used, fixture.quota(bob.id).await.used), (5, 0));
    assert!(!fixture.marked_for_deletion(fixture.now()).await.contains(&new.blob.key));
}

pub(super) async fn its_name_is_decided_as_by_a_commit(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let root = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    let holder = fixture.file(ann.id, ann.root, "a.txt", 1).await;
    let create = async |conflict| {
        let mut new = fixture.new_file("a.txt").await;
        new.info.conflict = conflict;
        fixture.store.uploads().create(&fixture.command(ann.id), &root, &new).await
    };
    assert_refused!(create(ConflictPolicy::Fail).await, Error::Conflict(Conflict::NameTaken(taken))
        if taken.item.id == holder && taken.suggested == name("a (1).txt"));
    assert_eq!(create(ConflictPolicy::Keep).await.unwrap().located.node.name, name("a (1).txt"));
    let replaced = create(ConflictPolicy::Replace).await.unwrap().located.node;
    assert_eq!((replaced.id, replaced.revision), (holder, Revision(2)));
    assert_eq!(fixture.quota(ann.id).await.used, 3);
}

pub(super) async fn a_generic_media_type_gives_way_to_the_name_or_the_replaced_file(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let root = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    let type_of = async |said: &str, conflict| {
        let mut new = fixture.new_file("a.png").await;
        (new.info.media_type, new.info.conflict) = (MediaType::parse(said).unwrap(), conflict);
        let file = fixture.store.uploads().create(&fixture.command(ann.id), &root, &new).await.unwrap().located;
        assert_eq!(file, fixture.located(file.node.id, ann.id).await);
        file.node.content().unwrap().media_type.as_str().to_owned()
    };
    let silent = "application/octet-stream";
    assert_eq!(type_of(silent, ConflictPolicy::Fail).await, "image/png");
    assert_eq!(type_of(silent, ConflictPolicy::Keep).await, "image/png");
    assert_eq!(type_of("text/plain", ConflictPolicy::Replace).await, "text/plain");
    assert_eq!(type_of(silent, ConflictPolicy::Replace).await, "text/plain");
    // The same goes for an announced upload.
    for (text, conflict, expected) in
        [("b.pdf", ConflictPolicy::Fail, "application/pdf"), ("a.png", ConflictPolicy::Replace, "text/plain")]
    {
        let mut new_upload = fixture.new_upload(&root, text, Some(1));
        new_upload.upload.file.conflict = conflict;
        fixture.begin(&root, &new_upload).await.unwrap();
        let made = fixture.commit(&root, &fixture.completing(&new_upload.upload, conflict)).await.unwrap();
        assert_eq!(made, fixture.located(made.node.id, ann.id).await);
        assert_eq!(made.node.content().unwrap().media_type.as_str(), expected);
    }
}

pub(super) async fn one_of_concurrent_uploads_gets_the_last_byte(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let root = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    fixture.file(ann.id, ann.root, "full", QUOTA - 1).await;
    let create = async |text: String| {
        let new = fixture.new_file(&text).await;
        fixture.store.uploads().create(&fixture.command(ann.id), &root, &new).await
    };
    let outcomes = join_all((0..4).map(|number| create(format!("{number}")))).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    for outcome in outcomes.into_iter().filter(Result::is_err) {
        assert_refused!(outcome, Error::Forbidden(Forbidden::Quota { quota, needed: 1 })
            if quota.used <= QUOTA && quota.reserved == 0);
    }
    assert_eq!(fixture.quota(ann.id).await.used, QUOTA);
}

pub(super) async fn creation_needs_a_share_and_a_known_blob(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let shared = fixture.folder(ann.id, ann.root, "shared").await;
    let share = fixture.share(ann.id, shared, bob.id, Permission::Edit).await;
    let folder = fixture.grant(bob.id, shared, Action::AddTo).await;
    fixture.revoke(ann.id, share).await;
    let new = fixture.new_file("a").await;
    let refused = fixture.store.uploads().create(&fixture.command(bob.id), &folder, &new).await;
    assert_refused!(refused, Error::NotFound);
    let root = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    let mut unknown = fixture.new_file("a").await;
    unknown.blob = in_store(fixture.key());
    let refused = fixture.store.uploads().create(&fixture.command(ann.id), &root, &unknown).await;
    assert_refused!(refused, Error::Internal { .. });
    assert_eq!(fixture.store.drive().find(unknown.file, ann.id.into()).await.unwrap(), None);
}
