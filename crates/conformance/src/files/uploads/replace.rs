#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use clouddrive_domain::Error;
use clouddrive_domain::error::Conflict;
use clouddrive_domain::model::{
    Action, ConflictPolicy, Content, EntityTag, MediaType, NodeBody, NodeKind, Permission, Revision, Sha256,
    UploadState,
};
use clouddrive_domain::port::{Commit, NewFile};

use crate::world::{STORE, World, assert_refused, name};

pub(super) async fn a_replaced_file_is_the_same_file_with_another_content(world: &World<'_>) {
    let (ann, bob) = (world.member().await, world.member().await);
    let shared = world.folder(ann.id, ann.root, "shared").await;
    let file = world.file(ann.id, shared, "a.txt", 5).await;
    let on_file = world.share(ann.id, file, bob.id, Permission::View).await;
    world.share(ann.id, shared, bob.id, Permission::Edit).await;
    let before = world.located(file, bob.id).await;
    let folder = world.grant(bob.id, shared, Action::AddTo).await;
    let mut opening = world.opening(&folder, "a.txt", Some(7));
    opening.upload.file.conflict = ConflictPolicy::Replace;
    opening.upload.file.media_type = MediaType::parse("text/plain").unwrap();
    world.begin(&folder, &opening).await.unwrap();
    let mut commit = world.completing(&opening.upload, ConflictPolicy::Replace);
    commit.stored.sha256 = Some(Sha256::from_bytes([1; 32]));
    commit.stored.tag = EntityTag::parse("d41d8");
    let command = world.command(bob.id);
    let replaced = world.store.uploads.commit(&command, &folder, &commit).await.unwrap().located;
    assert_eq!(replaced, world.located(file, bob.id).await);
    let mut expected = before;
    expected.node.revision = Revision(2);
    expected.node.modified_at = command.at;
    expected.node.body = NodeBody::File(Content {
        version: commit.version,
        blob: opening.upload.blob.clone(),
        size: 7,
        sha256: commit.stored.sha256,
        media_type: opening.upload.file.media_type.clone(),
        client_modified_at: None,
        store_tag: EntityTag::parse("d41d8"),
        created_at: command.at,
    });
    assert_eq!(replaced, expected);
    assert_eq!(world.upload(&opening.upload).await.state, UploadState::Complete(file));
    assert_eq!(world.store.drive.find(commit.file, ann.id.into()).await.unwrap(), None);
    assert_eq!(world.store.shares.find(on_file, ann.id).await.unwrap().unwrap().item.id, file);
    assert_eq!(world.commit(&folder, &commit).await.unwrap(), expected);
    // The former content is kept as a version.
    assert_eq!(world.quota(ann.id).await.used, 12);
}

pub(super) async fn a_content_that_is_one_too_many_is_unreferenced(world: &World<'_>) {
    let ann = world.member().await;
    let file = world.file(ann.id, ann.root, "a", 5).await;
    let former = world.located(file, ann.id).await.node.content().unwrap().blob.clone();
    assert!(!world.condemned(world.now()).await.contains(&former));
    let root = world.grant(ann.id, ann.root, Action::AddTo).await;
    let upload = world.open(&root, "a", Some(0)).await;
    let commit = Commit { most_versions: 1, ..world.completing(&upload, ConflictPolicy::Replace) };
    let replaced = world.store.uploads.commit(&world.command(ann.id), &root, &commit).await.unwrap();
    assert_eq!((replaced.located.node.id, &replaced.freed), (file, &vec![former.clone()]));
    // It counts until its bytes are deleted.
    assert_eq!(world.quota(ann.id).await.used, 5);
    let condemned = world.condemned(world.now()).await;
    assert!(condemned.contains(&former));
    assert!(!condemned.contains(&replaced.located.node.content().unwrap().blob));
    world.store.records.forget(&STORE, &replaced.freed).await.unwrap();
    assert_eq!(world.quota(ann.id).await.used, 0);
    // The same goes for bytes that came without an upload.
    let mut new = NewFile { most_versions: 1, ..world.new_file("a").await };
    new.info.conflict = ConflictPolicy::Replace;
    let made = world.store.uploads.create(&world.command(ann.id), &root, &new).await.unwrap();
    assert_eq!((made.located.node.id, made.freed), (file, vec![upload.blob]));
}

pub(super) async fn what_is_not_there_is_made(world: &World<'_>) {
    let ann = world.member().await;
    let root = world.grant(ann.id, ann.root, Action::AddTo).await;
    let former = world.file(ann.id, ann.root, "a", 1).await;
    let upload = world.open(&root, "a", Some(5)).await;
    world.rename(ann.id, former, "b").await.unwrap();
    let commit = world.completing(&upload, ConflictPolicy::Replace);
    let made = world.commit(&root, &commit).await.unwrap();
    assert_eq!((made.node.id, made.node.revision), (commit.file, Revision(1)));
    assert_eq!(world.quota(ann.id).await.used, 6);
}

pub(super) async fn a_folder_is_never_replaced(world: &World<'_>) {
    let ann = world.member().await;
    let root = world.grant(ann.id, ann.root, Action::AddTo).await;
    let upload = world.open(&root, "a.d", Some(5)).await;
    let folder = world.folder(ann.id, ann.root, "a.d").await;
    let before = world.located(folder, ann.id).await;
    let refused = world.commit(&root, &world.completing(&upload, ConflictPolicy::Replace)).await;
    assert_refused!(refused, Error::Conflict(Conflict::NameTaken(taken))
        if taken.item.kind == NodeKind::Folder && taken.item.id == folder && taken.suggested == name("a (1).d"));
    assert_eq!(world.located(folder, ann.id).await, before);
    assert_eq!(world.upload(&upload).await, upload);
}
