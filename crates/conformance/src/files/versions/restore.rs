#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use clouddrive_domain::Error;
use clouddrive_domain::error::Forbidden;
use clouddrive_domain::model::{Action, Content, Permission, Revision, VersionId};
use clouddrive_domain::port::VersionRestore;

use super::Fixture;
use super::{delete, list_history, restore_version, sizes, version_of_size};
use crate::fixture::{MAX_VERSIONS, STORE, assert_refused, keys};

pub(super) async fn a_former_content_is_current_anew(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let shared = fixture.folder(ann.id, ann.root, "shared").await;
    fixture.share(ann.id, shared, bob.id, Permission::Edit).await;
    let file = fixture.file(ann.id, shared, "a", 5).await;
    let first = fixture.located(file, ann.id).await.node.content().unwrap().clone();
    fixture.replace(ann.id, shared, "a", 7).await;
    let restored = restore_version(fixture, bob.id, file, first.version).await.unwrap();
    assert_eq!(restored, fixture.located(file, bob.id).await);
    let content = restored.node.content().unwrap();
    assert_ne!(content.version, first.version);
    assert_eq!(*content, Content { version: content.version, created_at: content.created_at, ..first.clone() });
    assert_eq!(restored.node.revision, Revision(3));
    let versions = list_history(fixture, ann.id, file).await;
    assert_eq!(versions.iter().map(|version| version.content.size).collect::<Vec<_>>(), [5, 7, 5]);
    assert_eq!(versions.iter().map(|version| version.is_current).collect::<Vec<_>>(), [true, false, false]);
    assert_eq!(versions.first().unwrap().created_by.id, bob.id);
}

pub(super) async fn a_restore_of_the_current_content_changes_nothing(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let file = fixture.file(ann.id, ann.root, "a", 5).await;
    let first = version_of_size(fixture, ann.id, file, 5).await;
    let before = fixture.located(file, ann.id).await;
    assert_eq!(restore_version(fixture, ann.id, file, first).await.unwrap(), before);
    fixture.replace(ann.id, ann.root, "a", 7).await;
    // A retry after a lost response returns the same.
    let once = restore_version(fixture, ann.id, file, first).await.unwrap();
    assert_eq!(restore_version(fixture, ann.id, file, first).await.unwrap(), once);
    assert_eq!(sizes(fixture, ann.id, file).await, [5, 7, 5]);
    assert_eq!(fixture.quota(ann.id).await.used, 17);
}

pub(super) async fn a_blob_is_referred_to_as_long_as_any_version_is_on_it(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let file = fixture.file(ann.id, ann.root, "a", 5).await;
    let (first, blob) = (version_of_size(fixture, ann.id, file, 5).await, fixture.blob_of(file, ann.id).await);
    let mut on_blob = vec![first];
    for size in [1, 2] {
        fixture.replace(ann.id, ann.root, "a", size).await;
        let restored = restore_version(fixture, ann.id, file, first).await.unwrap();
        on_blob.push(restored.node.content().unwrap().version);
    }
    fixture.replace(ann.id, ann.root, "a", 3).await;
    let last: Option<VersionId> = on_blob.pop();
    for version in on_blob {
        delete(fixture, ann.id, file, version).await.unwrap();
        assert!(!fixture.marked_for_deletion(fixture.now()).await.contains(&blob));
    }
    assert_eq!(sizes(fixture, ann.id, file).await, [3, 5, 2, 1]);
    let grant = fixture.grant(ann.id, file, Action::DeleteVersion).await;
    let freed = fixture.store.versions().delete(&fixture.command(ann.id), &grant, last.unwrap(), None).await.unwrap();
    assert_eq!(keys(freed.as_slice()), std::slice::from_ref(&blob));
    fixture.store.records().remove(&STORE, &[blob]).await.unwrap();
    assert_eq!(fixture.quota(ann.id).await.used, 6);
}

pub(super) async fn a_restore_is_charged(fixture: &Fixture<'_>) {
    let ann = fixture.user_with_quota(100).await;
    let file = fixture.file(ann.id, ann.root, "a", 40).await;
    let first = version_of_size(fixture, ann.id, file, 40).await;
    fixture.replace(ann.id, ann.root, "a", 21).await;
    let before = fixture.located(file, ann.id).await;
    let refused = restore_version(fixture, ann.id, file, first).await;
    assert_refused!(refused, Error::Forbidden(Forbidden::Quota { quota, needed: 40 }) if quota.used == 61);
    assert_eq!(fixture.located(file, ann.id).await, before);
    // Versions removed for the limit make room, even the one that is revived.
    let grant = fixture.grant(ann.id, file, Action::Replace).await;
    let version_restore = VersionRestore { from: first, version: fixture.id(), seen: None, max_versions: 2 };
    fixture.store.versions().restore(&fixture.command(ann.id), &grant, &version_restore).await.unwrap();
    assert_eq!(sizes(fixture, ann.id, file).await, [40, 21]);
    assert_eq!(fixture.quota(ann.id).await.used, 61);
    let blob = fixture.blob_of(file, ann.id).await;
    assert!(!fixture.marked_for_deletion(fixture.now()).await.contains(&blob));
}

pub(super) async fn versions_removed_by_a_restore_count_until_their_bytes_are_deleted(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let file = fixture.file(ann.id, ann.root, "a", 40).await;
    let first = version_of_size(fixture, ann.id, file, 40).await;
    let blob = fixture.replace(ann.id, ann.root, "a", 21).await.node.content().unwrap().blob.key.clone();
    let grant = fixture.grant(ann.id, file, Action::Replace).await;
    let version_restore = VersionRestore { from: first, version: fixture.id(), seen: None, max_versions: 1 };
    let saved = fixture.store.versions().restore(&fixture.command(ann.id), &grant, &version_restore).await.unwrap();
    // Not the blob of the former version that is current again.
    assert_eq!(keys(&saved.freed), [blob]);
    assert_eq!(sizes(fixture, ann.id, file).await, [40]);
    assert_eq!(fixture.quota(ann.id).await.used, 61);
    fixture.store.records().remove(&STORE, &keys(&saved.freed)).await.unwrap();
    assert_eq!(fixture.quota(ann.id).await.used, 40);
}

pub(super) async fn only_what_the_file_has_is_restored(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let file = fixture.file(ann.id, ann.root, "a", 5).await;
    let first = version_of_size(fixture, ann.id, file, 5).await;
    fixture.replace(ann.id, ann.root, "a", 7).await;
    let other = fixture.file(ann.id, ann.root, "b", 1).await;
    let foreign = version_of_size(fixture, ann.id, other, 1).await;
    for version in [foreign, fixture.id()] {
        assert_refused!(restore_version(fixture, ann.id, file, version).await, Error::NotFound);
    }
    let share = fixture.share(ann.id, file, bob.id, Permission::Edit).await;
    let grant = fixture.grant(bob.id, file, Action::Replace).await;
    let version_restore =
        |seen| VersionRestore { from: first, version: fixture.id(), seen, max_versions: MAX_VERSIONS };
    let stale = version_restore(Some(Revision(1)));
    let refused = fixture.store.versions().restore(&fixture.command(bob.id), &grant, &stale).await;
    assert_refused!(refused, Error::PreconditionFailed);
    fixture.change_share(ann.id, file, share, Permission::View).await;
    let refused = fixture.store.versions().restore(&fixture.command(bob.id), &grant, &version_restore(None)).await;
    assert_refused!(refused, Error::Forbidden(Forbidden::Permission));
    assert_eq!(sizes(fixture, ann.id, file).await, [7, 5]);
}
