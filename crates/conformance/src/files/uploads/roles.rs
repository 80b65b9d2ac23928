#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use clouddrive_domain::Error;
use clouddrive_domain::error::{Conflict, Forbidden};
use clouddrive_domain::model::{Action, ConflictPolicy, Permission, Upload, UploadState};

use super::Fixture;
use crate::fixture::{LIFETIME, assert_refused};

pub(super) async fn a_revoked_share_ends_grants(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let shared = fixture.folder(ann.id, ann.root, "shared").await;
    let file = fixture.file(ann.id, shared, "file", 1).await;
    let share = fixture.share(ann.id, shared, bob.id, Permission::Edit).await;
    let folder = fixture.grant(bob.id, shared, Action::AddTo).await;
    let (new, replacing) = (fixture.open(&folder, "new", Some(5)).await, fixture.open(&folder, "file", Some(5)).await);
    let before = fixture.located(file, ann.id).await;
    fixture.revoke(ann.id, share).await;
    let new_upload = fixture.new_upload(&folder, "other", Some(5));
    assert_refused!(fixture.begin(&folder, &new_upload).await, Error::NotFound);
    assert_eq!(fixture.store.uploads().find(new_upload.upload.id, bob.id).await.unwrap(), None);
    let commit = fixture.completing(&new, ConflictPolicy::Fail);
    assert_refused!(fixture.commit(&folder, &commit).await, Error::NotFound);
    assert_eq!(fixture.store.drive().find(commit.file, ann.id.into()).await.unwrap(), None);
    let refused = fixture.commit(&folder, &fixture.completing(&replacing, ConflictPolicy::Replace)).await;
    assert_refused!(refused, Error::NotFound);
    let later = new.expires_at.plus(LIFETIME);
    let refused = fixture.store.uploads().extend(&fixture.command(bob.id), &folder, new.id, later).await;
    assert_refused!(refused, Error::NotFound);
    assert_eq!(fixture.located(file, ann.id).await, before);
}

pub(super) async fn a_lowered_share_ends_grants(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let shared = fixture.folder(ann.id, ann.root, "shared").await;
    let share = fixture.share(ann.id, shared, bob.id, Permission::Edit).await;
    let folder = fixture.grant(bob.id, shared, Action::AddTo).await;
    let upload = fixture.open(&folder, "a", Some(5)).await;
    fixture.change_share(ann.id, shared, share, Permission::View).await;
    let new_upload = fixture.new_upload(&folder, "b", Some(5));
    assert_refused!(fixture.begin(&folder, &new_upload).await, Error::Forbidden(Forbidden::Permission));
    let commit = fixture.completing(&upload, ConflictPolicy::Fail);
    assert_refused!(fixture.commit(&folder, &commit).await, Error::Forbidden(Forbidden::Permission));
    // The grant is valid again once the share allows it, but ended uploads stay closed.
    fixture.change_share(ann.id, shared, share, Permission::Edit).await;
    fixture.begin(&folder, &new_upload).await.unwrap();
    assert_refused!(fixture.commit(&folder, &commit).await, Error::Conflict(Conflict::UploadClosed));
}

pub(super) async fn items_moved_out_of_a_shared_folder_are_inaccessible(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let shared = fixture.folder(ann.id, ann.root, "shared").await;
    let inside = fixture.folder(ann.id, shared, "inside").await;
    fixture.share(ann.id, shared, bob.id, Permission::Edit).await;
    let folder = fixture.grant(bob.id, inside, Action::AddTo).await;
    let upload = fixture.open(&folder, "a", Some(5)).await;
    fixture.move_into(ann.id, inside, ann.root).await.unwrap();
    let new_upload = fixture.new_upload(&folder, "b", Some(5));
    assert_refused!(fixture.begin(&folder, &new_upload).await, Error::NotFound);
    let refused = fixture.commit(&folder, &fixture.completing(&upload, ConflictPolicy::Fail)).await;
    assert_refused!(refused, Error::NotFound);
}

/// The current states of the uploads.
async fn states<const N: usize>(fixture: &Fixture<'_>, uploads: [&Upload; N]) -> [UploadState; N] {
    let mut states = [UploadState::Open; N];
    for (state, upload) in states.iter_mut().zip(uploads) {
        *state = fixture.upload(upload).await.state;
    }
    states
}

const OPEN: UploadState = UploadState::Open;
const ABORTED: UploadState = UploadState::Aborted;

