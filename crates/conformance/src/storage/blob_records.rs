//! Conformance suite for [`BlobRecordRepository`](clouddrive_domain::port::BlobRecordRepository).

#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use std::collections::HashSet;
use std::time::Duration;

use clouddrive_domain::Error;
use clouddrive_domain::model::{Action, BlobKey, ConflictPolicy, DriveId, EntityTag, Quota, StoreName, Timestamp};
use clouddrive_domain::port::NewContent;
use futures_util::future::join;

use crate::case::persistence_suite;
use crate::fixture::{ALL, QUOTA, STORE, TestUser, assert_refused};

const MILLISECOND: Duration = Duration::from_millis(1);

persistence_suite! {
    $ blob_records uses BlobRecordRepository, NodeRepository, UploadRepository, UserRepository, VersionRepository;

    self of "`BlobRecordRepository::mark_for_deletion`: that have been unreferenced since `before` or longer" {
        unreferenced_blobs_are_marked_after_the_grace_period,
        referenced_blobs_are_not_marked,
        blobs_are_marked_after_their_last_reference,
    }

    self of "`BlobRecordRepository::mark_for_deletion`: together with those marked for deletion earlier and not yet removed" {
        marked_blobs_are_returned_until_removed,
    }

    self of "`BlobRecordRepository::mark_for_deletion`: Marks for deletion up to `max` blobs of `store`" {
        blobs_are_marked_for_deletion_in_batches,
        blobs_of_another_store_are_left_alone,
    }

    self of "`BlobRecordRepository::mark_for_deletion`: come after those marked for deletion since" {
        undeletable_blobs_do_not_hold_up_others,
    }

    self of "`BlobRecordRepository::is_referred_to`: Whether an open upload, a version or a photo refers to the blob." {
        uploads_versions_and_photos_refer_to_blobs,
    }

    self of "`BlobRecordRepository::recorded_at`: When the blob was recorded, if it was." {
        it_is_known_when_a_blob_was_recorded,
    }

    self of "`BlobRecordRepository::record_tag`: It never changes, since the bytes do not." {
        a_tag_is_noted_once,
    }

    self of "`BlobRecordRepository::remove`: Other records in `keys` MUST stay." {
        only_blobs_marked_for_deletion_are_removed,
    }

    self of "`BlobRecordRepository::remove`: Removes the records of blobs of `store` that are marked for deletion, whose bytes are deleted" {
        forgetting_may_be_repeated,
    }

    self of "`BlobRecordRepository::mark_for_deletion`: a blob marked for deletion must never be referred to again" {
        a_blob_is_either_marked_for_deletion_or_referred_to,
    }

    self of "`SavedNode`: They are marked for deletion, and count against the" {
        a_former_content_does_not_wait,
    }

    self of "`BlobRecordRepository::hold`: Charges `bytes` to the drive, however full it is" {
        bytes_that_could_not_be_deleted_stay_reserved_until_they_are,
    }

    self of "`BlobRecordRepository::hold`: is referred to, or is already charged to a drive MUST be left unchanged" {
        referenced_or_missing_blobs_reserve_nothing,
    }

    self of "`BlobRecordRepository::hold`: that ended without becoming a file and has no" {
        what_no_job_is_left_to_delete_reserves_nothing,
    }
}

async fn record(fixture: &Fixture<'_>, at: Timestamp) -> BlobKey {
    let key = fixture.key();
    fixture.store.records().record(&key, &STORE, at).await.unwrap();
    key
}

/// Removes what earlier cases left, so that batches have only this case's blobs.
async fn drain(fixture: &Fixture<'_>) {
    let left: Vec<BlobKey> = fixture.marked_for_deletion(fixture.now()).await.into_iter().collect();
    for some in left.chunks(500) {
        fixture.store.records().remove(&STORE, some).await.unwrap();
    }
}

async fn it_is_known_when_a_blob_was_recorded(fixture: &Fixture<'_>) {
    let at = fixture.now();
    let key = record(fixture, at).await;
    assert_eq!(fixture.store.records().recorded_at(&key).await.unwrap(), Some(at));
    assert_eq!(fixture.store.records().recorded_at(&fixture.key()).await.unwrap(), None);
}

async fn a_tag_is_noted_once(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let file = fixture.file(ann.id, ann.root, "a", 5).await;
    let tag = async || fixture.located(file, ann.id).await.node.content().unwrap().store_tag.clone();
    let blob = fixture.blob_of(file, ann.id).await;
    assert_eq!(tag().await, None);
    let (first, second) = (EntityTag::parse("d41d8-2").ok(), EntityTag::parse("other").ok());
    for noted in [&first, &first, &second] {
        fixture.store.records().record_tag(&blob, noted.as_ref().unwrap()).await.unwrap();
        assert_eq!(tag().await, first);
    }
    // Noting the tag of a missing blob is a no-op.
    fixture.store.records().record_tag(&fixture.key(), &second.unwrap()).await.unwrap();
}

