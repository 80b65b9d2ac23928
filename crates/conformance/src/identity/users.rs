//! Conformance suite for [`UserRepository`](clouddrive_domain::port::UserRepository).

#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use clouddrive_domain::Error;
use clouddrive_domain::error::Conflict;
use clouddrive_domain::model::{
    Credentials, Email, LoginIdentifier, NodeKind, PasswordHash, Quota, Revision, User, UserRef, Username,
};
use clouddrive_domain::port::Registration;
use futures_util::future::join_all;

use crate::case::persistence_suite;
use crate::fixture::{QUOTA, TestUser, assert_refused};

persistence_suite! {
    $ users uses BlobRecordRepository, NodeRepository, UserRepository;

    self of "`UserRepository::register`: Creates the user, the drive and its root, atomically." {
        a_registration_makes_the_user_the_drive_and_its_root,
        a_refused_registration_leaves_nothing,
    }

    self of "`UserRepository::register`: `UsernameTaken`, also if both are taken, or `EmailTaken`" {
        names_and_addresses_are_unique_without_regard_to_case,
    }

    self of "`UserRepository::register`: of any number of concurrent registrations of one name exactly one succeeds" {
        one_of_simultaneous_registrations_of_a_name_succeeds,
        one_of_simultaneous_registrations_of_an_address_succeeds,
    }

    self of "`UserRepository::find_user`: The user that `identifier` names." {
        people_are_found_by_name_and_by_address,
        other_text_finds_no_user,
    }

    self of "`UserRepository::rehash`: It MUST change nothing if the hash is no longer `old`" {
        a_hash_is_replaced_once,
    }

    self of "`UserRepository::set_photo`: Sets or removes the profile photo. Returns whether there was one before." {
        a_photo_is_set_replaced_and_removed,
        a_photo_may_be_set_again,
    }

    self of "`UserRepository::set_photo`: The former photo's blob MUST be unreferenced from then on" {
        a_former_photo_is_unreferenced,
    }

    self of "`UserRepository::set_photo`: if there is no such user" {
        a_photo_needs_a_user,
    }

    self of "`UserRepository::set_photo`: if the blob was never recorded or has been marked for deletion" {
        a_photo_needs_a_recorded_blob,
        a_blob_marked_for_deletion_becomes_no_photo,
    }
}

async fn a_registration_makes_the_user_the_drive_and_its_root(fixture: &Fixture<'_>) {
    let new = fixture.registration();
    fixture.register(&new).await.unwrap();
    let home = fixture.store.drive().find_user_drive(new.user.id).await.unwrap().unwrap();
    assert_eq!(home.account.user, new.user);
    assert_eq!(home.account.quota, Quota { total: QUOTA, used: 0, reserved: 0 });
    let root = home.root;
    assert_eq!((root.node.id, root.node.drive, root.node.parent), (new.root, new.drive, None));
    assert_eq!((root.node.kind(), root.node.revision), (NodeKind::Root, Revision(1)));
    let person = UserRef { id: new.user.id, username: Some(new.user.username.as_str().to_owned()) };
    assert_eq!((root.node.created_by, root.owner), (person.clone(), person));
    assert_eq!(root.viewer, new.user.id.into());
}

async fn names_and_addresses_are_unique_without_regard_to_case(fixture: &Fixture<'_>) {
    let first = fixture.registration();
    fixture.register(&first).await.unwrap();
    for change in [str::to_lowercase, str::to_uppercase] {
        let mut same_name = fixture.registration();
        same_name.user.username = Username::parse(&change(first.user.username.as_str())).unwrap();
        assert_refused!(fixture.register(&same_name).await, Error::Conflict(Conflict::UsernameTaken));
        let mut same_address = fixture.registration();
        same_address.user.email = Email::parse(&change(first.user.email.as_str())).unwrap();
        assert_refused!(fixture.register(&same_address).await, Error::Conflict(Conflict::EmailTaken));
        let both = Registration { user: User { id: fixture.id(), ..first.user.clone() }, ..fixture.registration() };
        assert_refused!(fixture.register(&both).await, Error::Conflict(Conflict::UsernameTaken));
    }
}

