#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use clouddrive_domain::Error;
use clouddrive_domain::error::Conflict;
use clouddrive_domain::model::{
    Action, ConflictPolicy, ItemRef, Limit, NodeId, NodeKind, Permission, Revision, Sort, UserId,
};
use clouddrive_domain::port::CopyRequest;

use super::Fixture;
use crate::files::changes::{all_after, end};
use crate::fixture::{TestUser, assert_refused, name};

/// The sorted paths of all nodes below `folder`, those of files with their size.
pub(super) async fn contents(fixture: &Fixture<'_>, viewer: UserId, folder: NodeId) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![(folder, String::new())];
    while let Some((folder, path)) = open.pop() {
        let grant = fixture.grant(viewer, folder, Action::Read).await;
        let limit = Limit::new(1000).unwrap();
        for child in fixture.store.drive().list(grant.read(), Sort::default(), None, limit).await.unwrap() {
            let path = format!("{path}/{}", child.node.name);
            if child.node.kind() == NodeKind::Folder {
                open.push((child.node.id, path.clone()));
                found.push(path);
            } else {
                found.push(format!("{path}: {}", child.node.size()));
            }
        }
    }
    found.sort();
    found
}

/// A folder `top` with files on three levels and an empty folder.
pub(super) async fn sample(fixture: &Fixture<'_>, ann: &TestUser) -> NodeId {
    let top = fixture.folder(ann.id, ann.root, "top").await;
    let (a, _) = (fixture.folder(ann.id, top, "a").await, fixture.folder(ann.id, top, "Été ∅").await);
    let b = fixture.folder(ann.id, a, "b").await;
    for (parent, text, size) in [(top, "x, \"1\"", 1), (a, "x {2}", 20), (b, "x.3", 300), (b, "y.3", 0)] {
        fixture.file(ann.id, parent, text, size).await;
    }
    top
}

pub(super) async fn a_copy_has_all_that_lies_below(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let top = sample(fixture, &ann).await;
    let to = fixture.folder(ann.id, ann.root, "to").await;
    let made = fixture.copy_into(ann.id, top, to).await.unwrap();
    assert_eq!(made, fixture.located(made.node.id, ann.id).await);
    assert!(made.node.id != top && made.node.name == name("top") && made.node.revision == Revision(1));
    let expected = contents(fixture, ann.id, top).await;
    assert_eq!(expected.len(), 7);
    assert_eq!(contents(fixture, ann.id, made.node.id).await, expected);
    assert_eq!(fixture.quota(ann.id).await.used, 642);
}

pub(super) async fn the_copy_and_the_original_are_independent(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let top = sample(fixture, &ann).await;
    let to = fixture.folder(ann.id, ann.root, "to").await;
    let made = fixture.copy_into(ann.id, top, to).await.unwrap().node.id;
    let before = contents(fixture, ann.id, made).await;
    fixture.replace(ann.id, top, "x, \"1\"", 9).await;
    fixture.folder(ann.id, top, "new").await;
    assert_eq!(contents(fixture, ann.id, made).await, before);
    let mut other = contents(fixture, ann.id, top).await;
    fixture.file(ann.id, made, "in the copy", 5).await;
    fixture.rename(ann.id, made, "copy").await.unwrap();
    assert_eq!(contents(fixture, ann.id, top).await, other);
    // A copy can be copied like any folder.
    other = contents(fixture, ann.id, made).await;
    let again = fixture.copy_into(ann.id, made, ann.root).await.unwrap().node.id;
    assert_eq!(contents(fixture, ann.id, again).await, other);
}

pub(super) async fn an_empty_folder_is_copied_as_one(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let (empty, to) = (fixture.folder(ann.id, ann.root, "empty").await, fixture.folder(ann.id, ann.root, "to").await);
    let made = fixture.copy_into(ann.id, empty, to).await.unwrap().node.id;
    assert_eq!(contents(fixture, ann.id, made).await, Vec::<String>::new());
    fixture.file(ann.id, made, "a", 1).await;
    assert_eq!(contents(fixture, ann.id, to).await, ["/empty", "/empty/a: 1"]);
}

