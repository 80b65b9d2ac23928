#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use clouddrive_domain::error::Forbidden;
use clouddrive_domain::model::{Action, ConflictPolicy, Handle, Permission, Person, UploadState};
use clouddrive_domain::{Error, Result};
use futures_util::future::join;

use super::{change_password, runs, started};
use crate::world::{ALL, Member, World, assert_refused};

async fn delete(world: &World<'_>, member: &Member) -> Result<()> {
    world.store.accounts.delete(&world.command(member.id), member.id, 0).await
}

pub(super) async fn a_deleted_account_is_gone_and_its_names_are_free(world: &World<'_>) {
    let (new, bystander) = (world.registration(), world.member().await);
    world.register(&new).await.unwrap();
    let id = new.user.id;
    let (session, other) = (started(world, id, 0).await.unwrap(), started(world, bystander.id, 0).await.unwrap());
    world.store.accounts.delete(&world.command(id), id, 0).await.unwrap();
    assert!(!runs(world, &session, world.now()).await && runs(world, &other, world.now()).await);
    assert_eq!(world.store.sessions.find_by_token(&session.token).await.unwrap(), None);
    for text in [new.user.username.as_str(), new.user.email.as_str()] {
        assert_eq!(world.store.users.find_person(&Handle::parse(text)).await.unwrap(), None);
        assert_eq!(world.store.users.find_credentials(&Handle::parse(text)).await.unwrap(), None);
    }
    assert_eq!(world.store.drive.find_home(id).await.unwrap(), None);
    assert_refused!(started(world, id, 0).await, Error::NotFound);
    let mut heir = world.registration();
    (heir.user.username, heir.user.email) = (new.user.username, new.user.email);
    world.register(&heir).await.unwrap();
    let home = world.store.drive.find_home(heir.user.id).await.unwrap().unwrap();
    assert_eq!((home.root.node.id, home.account.quota.used), (heir.root, 0));
}

pub(super) async fn what_a_deleted_user_made_stays_without_a_name(world: &World<'_>) {
    let (ann, bob, third) = (world.member().await, world.member().await, world.member().await);
    let folder = world.folder(ann.id, ann.root, "shared").await;
    world.share(ann.id, folder, bob.id, Permission::Edit).await;
    let (made, file) = (world.folder(bob.id, folder, "his").await, world.file(bob.id, folder, "file", 7).await);
    let below = world.share(ann.id, made, third.id, Permission::View).await;
    delete(world, &bob).await.unwrap();
    let nameless = Person { id: bob.id, username: None };
    for node in [made, file] {
        assert_eq!(world.located(node, ann.id).await.node.created_by, nameless);
    }
    assert_eq!(world.quota(ann.id).await.used, 7);
    // Shares with him are gone, so a new user of that name gets none; shares with others stay.
    assert_refused!(world.try_grant(bob.id, folder, Action::Read).await, Error::NotFound);
    assert!(world.store.shares.find(below, ann.id).await.unwrap().is_some());
    let root = world.grant(ann.id, folder, Action::AddTo).await;
    let children = world.store.drive.list(root.read(), Default::default(), None, Default::default()).await.unwrap();
    assert!(children.iter().all(|child| child.node.created_by == nameless));
    world.replace(ann.id, folder, "file", 9).await;
    assert_eq!(world.quota(ann.id).await.used, 7 + 9, "what was his stays as a version");
}

pub(super) async fn a_deleted_users_drive_is_invisible(world: &World<'_>) {
    let (ann, bob) = (world.member().await, world.member().await);
    let folder = world.folder(ann.id, ann.root, "shared").await;
    let share = world.share(ann.id, folder, bob.id, Permission::Edit).await;
    let grant = world.grant(bob.id, folder, Action::AddTo).await;
    let upload = world.open(&grant, "a", Some(5)).await;
    delete(world, &ann).await.unwrap();
    for (node, viewer) in [(folder, bob.id), (folder, ann.id), (ann.root, ann.id)] {
        assert_eq!(world.store.drive.find(node, viewer.into()).await.unwrap(), None);
    }
    let received = world.store.shares.list_received(bob.id, None, Default::default()).await.unwrap();
    assert_eq!(received, []);
    assert!(
        world.store.shares.find(share, bob.id).await.unwrap().is_none_or(|share| share.shared_by.username.is_none())
    );
    // Operations in progress end with `NotFound`, not with an internal error.
    assert_refused!(world.create_folder(&grant, "b").await, Error::NotFound);
    let wish = world.completing(&upload, ConflictPolicy::Fail);
    assert_refused!(world.commit(&grant, &wish).await, Error::NotFound);
    let late = world.command_at(None, upload.expires_at);
    assert!(!world.store.uploads.expire_due(&late, ALL).await.unwrap().is_empty());
}

