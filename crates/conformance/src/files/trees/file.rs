#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use clouddrive_domain::Error;
use clouddrive_domain::error::Conflict;
use clouddrive_domain::model::{
    Action, ConflictPolicy, Content, ItemRef, Located, MediaType, NodeBody, NodeId, NodeKind, Quota, Revision,
    Timestamp,
};
use clouddrive_domain::port::Copying;

use crate::world::{Member, QUOTA, STORE, World, assert_refused, name};

/// The content of a file.
pub(super) fn content(found: &Located) -> &Content {
    found.node.content().unwrap()
}

pub(super) async fn a_copy_is_a_file_of_its_own_on_the_same_blob(world: &World<'_>) {
    let ann = world.member().await;
    let to = world.folder(ann.id, ann.root, "to").await;
    let root = world.grant(ann.id, ann.root, Action::AddTo).await;
    let mut opening = world.opening(&root, "beach.png", Some(70));
    opening.upload.file.media_type = MediaType::parse("image/png").unwrap();
    opening.upload.file.client_modified_at = Some(Timestamp::from_millis(5));
    world.begin(&root, &opening).await.unwrap();
    let commit = world.completing(&opening.upload, ConflictPolicy::Fail);
    let file = world.commit(&root, &commit).await.unwrap();
    let wish = Copying { name: Some(name("dune.png")), ..world.copying(ann.id, file.node.id, to).await };
    let command = world.command(ann.id);
    let made = world.store.trees.copy(&command, &wish).await.unwrap().located;
    assert_eq!(made, world.located(made.node.id, ann.id).await);
    let (old, new) = (content(&file), content(&made));
    assert!(made.node.id != file.node.id && old.version != new.version);
    assert_eq!(Content { version: old.version, created_at: old.created_at, ..new.clone() }, *old);
    assert_eq!((made.node.name.clone(), made.node.parent), (name("dune.png"), Some(to)));
    assert_eq!(
        (made.node.revision, made.node.created_at, made.node.modified_at),
        (Revision(1), command.at, command.at)
    );
    assert_eq!(world.located(file.node.id, ann.id).await, file);
    assert_eq!(world.quota(ann.id).await, Quota { total: QUOTA, used: 140, reserved: 0 });
}

pub(super) async fn only_the_current_content_is_copied(world: &World<'_>) {
    let ann = world.member().await;
    let to = world.folder(ann.id, ann.root, "to").await;
    let file = world.file(ann.id, ann.root, "a", 100).await;
    world.replace(ann.id, ann.root, "a", 30).await;
    let before = world.quota(ann.id).await.used;
    let made = world.copy_into(ann.id, file, to).await.unwrap();
    assert_eq!(content(&made).blob, content(&world.located(file, ann.id).await).blob);
    assert_eq!((made.node.size(), world.quota(ann.id).await.used), (30, before + 30));
}

pub(super) async fn a_taken_name_is_refused_or_stood_beside(world: &World<'_>) {
    let ann = world.member().await;
    let file = world.file(ann.id, ann.root, "a.txt", 1).await;
    let item = ItemRef { kind: NodeKind::File, id: file, name: name("a.txt") };
    let wish = world.copying(ann.id, file, ann.root).await;
    assert_refused!(world.copy(&wish).await, Error::Conflict(Conflict::NameTaken(taken))
        if taken.item == item && taken.suggested == name("a (1).txt") && taken.revision == Revision(1));
    let keeping = Copying { conflict: ConflictPolicy::Keep, ..wish };
    for expected in ["a (1).txt", "a (2).txt"] {
        assert_eq!(world.copy(&keeping).await.unwrap().node.name, name(expected));
    }
    assert_eq!(world.quota(ann.id).await.used, 3);
}

async fn replacing(world: &World<'_>, ann: &Member, node: NodeId, to: &str) -> Copying {
    let wish = world.copying(ann.id, node, ann.root).await;
    Copying { name: Some(name(to)), conflict: ConflictPolicy::Replace, ..wish }
}

