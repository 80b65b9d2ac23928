#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use clouddrive_domain::Error;
use clouddrive_domain::error::{Conflict, Gone};
use clouddrive_domain::model::{
    Action, ConflictPolicy, ItemRef, NodeId, NodeKind, Permission, Revision, Sort, UploadState, UserRef,
};
use clouddrive_domain::port::Commit;

use super::Fixture;
use crate::fixture::{assert_refused, in_store, name};

pub(super) async fn an_upload_becomes_a_file(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let parent = fixture.folder(ann.id, ann.root, "a").await;
    let before = fixture.located(parent, ann.id).await;
    let folder = fixture.grant(ann.id, parent, Action::AddTo).await;
    let upload = fixture.open(&folder, "b.txt", Some(5)).await;
    assert_eq!(fixture.store.drive().list(folder.read(), Sort::default(), None, Default::default()).await.unwrap(), []);
    let (commit, command) = (fixture.completing(&upload, ConflictPolicy::Fail), fixture.command(ann.id));
    let made = fixture.store.uploads().commit(&command, &folder, &commit).await.unwrap().located;
    assert_eq!(made, fixture.located(commit.file, ann.id).await);
    let node = &made.node;
    assert_eq!((node.id, node.parent, node.drive), (commit.file, Some(parent), ann.drive));
    assert_eq!((&node.name, node.revision), (&name("b.txt"), Revision(1)));
    assert_eq!((node.created_at, node.modified_at), (command.at, command.at));
    assert_eq!(node.created_by, UserRef { id: ann.id, username: Some(ann.username) });
    let content = node.content().unwrap();
    assert_eq!((content.version, &content.blob.key, content.size), (commit.version, &upload.blob, 5));
    assert_eq!(fixture.upload(&upload).await.state, UploadState::Complete(commit.file));
    // The folder's modification time changes, its revision does not.
    let mut after = before;
    after.node.modified_at = command.at;
    assert_eq!(fixture.located(parent, ann.id).await, after);
    assert!(!fixture.marked_for_deletion(fixture.now()).await.contains(&upload.blob));
}

/// The file refers to the copy; the uploaded blob is unreferenced.
pub(super) async fn an_upload_becomes_a_file_of_a_copy(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let root = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    let upload = fixture.open(&root, "a.txt", Some(5)).await;
    let copy = fixture.record().await;
    let commit = Commit { blob: in_store(copy.clone()), ..fixture.completing(&upload, ConflictPolicy::Fail) };
    let made = fixture.commit(&root, &commit).await.unwrap();
    assert_eq!(made.node.content().map(|content| &content.blob.key), Some(&copy));
    assert_eq!(fixture.located(commit.file, ann.id).await, made);
    assert_eq!(fixture.commit(&root, &fixture.completing(&upload, ConflictPolicy::Fail)).await.unwrap(), made);
    assert_eq!(fixture.quota(ann.id).await.used, 5);
    let marked_for_deletion = fixture.marked_for_deletion(fixture.now()).await;
    assert_eq!((marked_for_deletion.contains(&upload.blob), marked_for_deletion.contains(&copy)), (true, false));

    // A copy that was marked for deletion meanwhile cannot become a content.
    let upload = fixture.open(&root, "b.txt", Some(5)).await;
    let copy = fixture.record().await;
    assert!(fixture.marked_for_deletion(fixture.now()).await.contains(&copy));
    let commit = Commit { blob: in_store(copy), ..fixture.completing(&upload, ConflictPolicy::Fail) };
    assert!(matches!(fixture.commit(&root, &commit).await, Err(Error::Internal { .. })));
    assert_eq!(fixture.upload(&upload).await.state, UploadState::Open);
}

pub(super) async fn an_upload_of_no_bytes_becomes_a_file(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let root = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    for (text, announced) in [("announced", Some(0)), ("streamed", None)] {
        let upload = fixture.open(&root, text, announced).await;
        let made = fixture.commit(&root, &fixture.completing(&upload, ConflictPolicy::Fail)).await.unwrap();
        assert_eq!(made.node.content().map(|content| content.size), Some(0));
    }
}

pub(super) async fn a_repeat_returns_the_same_file(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let root = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    let upload = fixture.open(&root, "a", Some(5)).await;
    let commit = fixture.completing(&upload, ConflictPolicy::Fail);
    let made = fixture.commit(&root, &commit).await.unwrap();
    let quota = fixture.quota(ann.id).await;
    let others = [ConflictPolicy::Fail, ConflictPolicy::Replace, ConflictPolicy::Keep];
    for repeat in others.map(|conflict| fixture.completing(&upload, conflict)) {
        assert_eq!(fixture.commit(&root, &repeat).await.unwrap(), made);
        let late = fixture.command_at(Some(ann.id), upload.expires_at);
        assert_eq!(fixture.store.uploads().commit(&late, &root, &commit).await.unwrap().located, made);
        assert_eq!(fixture.store.drive().find(repeat.file, ann.id.into()).await.unwrap(), None);
    }
    assert_eq!(fixture.quota(ann.id).await, quota);
    assert!(!fixture.marked_for_deletion(fixture.now()).await.contains(&upload.blob));
    // A repeat returns the file in its current state.
    fixture.rename(ann.id, commit.file, "b").await.unwrap();
    let repeated = fixture.commit(&root, &commit).await.unwrap();
    assert_eq!(repeated, fixture.located(commit.file, ann.id).await);
}

