#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use clouddrive_domain::Error;
use clouddrive_domain::model::{
    Located, MAX_PATH_NAMES, MAX_TREE_DEPTH, NodeId, NodePath, PathStart, Permission, Role, UserId,
    authorize_read_below,
};

use super::Fixture;
use crate::fixture::{assert_refused, name};

fn path(names: &[&str]) -> NodePath {
    NodePath::new(names.iter().map(|text| name(text)).collect()).unwrap()
}

async fn found(fixture: &Fixture<'_>, viewer: UserId, start: PathStart, names: &[&str]) -> Option<Located> {
    fixture.store.drive().find_by_path(start, &path(names), viewer.into()).await.unwrap()
}

/// Asserts that the path leads to `node`, as it is found by its identifier.
async fn assert_leads_to(fixture: &Fixture<'_>, viewer: UserId, start: PathStart, names: &[&str], node: NodeId) {
    assert_eq!(found(fixture, viewer, start, names).await, Some(fixture.located(node, viewer).await), "{names:?}");
}

pub(super) async fn a_path_leads_to_what_it_names(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let a = fixture.folder(ann.id, ann.root, "a").await;
    let b = fixture.folder(ann.id, a, "b").await;
    let file = fixture.file(ann.id, b, "c.txt", 3).await;
    let beside = fixture.folder(ann.id, ann.root, "b").await;
    let of_bob = fixture.folder(bob.id, bob.root, "a").await;
    let root = PathStart::OwnRoot;
    for (start, names, node) in [
        (root, &[][..], ann.root),
        (root, &["a"], a),
        (root, &["b"], beside),
        (root, &["a", "b"], b),
        (root, &["a", "b", "c.txt"], file),
        (PathStart::Folder(ann.root), &["a", "b", "c.txt"], file),
        (PathStart::Folder(a), &["b", "c.txt"], file),
        (PathStart::Folder(b), &["c.txt"], file),
        (PathStart::Folder(b), &[], b),
    ] {
        assert_leads_to(fixture, ann.id, start, names, node).await;
    }
    assert_leads_to(fixture, bob.id, root, &["a"], of_bob).await;
    for (start, names) in [
        (root, &["c"][..]),
        (root, &["a", "a"]),
        (root, &["a", "c.txt"]),
        (root, &["b", "c.txt"]),
        (PathStart::Folder(b), &["b"]),
        (PathStart::Folder(fixture.id()), &["a"]),
        (PathStart::Folder(fixture.id()), &[]),
    ] {
        assert_eq!(found(fixture, ann.id, start, names).await, None, "{names:?}");
    }
    assert_eq!(found(fixture, fixture.id(), root, &["a"]).await, None, "who has no drive has no root");
}

pub(super) async fn names_of_a_path_are_compared_as_in_a_folder(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let texts =
        ["straße", "Straße", "STRASSE", "café", "a\"b", "\"", "'", "{a,b}", "[0]", "$.a", "%", "0", "null", "日本"];
    for text in texts {
        let folder = fixture.folder(ann.id, ann.root, text).await;
        let file = fixture.file(ann.id, folder, text, 1).await;
        assert_leads_to(fixture, ann.id, PathStart::OwnRoot, &[text, text], file).await;
    }
    // A name is normalised when it is parsed; case matters.
    assert!(found(fixture, ann.id, PathStart::OwnRoot, &["cafe\u{301}"]).await.is_some());
    for text in ["Café", "cafe", "strasse", "_", "a"] {
        assert_eq!(found(fixture, ann.id, PathStart::OwnRoot, &[text]).await, None, "{text}");
    }
}

pub(super) async fn a_file_leads_no_further(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let file = fixture.file(ann.id, ann.root, "a", 1).await;
    let folder = fixture.folder(ann.id, ann.root, "b").await;
    fixture.folder(ann.id, folder, "a").await;
    assert_eq!(found(fixture, ann.id, PathStart::OwnRoot, &["a", "a"]).await, None);
    assert_eq!(found(fixture, ann.id, PathStart::Folder(file), &["a"]).await, None);
    assert_eq!(found(fixture, ann.id, PathStart::Folder(file), &[]).await, None);
}

