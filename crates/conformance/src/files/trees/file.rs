#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use clouddrive_domain::Error;
use clouddrive_domain::error::Conflict;
use clouddrive_domain::model::{
    Action, ConflictPolicy, Content, ItemRef, Located, MediaType, NodeBody, NodeId, NodeKind, Quota, Revision,
    Timestamp,
};
use clouddrive_domain::port::CopyRequest;

use super::Fixture;
use crate::fixture::{QUOTA, STORE, TestUser, assert_refused, keys, name};

/// The content of a file.
pub(super) fn content(found: &Located) -> &Content {
    found.node.content().unwrap()
}

pub(super) async fn a_copy_is_a_file_of_its_own_on_the_same_blob(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let to = fixture.folder(ann.id, ann.root, "to").await;
    let root = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    let mut new_upload = fixture.new_upload(&root, "beach.png", Some(70));
    new_upload.upload.file.media_type = MediaType::parse("image/png").unwrap();
    new_upload.upload.file.client_modified_at = Some(Timestamp::from_millis(5));
    fixture.begin(&root, &new_upload).await.unwrap();
    let commit = fixture.completing(&new_upload.upload, ConflictPolicy::Fail);
    let file = fixture.commit(&root, &commit).await.unwrap();
    let spec = CopyRequest { name: Some(name("dune.png")), ..fixture.copy_request(ann.id, file.node.id, to).await };
    let command = fixture.command(ann.id);
    let made = fixture.store.trees().copy(&command, &spec).await.unwrap().located;
    assert_eq!(made, fixture.located(made.node.id, ann.id).await);
    let (old, new) = (content(&file), content(&made));
    assert!(made.node.id != file.node.id && old.version != new.version);
    assert_eq!(Content { version: old.version, created_at: old.created_at, ..new.clone() }, *old);
    assert_eq!((made.node.name.clone(), made.node.parent), (name("dune.png"), Some(to)));
    assert_eq!(
        (made.node.revision, made.node.created_at, made.node.modified_at),
        (Revision(1), command.at, command.at)
    );
    assert_eq!(fixture.located(file.node.id, ann.id).await, file);
    assert_eq!(fixture.quota(ann.id).await, Quota { total: QUOTA, used: 140, reserved: 0 });
}

pub(super) async fn only_the_current_content_is_copied(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let to = fixture.folder(ann.id, ann.root, "to").await;
    let file = fixture.file(ann.id, ann.root, "a", 100).await;
    fixture.replace(ann.id, ann.root, "a", 30).await;
    let before = fixture.quota(ann.id).await.used;
    let made = fixture.copy_into(ann.id, file, to).await.unwrap();
    assert_eq!(content(&made).blob, content(&fixture.located(file, ann.id).await).blob);
    assert_eq!((made.node.size(), fixture.quota(ann.id).await.used), (30, before + 30));
}

pub(super) async fn a_taken_name_is_refused_or_stood_beside(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let file = fixture.file(ann.id, ann.root, "a.txt", 1).await;
    let item = ItemRef { kind: NodeKind::File, id: file, name: name("a.txt") };
    let spec = fixture.copy_request(ann.id, file, ann.root).await;
    assert_refused!(fixture.copy(&spec).await, Error::Conflict(Conflict::NameTaken(taken))
        if taken.item == item && taken.suggested == name("a (1).txt") && taken.revision == Revision(1));
    let keeping = CopyRequest { conflict: ConflictPolicy::Keep, ..spec };
    for expected in ["a (1).txt", "a (2).txt"] {
        assert_eq!(fixture.copy(&keeping).await.unwrap().node.name, name(expected));
    }
    assert_eq!(fixture.quota(ann.id).await.used, 3);
}

async fn replacing(fixture: &Fixture<'_>, ann: &TestUser, node: NodeId, to: &str) -> CopyRequest {
    let spec = fixture.copy_request(ann.id, node, ann.root).await;
    CopyRequest { name: Some(name(to)), conflict: ConflictPolicy::Replace, ..spec }
}