pub(super) async fn a_taken_name_leaves_the_upload_open(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let root = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    let upload = fixture.open(&root, "a.txt", Some(5)).await;
    let holder = fixture.file(ann.id, ann.root, "a.txt", 1).await;
    let quota = fixture.quota(ann.id).await;
    let commit = fixture.completing(&upload, ConflictPolicy::Fail);
    let item = ItemRef { kind: NodeKind::File, id: holder, name: name("a.txt") };
    assert_refused!(fixture.commit(&root, &commit).await, Error::Conflict(Conflict::NameTaken(taken))
        if taken.item == item && taken.suggested == name("a (1).txt") && taken.revision == Revision(1));
    assert_eq!(fixture.upload(&upload).await, upload);
    assert_eq!(fixture.quota(ann.id).await, quota);
    assert_eq!(fixture.store.drive().find(commit.file, ann.id.into()).await.unwrap(), None);
    assert!(!fixture.marked_for_deletion(fixture.now()).await.contains(&upload.blob));
    let kept = Commit { conflict: ConflictPolicy::Keep, ..commit };
    assert_eq!(fixture.commit(&root, &kept).await.unwrap().node.name, name("a (1).txt"));
}

pub(super) async fn to_keep_both_is_to_take_the_first_free_name(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let root = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    fixture.folder(ann.id, ann.root, "a (2).txt").await;
    let long = format!("{}.txt", "é".repeat(125));
    for (text, kept) in [
        ("a.txt", "a.txt"),
        ("a.txt", "a (1).txt"),
        ("a.txt", "a (3).txt"),
        ("a (1).txt", "a (1) (1).txt"),
        (".hidden", ".hidden"),
        (".hidden", ".hidden (1)"),
        ("b.tar.gz", "b.tar.gz"),
        ("b.tar.gz", "b.tar (1).gz"),
        (&long, &long),
        (&long, &format!("{} (1).txt", "é".repeat(123))),
    ] {
        let upload = fixture.open(&root, text, Some(1)).await;
        let made = fixture.commit(&root, &fixture.completing(&upload, ConflictPolicy::Keep)).await.unwrap();
        assert_eq!(made.node.name, name(kept));
    }
}

pub(super) async fn an_upload_follows_its_folder(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let (parent, to) = (fixture.folder(ann.id, ann.root, "a").await, fixture.folder(ann.id, ann.root, "to").await);
    let folder = fixture.grant(ann.id, parent, Action::AddTo).await;
    let upload = fixture.open(&folder, "b", Some(1)).await;
    fixture.rename(ann.id, parent, "c").await.unwrap();
    fixture.move_into(ann.id, parent, to).await.unwrap();
    let made = fixture.commit(&folder, &fixture.completing(&upload, ConflictPolicy::Fail)).await.unwrap();
    let way: Vec<NodeId> = made.lineage.iter().map(|step| step.id).collect();
    assert_eq!(way, [made.node.id, parent, to, ann.root]);
}

pub(super) async fn an_upload_is_committed_by_its_sender_only(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let shared = fixture.folder(ann.id, ann.root, "shared").await;
    fixture.share(ann.id, shared, bob.id, Permission::Edit).await;
    let (of_ann, of_bob) =
        (fixture.grant(ann.id, shared, Action::AddTo).await, fixture.grant(bob.id, shared, Action::AddTo).await);
    let upload = fixture.open(&of_bob, "a", Some(1)).await;
    let commit = fixture.completing(&upload, ConflictPolicy::Fail);
    assert_refused!(fixture.commit(&of_ann, &commit).await, Error::NotFound);
    assert_eq!(fixture.upload(&upload).await, upload);
    let absent = Commit { upload: fixture.id(), ..commit.clone() };
    assert_refused!(fixture.commit(&of_bob, &absent).await, Error::NotFound);
    let made = fixture.commit(&of_bob, &commit).await.unwrap();
    assert_eq!((made.owner.id, made.node.created_by.id, made.viewer), (ann.id, bob.id, bob.id.into()));
    assert_refused!(fixture.commit(&of_ann, &commit).await, Error::NotFound);
}

pub(super) async fn an_upload_that_is_over_becomes_no_file(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let root = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    let (aborted, expired) = (fixture.open(&root, "a", Some(1)).await, fixture.open(&root, "b", Some(1)).await);
    fixture.store.uploads().abort(&fixture.command(ann.id), aborted.id).await.unwrap();
    let refused = fixture.commit(&root, &fixture.completing(&aborted, ConflictPolicy::Fail)).await;
    assert_refused!(refused, Error::Conflict(Conflict::UploadClosed));
    let commit = fixture.completing(&expired, ConflictPolicy::Fail);
    let late = fixture.command_at(Some(ann.id), expired.expires_at);
    let commit_late = async || fixture.store.uploads().commit(&late, &root, &commit).await;
    assert_refused!(commit_late().await, Error::Gone(Gone::UploadExpired));
    fixture.store.uploads().expire_due(&late, crate::fixture::ALL).await.unwrap();
    assert_refused!(commit_late().await, Error::Gone(Gone::UploadExpired));
    assert_refused!(fixture.commit(&root, &commit).await, Error::Gone(Gone::UploadExpired));
    assert_eq!(fixture.store.drive().find(commit.file, ann.id.into()).await.unwrap(), None);
}