pub(super) async fn with_a_share_end_the_uploads_under_it(fixture: &Fixture<'_>) {
    let (ann, bob, cat) = (fixture.user().await, fixture.user().await, fixture.user().await);
    let shared = fixture.folder(ann.id, ann.root, "shared").await;
    let inside = fixture.folder(ann.id, shared, "inside").await;
    let other = fixture.folder(ann.id, ann.root, "other").await;
    for lowered in [false, true] {
        let share = fixture.share(ann.id, shared, bob.id, Permission::Edit).await;
        let kept = fixture.share(ann.id, other, bob.id, Permission::Edit).await;
        let cats = fixture.share(ann.id, shared, cat.id, Permission::Edit).await;
        let open = async |sender, folder, name: &str, size| {
            fixture.open(&fixture.grant(sender, folder, Action::AddTo).await, name, size).await
        };
        let of_bob = [open(bob.id, shared, "a", Some(5)).await, open(bob.id, inside, "b", Some(7)).await];
        let streaming = open(bob.id, inside, "c", None).await;
        let elsewhere = open(bob.id, other, "d", Some(11)).await;
        let home = open(bob.id, bob.root, "e", Some(13)).await;
        let others = [open(ann.id, inside, "f", Some(17)).await, open(cat.id, inside, "g", Some(19)).await];
        if lowered {
            fixture.change_share(ann.id, shared, share, Permission::View).await;
        } else {
            fixture.revoke(ann.id, share).await;
        }
        assert_eq!(states(fixture, [&of_bob[0], &of_bob[1], &streaming]).await, [ABORTED; 3]);
        assert_eq!(states(fixture, [&elsewhere, &home, &others[0], &others[1]]).await, [OPEN; 4]);
        assert_eq!((fixture.quota(ann.id).await.reserved, fixture.quota(bob.id).await.reserved), (47, 13));
        let marked_for_deletion = fixture.marked_for_deletion(fixture.now()).await;
        for upload in [&of_bob[0], &of_bob[1], &streaming] {
            assert!(marked_for_deletion.contains(&upload.blob));
        }
        assert!(!marked_for_deletion.contains(&elsewhere.blob));
        // Clean up for the next round.
        for upload in [&elsewhere, &home, &others[0], &others[1]] {
            fixture.abort(upload).await.unwrap();
        }
        for share in [kept, cats] {
            fixture.revoke(ann.id, share).await;
        }
    }
}

pub(super) async fn uploads_continue_if_another_share_still_gives_access(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let shared = fixture.folder(ann.id, ann.root, "shared").await;
    let inside = fixture.folder(ann.id, shared, "inside").await;
    let outer = fixture.share(ann.id, shared, bob.id, Permission::Edit).await;
    fixture.share(ann.id, inside, bob.id, Permission::Edit).await;
    let above = fixture.open(&fixture.grant(bob.id, shared, Action::AddTo).await, "a", Some(5)).await;
    let below = fixture.open(&fixture.grant(bob.id, inside, Action::AddTo).await, "a", Some(7)).await;
    fixture.revoke(ann.id, outer).await;
    assert_eq!(states(fixture, [&above, &below]).await, [ABORTED, OPEN]);
    assert_eq!(fixture.quota(ann.id).await.reserved, 7);
}

pub(super) async fn uploads_of_guests_end_when_their_folder_becomes_inaccessible(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    for trashed in [true, false] {
        let shared = fixture.folder(ann.id, ann.root, &format!("shared {trashed}")).await;
        let inside = fixture.folder(ann.id, shared, "inside").await;
        let below = fixture.folder(ann.id, inside, "below").await;
        fixture.share(ann.id, shared, bob.id, Permission::Edit).await;
        let open = async |sender, folder, size| {
            fixture.open(&fixture.grant(sender, folder, Action::AddTo).await, "a", Some(size)).await
        };
        let (deep, beside) = (open(bob.id, below, 5).await, open(bob.id, shared, 7).await);
        let anns = open(ann.id, inside, 11).await;
        if trashed {
            fixture.trash(ann.id, inside).await;
        } else {
            fixture.rename(ann.id, inside, "still there").await.unwrap();
            assert_eq!(fixture.upload(&deep).await.state, OPEN);
            fixture.move_into(ann.id, inside, ann.root).await.unwrap();
        }
        assert_eq!(states(fixture, [&deep, &beside, &anns]).await, [ABORTED, OPEN, OPEN]);
        assert_eq!(fixture.quota(ann.id).await.reserved, 18);
        for upload in [&beside, &anns] {
            fixture.abort(upload).await.unwrap();
        }
    }
}

pub(super) async fn an_owner_may_abort_uploads_of_guests(fixture: &Fixture<'_>) {
    let (ann, bob, cat) = (fixture.user().await, fixture.user().await, fixture.user().await);
    let shared = fixture.folder(ann.id, ann.root, "shared").await;
    for guest in [bob.id, cat.id] {
        fixture.share(ann.id, shared, guest, Permission::Edit).await;
    }
    let folder = fixture.grant(bob.id, shared, Action::AddTo).await;
    let upload = fixture.open(&folder, "a", Some(5)).await;
    let find = async |user| fixture.store.uploads().find_abortable(upload.id, user).await.unwrap();
    assert_eq!(
        [find(ann.id).await, find(bob.id).await, find(cat.id).await],
        [Some(upload.clone()), Some(upload.clone()), None]
    );
    assert_eq!(fixture.store.uploads().find_abortable(fixture.id(), ann.id).await.unwrap(), None);
    fixture.store.uploads().abort(&fixture.command(ann.id), upload.id).await.unwrap();
    assert_eq!(fixture.quota(ann.id).await.reserved, 0);
    // Only the sender sees an upload that is over.
    let over = Upload { state: ABORTED, ..upload.clone() };
    assert_eq!([find(ann.id).await, find(bob.id).await], [None, Some(over)]);
}
