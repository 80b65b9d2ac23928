#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use clouddrive_domain::Error;
use clouddrive_domain::error::Conflict;
use clouddrive_domain::model::{Action, Permission, Revision, Timestamp};

use super::Fixture;
use super::{delete, sizes, version_of_size};
use crate::fixture::{STORE, assert_refused, keys};

pub(super) async fn a_former_version_is_deleted_and_gives_its_bytes_back(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let file = fixture.file(ann.id, ann.root, "a", 5).await;
    let (first, blob) = (version_of_size(fixture, ann.id, file, 5).await, fixture.blob_of(file, ann.id).await);
    fixture.replace(ann.id, ann.root, "a", 7).await;
    let other = fixture.file(ann.id, ann.root, "b", 1).await;
    let before = fixture.located(file, ann.id).await;
    assert_refused!(delete(fixture, ann.id, other, first).await, Error::NotFound);
    let grant = fixture.grant(ann.id, file, Action::DeleteVersion).await;
    let freed = fixture.store.versions().delete(&fixture.command(ann.id), &grant, first, None).await.unwrap();
    assert_eq!(keys(freed.as_slice()), std::slice::from_ref(&blob));
    assert_eq!(sizes(fixture, ann.id, file).await, [7]);
    assert_eq!(fixture.located(file, ann.id).await, before);
    assert_eq!(fixture.quota(ann.id).await.used, 13, "its bytes are there still");
    assert!(fixture.marked_for_deletion(Timestamp::from_millis(0)).await.contains(&blob));
    fixture.store.records().remove(&STORE, &[blob]).await.unwrap();
    assert_eq!(fixture.quota(ann.id).await.used, 8);
    for gone in [first, fixture.id()] {
        assert_refused!(delete(fixture, ann.id, file, gone).await, Error::NotFound);
    }
}

pub(super) async fn the_current_version_is_in_use(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let file = fixture.file(ann.id, ann.root, "a", 5).await;
    let first = version_of_size(fixture, ann.id, file, 5).await;
    assert_refused!(delete(fixture, ann.id, file, first).await, Error::Conflict(Conflict::VersionInUse));
    assert_eq!(sizes(fixture, ann.id, file).await, [5]);
    let grant = fixture.grant(ann.id, file, Action::DeleteVersion).await;
    fixture.replace(ann.id, ann.root, "a", 7).await;
    let by = fixture.command(ann.id);
    let stale = fixture.store.versions().delete(&by, &grant, first, Some(Revision(1))).await;
    assert_refused!(stale, Error::PreconditionFailed);
    fixture.store.versions().delete(&by, &grant, first, Some(Revision(2))).await.unwrap();
    assert_eq!(sizes(fixture, ann.id, file).await, [7]);
}

pub(super) async fn versions_are_their_owners_to_delete(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let shared = fixture.folder(ann.id, ann.root, "shared").await;
    let file = fixture.file(ann.id, shared, "a", 5).await;
    let first = version_of_size(fixture, ann.id, file, 5).await;
    fixture.replace(ann.id, shared, "a", 7).await;
    fixture.share(ann.id, shared, bob.id, Permission::Edit).await;
    assert_refused!(fixture.try_grant(bob.id, file, Action::DeleteVersion).await, Error::Forbidden(_));
    let grant = fixture.grant(ann.id, file, Action::DeleteVersion).await;
    fixture.trash(ann.id, shared).await;
    let refused = fixture.store.versions().delete(&fixture.command(ann.id), &grant, first, None).await;
    assert_refused!(refused, Error::NotFound);
    fixture.restore(ann.id, shared).await.unwrap();
    assert_eq!(sizes(fixture, ann.id, file).await, [7, 5]);
}
