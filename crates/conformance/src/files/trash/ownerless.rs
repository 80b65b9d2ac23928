#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use clouddrive_domain::model::{Action, ConflictPolicy, UserId};
use clouddrive_domain::port::{Clearance, Purge};

use crate::world::{ALL, World};

/// Clears all drives without owners and returns their number.
async fn clear(world: &World<'_>, most: u32) -> u32 {
    let mut gone = 0;
    loop {
        let clearance =
            world.store.trash.clear_ownerless(&world.command_at(None, world.now()), None, most).await.unwrap();
        gone += u32::from(clearance == Clearance::Drive);
        let step = world.store.trash.purge(&world.command_at(None, world.now()), Purge::Any, most).await.unwrap();
        if clearance == Clearance::Nothing && step.is_idle() {
            return gone;
        }
    }
}

pub(super) async fn a_drive_without_an_owner_goes_with_all_that_it_holds(
    world: &World<'_>,
    remove: &impl AsyncFn(UserId),
) {
    let (ann, bob) = (world.member().await, world.member().await);
    let top = world.folder(ann.id, ann.root, "top").await;
    let file = world.file(ann.id, top, "a", 5).await;
    let mut blobs = vec![world.blob_of(file, ann.id).await];
    world.replace(ann.id, top, "a", 7).await;
    blobs.push(world.blob_of(file, ann.id).await);
    let binned = world.file(ann.id, top, "b", 5).await;
    blobs.push(world.blob_of(binned, ann.id).await);
    world.trash(ann.id, binned).await;
    let root = world.grant(ann.id, ann.root, Action::AddTo).await;
    let open = world.open(&root, "open", Some(3)).await;
    blobs.push(open.blob.clone());
    let ended = world.open(&root, "complete", Some(3)).await;
    world.commit(&root, &world.completing(&ended, ConflictPolicy::Fail)).await.unwrap();
    blobs.push(ended.blob.clone());
    let kept = world.file(bob.id, bob.root, "kept", 1).await;

    remove(ann.id).await;
    assert_eq!(world.store.drive.find(file, bob.id.into()).await.unwrap(), None);
    assert_eq!(clear(world, ALL).await, 1);
    for node in [ann.root, top, file, binned] {
        assert_eq!(world.store.drive.find(node, ann.id.into()).await.unwrap(), None);
    }
    for upload in [open.id, ended.id] {
        assert_eq!(world.store.uploads.find(upload, ann.id).await.unwrap(), None);
    }
    let condemned = world.condemned(world.now()).await;
    assert!(blobs.iter().all(|blob| condemned.contains(blob)));
    assert!(!condemned.contains(&world.blob_of(kept, bob.id).await));
    assert_eq!(clear(world, ALL).await, 0);
}

pub(super) async fn it_goes_in_steps_of_any_size(world: &World<'_>, remove: &impl AsyncFn(UserId)) {
    for most in [1, 3] {
        let members = [world.member().await, world.member().await];
        for ann in &members {
            let root = world.grant(ann.id, ann.root, Action::AddTo).await;
            for number in 0..4 {
                let folder = world.folder(ann.id, ann.root, &format!("{number}")).await;
                let binned = world.file(ann.id, folder, "binned", 1).await;
                world.trash(ann.id, binned).await;
                world.open(&root, "open", Some(1)).await;
            }
            remove(ann.id).await;
        }
        assert_eq!(clear(world, most).await, 2, "in steps of {most}");
    }
}
