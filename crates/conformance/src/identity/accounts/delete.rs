#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use clouddrive_domain::error::Forbidden;
use clouddrive_domain::model::{Action, ConflictPolicy, LoginIdentifier, Permission, UploadState, UserRef};
use clouddrive_domain::{Error, Result};
use futures_util::future::join;

use super::Fixture;
use super::{change_password, runs, started};
use crate::fixture::{ALL, TestUser, assert_refused};

async fn delete(fixture: &Fixture<'_>, user: &TestUser) -> Result<()> {
    fixture.store.accounts().delete(&fixture.command(user.id), user.id, 0).await
}

pub(super) async fn a_deleted_account_is_gone_and_its_names_are_free(fixture: &Fixture<'_>) {
    let (new, bystander) = (fixture.registration(), fixture.user().await);
    fixture.register(&new).await.unwrap();
    let id = new.user.id;
    let (session, other) = (started(fixture, id, 0).await.unwrap(), started(fixture, bystander.id, 0).await.unwrap());
    fixture.store.accounts().delete(&fixture.command(id), id, 0).await.unwrap();
    assert!(!runs(fixture, &session, fixture.now()).await && runs(fixture, &other, fixture.now()).await);
    assert_eq!(fixture.store.sessions().find_by_token(&session.token).await.unwrap(), None);
    for text in [new.user.username.as_str(), new.user.email.as_str()] {
        assert_eq!(fixture.store.users().find_user(&LoginIdentifier::parse(text)).await.unwrap(), None);
        assert_eq!(fixture.store.users().find_credentials(&LoginIdentifier::parse(text)).await.unwrap(), None);
    }
    assert_eq!(fixture.store.drive().find_user_drive(id).await.unwrap(), None);
    assert_refused!(started(fixture, id, 0).await, Error::NotFound);
    let mut heir = fixture.registration();
    (heir.user.username, heir.user.email) = (new.user.username, new.user.email);
    fixture.register(&heir).await.unwrap();
    let home = fixture.store.drive().find_user_drive(heir.user.id).await.unwrap().unwrap();
    assert_eq!((home.root.node.id, home.account.quota.used), (heir.root, 0));
}

pub(super) async fn items_of_a_deleted_user_stay_without_a_name(fixture: &Fixture<'_>) {
    let (ann, bob, third) = (fixture.user().await, fixture.user().await, fixture.user().await);
    let folder = fixture.folder(ann.id, ann.root, "shared").await;
    fixture.share(ann.id, folder, bob.id, Permission::Edit).await;
    let (made, file) = (fixture.folder(bob.id, folder, "his").await, fixture.file(bob.id, folder, "file", 7).await);
    let below = fixture.share(ann.id, made, third.id, Permission::View).await;
    delete(fixture, &bob).await.unwrap();
    let nameless = UserRef { id: bob.id, username: None };
    for node in [made, file] {
        assert_eq!(fixture.located(node, ann.id).await.node.created_by, nameless);
    }
    assert_eq!(fixture.quota(ann.id).await.used, 7);
    // Shares with him are gone, so a new user of that name gets none; shares with others stay.
    assert_refused!(fixture.try_grant(bob.id, folder, Action::Read).await, Error::NotFound);
    assert!(fixture.store.shares().find(below, ann.id).await.unwrap().is_some());
    let root = fixture.grant(ann.id, folder, Action::AddTo).await;
    let children = fixture.store.drive().list(root.read(), Default::default(), None, Default::default()).await.unwrap();
    assert!(children.iter().all(|child| child.node.created_by == nameless));
    fixture.replace(ann.id, folder, "file", 9).await;
    assert_eq!(fixture.quota(ann.id).await.used, 7 + 9, "what was his stays as a version");
}

pub(super) async fn a_deleted_users_drive_is_invisible(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let folder = fixture.folder(ann.id, ann.root, "shared").await;
    let share = fixture.share(ann.id, folder, bob.id, Permission::Edit).await;
    let grant = fixture.grant(bob.id, folder, Action::AddTo).await;
    let upload = fixture.open(&grant, "a", Some(5)).await;
    delete(fixture, &ann).await.unwrap();
    for (node, viewer) in [(folder, bob.id), (folder, ann.id), (ann.root, ann.id)] {
        assert_eq!(fixture.store.drive().find(node, viewer.into()).await.unwrap(), None);
    }
    let received = fixture.store.shares().list_received(bob.id, None, Default::default()).await.unwrap();
    assert_eq!(received, []);
    assert!(
        fixture
            .store
            .shares()
            .find(share, bob.id)
            .await
            .unwrap()
            .is_none_or(|share| share.shared_by.username.is_none())
    );
    // Operations in progress end with `NotFound`, not with an internal error.
    assert_refused!(fixture.create_folder(&grant, "b").await, Error::NotFound);
    let spec = fixture.completing(&upload, ConflictPolicy::Fail);
    assert_refused!(fixture.commit(&grant, &spec).await, Error::NotFound);
    let late = fixture.command_at(None, upload.expires_at);
    assert!(!fixture.store.uploads().expire_due(&late, ALL).await.unwrap().is_empty());
}

