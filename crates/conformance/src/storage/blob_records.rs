//! Conformance suite for [`BlobRecords`](clouddrive_domain::port::BlobRecords).

#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use std::collections::HashSet;
use std::time::Duration;

use clouddrive_domain::Error;
use clouddrive_domain::model::{Action, BlobKey, ConflictPolicy, DriveId, EntityTag, Quota, StoreName, Timestamp};
use clouddrive_domain::port::NewContent;
use futures_util::future::join;

use crate::Persistence;
use crate::world::{ALL, Member, QUOTA, STORE, World, assert_refused, run};

const MILLISECOND: Duration = Duration::from_millis(1);

/// Runs every case.
///
/// # Panics
/// If the store breaks the contract.
pub async fn suite(store: &Persistence) {
    run!(store;
        what_nothing_refers_to_is_condemned_after_its_time,
        what_something_refers_to_is_not_condemned,
        what_was_referred_to_is_condemned_after_its_last_reference,
        what_is_condemned_comes_again_until_it_is_forgotten,
        blobs_are_condemned_in_batches,
        what_is_not_forgotten_does_not_hold_up_the_rest,
        uploads_versions_and_photos_refer_to_blobs,
        it_is_known_when_a_blob_was_recorded,
        a_tag_is_noted_once,
        blobs_of_another_store_are_left_alone,
        only_condemned_blobs_are_forgotten,
        forgetting_may_be_repeated,
        a_blob_is_either_condemned_or_referred_to,
        a_former_content_does_not_wait,
        bytes_that_could_not_be_deleted_stay_reserved_until_they_are,
        what_is_referred_to_or_gone_reserves_nothing,
    );
}

async fn record(world: &World<'_>, at: Timestamp) -> BlobKey {
    let key = world.key();
    world.store.records.record(&key, &STORE, at).await.unwrap();
    key
}

/// Removes what earlier cases left, so that batches have only this case's blobs.
async fn drain(world: &World<'_>) {
    let left: Vec<BlobKey> = world.condemned(world.now()).await.into_iter().collect();
    for some in left.chunks(500) {
        world.store.records.forget(&STORE, some).await.unwrap();
    }
}

async fn it_is_known_when_a_blob_was_recorded(world: &World<'_>) {
    let at = world.now();
    let key = record(world, at).await;
    assert_eq!(world.store.records.recorded_at(&key).await.unwrap(), Some(at));
    assert_eq!(world.store.records.recorded_at(&world.key()).await.unwrap(), None);
}

async fn a_tag_is_noted_once(world: &World<'_>) {
    let ann = world.member().await;
    let file = world.file(ann.id, ann.root, "a", 5).await;
    let tag = async || world.located(file, ann.id).await.node.content().unwrap().store_tag.clone();
    let blob = world.located(file, ann.id).await.node.content().unwrap().blob.clone();
    assert_eq!(tag().await, None);
    let (first, second) = (EntityTag::parse("d41d8-2"), EntityTag::parse("other"));
    for noted in [&first, &first, &second] {
        world.store.records.note_tag(&blob, noted.as_ref().unwrap()).await.unwrap();
        assert_eq!(tag().await, first);
    }
    // Noting the tag of a missing blob is a no-op.
    world.store.records.note_tag(&world.key(), &second.unwrap()).await.unwrap();
}

async fn what_nothing_refers_to_is_condemned_after_its_time(world: &World<'_>) {
    let (first, second) = (world.now(), world.now());
    let (early, late) = (record(world, first).await, record(world, second).await);
    let condemned = world.condemned(first.minus(MILLISECOND)).await;
    assert!(!condemned.contains(&early) && !condemned.contains(&late));
    let condemned = world.condemned(first).await;
    assert!(condemned.contains(&early) && !condemned.contains(&late));
    let condemned = world.condemned(second.minus(MILLISECOND)).await;
    assert!(!condemned.contains(&late));
    assert!(world.condemned(second.plus(MILLISECOND)).await.contains(&late));
}

async fn what_something_refers_to_is_not_condemned(world: &World<'_>) {
    let ann = world.member().await;
    let root = world.grant(ann.id, ann.root, Action::AddTo).await;
    let (open, file) = (world.open(&root, "a", Some(1)).await, world.open(&root, "b", Some(1)).await);
    world.commit(&root, &world.completing(&file, ConflictPolicy::Fail)).await.unwrap();
    let photo = world.record().await;
    world.set_photo(ann.id, Some(&photo)).await.unwrap();
    let condemned = world.condemned(world.now()).await;
    for key in [open.blob, file.blob, photo] {
        assert!(!condemned.contains(&key));
    }
}