pub(super) async fn a_path_goes_around_the_trash(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let top = fixture.folder(ann.id, ann.root, "top").await;
    let file = fixture.file(ann.id, top, "a", 1).await;
    fixture.trash(ann.id, top).await;
    assert_eq!(found(fixture, ann.id, PathStart::OwnRoot, &["top"]).await, None);
    assert_eq!(found(fixture, ann.id, PathStart::OwnRoot, &["top", "a"]).await, None);
    // A start in the trash is found like any node in it, and refused like any.
    let below = found(fixture, ann.id, PathStart::Folder(top), &["a"]).await;
    assert_eq!(below.as_ref().map(|found| found.node.id), Some(file));
    assert_refused!(authorize_read_below(below, 1), Error::NotFound);
    let other = fixture.folder(ann.id, ann.root, "top").await;
    assert_leads_to(fixture, ann.id, PathStart::OwnRoot, &["top"], other).await;
    assert_eq!(found(fixture, ann.id, PathStart::OwnRoot, &["top", "a"]).await, None);
    fixture.begin_purge(ann.id, top).await.unwrap();
    assert_eq!(found(fixture, ann.id, PathStart::Folder(top), &[]).await, None);
    assert_leads_to(fixture, ann.id, PathStart::OwnRoot, &["top"], other).await;
}

pub(super) async fn a_guest_follows_paths_from_what_they_see(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let hidden = fixture.folder(ann.id, ann.root, "hidden").await;
    let shared = fixture.folder(ann.id, hidden, "shared").await;
    let inner = fixture.folder(ann.id, shared, "inner").await;
    let file = fixture.file(ann.id, inner, "file", 1).await;
    fixture.share(ann.id, shared, bob.id, Permission::View).await;
    fixture.share(ann.id, inner, bob.id, Permission::Edit).await;
    let role = async |viewer: UserId, start: NodeId, names: &[&str]| {
        let found = found(fixture, viewer, PathStart::Folder(start), names).await;
        authorize_read_below(found, names.len()).map(|grant| (grant.node().id, grant.role()))
    };
    assert_leads_to(fixture, bob.id, PathStart::Folder(shared), &["inner", "file"], file).await;
    assert_eq!(role(bob.id, shared, &["inner", "file"]).await.unwrap(), (file, Role::Edit));
    assert_eq!(role(bob.id, shared, &[]).await.unwrap(), (shared, Role::View));
    assert_eq!(role(ann.id, hidden, &["shared", "inner"]).await.unwrap(), (inner, Role::Owner));
    // From a folder that they may not see, a path leads nowhere, not even to what is shared with them.
    for (start, names) in [(hidden, &["shared"][..]), (hidden, &["shared", "inner", "file"]), (ann.root, &["hidden"])] {
        assert_refused!(role(bob.id, start, names).await, Error::NotFound);
    }
    assert_refused!(role(fixture.id(), shared, &["inner"]).await, Error::NotFound);
    assert_eq!(found(fixture, bob.id, PathStart::OwnRoot, &["hidden", "shared"]).await, None);
}

pub(super) async fn a_path_reaches_the_bottom_of_the_deepest_tree(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let mut parent = ann.root;
    for _ in 0..MAX_TREE_DEPTH {
        parent = fixture.folder(ann.id, parent, "a").await;
    }
    let file = fixture.file(ann.id, parent, "a", 1).await;
    let names = ["a"; MAX_PATH_NAMES];
    assert_leads_to(fixture, ann.id, PathStart::OwnRoot, &names, file).await;
    let [_, one_less @ ..] = &names;
    assert_leads_to(fixture, ann.id, PathStart::OwnRoot, one_less, parent).await;
}
