#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use clouddrive_domain::model::{Action, ConflictPolicy, Permission, Revision, UserRef};
use clouddrive_domain::port::Commit;

use super::Fixture;
use super::{append_content, list_history, page, sizes};

pub(super) async fn each_content_is_a_version_and_the_newest_comes_first(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let shared = fixture.folder(ann.id, ann.root, "shared").await;
    fixture.share(ann.id, shared, bob.id, Permission::Edit).await;
    let file = fixture.file(ann.id, shared, "a", 5).await;
    let first = fixture.located(file, ann.id).await.node;
    let replaced = fixture.replace(bob.id, shared, "a", 7).await.node;
    // A rename does not add a version.
    fixture.rename(ann.id, file, "b").await.unwrap();
    for viewer in [ann.id, bob.id] {
        let versions = list_history(fixture, viewer, file).await;
        let [new, old] = versions.as_slice() else { unreachable!("{versions:?}") };
        assert_eq!((Some(&new.content), new.is_current), (replaced.content(), true));
        assert_eq!((Some(&old.content), old.is_current), (first.content(), false));
        assert_eq!((new.revision, old.revision), (Revision(2), Revision(1)));
        assert_eq!((new.created_at, old.created_at), (replaced.modified_at, first.created_at));
        assert_eq!(new.created_by, UserRef { id: bob.id, username: Some(bob.username.clone()) });
        assert_eq!(old.created_by, UserRef { id: ann.id, username: Some(ann.username.clone()) });
        let grant = fixture.grant(viewer, file, Action::Read).await;
        for version in &versions {
            let found = fixture.store.versions().find(&grant, version.content.version).await.unwrap();
            assert_eq!(found.as_ref(), Some(version));
        }
    }
    assert_eq!(fixture.quota(ann.id).await.used, 12);
    assert!(!fixture.marked_for_deletion(fixture.now()).await.contains(&first.content().unwrap().blob.key));
}

pub(super) async fn versions_come_in_pages(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let file = fixture.file(ann.id, ann.root, "a", 0).await;
    for size in 1..7 {
        fixture.replace(ann.id, ann.root, "a", size).await;
    }
    for limit in [1, 3, 7] {
        let (mut versions, mut next) = page(fixture, ann.id, file, None, limit).await;
        while next.is_some() {
            let (more, after) = page(fixture, ann.id, file, next, limit).await;
            versions.extend(more);
            next = after;
        }
        let sizes: Vec<u64> = versions.iter().map(|version| version.content.size).collect();
        assert_eq!(sizes, [6, 5, 4, 3, 2, 1, 0], "in pages of {limit}");
    }
    // A position outlives its version; newer versions come before it.
    let (_, place) = page(fixture, ann.id, file, None, 2).await;
    let version = super::version_of_size(fixture, ann.id, file, 5).await;
    super::delete(fixture, ann.id, file, version).await.unwrap();
    fixture.replace(ann.id, ann.root, "a", 7).await;
    let (rest, _) = page(fixture, ann.id, file, place, 100).await;
    assert_eq!(rest.iter().map(|version| version.content.size).collect::<Vec<_>>(), [4, 3, 2, 1, 0]);
}

pub(super) async fn versions_are_in_order_despite_clock_skew(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let early = fixture.now();
    let file = fixture.file(ann.id, ann.root, "a", 1).await;
    let grant = fixture.grant(ann.id, file, Action::Replace).await;
    for size in [2, 3, 4] {
        let new = fixture.new_content(size).await;
        let command = fixture.command_at(Some(ann.id), early);
        fixture.store.versions().append(&command, &grant, &new).await.unwrap();
    }
    assert_eq!(sizes(fixture, ann.id, file).await, [4, 3, 2, 1]);
}

pub(super) async fn excess_versions_are_removed(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let file = fixture.file(ann.id, ann.root, "a", 1).await;
    let root = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    let mut blobs = vec![fixture.blob_of(file, ann.id).await];
    for size in [2, 3, 4, 5] {
        let upload = fixture.open(&root, "a", Some(size)).await;
        let commit = Commit { max_versions: 3, ..fixture.completing(&upload, ConflictPolicy::Replace) };
        blobs.push(fixture.commit(&root, &commit).await.unwrap().node.content().unwrap().blob.key.clone());
    }
    // The first of the burst and the last one replaced stay.
    assert_eq!(sizes(fixture, ann.id, file).await, [5, 4, 1]);
    assert_eq!(fixture.quota(ann.id).await.used, 10);
    // With a lower limit, the next new version removes the excess ones, however it is made.
    let mut new = fixture.new_content(6).await;
    new.max_versions = 2;
    append_content(fixture, ann.id, file, &new).await.unwrap();
    assert_eq!(sizes(fixture, ann.id, file).await, [6, 5]);
    assert_eq!(fixture.quota(ann.id).await.used, 11);
    let mut gone = Vec::new();
    for blob in &blobs {
        gone.push(fixture.store.records().recorded_at(blob).await.unwrap().is_none());
    }
    assert_eq!(gone, [true, true, true, true, false]);
}

pub(super) async fn frequent_replaces_keep_the_version_of_another_user(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let file = fixture.file(ann.id, ann.root, "a", 1).await;
    fixture.share(ann.id, file, bob.id, Permission::Edit).await;
    for size in 2..30 {
        let mut new = fixture.new_content(size).await;
        new.max_versions = 4;
        append_content(fixture, bob.id, file, &new).await.unwrap();
    }
    assert_eq!(sizes(fixture, ann.id, file).await, [29, 28, 2, 1]);
    assert_eq!(fixture.quota(ann.id).await.used, 60);
    let mut new = fixture.new_content(30).await;
    new.max_versions = 2;
    append_content(fixture, bob.id, file, &new).await.unwrap();
    assert_eq!(sizes(fixture, ann.id, file).await, [30, 1]);
}

pub(super) async fn a_version_of_another_file_is_not_found(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let (file, other) = (fixture.file(ann.id, ann.root, "a", 1).await, fixture.file(ann.id, ann.root, "b", 1).await);
    let grant = fixture.grant(ann.id, file, Action::Read).await;
    let foreign = fixture.located(other, ann.id).await.node.content().unwrap().version;
    for version in [foreign, fixture.id()] {
        assert_eq!(fixture.store.versions().find(&grant, version).await.unwrap(), None);
    }
}