async fn what_was_referred_to_is_condemned_after_its_last_reference(world: &World<'_>) {
    let (ann, bob) = (world.member().await, world.member().await);
    let photo = world.record().await;
    world.set_photo(ann.id, Some(&photo)).await.unwrap();
    world.set_photo(bob.id, Some(&photo)).await.unwrap();
    world.set_photo(ann.id, None).await.unwrap();
    assert!(!world.condemned(world.now()).await.contains(&photo));
    let removal = world.command(bob.id);
    world.store.users.set_photo(&removal, bob.id, None).await.unwrap();
    assert!(!world.condemned(removal.at.minus(MILLISECOND)).await.contains(&photo));
    // It was unreferenced for a while and is now referenced again.
    world.set_photo(ann.id, Some(&photo)).await.unwrap();
    assert!(!world.condemned(world.now()).await.contains(&photo));
    let removal = world.command(ann.id);
    world.store.users.set_photo(&removal, ann.id, None).await.unwrap();
    assert!(!world.condemned(removal.at.minus(MILLISECOND)).await.contains(&photo));
    assert!(world.condemned(removal.at).await.contains(&photo));
}

async fn what_is_condemned_comes_again_until_it_is_forgotten(world: &World<'_>) {
    drain(world).await;
    let at = world.now();
    let key = record(world, at).await;
    assert!(world.condemned(at).await.contains(&key));
    assert!(world.condemned(at).await.contains(&key));
    // Even if the clock has gone back, and if another blob has waited longer.
    let other = record(world, at.minus(MILLISECOND)).await;
    assert!(world.condemned(at.minus(MILLISECOND)).await.contains(&key));
    let batch = world.store.records.condemn(&STORE, at, world.now(), 1).await.unwrap();
    assert!(batch.contains(&key) || batch.contains(&other));
    world.store.records.forget(&STORE, std::slice::from_ref(&key)).await.unwrap();
    assert!(!world.condemned(world.now()).await.contains(&key));
    assert!(world.condemned(world.now()).await.contains(&other));
}

async fn blobs_are_condemned_in_batches(world: &World<'_>) {
    drain(world).await;
    let mut due = HashSet::new();
    for _ in 0..5 {
        due.insert(world.record().await);
    }
    let before = world.now();
    let mut counts = Vec::new();
    while !due.is_empty() {
        let batch = world.store.records.condemn(&STORE, before, world.now(), 2).await.unwrap();
        counts.push(batch.len());
        for key in &batch {
            assert!(due.remove(key));
        }
        world.store.records.forget(&STORE, &batch).await.unwrap();
    }
    assert_eq!(counts, [2, 2, 1]);
    assert_eq!(world.store.records.condemn(&STORE, before, world.now(), 2).await.unwrap(), []);
}

async fn what_is_not_forgotten_does_not_hold_up_the_rest(world: &World<'_>) {
    drain(world).await;
    let due = HashSet::from([world.record().await, world.record().await, world.record().await]);
    let before = world.now();
    let mut condemned = HashSet::new();
    for _ in 0..3 {
        condemned.extend(world.store.records.condemn(&STORE, before, world.now(), 1).await.unwrap());
    }
    assert_eq!(condemned, due);
    // Nor do they, which are tried once more, hold up what is condemned with its last version.
    let ann = world.member().await;
    let disposed = HashSet::from([dispose(world, &ann, "a").await, dispose(world, &ann, "b").await]);
    let mut condemned = HashSet::new();
    for most in [3, 2] {
        condemned.extend(world.store.records.condemn(&STORE, before, world.now(), most).await.unwrap());
    }
    assert_eq!(condemned, &due | &disposed);
}

/// Makes a new file and replaces its content, which is not kept, so that its blob is condemned; returns that blob.
async fn dispose(world: &World<'_>, owner: &Member, text: &str) -> BlobKey {
    let file = world.file(owner.id, owner.root, text, 1).await;
    let former = world.blob_of(file, owner.id).await;
    let new = NewContent { most_versions: 1, ..world.new_content(2).await };
    let grant = world.grant(owner.id, file, Action::Replace).await;
    world.store.versions.append(&world.command(owner.id), &grant, &new).await.unwrap();
    former
}

async fn uploads_versions_and_photos_refer_to_blobs(world: &World<'_>) {
    let ann = world.member().await;
    let root = world.grant(ann.id, ann.root, Action::AddTo).await;
    let referred = async |key: &BlobKey| world.store.records.is_referred_to(key).await.unwrap();
    let (complete, aborted) = (world.open(&root, "a", Some(1)).await, world.open(&root, "b", Some(1)).await);
    assert!(referred(&complete.blob).await && referred(&aborted.blob).await);
    world.commit(&root, &world.completing(&complete, ConflictPolicy::Fail)).await.unwrap();
    world.store.uploads.abort(&world.command(ann.id), aborted.id).await.unwrap();
    assert!(referred(&complete.blob).await && !referred(&aborted.blob).await);
    let photo = world.record().await;
    assert!(!referred(&photo).await);
    world.set_photo(ann.id, Some(&photo)).await.unwrap();
    assert!(referred(&photo).await);
    world.set_photo(ann.id, None).await.unwrap();
    assert!(!referred(&photo).await && !referred(&world.key()).await);
}

