#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use clouddrive_domain::Error;
use clouddrive_domain::error::Forbidden;
use clouddrive_domain::model::{Action, Content, EntityTag, NodeBody, Permission, Revision, Seen, Sha256};
use clouddrive_domain::port::NewContent;

use super::Fixture;
use super::{append_content, list_history, sizes};
use crate::fixture::{STORE, assert_refused, keys, name};

pub(super) async fn a_content_is_appended_to_the_file_wherever_it_went(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let to = fixture.folder(ann.id, ann.root, "to").await;
    let file = fixture.file(ann.id, ann.root, "a", 5).await;
    let grant = fixture.grant(ann.id, file, Action::Replace).await;
    fixture.rename(ann.id, file, "b").await.unwrap();
    fixture.move_into(ann.id, file, to).await.unwrap();
    fixture.file(ann.id, ann.root, "a", 1).await;
    let before = fixture.located(file, ann.id).await;
    let mut new = fixture.new_content(7).await;
    new.stored.sha256 = Some(Sha256::from_bytes([1; 32]));
    new.stored.tag = EntityTag::parse("d41d8").ok();
    let command = fixture.command(ann.id);
    let replaced = fixture.store.versions().append(&command, &grant, &new).await.unwrap().located;
    assert_eq!(replaced, fixture.located(file, ann.id).await);
    let mut expected = before;
    expected.node.revision = Revision(4);
    expected.node.modified_at = command.at;
    expected.node.body = NodeBody::File(Content {
        version: new.version,
        blob: new.blob.clone(),
        size: 7,
        sha256: new.stored.sha256,
        media_type: new.media_type.clone(),
        client_modified_at: None,
        store_tag: EntityTag::parse("d41d8").ok(),
        created_at: command.at,
    });
    assert_eq!(replaced, expected);
    assert_eq!(replaced.node.name, name("b"));
    assert_eq!(sizes(fixture, ann.id, file).await, [7, 5]);
    assert_eq!(fixture.quota(ann.id).await.used, 13);
    assert!(!fixture.marked_for_deletion(fixture.now()).await.contains(&new.blob.key));
}

pub(super) async fn a_guest_who_may_edit_may_append(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let file = fixture.file(ann.id, ann.root, "a", 5).await;
    fixture.share(ann.id, file, bob.id, Permission::Edit).await;
    append_content(fixture, bob.id, file, &fixture.new_content(7).await).await.unwrap();
    assert_eq!(list_history(fixture, ann.id, file).await.first().unwrap().created_by.id, bob.id);
    assert_eq!((fixture.quota(ann.id).await.used, fixture.quota(bob.id).await.used), (12, 0));
}

pub(super) async fn an_append_needs_permission_to_replace(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let file = fixture.file(ann.id, ann.root, "a", 5).await;
    let share = fixture.share(ann.id, file, bob.id, Permission::Edit).await;
    let grant = fixture.grant(bob.id, file, Action::Replace).await;
    let new = fixture.new_content(7).await;
    let by = fixture.command(bob.id);
    fixture.change_share(ann.id, file, share, Permission::View).await;
    assert_refused!(fixture.store.versions().append(&by, &grant, &new).await, Error::Forbidden(Forbidden::Permission));
    fixture.revoke(ann.id, share).await;
    assert_refused!(fixture.store.versions().append(&by, &grant, &new).await, Error::NotFound);
    let grant = fixture.grant(ann.id, file, Action::Replace).await;
    fixture.trash(ann.id, file).await;
    assert_refused!(fixture.store.versions().append(&by, &grant, &new).await, Error::NotFound);
    assert_eq!(fixture.quota(ann.id).await.used, 5);
    assert!(fixture.marked_for_deletion(fixture.now()).await.contains(&new.blob.key));
}

pub(super) async fn a_content_is_for_the_revision_that_was_seen(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let file = fixture.file(ann.id, ann.root, "a", 5).await;
    let mut new = fixture.new_content(7).await;
    for seen in [0, 2, 99] {
        new.seen = Some(Seen::Revision(Revision(seen)));
        assert_refused!(append_content(fixture, ann.id, file, &new).await, Error::PreconditionFailed);
    }
    assert_eq!(sizes(fixture, ann.id, file).await, [5]);
    new.seen = Some(Seen::Revision(Revision(1)));
    append_content(fixture, ann.id, file, &new).await.unwrap();
    assert_eq!(sizes(fixture, ann.id, file).await, [7, 5]);
}

