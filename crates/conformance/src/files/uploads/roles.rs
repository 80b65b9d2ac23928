#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use clouddrive_domain::Error;
use clouddrive_domain::error::{Conflict, Forbidden};
use clouddrive_domain::model::{Action, ConflictPolicy, Permission, Upload, UploadState};

use crate::world::{LIFETIME, World, assert_refused};

pub(super) async fn a_revoked_share_ends_grants(world: &World<'_>) {
    let (ann, bob) = (world.member().await, world.member().await);
    let shared = world.folder(ann.id, ann.root, "shared").await;
    let file = world.file(ann.id, shared, "file", 1).await;
    let share = world.share(ann.id, shared, bob.id, Permission::Edit).await;
    let folder = world.grant(bob.id, shared, Action::AddTo).await;
    let (new, replacing) = (world.open(&folder, "new", Some(5)).await, world.open(&folder, "file", Some(5)).await);
    let before = world.located(file, ann.id).await;
    world.revoke(ann.id, share).await;
    let opening = world.opening(&folder, "other", Some(5));
    assert_refused!(world.begin(&folder, &opening).await, Error::NotFound);
    assert_eq!(world.store.uploads.find(opening.upload.id, bob.id).await.unwrap(), None);
    let commit = world.completing(&new, ConflictPolicy::Fail);
    assert_refused!(world.commit(&folder, &commit).await, Error::NotFound);
    assert_eq!(world.store.drive.find(commit.file, ann.id.into()).await.unwrap(), None);
    let refused = world.commit(&folder, &world.completing(&replacing, ConflictPolicy::Replace)).await;
    assert_refused!(refused, Error::NotFound);
    let later = new.expires_at.plus(LIFETIME);
    let refused = world.store.uploads.extend(&world.command(bob.id), &folder, new.id, later).await;
    assert_refused!(refused, Error::NotFound);
    assert_eq!(world.located(file, ann.id).await, before);
}

pub(super) async fn a_lowered_share_ends_grants(world: &World<'_>) {
    let (ann, bob) = (world.member().await, world.member().await);
    let shared = world.folder(ann.id, ann.root, "shared").await;
    let share = world.share(ann.id, shared, bob.id, Permission::Edit).await;
    let folder = world.grant(bob.id, shared, Action::AddTo).await;
    let upload = world.open(&folder, "a", Some(5)).await;
    world.allow(ann.id, shared, share, Permission::View).await;
    let opening = world.opening(&folder, "b", Some(5));
    assert_refused!(world.begin(&folder, &opening).await, Error::Forbidden(Forbidden::Permission));
    let commit = world.completing(&upload, ConflictPolicy::Fail);
    assert_refused!(world.commit(&folder, &commit).await, Error::Forbidden(Forbidden::Permission));
    // The grant is valid again once the share allows it, but ended uploads stay closed.
    world.allow(ann.id, shared, share, Permission::Edit).await;
    world.begin(&folder, &opening).await.unwrap();
    assert_refused!(world.commit(&folder, &commit).await, Error::Conflict(Conflict::UploadClosed));
}

pub(super) async fn what_left_the_shared_folder_is_out_of_reach(world: &World<'_>) {
    let (ann, bob) = (world.member().await, world.member().await);
    let shared = world.folder(ann.id, ann.root, "shared").await;
    let inside = world.folder(ann.id, shared, "inside").await;
    world.share(ann.id, shared, bob.id, Permission::Edit).await;
    let folder = world.grant(bob.id, inside, Action::AddTo).await;
    let upload = world.open(&folder, "a", Some(5)).await;
    world.move_into(ann.id, inside, ann.root).await.unwrap();
    let opening = world.opening(&folder, "b", Some(5));
    assert_refused!(world.begin(&folder, &opening).await, Error::NotFound);
    let refused = world.commit(&folder, &world.completing(&upload, ConflictPolicy::Fail)).await;
    assert_refused!(refused, Error::NotFound);
}

/// The current states of the uploads.
async fn states<const N: usize>(world: &World<'_>, uploads: [&Upload; N]) -> [UploadState; N] {
    let mut states = [UploadState::Open; N];
    for (state, upload) in states.iter_mut().zip(uploads) {
        *state = world.upload(upload).await.state;
    }
    states
}

const OPEN: UploadState = UploadState::Open;
const ABORTED: UploadState = UploadState::Aborted;