async fn unreferenced_blobs_are_marked_after_the_grace_period(fixture: &Fixture<'_>) {
    let (first, second) = (fixture.now(), fixture.now());
    let (early, late) = (record(fixture, first).await, record(fixture, second).await);
    let marked_for_deletion = fixture.marked_for_deletion(first.minus(MILLISECOND)).await;
    assert!(!marked_for_deletion.contains(&early) && !marked_for_deletion.contains(&late));
    let marked_for_deletion = fixture.marked_for_deletion(first).await;
    assert!(marked_for_deletion.contains(&early) && !marked_for_deletion.contains(&late));
    let marked_for_deletion = fixture.marked_for_deletion(second.minus(MILLISECOND)).await;
    assert!(!marked_for_deletion.contains(&late));
    assert!(fixture.marked_for_deletion(second.plus(MILLISECOND)).await.contains(&late));
}

async fn referenced_blobs_are_not_marked(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let root = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    let (open, file) = (fixture.open(&root, "a", Some(1)).await, fixture.open(&root, "b", Some(1)).await);
    fixture.commit(&root, &fixture.completing(&file, ConflictPolicy::Fail)).await.unwrap();
    let photo = fixture.record().await;
    fixture.set_photo(ann.id, Some(&photo)).await.unwrap();
    let marked_for_deletion = fixture.marked_for_deletion(fixture.now()).await;
    for key in [open.blob, file.blob, photo] {
        assert!(!marked_for_deletion.contains(&key));
    }
}

async fn blobs_are_marked_after_their_last_reference(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let photo = fixture.record().await;
    fixture.set_photo(ann.id, Some(&photo)).await.unwrap();
    fixture.set_photo(bob.id, Some(&photo)).await.unwrap();
    fixture.set_photo(ann.id, None).await.unwrap();
    assert!(!fixture.marked_for_deletion(fixture.now()).await.contains(&photo));
    let removal = fixture.command(bob.id);
    fixture.store.users().set_photo(&removal, bob.id, None).await.unwrap();
    assert!(!fixture.marked_for_deletion(removal.at.minus(MILLISECOND)).await.contains(&photo));
    // It was unreferenced for a while and is now referenced again.
    fixture.set_photo(ann.id, Some(&photo)).await.unwrap();
    assert!(!fixture.marked_for_deletion(fixture.now()).await.contains(&photo));
    let removal = fixture.command(ann.id);
    fixture.store.users().set_photo(&removal, ann.id, None).await.unwrap();
    assert!(!fixture.marked_for_deletion(removal.at.minus(MILLISECOND)).await.contains(&photo));
    assert!(fixture.marked_for_deletion(removal.at).await.contains(&photo));
}

async fn marked_blobs_are_returned_until_removed(fixture: &Fixture<'_>) {
    drain(fixture).await;
    let at = fixture.now();
    let key = record(fixture, at).await;
    assert!(fixture.marked_for_deletion(at).await.contains(&key));
    assert!(fixture.marked_for_deletion(at).await.contains(&key));
    // Even if the clock has gone back, and if another blob has waited longer.
    let other = record(fixture, at.minus(MILLISECOND)).await;
    assert!(fixture.marked_for_deletion(at.minus(MILLISECOND)).await.contains(&key));
    let batch = fixture.store.records().mark_for_deletion(&STORE, at, fixture.now(), 1).await.unwrap();
    assert!(batch.contains(&key) || batch.contains(&other));
    fixture.store.records().remove(&STORE, std::slice::from_ref(&key)).await.unwrap();
    assert!(!fixture.marked_for_deletion(fixture.now()).await.contains(&key));
    assert!(fixture.marked_for_deletion(fixture.now()).await.contains(&other));
}

async fn blobs_are_marked_for_deletion_in_batches(fixture: &Fixture<'_>) {
    drain(fixture).await;
    let mut due = HashSet::new();
    for _ in 0..5 {
        due.insert(fixture.record().await);
    }
    let before = fixture.now();
    let mut counts = Vec::new();
    while !due.is_empty() {
        let batch = fixture.store.records().mark_for_deletion(&STORE, before, fixture.now(), 2).await.unwrap();
        counts.push(batch.len());
        for key in &batch {
            assert!(due.remove(key));
        }
        fixture.store.records().remove(&STORE, &batch).await.unwrap();
    }
    assert_eq!(counts, [2, 2, 1]);
    assert_eq!(fixture.store.records().mark_for_deletion(&STORE, before, fixture.now(), 2).await.unwrap(), []);
}