async fn a_refused_registration_leaves_nothing(fixture: &Fixture<'_>) {
    let first = fixture.registration();
    fixture.register(&first).await.unwrap();
    let mut refused = fixture.registration();
    refused.user.username = first.user.username.clone();
    fixture.register(&refused).await.unwrap_err();
    assert_nothing_of(fixture, &refused).await;
    let person = fixture.store.users().find_user(&LoginIdentifier::parse(refused.user.email.as_str())).await.unwrap();
    assert_eq!(person, None);
    // The email address of the refused registration is still free.
    refused.user.username = fixture.registration().user.username;
    fixture.register(&refused).await.unwrap();
}

async fn assert_nothing_of(fixture: &Fixture<'_>, refused: &Registration) {
    assert_eq!(fixture.store.drive().find_user_drive(refused.user.id).await.unwrap(), None);
    assert_eq!(fixture.store.drive().find(refused.root, refused.user.id.into()).await.unwrap(), None);
}

async fn one_of_simultaneous_registrations_of_a_name_succeeds(fixture: &Fixture<'_>) {
    let username = fixture.registration().user.username;
    let mut rivals: Vec<Registration> = (0..8).map(|_| fixture.registration()).collect();
    for rival in &mut rivals {
        rival.user.username = username.clone();
    }
    let outcomes = join_all(rivals.iter().map(|rival| fixture.register(rival))).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    let person = fixture.store.users().find_user(&LoginIdentifier::parse(username.as_str())).await.unwrap().unwrap();
    for (rival, outcome) in rivals.iter().zip(outcomes) {
        if outcome.is_ok() {
            assert_eq!(person.id, rival.user.id);
        } else {
            assert_refused!(outcome, Error::Conflict(Conflict::UsernameTaken));
            assert_nothing_of(fixture, rival).await;
        }
    }
}

async fn one_of_simultaneous_registrations_of_an_address_succeeds(fixture: &Fixture<'_>) {
    let email = fixture.registration().user.email;
    let mut rivals: Vec<Registration> = (0..8).map(|_| fixture.registration()).collect();
    for rival in &mut rivals {
        rival.user.email = email.clone();
    }
    let outcomes = join_all(rivals.iter().map(|rival| fixture.register(rival))).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    for outcome in outcomes.into_iter().filter(Result::is_err) {
        assert_refused!(outcome, Error::Conflict(Conflict::EmailTaken));
    }
}

async fn people_are_found_by_name_and_by_address(fixture: &Fixture<'_>) {
    let (new, other) = (fixture.registration(), fixture.registration());
    fixture.register(&new).await.unwrap();
    fixture.register(&other).await.unwrap();
    let (name, email) = (new.user.username.as_str(), new.user.email.as_str());
    for text in [name, &name.to_uppercase(), &name.to_lowercase(), email, &email.to_uppercase(), &email.to_lowercase()]
    {
        let identifier = LoginIdentifier::parse(text);
        let person = fixture.store.users().find_user(&identifier).await.unwrap();
        assert_eq!(person, Some(UserRef { id: new.user.id, username: Some(name.to_owned()) }), "{text}");
        let credentials = fixture.store.users().find_credentials(&identifier).await.unwrap();
        let expected = Credentials { user: new.user.id, hash: new.hash.clone(), generation: 0, disabled: false };
        assert_eq!(credentials, Some(expected), "{text}");
    }
}

async fn other_text_finds_no_user(fixture: &Fixture<'_>) {
    let user = fixture.user().await;
    let part = user.username.split_at(3).0;
    for text in ["", "%", "_", "@", "'", "\0", part, &format!("{part}%"), &format!("{}x", user.username), "ünknown"] {
        let identifier = LoginIdentifier::parse(text);
        assert_eq!(fixture.store.users().find_user(&identifier).await.unwrap(), None, "{text:?}");
        assert_eq!(fixture.store.users().find_credentials(&identifier).await.unwrap(), None, "{text:?}");
    }
}

