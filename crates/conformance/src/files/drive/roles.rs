#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use clouddrive_domain::Error;
use clouddrive_domain::error::Forbidden;
use clouddrive_domain::model::{Action, Permission};

use super::Fixture;
use crate::fixture::assert_refused;

pub(super) async fn a_revoked_share_ends_grants(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let shared = fixture.folder(ann.id, ann.root, "shared").await;
    let (item, to) = (fixture.folder(ann.id, shared, "item").await, fixture.folder(ann.id, shared, "to").await);
    let share = fixture.share(ann.id, shared, bob.id, Permission::Edit).await;
    let parent = fixture.grant(bob.id, shared, Action::AddTo).await;
    let renaming = fixture.renaming(bob.id, item, "renamed").await;
    let moving = fixture.moving(bob.id, item, to).await;
    fixture.revoke(ann.id, share).await;
    let before = fixture.located(item, ann.id).await;
    assert_refused!(fixture.create_folder(&parent, "new").await, Error::NotFound);
    assert_refused!(fixture.relocate(&renaming).await, Error::NotFound);
    assert_refused!(fixture.relocate(&moving).await, Error::NotFound);
    assert_eq!(fixture.located(item, ann.id).await, before);
    fixture.folder(ann.id, shared, "new").await;
}

pub(super) async fn a_lowered_share_ends_grants(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let shared = fixture.folder(ann.id, ann.root, "shared").await;
    let item = fixture.file(ann.id, shared, "item", 1).await;
    let share = fixture.share(ann.id, shared, bob.id, Permission::Edit).await;
    let parent = fixture.grant(bob.id, shared, Action::AddTo).await;
    let renaming = fixture.renaming(bob.id, item, "renamed").await;
    fixture.change_share(ann.id, shared, share, Permission::View).await;
    assert_refused!(fixture.create_folder(&parent, "new").await, Error::Forbidden(Forbidden::Permission));
    assert_refused!(fixture.relocate(&renaming).await, Error::Forbidden(Forbidden::Permission));
    // The grant is valid again once the share allows it.
    fixture.change_share(ann.id, shared, share, Permission::Edit).await;
    fixture.create_folder(&parent, "new").await.unwrap();
    fixture.relocate(&renaming).await.unwrap();
}

pub(super) async fn items_moved_out_of_a_shared_folder_are_inaccessible(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let shared = fixture.folder(ann.id, ann.root, "shared").await;
    let (item, kept) = (fixture.folder(ann.id, shared, "item").await, fixture.folder(ann.id, shared, "kept").await);
    fixture.share(ann.id, shared, bob.id, Permission::Edit).await;
    fixture.share(ann.id, kept, bob.id, Permission::Edit).await;
    let inside = fixture.grant(bob.id, item, Action::AddTo).await;
    let renaming = fixture.renaming(bob.id, item, "renamed").await;
    let renaming_kept = fixture.renaming(bob.id, kept, "renamed").await;
    fixture.move_into(ann.id, item, ann.root).await.unwrap();
    fixture.move_into(ann.id, kept, ann.root).await.unwrap();
    assert_refused!(fixture.create_folder(&inside, "new").await, Error::NotFound);
    assert_refused!(fixture.relocate(&renaming).await, Error::NotFound);
    // Only the owner may rename the shared node itself.
    assert_refused!(fixture.relocate(&renaming_kept).await, Error::Forbidden(Forbidden::Permission));
}

pub(super) async fn a_destination_is_checked_like_an_item(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let (from, to) = (fixture.folder(ann.id, ann.root, "from").await, fixture.folder(ann.id, ann.root, "to").await);
    let item = fixture.file(ann.id, from, "item", 1).await;
    fixture.share(ann.id, from, bob.id, Permission::Edit).await;
    let share = fixture.share(ann.id, to, bob.id, Permission::Edit).await;
    let moving = fixture.moving(bob.id, item, to).await;
    fixture.change_share(ann.id, to, share, Permission::View).await;
    assert_refused!(fixture.relocate(&moving).await, Error::Forbidden(Forbidden::Permission));
    fixture.revoke(ann.id, share).await;
    assert_refused!(fixture.relocate(&moving).await, Error::NotFound);
    assert_eq!(fixture.located(item, ann.id).await.node.parent, Some(from));
    fixture.share(ann.id, to, bob.id, Permission::Edit).await;
    assert_eq!(fixture.relocate(&moving).await.unwrap().node.parent, Some(to));
}
