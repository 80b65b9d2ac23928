#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use clouddrive_domain::Error;
use clouddrive_domain::error::Conflict;
use clouddrive_domain::model::{
    Action, ConflictPolicy, Content, EntityTag, MediaType, NodeBody, NodeKind, Permission, Revision, Sha256,
    UploadState,
};
use clouddrive_domain::port::{Commit, ReceivedFile};

use super::Fixture;
use crate::fixture::{STORE, assert_refused, in_store, keys, name};

pub(super) async fn a_replaced_file_is_the_same_file_with_another_content(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let shared = fixture.folder(ann.id, ann.root, "shared").await;
    let file = fixture.file(ann.id, shared, "a.txt", 5).await;
    let on_file = fixture.share(ann.id, file, bob.id, Permission::View).await;
    fixture.share(ann.id, shared, bob.id, Permission::Edit).await;
    let before = fixture.located(file, bob.id).await;
    let folder = fixture.grant(bob.id, shared, Action::AddTo).await;
    let mut new_upload = fixture.new_upload(&folder, "a.txt", Some(7));
    new_upload.upload.file.conflict = ConflictPolicy::Replace;
    new_upload.upload.file.media_type = MediaType::parse("text/plain").unwrap();
    fixture.begin(&folder, &new_upload).await.unwrap();
    let mut commit = fixture.completing(&new_upload.upload, ConflictPolicy::Replace);
    commit.stored.sha256 = Some(Sha256::from_bytes([1; 32]));
    commit.stored.tag = EntityTag::parse("d41d8").ok();
    let command = fixture.command(bob.id);
    let replaced = fixture.store.uploads().commit(&command, &folder, &commit).await.unwrap().located;
    assert_eq!(replaced, fixture.located(file, bob.id).await);
    let mut expected = before;
    expected.node.revision = Revision(2);
    expected.node.modified_at = command.at;
    expected.node.body = NodeBody::File(Content {
        version: commit.version,
        blob: in_store(new_upload.upload.blob.clone()),
        size: 7,
        sha256: commit.stored.sha256,
        media_type: new_upload.upload.file.media_type.clone(),
        client_modified_at: None,
        store_tag: EntityTag::parse("d41d8").ok(),
        created_at: command.at,
    });
    assert_eq!(replaced, expected);
    assert_eq!(fixture.upload(&new_upload.upload).await.state, UploadState::Complete(file));
    assert_eq!(fixture.store.drive().find(commit.file, ann.id.into()).await.unwrap(), None);
    assert_eq!(fixture.store.shares().find(on_file, ann.id).await.unwrap().unwrap().item.id, file);
    assert_eq!(fixture.commit(&folder, &commit).await.unwrap(), expected);
    // The former content is kept as a version.
    assert_eq!(fixture.quota(ann.id).await.used, 12);
}

pub(super) async fn a_content_that_is_one_too_many_is_unreferenced(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let file = fixture.file(ann.id, ann.root, "a", 5).await;
    let former = fixture.blob_of(file, ann.id).await;
    assert!(!fixture.marked_for_deletion(fixture.now()).await.contains(&former));
    let root = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    let upload = fixture.open(&root, "a", Some(0)).await;
    let commit = Commit { max_versions: 1, ..fixture.completing(&upload, ConflictPolicy::Replace) };
    let replaced = fixture.store.uploads().commit(&fixture.command(ann.id), &root, &commit).await.unwrap();
    assert_eq!((replaced.located.node.id, keys(&replaced.freed)), (file, vec![former.clone()]));
    // It counts until its bytes are deleted.
    assert_eq!(fixture.quota(ann.id).await.used, 5);
    let marked_for_deletion = fixture.marked_for_deletion(fixture.now()).await;
    assert!(marked_for_deletion.contains(&former));
    assert!(!marked_for_deletion.contains(&replaced.located.node.content().unwrap().blob.key));
    fixture.store.records().remove(&STORE, &keys(&replaced.freed)).await.unwrap();
    assert_eq!(fixture.quota(ann.id).await.used, 0);
    // The same goes for bytes that came without an upload.
    let mut new = ReceivedFile { max_versions: 1, ..fixture.new_file("a").await };
    new.info.conflict = ConflictPolicy::Replace;
    let made = fixture.store.uploads().create(&fixture.command(ann.id), &root, &new).await.unwrap();
    assert_eq!((made.located.node.id, keys(&made.freed)), (file, vec![upload.blob]));
}

pub(super) async fn where_no_file_has_the_name_any_more_a_new_one_is_made(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let root = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    let former = fixture.file(ann.id, ann.root, "a", 1).await;
    let upload = fixture.open(&root, "a", Some(5)).await;
    fixture.rename(ann.id, former, "b").await.unwrap();
    let commit = fixture.completing(&upload, ConflictPolicy::Replace);
    let made = fixture.commit(&root, &commit).await.unwrap();
    assert_eq!((made.node.id, made.node.revision), (commit.file, Revision(1)));
    assert_eq!(fixture.quota(ann.id).await.used, 6);
}

pub(super) async fn a_folder_is_never_replaced(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let root = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    let upload = fixture.open(&root, "a.d", Some(5)).await;
    let folder = fixture.folder(ann.id, ann.root, "a.d").await;
    let before = fixture.located(folder, ann.id).await;
    let refused = fixture.commit(&root, &fixture.completing(&upload, ConflictPolicy::Replace)).await;
    assert_refused!(refused, Error::Conflict(Conflict::NameTaken(taken))
        if taken.item.kind == NodeKind::Folder && taken.item.id == folder && taken.suggested == name("a (1).d"));
    assert_eq!(fixture.located(folder, ann.id).await, before);
    assert_eq!(fixture.upload(&upload).await, upload);
}