pub(super) async fn reservations_of_a_deleted_user_are_released(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let folder = fixture.folder(ann.id, ann.root, "shared").await;
    fixture.share(ann.id, folder, bob.id, Permission::Edit).await;
    let guests = fixture.grant(bob.id, folder, Action::AddTo).await;
    let owners = fixture.grant(ann.id, folder, Action::AddTo).await;
    let at_home = fixture.grant(bob.id, bob.root, Action::AddTo).await;
    let (away, stays) = (fixture.open(&guests, "a", Some(5)).await, fixture.open(&owners, "b", Some(3)).await);
    let home = fixture.open(&at_home, "c", Some(11)).await;
    let complete = fixture.open(&guests, "d", Some(2)).await;
    fixture.commit(&guests, &fixture.completing(&complete, ConflictPolicy::Fail)).await.unwrap();
    let command = fixture.command(bob.id);
    fixture.store.accounts().delete(&command, bob.id, 0).await.unwrap();
    let quota = fixture.quota(ann.id).await;
    assert_eq!((quota.reserved, quota.used), (3, 2));
    for upload in [&away, &home] {
        assert_eq!(fixture.upload(upload).await.state, UploadState::Aborted);
    }
    assert_eq!(fixture.upload(&stays).await.state, UploadState::Open);
    let marked_for_deletion = fixture.marked_for_deletion(command.at).await;
    assert!(marked_for_deletion.contains(&away.blob) && marked_for_deletion.contains(&home.blob));
    assert!(!marked_for_deletion.contains(&stays.blob) && !marked_for_deletion.contains(&complete.blob));
}

pub(super) async fn a_deleted_users_photo_is_unreferenced(fixture: &Fixture<'_>) {
    let (user, bystander) = (fixture.user().await, fixture.user().await);
    let (photo, others) = (fixture.record().await, fixture.record().await);
    fixture.set_photo(user.id, Some(&photo)).await.unwrap();
    fixture.set_photo(bystander.id, Some(&others)).await.unwrap();
    delete(fixture, &user).await.unwrap();
    let marked_for_deletion = fixture.marked_for_deletion(fixture.now()).await;
    assert!(marked_for_deletion.contains(&photo) && !marked_for_deletion.contains(&others));
}

pub(super) async fn an_account_deletion_needs_the_current_password(fixture: &Fixture<'_>) {
    let user = fixture.user().await;
    let session = started(fixture, user.id, 0).await.unwrap();
    let wrong = fixture.store.accounts().delete(&fixture.command(user.id), user.id, 7).await;
    assert_refused!(wrong, Error::Forbidden(Forbidden::WrongPassword));
    assert!(runs(fixture, &session, fixture.now()).await);
    change_password(fixture, user.id, Some(0)).await.unwrap();
    assert_refused!(delete(fixture, &user).await, Error::Forbidden(Forbidden::WrongPassword));
    fixture.store.accounts().delete(&fixture.command(user.id), user.id, 1).await.unwrap();
    assert_refused!(delete(fixture, &user).await, Error::NotFound);
}

pub(super) async fn an_upload_that_begins_meanwhile_leaves_nothing_reserved(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let folder = fixture.folder(ann.id, ann.root, "shared").await;
    for number in 0..10 {
        let bob = fixture.user().await;
        fixture.share(ann.id, folder, bob.id, Permission::Edit).await;
        let grant = fixture.grant(bob.id, folder, Action::AddTo).await;
        let new_upload = fixture.new_upload(&grant, &format!("{number}"), Some(5));
        let (begun, deleted) = join(fixture.begin(&grant, &new_upload), delete(fixture, &bob)).await;
        deleted.unwrap();
        if begun.is_ok() {
            assert_eq!(fixture.upload(&new_upload.upload).await.state, UploadState::Aborted);
        } else {
            assert_refused!(begun, Error::NotFound);
        }
        assert_eq!(fixture.quota(ann.id).await.reserved, 0);
    }
}