pub(super) async fn a_copy_may_replace_a_file_but_no_folder(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let (new, old) =
        (fixture.file(ann.id, ann.root, "new", 10).await, fixture.file(ann.id, ann.root, "old", 1_000).await);
    let folder = fixture.folder(ann.id, ann.root, "folder").await;
    let made = fixture.copy(&replacing(fixture, &ann, new, "old").await).await.unwrap();
    assert_eq!((made.node.id, made.node.revision, made.node.name.clone()), (old, Revision(2), name("old")));
    assert_eq!(content(&made).blob, content(&fixture.located(new, ann.id).await).blob);
    assert_eq!(made, fixture.located(old, ann.id).await);
    // With a free name there is nothing to replace.
    let fresh = fixture.copy(&replacing(fixture, &ann, new, "fresh").await).await.unwrap();
    assert!(![new, old].contains(&fresh.node.id));
    let refused = fixture.copy(&replacing(fixture, &ann, new, "folder").await).await;
    assert_refused!(refused, Error::Conflict(Conflict::NameTaken(taken)) if taken.item.id == folder);
}

pub(super) async fn a_copy_onto_the_file_itself_keeps_its_content(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let file = fixture.file(ann.id, ann.root, "a", 10).await;
    let before = fixture.located(file, ann.id).await;
    let made = fixture.copy(&replacing(fixture, &ann, file, "a").await).await.unwrap();
    assert_eq!((made.node.id, made.node.revision), (file, Revision(2)));
    let (old, new) = (content(&before), content(&made));
    assert_eq!(Content { version: old.version, created_at: old.created_at, ..new.clone() }, *old);
    assert!(!fixture.marked_for_deletion(fixture.now()).await.contains(&new.blob.key));
    // Even if its former versions are removed.
    let spec = CopyRequest { max_versions: 1, ..replacing(fixture, &ann, file, "a").await };
    let saved = fixture.store.trees().copy(&fixture.command(ann.id), &spec).await.unwrap();
    assert_eq!((saved.freed, content(&saved.located).blob.clone()), (vec![], old.blob.clone()));
    assert_eq!(fixture.quota(ann.id).await.used, 10);
    assert!(!fixture.marked_for_deletion(fixture.now()).await.contains(&old.blob.key));
}

pub(super) async fn content_replaced_by_a_copy_counts_until_its_bytes_are_deleted(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let (new, old) =
        (fixture.file(ann.id, ann.root, "new", 10).await, fixture.file(ann.id, ann.root, "old", 1_000).await);
    let former = fixture.blob_of(old, ann.id).await;
    let spec = CopyRequest { max_versions: 1, ..replacing(fixture, &ann, new, "old").await };
    let saved = fixture.store.trees().copy(&fixture.command(ann.id), &spec).await.unwrap();
    assert_eq!((saved.located.node.id, keys(&saved.freed)), (old, vec![former]));
    assert_eq!(fixture.quota(ann.id).await.used, 1_020);
    fixture.store.records().remove(&STORE, &keys(&saved.freed)).await.unwrap();
    assert_eq!(fixture.quota(ann.id).await.used, 20);
}

pub(super) async fn a_blob_stays_while_a_copy_refers_to_it(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let file = fixture.file(ann.id, ann.root, "a", 10).await;
    let to = fixture.folder(ann.id, ann.root, "to").await;
    let copy = fixture.copy_into(ann.id, file, to).await.unwrap();
    let blob = content(&copy).blob.key.clone();
    fixture.replace(ann.id, ann.root, "a", 5).await;
    assert!(!fixture.marked_for_deletion(fixture.now()).await.contains(&blob), "the copy is still there");
    assert_eq!(fixture.located(copy.node.id, ann.id).await.node.body, NodeBody::File(content(&copy).clone()));
}

pub(super) async fn a_revision_that_was_not_seen_last_is_refused(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let to = fixture.folder(ann.id, ann.root, "to").await;
    for node in [fixture.file(ann.id, ann.root, "a", 1).await, fixture.folder(ann.id, ann.root, "b").await] {
        let spec = fixture.copy_request(ann.id, node, to).await;
        fixture.rename(ann.id, node, &format!("renamed {node}")).await.unwrap();
        let stale = CopyRequest { seen: Some(Revision(1)), ..spec.clone() };
        assert_refused!(fixture.copy(&stale).await, Error::PreconditionFailed);
        fixture.copy(&CopyRequest { seen: Some(Revision(2)), ..spec }).await.unwrap();
    }
}