async fn undeletable_blobs_do_not_hold_up_others(fixture: &Fixture<'_>) {
    drain(fixture).await;
    let due = HashSet::from([fixture.record().await, fixture.record().await, fixture.record().await]);
    let before = fixture.now();
    let mut marked_for_deletion = HashSet::new();
    for _ in 0..3 {
        marked_for_deletion
            .extend(fixture.store.records().mark_for_deletion(&STORE, before, fixture.now(), 1).await.unwrap());
    }
    assert_eq!(marked_for_deletion, due);
    // Nor do they, which are tried once more, hold up what is marked for deletion with its last version.
    let ann = fixture.user().await;
    let disposed = HashSet::from([dispose(fixture, &ann, "a").await, dispose(fixture, &ann, "b").await]);
    let mut marked_for_deletion = HashSet::new();
    for max in [3, 2] {
        marked_for_deletion
            .extend(fixture.store.records().mark_for_deletion(&STORE, before, fixture.now(), max).await.unwrap());
    }
    assert_eq!(marked_for_deletion, &due | &disposed);
}

/// Makes a new file and replaces its content, which is not kept, so that its blob is marked for deletion; returns that
/// blob.
async fn dispose(fixture: &Fixture<'_>, owner: &TestUser, text: &str) -> BlobKey {
    let file = fixture.file(owner.id, owner.root, text, 1).await;
    let former = fixture.blob_of(file, owner.id).await;
    let new = NewContent { max_versions: 1, ..fixture.new_content(2).await };
    let grant = fixture.grant(owner.id, file, Action::Replace).await;
    fixture.store.versions().append(&fixture.command(owner.id), &grant, &new).await.unwrap();
    former
}

async fn uploads_versions_and_photos_refer_to_blobs(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let root = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    let referred = async |key: &BlobKey| fixture.store.records().is_referred_to(key).await.unwrap();
    let (complete, aborted) = (fixture.open(&root, "a", Some(1)).await, fixture.open(&root, "b", Some(1)).await);
    assert!(referred(&complete.blob).await && referred(&aborted.blob).await);
    fixture.commit(&root, &fixture.completing(&complete, ConflictPolicy::Fail)).await.unwrap();
    fixture.store.uploads().abort(&fixture.command(ann.id), aborted.id).await.unwrap();
    assert!(referred(&complete.blob).await && !referred(&aborted.blob).await);
    let photo = fixture.record().await;
    assert!(!referred(&photo).await);
    fixture.set_photo(ann.id, Some(&photo)).await.unwrap();
    assert!(referred(&photo).await);
    fixture.set_photo(ann.id, None).await.unwrap();
    assert!(!referred(&photo).await && !referred(&fixture.key()).await);
}

async fn blobs_of_another_store_are_left_alone(fixture: &Fixture<'_>) {
    let (key, other) = (fixture.key(), StoreName::parse("another-store").unwrap());
    fixture.store.records().record(&key, &other, fixture.now()).await.unwrap();
    assert!(!fixture.marked_for_deletion(fixture.now()).await.contains(&key));
    let mark_for_deletion =
        async || fixture.store.records().mark_for_deletion(&other, fixture.now(), fixture.now(), ALL).await.unwrap();
    assert_eq!(mark_for_deletion().await, std::slice::from_ref(&key));
    fixture.store.records().remove(&STORE, std::slice::from_ref(&key)).await.unwrap();
    assert_eq!(mark_for_deletion().await, std::slice::from_ref(&key), "it is not this store's");
    fixture.store.records().remove(&other, &[key]).await.unwrap();
    assert_eq!(mark_for_deletion().await, []);
}

async fn only_blobs_marked_for_deletion_are_removed(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let photo = fixture.record().await;
    fixture.set_photo(ann.id, Some(&photo)).await.unwrap();
    let recorded = fixture.record().await;
    fixture.store.records().remove(&STORE, &[photo.clone(), recorded.clone(), fixture.key()]).await.unwrap();
    // Both are still usable.
    for key in [&photo, &recorded] {
        fixture.set_photo(bob.id, Some(key)).await.unwrap();
        fixture.set_photo(bob.id, None).await.unwrap();
    }
    let marked_for_deletion = fixture.marked_for_deletion(fixture.now()).await;
    assert!(marked_for_deletion.contains(&recorded) && !marked_for_deletion.contains(&photo));
}

