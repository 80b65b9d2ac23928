#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use clouddrive_domain::Error;
use clouddrive_domain::error::Forbidden;
use clouddrive_domain::model::{Action, Permission, Quota};

use super::Fixture;
use super::folder::{contents, sample};
use crate::fixture::{QUOTA, assert_refused};

pub(super) async fn a_guest_copies_out_of_what_is_shared(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let top = sample(fixture, &ann).await;
    let share = fixture.share(ann.id, top, bob.id, Permission::View).await;
    let made = fixture.copy_into(bob.id, top, bob.root).await.unwrap();
    assert_eq!((made.owner.id, made.node.drive, made.node.created_by.id), (bob.id, bob.drive, bob.id));
    assert_eq!(fixture.quota(bob.id).await, Quota { total: QUOTA, used: 321, reserved: 0 });
    assert_eq!(fixture.quota(ann.id).await, Quota { total: QUOTA, used: 321, reserved: 0 });
    // The copy outlives the share, and the owner of the original has no access to it.
    fixture.revoke(ann.id, share).await;
    assert_eq!(contents(fixture, bob.id, made.node.id).await.len(), 7);
    assert_refused!(fixture.try_grant(ann.id, made.node.id, Action::Read).await, Error::NotFound);
}

pub(super) async fn the_copy_belongs_to_the_owner_of_its_destination(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let file = fixture.file(bob.id, bob.root, "file", 10).await;
    let shared = fixture.folder(ann.id, ann.root, "shared").await;
    fixture.share(ann.id, shared, bob.id, Permission::Edit).await;
    let made = fixture.copy_into(bob.id, file, shared).await.unwrap();
    assert_eq!((made.owner.id, made.node.drive, made.node.created_by.id), (ann.id, ann.drive, bob.id));
    assert_eq!((fixture.quota(ann.id).await.used, fixture.quota(bob.id).await.used), (10, 10));
}

pub(super) async fn both_grants_are_renewed(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let (from, to) = (fixture.folder(ann.id, ann.root, "from").await, fixture.folder(ann.id, ann.root, "to").await);
    let (folder, file) = (fixture.folder(ann.id, from, "folder").await, fixture.file(ann.id, from, "file", 1).await);
    for node in [folder, file] {
        let from_share = fixture.share(ann.id, from, bob.id, Permission::View).await;
        let to_share = fixture.share(ann.id, to, bob.id, Permission::Edit).await;
        let spec = fixture.copy_request(bob.id, node, to).await;
        fixture.change_share(ann.id, to, to_share, Permission::View).await;
        assert_refused!(fixture.copy(&spec).await, Error::Forbidden(Forbidden::Permission));
        fixture.revoke(ann.id, to_share).await;
        assert_refused!(fixture.copy(&spec).await, Error::NotFound);
        let to_share = fixture.share(ann.id, to, bob.id, Permission::Edit).await;
        fixture.revoke(ann.id, from_share).await;
        assert_refused!(fixture.copy(&spec).await, Error::NotFound);
        let from_share = fixture.share(ann.id, from, bob.id, Permission::View).await;
        fixture.copy(&spec).await.unwrap();
        for share in [from_share, to_share] {
            fixture.revoke(ann.id, share).await;
        }
    }
}
