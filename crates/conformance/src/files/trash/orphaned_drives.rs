#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use clouddrive_domain::model::{Action, ConflictPolicy, UploadId, UserId};
use clouddrive_domain::port::{CleanupProgress, Purge};

use super::Fixture;
use crate::fixture::ALL;

/// Clears all drives without owners and returns their number.
async fn clear(fixture: &Fixture<'_>, max: u32) -> u32 {
    let mut gone = 0;
    loop {
        let command = fixture.command_at(None, fixture.now());
        let progress = fixture.store.trash().delete_orphaned_drives(&command, None, max).await.unwrap();
        // The drive waits until the bytes of the uploads that this ended are deleted.
        let ended = fixture.store.uploads().list_aborted(command.at, None, ALL).await.unwrap();
        let ended: Vec<UploadId> = ended.into_iter().map(|upload| upload.id).collect();
        fixture.store.uploads().note_discarded(command.at, &ended).await.unwrap();
        gone += u32::from(progress == CleanupProgress::Drive);
        let step =
            fixture.store.trash().purge(&fixture.command_at(None, fixture.now()), Purge::Any, max).await.unwrap();
        if progress == CleanupProgress::Nothing && step.is_idle() {
            return gone;
        }
    }
}

pub(super) async fn a_drive_without_an_owner_goes_with_all_that_it_holds(
    fixture: &Fixture<'_>,
    remove: &impl AsyncFn(UserId),
) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let top = fixture.folder(ann.id, ann.root, "top").await;
    let file = fixture.file(ann.id, top, "a", 5).await;
    let mut blobs = vec![fixture.blob_of(file, ann.id).await];
    fixture.replace(ann.id, top, "a", 7).await;
    blobs.push(fixture.blob_of(file, ann.id).await);
    let binned = fixture.file(ann.id, top, "b", 5).await;
    blobs.push(fixture.blob_of(binned, ann.id).await);
    fixture.trash(ann.id, binned).await;
    let root = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    let open = fixture.open(&root, "open", Some(3)).await;
    blobs.push(open.blob.clone());
    let ended = fixture.open(&root, "complete", Some(3)).await;
    fixture.commit(&root, &fixture.completing(&ended, ConflictPolicy::Fail)).await.unwrap();
    blobs.push(ended.blob.clone());
    let kept = fixture.file(bob.id, bob.root, "kept", 1).await;

    remove(ann.id).await;
    assert_eq!(fixture.store.drive().find(file, bob.id.into()).await.unwrap(), None);
    assert_eq!(clear(fixture, ALL).await, 1);
    for node in [ann.root, top, file, binned] {
        assert_eq!(fixture.store.drive().find(node, ann.id.into()).await.unwrap(), None);
    }
    for upload in [open.id, ended.id] {
        assert_eq!(fixture.store.uploads().find(upload, ann.id).await.unwrap(), None);
    }
    let marked_for_deletion = fixture.marked_for_deletion(fixture.now()).await;
    assert!(blobs.iter().all(|blob| marked_for_deletion.contains(blob)));
    assert!(!marked_for_deletion.contains(&fixture.blob_of(kept, bob.id).await));
    assert_eq!(clear(fixture, ALL).await, 0);
}

pub(super) async fn a_drive_is_removed_in_steps_of_any_size(fixture: &Fixture<'_>, remove: &impl AsyncFn(UserId)) {
    for max in [1, 3] {
        let members = [fixture.user().await, fixture.user().await];
        for ann in &members {
            let root = fixture.grant(ann.id, ann.root, Action::AddTo).await;
            for number in 0..4 {
                let folder = fixture.folder(ann.id, ann.root, &format!("{number}")).await;
                let binned = fixture.file(ann.id, folder, "binned", 1).await;
                fixture.trash(ann.id, binned).await;
                fixture.open(&root, "open", Some(1)).await;
            }
            remove(ann.id).await;
        }
        assert_eq!(clear(fixture, max).await, 2, "in steps of {max}");
    }
}
