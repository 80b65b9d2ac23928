//! What leaves no row: housekeeping, repeats and failures.

#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use clouddrive_domain::model::{Action, Bucket, ConflictPolicy, NewLimits, PasswordHash, Permission, Revision};
use clouddrive_domain::port::{NewShare, Relocation};

use super::Fixture;
use super::log::Log;
use crate::fixture::{ALL, STORE, TestUser};
use crate::identity::sessions::{opened, token_rotation};

pub(super) async fn housekeeping_leaves_no_rows(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let root = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    let upload = fixture.open(&root, "a", Some(1)).await;
    fixture.store.uploads().abort(&fixture.command(ann.id), upload.id).await.unwrap();
    let log = Log::begin(fixture).await;
    let key = fixture.record().await;
    let marked_for_deletion = fixture.marked_for_deletion(fixture.now()).await;
    assert!(marked_for_deletion.contains(&key) && marked_for_deletion.contains(&upload.blob));
    fixture.store.records().remove(&STORE, &[key, upload.blob]).await.unwrap();
    fixture.store.uploads().note_discarded(fixture.now(), &[upload.id]).await.unwrap();
    assert!(fixture.store.uploads().prune_ended(fixture.now(), ALL).await.unwrap() > 0);
    fixture.store.sessions().prune_ended(fixture.now(), ALL).await.unwrap();
    fixture.store.sessions().prune_tokens(fixture.now(), ALL).await.unwrap();
    let bucket = [Bucket::ShareLookup(ann.id)];
    fixture.store.throttle().take(&bucket, fixture.now()).await.unwrap();
    fixture.store.throttle().give_back(&bucket).await.unwrap();
    assert!(fixture.store.throttle().prune_full(fixture.now(), ALL).await.unwrap() > 0);
    log.check().await;
}

pub(super) async fn no_ops_leave_no_row(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let folder = fixture.folder(ann.id, ann.root, "a").await;
    let root = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    let complete = fixture.open(&root, "b", Some(1)).await;
    let commit = fixture.completing(&complete, ConflictPolicy::Fail);
    fixture.commit(&root, &commit).await.unwrap();
    let aborted = fixture.open(&root, "c", Some(1)).await;
    fixture.store.uploads().abort(&fixture.command(ann.id), aborted.id).await.unwrap();
    let log = Log::begin(fixture).await;
    fixture.rename(ann.id, folder, "a").await.unwrap();
    fixture.move_into(ann.id, folder, ann.root).await.unwrap();
    fixture.commit(&root, &commit).await.unwrap();
    fixture.store.uploads().abort(&fixture.command(ann.id), aborted.id).await.unwrap();
    let (old, new) = (PasswordHash::new("$example$old".to_owned()), PasswordHash::new("$example$new".to_owned()));
    fixture.store.users().rehash(&fixture.command(ann.id), ann.id, &old, &new).await.unwrap();
    assert!(!fixture.store.accounts().set_disabled(&fixture.command(ann.id), ann.id, false).await.unwrap());
    log.check().await;
}

pub(super) async fn failures_leave_no_row(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let folder = fixture.folder(ann.id, ann.root, "a").await;
    let share = fixture.share(ann.id, folder, bob.id, Permission::Edit).await;
    let below = fixture.folder(ann.id, folder, "b").await;
    let root = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    let guest = fixture.grant(bob.id, folder, Action::AddTo).await;
    let taken = fixture.registration();
    fixture.register(&taken).await.unwrap();
    let log = Log::begin(fixture).await;
    let mut rival = fixture.registration();
    rival.user.username = taken.user.username;
    fixture.register(&rival).await.unwrap_err();
    fixture.set_photo(ann.id, Some(&fixture.key())).await.unwrap_err();
    fixture.create_folder(&root, "a").await.unwrap_err();
    fixture.move_into(ann.id, folder, below).await.unwrap_err();
    let unseen = Relocation { seen: Some(Revision(9)), ..fixture.renaming(ann.id, folder, "c").await };
    fixture.relocate(&unseen).await.unwrap_err();
    let (anonymous, _) = opened(fixture, fixture.id(), fixture.now());
    fixture.store.sessions().start(&fixture.command(ann.id), &anonymous).await.unwrap_err();
    fixture.store.sessions().end(&fixture.command(ann.id), fixture.id(), ann.id).await.unwrap_err();
    let token_rotation = token_rotation(fixture, &fixture.token(), fixture.now());
    fixture.store.sessions().refresh(&fixture.command(ann.id), &token_rotation).await.unwrap_err();
    let (accounts, hash) = (fixture.store.accounts(), PasswordHash::new("$example$new".to_owned()));
    accounts.change_password(&fixture.command(ann.id), ann.id, Some(7), &hash).await.unwrap_err();
    accounts.delete(&fixture.command(ann.id), ann.id, 7).await.unwrap_err();
    accounts.change_email(&fixture.command(ann.id), ann.id, &taken.user.email).await.unwrap_err();
    accounts.set_quota(&fixture.command(ann.id), fixture.id(), NewLimits::default()).await.unwrap_err();
    accounts.set_disabled(&fixture.command(ann.id), fixture.id(), true).await.unwrap_err();
    let item = fixture.grant(ann.id, folder, Action::Share).await;
    let new = NewShare { id: fixture.id(), guest: bob.id, permission: Permission::View };
    fixture.store.shares().create(&fixture.command(ann.id), &item, &new).await.unwrap_err();
    fixture.store.shares().change(&fixture.command(ann.id), &item, fixture.id(), Permission::View).await.unwrap_err();
    fixture.store.shares().revoke(&fixture.command(ann.id), fixture.id()).await.unwrap_err();
    log.check().await;
    fixture.revoke(ann.id, share).await;
    let log = Log::begin(fixture).await;
    fixture.create_folder(&guest, "c").await.unwrap_err();
    log.check().await;
}

pub(super) async fn failures_of_uploads_leave_no_row(fixture: &Fixture<'_>) {
    let ann: TestUser = fixture.user_with_quota(100).await;
    let root = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    fixture.folder(ann.id, ann.root, "a").await;
    let taken = fixture.open(&root, "a", Some(1)).await;
    let streamed = fixture.open(&root, "b", None).await;
    let complete = fixture.open(&root, "c", Some(1)).await;
    fixture.commit(&root, &fixture.completing(&complete, ConflictPolicy::Fail)).await.unwrap();
    let log = Log::begin(fixture).await;
    for (text, size) in [("a", 1), ("d", 101)] {
        fixture.begin(&root, &fixture.new_upload(&root, text, Some(size))).await.unwrap_err();
    }
    fixture.commit(&root, &fixture.completing(&taken, ConflictPolicy::Replace)).await.unwrap_err();
    let mut too_much = fixture.completing(&streamed, ConflictPolicy::Fail);
    too_much.stored.size = 101;
    fixture.commit(&root, &too_much).await.unwrap_err();
    let uploads = fixture.store.uploads();
    uploads.abort(&fixture.command(ann.id), complete.id).await.unwrap_err();
    uploads.extend(&fixture.command(ann.id), &root, complete.id, complete.expires_at).await.unwrap_err();
    log.check().await;
}