async fn blobs_of_another_store_are_left_alone(world: &World<'_>) {
    let (key, other) = (world.key(), StoreName("another store"));
    world.store.records.record(&key, &other, world.now()).await.unwrap();
    assert!(!world.condemned(world.now()).await.contains(&key));
    let condemn = async || world.store.records.condemn(&other, world.now(), world.now(), ALL).await.unwrap();
    assert_eq!(condemn().await, std::slice::from_ref(&key));
    world.store.records.forget(&STORE, std::slice::from_ref(&key)).await.unwrap();
    assert_eq!(condemn().await, std::slice::from_ref(&key), "it is not this store's");
    world.store.records.forget(&other, &[key]).await.unwrap();
    assert_eq!(condemn().await, []);
}

async fn only_condemned_blobs_are_forgotten(world: &World<'_>) {
    let (ann, bob) = (world.member().await, world.member().await);
    let photo = world.record().await;
    world.set_photo(ann.id, Some(&photo)).await.unwrap();
    let recorded = world.record().await;
    world.store.records.forget(&STORE, &[photo.clone(), recorded.clone(), world.key()]).await.unwrap();
    // Both are still usable.
    for key in [&photo, &recorded] {
        world.set_photo(bob.id, Some(key)).await.unwrap();
        world.set_photo(bob.id, None).await.unwrap();
    }
    let condemned = world.condemned(world.now()).await;
    assert!(condemned.contains(&recorded) && !condemned.contains(&photo));
}

async fn forgetting_may_be_repeated(world: &World<'_>) {
    let key = world.record().await;
    assert!(world.condemned(world.now()).await.contains(&key));
    for keys in [&[][..], std::slice::from_ref(&key), std::slice::from_ref(&key), &[key.clone(), key.clone()]] {
        world.store.records.forget(&STORE, keys).await.unwrap();
    }
    assert!(!world.condemned(world.now()).await.contains(&key));
}

async fn a_blob_is_either_condemned_or_referred_to(world: &World<'_>) {
    let ann = world.member().await;
    for round in 0..10 {
        let key = world.record().await;
        let before = world.now();
        let condemning = world.store.records.condemn(&STORE, before, world.now(), ALL);
        let (condemned, set) = if round % 2 == 0 {
            join(condemning, world.set_photo(ann.id, Some(&key))).await
        } else {
            let (set, condemned) = join(world.set_photo(ann.id, Some(&key)), condemning).await;
            (condemned, set)
        };
        assert_eq!(condemned.unwrap().contains(&key), set.is_err());
        if set.is_ok() {
            assert_eq!(world.photo(ann.id).await.as_ref(), Some(&key));
        } else {
            assert_refused!(set, Error::Internal { .. });
            assert_ne!(world.photo(ann.id).await.as_ref(), Some(&key));
        }
    }
}

async fn a_former_content_does_not_wait(world: &World<'_>) {
    let ann = world.member().await;
    let root = world.grant(ann.id, ann.root, Action::AddTo).await;
    let used = dispose(world, &ann, "a").await;
    let aborted = world.open(&root, "b", Some(1)).await;
    world.store.uploads.abort(&world.command(ann.id), aborted.id).await.unwrap();
    for (before, expected) in [(Timestamp::from_millis(0), [true, false]), (world.now(), [true, true])] {
        let condemned = world.condemned(before).await;
        assert_eq!([&used, &aborted.blob].map(|key| condemned.contains(key)), expected);
    }
}

async fn bytes_that_could_not_be_deleted_stay_reserved_until_they_are(world: &World<'_>) {
    let ann = world.member().await;
    let root = world.grant(ann.id, ann.root, Action::AddTo).await;
    let upload = world.open(&root, "a", Some(7)).await;
    world.store.uploads.abort(&world.command(ann.id), upload.id).await.unwrap();
    let reserved = |reserved| Quota { total: QUOTA, used: 0, reserved };
    assert_eq!(world.quota(ann.id).await, reserved(0));
    for _ in 0..2 {
        world.store.records.hold(&upload.blob, ann.drive, 7).await.unwrap();
        assert_eq!(world.quota(ann.id).await, reserved(7));
    }
    world.store.records.forget(&STORE, std::slice::from_ref(&upload.blob)).await.unwrap();
    assert_eq!(world.quota(ann.id).await, reserved(7), "it is not condemned yet");
    assert!(world.condemned(world.now()).await.contains(&upload.blob));
    for _ in 0..2 {
        world.store.records.forget(&STORE, std::slice::from_ref(&upload.blob)).await.unwrap();
        assert_eq!(world.quota(ann.id).await, reserved(0));
    }
}

async fn what_is_referred_to_or_gone_reserves_nothing(world: &World<'_>) {
    let ann = world.member().await;
    let root = world.grant(ann.id, ann.root, Action::AddTo).await;
    let open = world.open(&root, "a", Some(7)).await;
    let file = world.file(ann.id, ann.root, "b", 1).await;
    let before = world.quota(ann.id).await;
    for key in [&open.blob, &world.blob_of(file, ann.id).await, &world.key()] {
        world.store.records.hold(key, ann.drive, 7).await.unwrap();
    }
    let gone: DriveId = world.id();
    world.store.records.hold(&world.record().await, gone, 7).await.unwrap();
    assert_eq!(world.quota(ann.id).await, before);
}