pub(super) async fn a_copy_may_replace_a_file_but_no_folder(world: &World<'_>) {
    let ann = world.member().await;
    let (new, old) = (world.file(ann.id, ann.root, "new", 10).await, world.file(ann.id, ann.root, "old", 1_000).await);
    let folder = world.folder(ann.id, ann.root, "folder").await;
    let made = world.copy(&replacing(world, &ann, new, "old").await).await.unwrap();
    assert_eq!((made.node.id, made.node.revision, made.node.name.clone()), (old, Revision(2), name("old")));
    assert_eq!(content(&made).blob, content(&world.located(new, ann.id).await).blob);
    assert_eq!(made, world.located(old, ann.id).await);
    // With a free name there is nothing to replace.
    let fresh = world.copy(&replacing(world, &ann, new, "fresh").await).await.unwrap();
    assert!(![new, old].contains(&fresh.node.id));
    let refused = world.copy(&replacing(world, &ann, new, "folder").await).await;
    assert_refused!(refused, Error::Conflict(Conflict::NameTaken(taken)) if taken.item.id == folder);
}

pub(super) async fn a_copy_onto_the_file_itself_keeps_its_content(world: &World<'_>) {
    let ann = world.member().await;
    let file = world.file(ann.id, ann.root, "a", 10).await;
    let before = world.located(file, ann.id).await;
    let made = world.copy(&replacing(world, &ann, file, "a").await).await.unwrap();
    assert_eq!((made.node.id, made.node.revision), (file, Revision(2)));
    let (old, new) = (content(&before), content(&made));
    assert_eq!(Content { version: old.version, created_at: old.created_at, ..new.clone() }, *old);
    assert!(!world.condemned(world.now()).await.contains(&new.blob));
    // Even if its former versions are removed.
    let wish = Copying { most_versions: 1, ..replacing(world, &ann, file, "a").await };
    let saved = world.store.trees.copy(&world.command(ann.id), &wish).await.unwrap();
    assert_eq!((saved.freed, content(&saved.located).blob.clone()), (vec![], old.blob.clone()));
    assert_eq!(world.quota(ann.id).await.used, 10);
    assert!(!world.condemned(world.now()).await.contains(&old.blob));
}

pub(super) async fn what_a_copy_replaces_counts_until_its_bytes_are_deleted(world: &World<'_>) {
    let ann = world.member().await;
    let (new, old) = (world.file(ann.id, ann.root, "new", 10).await, world.file(ann.id, ann.root, "old", 1_000).await);
    let former = world.blob_of(old, ann.id).await;
    let wish = Copying { most_versions: 1, ..replacing(world, &ann, new, "old").await };
    let saved = world.store.trees.copy(&world.command(ann.id), &wish).await.unwrap();
    assert_eq!((saved.located.node.id, &saved.freed), (old, &vec![former]));
    assert_eq!(world.quota(ann.id).await.used, 1_020);
    world.store.records.forget(&STORE, &saved.freed).await.unwrap();
    assert_eq!(world.quota(ann.id).await.used, 20);
}

pub(super) async fn a_blob_stays_while_a_copy_refers_to_it(world: &World<'_>) {
    let ann = world.member().await;
    let file = world.file(ann.id, ann.root, "a", 10).await;
    let to = world.folder(ann.id, ann.root, "to").await;
    let copy = world.copy_into(ann.id, file, to).await.unwrap();
    let blob = content(&copy).blob.clone();
    world.replace(ann.id, ann.root, "a", 5).await;
    assert!(!world.condemned(world.now()).await.contains(&blob), "the copy is still there");
    assert_eq!(world.located(copy.node.id, ann.id).await.node.body, NodeBody::File(content(&copy).clone()));
}

pub(super) async fn a_revision_that_was_not_seen_last_is_refused(world: &World<'_>) {
    let ann = world.member().await;
    let to = world.folder(ann.id, ann.root, "to").await;
    for node in [world.file(ann.id, ann.root, "a", 1).await, world.folder(ann.id, ann.root, "b").await] {
        let wish = world.copying(ann.id, node, to).await;
        world.rename(ann.id, node, &format!("renamed {node}")).await.unwrap();
        let stale = Copying { seen: Some(Revision(1)), ..wish.clone() };
        assert_refused!(world.copy(&stale).await, Error::PreconditionFailed);
        world.copy(&Copying { seen: Some(Revision(2)), ..wish }).await.unwrap();
    }
}