pub(super) async fn what_a_deleted_user_had_reserved_is_given_back(world: &World<'_>) {
    let (ann, bob) = (world.member().await, world.member().await);
    let folder = world.folder(ann.id, ann.root, "shared").await;
    world.share(ann.id, folder, bob.id, Permission::Edit).await;
    let guests = world.grant(bob.id, folder, Action::AddTo).await;
    let owners = world.grant(ann.id, folder, Action::AddTo).await;
    let at_home = world.grant(bob.id, bob.root, Action::AddTo).await;
    let (away, stays) = (world.open(&guests, "a", Some(5)).await, world.open(&owners, "b", Some(3)).await);
    let home = world.open(&at_home, "c", Some(11)).await;
    let complete = world.open(&guests, "d", Some(2)).await;
    world.commit(&guests, &world.completing(&complete, ConflictPolicy::Fail)).await.unwrap();
    let command = world.command(bob.id);
    world.store.accounts.delete(&command, bob.id, 0).await.unwrap();
    let quota = world.quota(ann.id).await;
    assert_eq!((quota.reserved, quota.used), (3, 2));
    for upload in [&away, &home] {
        assert_eq!(world.upload(upload).await.state, UploadState::Aborted);
    }
    assert_eq!(world.upload(&stays).await.state, UploadState::Open);
    let condemned = world.condemned(command.at).await;
    assert!(condemned.contains(&away.blob) && condemned.contains(&home.blob));
    assert!(!condemned.contains(&stays.blob) && !condemned.contains(&complete.blob));
}

pub(super) async fn a_deleted_users_photo_is_unreferenced(world: &World<'_>) {
    let (member, bystander) = (world.member().await, world.member().await);
    let (photo, others) = (world.record().await, world.record().await);
    world.set_photo(member.id, Some(&photo)).await.unwrap();
    world.set_photo(bystander.id, Some(&others)).await.unwrap();
    delete(world, &member).await.unwrap();
    let condemned = world.condemned(world.now()).await;
    assert!(condemned.contains(&photo) && !condemned.contains(&others));
}

pub(super) async fn an_account_is_deleted_by_who_knows_the_password_of_today(world: &World<'_>) {
    let member = world.member().await;
    let session = started(world, member.id, 0).await.unwrap();
    let wrong = world.store.accounts.delete(&world.command(member.id), member.id, 7).await;
    assert_refused!(wrong, Error::Forbidden(Forbidden::WrongPassword));
    assert!(runs(world, &session, world.now()).await);
    change_password(world, member.id, Some(0)).await.unwrap();
    assert_refused!(delete(world, &member).await, Error::Forbidden(Forbidden::WrongPassword));
    world.store.accounts.delete(&world.command(member.id), member.id, 1).await.unwrap();
    assert_refused!(delete(world, &member).await, Error::NotFound);
}

pub(super) async fn an_upload_that_begins_meanwhile_leaves_nothing_reserved(world: &World<'_>) {
    let ann = world.member().await;
    let folder = world.folder(ann.id, ann.root, "shared").await;
    for number in 0..10 {
        let bob = world.member().await;
        world.share(ann.id, folder, bob.id, Permission::Edit).await;
        let grant = world.grant(bob.id, folder, Action::AddTo).await;
        let opening = world.opening(&grant, &format!("{number}"), Some(5));
        let (begun, deleted) = join(world.begin(&grant, &opening), delete(world, &bob)).await;
        deleted.unwrap();
        if begun.is_ok() {
            assert_eq!(world.upload(&opening.upload).await.state, UploadState::Aborted);
        } else {
            assert_refused!(begun, Error::NotFound);
        }
        assert_eq!(world.quota(ann.id).await.reserved, 0);
    }
}