async fn a_hash_is_replaced_once(fixture: &Fixture<'_>) {
    let (user, bystander) = (fixture.user().await, fixture.user().await);
    let hash_of =
        async |user: &TestUser| fixture.store.users().find_credentials(&user.identifier()).await.unwrap().unwrap().hash;
    let (first, others) = (hash_of(&user).await, hash_of(&bystander).await);
    let hash = |text: &str| PasswordHash::new(text.to_owned());
    let rehash = async |old: &PasswordHash, new: &PasswordHash| {
        fixture.store.users().rehash(&fixture.command(user.id), user.id, old, new).await.unwrap();
    };
    rehash(&first, &hash("second")).await;
    assert_eq!(hash_of(&user).await, hash("second"));
    rehash(&first, &hash("late")).await;
    assert_eq!(hash_of(&user).await, hash("second"));
    let (second, rivals) = (hash("second"), [hash("third"), hash("fourth"), hash("fifth")]);
    join_all(rivals.iter().map(|new| rehash(&second, new))).await;
    assert!(rivals.contains(&hash_of(&user).await));
    assert_eq!(hash_of(&bystander).await, others);
}

async fn a_photo_is_set_replaced_and_removed(fixture: &Fixture<'_>) {
    let (user, bystander) = (fixture.user().await, fixture.user().await);
    let (first, second) = (fixture.record().await, fixture.record().await);
    assert!(!fixture.set_photo(user.id, None).await.unwrap());
    assert!(!fixture.set_photo(user.id, Some(&first)).await.unwrap());
    assert_eq!(fixture.photo(user.id).await, Some(first));
    assert!(fixture.set_photo(user.id, Some(&second)).await.unwrap());
    assert_eq!(fixture.photo(user.id).await, Some(second));
    assert_eq!(fixture.photo(bystander.id).await, None);
    assert!(fixture.set_photo(user.id, None).await.unwrap());
    assert_eq!(fixture.photo(user.id).await, None);
    assert!(!fixture.set_photo(user.id, None).await.unwrap());
}

async fn a_former_photo_is_unreferenced(fixture: &Fixture<'_>) {
    let user = fixture.user().await;
    let (first, second) = (fixture.record().await, fixture.record().await);
    fixture.set_photo(user.id, Some(&first)).await.unwrap();
    fixture.set_photo(user.id, Some(&second)).await.unwrap();
    let marked_for_deletion = fixture.marked_for_deletion(fixture.now()).await;
    assert!(marked_for_deletion.contains(&first) && !marked_for_deletion.contains(&second));
    fixture.set_photo(user.id, None).await.unwrap();
    assert!(fixture.marked_for_deletion(fixture.now()).await.contains(&second));
}

async fn a_photo_may_be_set_again(fixture: &Fixture<'_>) {
    let user = fixture.user().await;
    let photo = fixture.record().await;
    fixture.set_photo(user.id, Some(&photo)).await.unwrap();
    assert!(fixture.set_photo(user.id, Some(&photo)).await.unwrap());
    assert!(!fixture.marked_for_deletion(fixture.now()).await.contains(&photo));
    assert_eq!(fixture.photo(user.id).await, Some(photo));
}

async fn a_photo_needs_a_user(fixture: &Fixture<'_>) {
    let photo = fixture.record().await;
    assert_refused!(fixture.set_photo(fixture.id(), Some(&photo)).await, Error::NotFound);
    assert_refused!(fixture.set_photo(fixture.id(), None).await, Error::NotFound);
    assert!(fixture.marked_for_deletion(fixture.now()).await.contains(&photo));
}

async fn a_photo_needs_a_recorded_blob(fixture: &Fixture<'_>) {
    let user = fixture.user().await;
    let photo = fixture.record().await;
    fixture.set_photo(user.id, Some(&photo)).await.unwrap();
    assert_refused!(fixture.set_photo(user.id, Some(&fixture.key())).await, Error::Internal { .. });
    assert_eq!(fixture.photo(user.id).await, Some(photo));
}

async fn a_blob_marked_for_deletion_becomes_no_photo(fixture: &Fixture<'_>) {
    let user = fixture.user().await;
    let photo = fixture.record().await;
    assert!(fixture.marked_for_deletion(fixture.now()).await.contains(&photo));
    assert_refused!(fixture.set_photo(user.id, Some(&photo)).await, Error::Internal { .. });
    assert_eq!(fixture.photo(user.id).await, None);
}