pub(super) async fn a_content_is_for_the_content_that_was_seen(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let file = fixture.file(ann.id, ann.root, "a", 5).await;
    let version = fixture.located(file, ann.id).await.node.content().unwrap().version;
    // A rename does not change the content.
    fixture.rename(ann.id, file, "b").await.unwrap();
    let mut new = fixture.new_content(7).await;
    new.seen = Some(Seen::Version(fixture.id()));
    assert_refused!(append_content(fixture, ann.id, file, &new).await, Error::PreconditionFailed);
    new.seen = Some(Seen::Version(version));
    append_content(fixture, ann.id, file, &new).await.unwrap();
    let mut next = fixture.new_content(9).await;
    next.seen = Some(Seen::Version(version));
    assert_refused!(append_content(fixture, ann.id, file, &next).await, Error::PreconditionFailed);
    assert_eq!(sizes(fixture, ann.id, file).await, [7, 5]);
}

pub(super) async fn a_content_that_does_not_fit_leaves_the_file_as_it_was(fixture: &Fixture<'_>) {
    let ann = fixture.user_with_quota(100).await;
    let file = fixture.file(ann.id, ann.root, "a", 60).await;
    let before = fixture.located(file, ann.id).await;
    let large = fixture.new_content(41).await;
    let refused = append_content(fixture, ann.id, file, &large).await;
    assert_refused!(refused, Error::Forbidden(Forbidden::Quota { quota, needed: 41 }) if quota.used == 60);
    assert_eq!(fixture.located(file, ann.id).await, before);
    assert_eq!(sizes(fixture, ann.id, file).await, [60]);
    assert!(fixture.marked_for_deletion(fixture.now()).await.contains(&large.blob.key));
    append_content(fixture, ann.id, file, &fixture.new_content(40).await).await.unwrap();
    assert_eq!(fixture.quota(ann.id).await.used, 100);
    append_content(fixture, ann.id, file, &fixture.new_content(0).await).await.unwrap();
    assert_eq!(sizes(fixture, ann.id, file).await, [0, 40, 60]);
}

pub(super) async fn a_blob_that_was_marked_for_deletion_becomes_no_content(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let file = fixture.file(ann.id, ann.root, "a", 5).await;
    let new = fixture.new_content(7).await;
    assert!(fixture.marked_for_deletion(fixture.now()).await.contains(&new.blob.key));
    assert_refused!(append_content(fixture, ann.id, file, &new).await, Error::Internal { .. });
    assert_eq!(sizes(fixture, ann.id, file).await, [5]);
    assert_eq!(fixture.quota(ann.id).await.used, 5);
}

pub(super) async fn a_superfluous_version_counts_until_its_bytes_are_deleted(fixture: &Fixture<'_>) {
    let ann = fixture.user_with_quota(100).await;
    let file = fixture.file(ann.id, ann.root, "a", 40).await;
    let (first, grant) = (fixture.blob_of(file, ann.id).await, fixture.grant(ann.id, file, Action::Replace).await);
    let replace = async |size| {
        let new = NewContent { max_versions: 1, ..fixture.new_content(size).await };
        fixture.store.versions().append(&fixture.command(ann.id), &grant, &new).await
    };
    let saved = replace(50).await.unwrap();
    assert_eq!(keys(&saved.freed), [first]);
    assert_eq!(sizes(fixture, ann.id, file).await, [50]);
    assert_eq!(fixture.quota(ann.id).await.used, 90);
    // What is still on disk makes no room, however often the content is replaced.
    for _ in 0..2 {
        assert_refused!(replace(11).await, Error::Forbidden(Forbidden::Quota { quota, needed: 11 }) if quota.used == 90);
    }
    fixture.store.records().remove(&STORE, &keys(&saved.freed)).await.unwrap();
    assert_eq!(fixture.quota(ann.id).await.used, 50);
    fixture.prune_freed_blobs(replace(11).await.unwrap()).await;
    assert_eq!(fixture.quota(ann.id).await.used, 11);
    // A version with a blob that another file has leaves nothing over.
    let copy = fixture.copy_into(ann.id, file, fixture.folder(ann.id, ann.root, "to").await).await.unwrap();
    assert_eq!(fixture.quota(ann.id).await.used, 22);
    assert_eq!(replace(1).await.unwrap().freed, []);
    assert_eq!((fixture.located(copy.node.id, ann.id).await.node.size(), fixture.quota(ann.id).await.used), (11, 12));
}