pub(super) async fn with_a_share_end_the_uploads_under_it(world: &World<'_>) {
    let (ann, bob, cat) = (world.member().await, world.member().await, world.member().await);
    let shared = world.folder(ann.id, ann.root, "shared").await;
    let inside = world.folder(ann.id, shared, "inside").await;
    let other = world.folder(ann.id, ann.root, "other").await;
    for lowered in [false, true] {
        let share = world.share(ann.id, shared, bob.id, Permission::Edit).await;
        let kept = world.share(ann.id, other, bob.id, Permission::Edit).await;
        let cats = world.share(ann.id, shared, cat.id, Permission::Edit).await;
        let open = async |sender, folder, name: &str, size| {
            world.open(&world.grant(sender, folder, Action::AddTo).await, name, size).await
        };
        let of_bob = [open(bob.id, shared, "a", Some(5)).await, open(bob.id, inside, "b", Some(7)).await];
        let streaming = open(bob.id, inside, "c", None).await;
        let elsewhere = open(bob.id, other, "d", Some(11)).await;
        let home = open(bob.id, bob.root, "e", Some(13)).await;
        let others = [open(ann.id, inside, "f", Some(17)).await, open(cat.id, inside, "g", Some(19)).await];
        if lowered {
            world.allow(ann.id, shared, share, Permission::View).await;
        } else {
            world.revoke(ann.id, share).await;
        }
        assert_eq!(states(world, [&of_bob[0], &of_bob[1], &streaming]).await, [ABORTED; 3]);
        assert_eq!(states(world, [&elsewhere, &home, &others[0], &others[1]]).await, [OPEN; 4]);
        assert_eq!((world.quota(ann.id).await.reserved, world.quota(bob.id).await.reserved), (47, 13));
        let condemned = world.condemned(world.now()).await;
        for upload in [&of_bob[0], &of_bob[1], &streaming] {
            assert!(condemned.contains(&upload.blob));
        }
        assert!(!condemned.contains(&elsewhere.blob));
        // Clean up for the next round.
        for upload in [&elsewhere, &home, &others[0], &others[1]] {
            world.store.uploads.abort(&world.command(upload.sender), upload.id).await.unwrap();
        }
        for share in [kept, cats] {
            world.revoke(ann.id, share).await;
        }
    }
}

pub(super) async fn a_right_that_comes_from_elsewhere_too_keeps_the_uploads(world: &World<'_>) {
    let (ann, bob) = (world.member().await, world.member().await);
    let shared = world.folder(ann.id, ann.root, "shared").await;
    let inside = world.folder(ann.id, shared, "inside").await;
    let outer = world.share(ann.id, shared, bob.id, Permission::Edit).await;
    world.share(ann.id, inside, bob.id, Permission::Edit).await;
    let above = world.open(&world.grant(bob.id, shared, Action::AddTo).await, "a", Some(5)).await;
    let below = world.open(&world.grant(bob.id, inside, Action::AddTo).await, "a", Some(7)).await;
    world.revoke(ann.id, outer).await;
    assert_eq!(states(world, [&above, &below]).await, [ABORTED, OPEN]);
    assert_eq!(world.quota(ann.id).await.reserved, 7);
}

pub(super) async fn uploads_of_guests_end_when_their_folder_goes_out_of_reach(world: &World<'_>) {
    let (ann, bob) = (world.member().await, world.member().await);
    for trashed in [true, false] {
        let shared = world.folder(ann.id, ann.root, &format!("shared {trashed}")).await;
        let inside = world.folder(ann.id, shared, "inside").await;
        let below = world.folder(ann.id, inside, "below").await;
        world.share(ann.id, shared, bob.id, Permission::Edit).await;
        let open = async |sender, folder, size| {
            world.open(&world.grant(sender, folder, Action::AddTo).await, "a", Some(size)).await
        };
        let (deep, beside) = (open(bob.id, below, 5).await, open(bob.id, shared, 7).await);
        let anns = open(ann.id, inside, 11).await;
        if trashed {
            world.trash(ann.id, inside).await;
        } else {
            world.rename(ann.id, inside, "still there").await.unwrap();
            assert_eq!(world.upload(&deep).await.state, OPEN);
            world.move_into(ann.id, inside, ann.root).await.unwrap();
        }
        assert_eq!(states(world, [&deep, &beside, &anns]).await, [ABORTED, OPEN, OPEN]);
        assert_eq!(world.quota(ann.id).await.reserved, 18);
        for upload in [&beside, &anns] {
            world.store.uploads.abort(&world.command(upload.sender), upload.id).await.unwrap();
        }
    }
}

pub(super) async fn an_owner_may_abort_what_others_bring(world: &World<'_>) {
    let (ann, bob, cat) = (world.member().await, world.member().await, world.member().await);
    let shared = world.folder(ann.id, ann.root, "shared").await;
    for guest in [bob.id, cat.id] {
        world.share(ann.id, shared, guest, Permission::Edit).await;
    }
    let folder = world.grant(bob.id, shared, Action::AddTo).await;
    let upload = world.open(&folder, "a", Some(5)).await;
    let find = async |user| world.store.uploads.find_abortable(upload.id, user).await.unwrap();
    assert_eq!(
        [find(ann.id).await, find(bob.id).await, find(cat.id).await],
        [Some(upload.clone()), Some(upload.clone()), None]
    );
    assert_eq!(world.store.uploads.find_abortable(world.id(), ann.id).await.unwrap(), None);
    world.store.uploads.abort(&world.command(ann.id), upload.id).await.unwrap();
    assert_eq!(world.quota(ann.id).await.reserved, 0);
    // Only the sender sees an upload that is over.
    let over = Upload { state: ABORTED, ..upload.clone() };
    assert_eq!([find(ann.id).await, find(bob.id).await], [None, Some(over)]);
}