async fn forgetting_may_be_repeated(fixture: &Fixture<'_>) {
    let key = fixture.record().await;
    assert!(fixture.marked_for_deletion(fixture.now()).await.contains(&key));
    for keys in [&[][..], std::slice::from_ref(&key), std::slice::from_ref(&key), &[key.clone(), key.clone()]] {
        fixture.store.records().remove(&STORE, keys).await.unwrap();
    }
    assert!(!fixture.marked_for_deletion(fixture.now()).await.contains(&key));
}

async fn a_blob_is_either_marked_for_deletion_or_referred_to(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    for round in 0..10 {
        let key = fixture.record().await;
        let before = fixture.now();
        let marking = fixture.store.records().mark_for_deletion(&STORE, before, fixture.now(), ALL);
        let (marked_for_deletion, set) = if round % 2 == 0 {
            join(marking, fixture.set_photo(ann.id, Some(&key))).await
        } else {
            let (set, marked_for_deletion) = join(fixture.set_photo(ann.id, Some(&key)), marking).await;
            (marked_for_deletion, set)
        };
        assert_eq!(marked_for_deletion.unwrap().contains(&key), set.is_err());
        if set.is_ok() {
            assert_eq!(fixture.photo(ann.id).await.as_ref(), Some(&key));
        } else {
            assert_refused!(set, Error::Internal { .. });
            assert_ne!(fixture.photo(ann.id).await.as_ref(), Some(&key));
        }
    }
}

async fn a_former_content_does_not_wait(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let root = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    let used = dispose(fixture, &ann, "a").await;
    let aborted = fixture.open(&root, "b", Some(1)).await;
    fixture.store.uploads().abort(&fixture.command(ann.id), aborted.id).await.unwrap();
    for (before, expected) in [(Timestamp::from_millis(0), [true, false]), (fixture.now(), [true, true])] {
        let marked_for_deletion = fixture.marked_for_deletion(before).await;
        assert_eq!([&used, &aborted.blob].map(|key| marked_for_deletion.contains(key)), expected);
    }
}

async fn bytes_that_could_not_be_deleted_stay_reserved_until_they_are(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let root = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    let upload = fixture.open(&root, "a", Some(7)).await;
    fixture.store.uploads().abort(&fixture.command(ann.id), upload.id).await.unwrap();
    let reserved = |reserved| Quota { total: QUOTA, used: 0, reserved };
    assert_eq!(fixture.quota(ann.id).await, reserved(0));
    for _ in 0..2 {
        fixture.store.records().hold(&upload.blob, ann.drive, 7).await.unwrap();
        assert_eq!(fixture.quota(ann.id).await, reserved(7));
    }
    fixture.store.records().remove(&STORE, std::slice::from_ref(&upload.blob)).await.unwrap();
    assert_eq!(fixture.quota(ann.id).await, reserved(7), "it is not marked for deletion yet");
    assert!(fixture.marked_for_deletion(fixture.now()).await.contains(&upload.blob));
    for _ in 0..2 {
        fixture.store.records().remove(&STORE, std::slice::from_ref(&upload.blob)).await.unwrap();
        assert_eq!(fixture.quota(ann.id).await, reserved(0));
    }
}

async fn referenced_or_missing_blobs_reserve_nothing(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let root = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    let open = fixture.open(&root, "a", Some(7)).await;
    let file = fixture.file(ann.id, ann.root, "b", 1).await;
    let before = fixture.quota(ann.id).await;
    for key in [&open.blob, &fixture.blob_of(file, ann.id).await, &fixture.key()] {
        fixture.store.records().hold(key, ann.drive, 7).await.unwrap();
    }
    let gone: DriveId = fixture.id();
    fixture.store.records().hold(&fixture.record().await, gone, 7).await.unwrap();
    assert_eq!(fixture.quota(ann.id).await, before);
}

/// The caller has found out that it cannot delete the bytes, but others have done so or will before it says that.
async fn what_no_job_is_left_to_delete_reserves_nothing(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let root = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    let (discarded, marked) = (fixture.open(&root, "a", Some(7)).await, fixture.open(&root, "b", Some(7)).await);
    let (store, reserved) = (fixture.store, async || fixture.quota(ann.id).await.reserved);
    for upload in [&discarded, &marked] {
        store.uploads().abort(&fixture.command(ann.id), upload.id).await.unwrap();
    }
    store.records().hold(&discarded.blob, ann.drive, 7).await.unwrap();
    assert_eq!(reserved().await, 7);
    store.uploads().note_discarded(fixture.now(), &[discarded.id]).await.unwrap();
    assert!(fixture.marked_for_deletion(fixture.now()).await.contains(&marked.blob));
    for upload in [&discarded, &marked] {
        store.records().hold(&upload.blob, ann.drive, 7).await.unwrap();
        assert_eq!(reserved().await, 0);
    }
}