pub(super) async fn a_folder_is_not_copied_into_itself_or_below(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let a = fixture.folder(ann.id, ann.root, "a").await;
    let b = fixture.folder(ann.id, a, "b").await;
    for to in [a, b] {
        let refused = fixture.copy_into(ann.id, a, to).await;
        assert_refused!(refused, Error::Conflict(Conflict::FolderCycle));
    }
    // It may be copied into an ancestor, and under another name into its own parent.
    let spec = CopyRequest { name: Some(name("c")), ..fixture.copy_request(ann.id, b, a).await };
    fixture.copy(&spec).await.unwrap();
    fixture.copy_into(ann.id, b, ann.root).await.unwrap();
    assert_eq!(contents(fixture, ann.id, ann.root).await, ["/a", "/a/b", "/a/c", "/b"]);
}

pub(super) async fn a_folder_with_a_taken_name_replaces_nothing(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let folder = fixture.folder(ann.id, ann.root, "v1.2").await;
    fixture.file(ann.id, folder, "a", 1).await;
    let item = ItemRef { kind: NodeKind::Folder, id: folder, name: name("v1.2") };
    for conflict in [ConflictPolicy::Fail, ConflictPolicy::Replace] {
        let spec = CopyRequest { conflict, ..fixture.copy_request(ann.id, folder, ann.root).await };
        assert_refused!(fixture.copy(&spec).await, Error::Conflict(Conflict::NameTaken(taken))
            if taken.item == item && taken.suggested == name("v1.2 (1)"));
    }
    let spec = CopyRequest { conflict: ConflictPolicy::Keep, ..fixture.copy_request(ann.id, folder, ann.root).await };
    assert_eq!(fixture.copy(&spec).await.unwrap().node.name, name("v1.2 (1)"));
    assert_eq!(contents(fixture, ann.id, ann.root).await, ["/v1.2", "/v1.2 (1)", "/v1.2 (1)/a: 1", "/v1.2/a: 1"]);
    // A folder does not replace a file either.
    fixture.file(ann.id, ann.root, "file", 1).await;
    let spec = CopyRequest { name: Some(name("file")), conflict: ConflictPolicy::Replace, ..spec };
    assert_refused!(fixture.copy(&spec).await, Error::Conflict(Conflict::NameTaken(_)));
}

pub(super) async fn shares_are_not_copied(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let a = fixture.folder(ann.id, ann.root, "a").await;
    let b = fixture.folder(ann.id, a, "b").await;
    for node in [a, b] {
        fixture.share(ann.id, node, bob.id, Permission::Edit).await;
    }
    let to = fixture.folder(ann.id, ann.root, "to").await;
    let made = fixture.copy_into(ann.id, a, to).await.unwrap().node.id;
    assert_refused!(fixture.try_grant(bob.id, made, Action::Read).await, Error::NotFound);
    // But a share on the destination folder covers the copy.
    fixture.share(ann.id, to, bob.id, Permission::View).await;
    assert_eq!(contents(fixture, bob.id, made).await, ["/b"]);
}

pub(super) async fn a_root_cannot_be_copied(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let shared = fixture.folder(bob.id, bob.root, "shared").await;
    fixture.share(bob.id, shared, ann.id, Permission::Edit).await;
    assert_refused!(fixture.copy_into(ann.id, ann.root, shared).await, Error::NotFound);
}

pub(super) async fn a_refused_copy_leaves_nothing(fixture: &Fixture<'_>) {
    let ann = fixture.user_with_quota(400).await;
    let top = sample(fixture, &ann).await;
    let to = fixture.folder(ann.id, ann.root, "to").await;
    let quota = fixture.quota(ann.id).await;
    let start = end(fixture).await;
    // The store may find out that the bytes do not fit only after it has written all rows.
    fixture.copy_into(ann.id, top, to).await.unwrap_err();
    let spec = CopyRequest { name: Some(name("to")), ..fixture.copy_request(ann.id, top, ann.root).await };
    fixture.copy(&spec).await.unwrap_err();
    assert_eq!(contents(fixture, ann.id, to).await, Vec::<String>::new());
    assert_eq!(fixture.quota(ann.id).await, quota);
    assert!(all_after(fixture, start).await.is_empty());
}
