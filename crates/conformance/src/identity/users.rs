//! Conformance suite for [`Users`](clouddrive_domain::port::Users).

#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use clouddrive_domain::Error;
use clouddrive_domain::error::Conflict;
use clouddrive_domain::model::{
    Credentials, Email, Handle, NodeKind, PasswordHash, Person, Quota, Revision, User, Username,
};
use clouddrive_domain::port::Registration;
use futures_util::future::join_all;

use crate::Persistence;
use crate::world::{QUOTA, World, assert_refused, run};

/// Runs every case.
///
/// # Panics
/// If the store breaks the contract.
pub async fn suite(store: &Persistence) {
    run!(store;
        a_registration_makes_the_user_the_drive_and_its_root,
        names_and_addresses_are_unique_without_regard_to_case,
        a_refused_registration_leaves_nothing,
        of_simultaneous_registrations_of_one_name_one_succeeds,
        of_simultaneous_registrations_of_one_address_one_succeeds,
        people_are_found_by_name_and_by_address,
        other_text_finds_no_user,
        a_hash_is_replaced_once,
        a_photo_is_set_replaced_and_removed,
        a_former_photo_is_unreferenced,
        a_photo_may_be_set_again,
        a_photo_needs_a_user,
        a_photo_needs_a_recorded_blob,
        a_condemned_blob_becomes_no_photo,
    );
}

async fn a_registration_makes_the_user_the_drive_and_its_root(world: &World<'_>) {
    let new = world.registration();
    world.register(&new).await.unwrap();
    let home = world.store.drive.find_home(new.user.id).await.unwrap().unwrap();
    assert_eq!(home.account.user, new.user);
    assert_eq!(home.account.quota, Quota { total: QUOTA, used: 0, reserved: 0 });
    let root = home.root;
    assert_eq!((root.node.id, root.node.drive, root.node.parent), (new.root, new.drive, None));
    assert_eq!((root.node.kind(), root.node.revision), (NodeKind::Root, Revision(1)));
    let person = Person { id: new.user.id, username: Some(new.user.username.as_str().to_owned()) };
    assert_eq!((root.node.created_by, root.owner), (person.clone(), person));
    assert_eq!(root.viewer, new.user.id.into());
}

async fn names_and_addresses_are_unique_without_regard_to_case(world: &World<'_>) {
    let first = world.registration();
    world.register(&first).await.unwrap();
    for change in [str::to_lowercase, str::to_uppercase] {
        let mut same_name = world.registration();
        same_name.user.username = Username::parse(&change(first.user.username.as_str())).unwrap();
        assert_refused!(world.register(&same_name).await, Error::Conflict(Conflict::UsernameTaken));
        let mut same_address = world.registration();
        same_address.user.email = Email::parse(&change(first.user.email.as_str())).unwrap();
        assert_refused!(world.register(&same_address).await, Error::Conflict(Conflict::EmailTaken));
        let both = Registration { user: User { id: world.id(), ..first.user.clone() }, ..world.registration() };
        assert_refused!(world.register(&both).await, Error::Conflict(Conflict::UsernameTaken));
    }
}

async fn a_refused_registration_leaves_nothing(world: &World<'_>) {
    let first = world.registration();
    world.register(&first).await.unwrap();
    let mut refused = world.registration();
    refused.user.username = first.user.username.clone();
    world.register(&refused).await.unwrap_err();
    assert_nothing_of(world, &refused).await;
    let person = world.store.users.find_person(&Handle::parse(refused.user.email.as_str())).await.unwrap();
    assert_eq!(person, None);
    // The email address of the refused registration is still free.
    refused.user.username = world.registration().user.username;
    world.register(&refused).await.unwrap();
}

async fn assert_nothing_of(world: &World<'_>, refused: &Registration) {
    assert_eq!(world.store.drive.find_home(refused.user.id).await.unwrap(), None);
    assert_eq!(world.store.drive.find(refused.root, refused.user.id.into()).await.unwrap(), None);
}

async fn of_simultaneous_registrations_of_one_name_one_succeeds(world: &World<'_>) {
    let username = world.registration().user.username;
    let mut rivals: Vec<Registration> = (0..8).map(|_| world.registration()).collect();
    for rival in &mut rivals {
        rival.user.username = username.clone();
    }
    let outcomes = join_all(rivals.iter().map(|rival| world.register(rival))).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    let person = world.store.users.find_person(&Handle::parse(username.as_str())).await.unwrap().unwrap();
    for (rival, outcome) in rivals.iter().zip(outcomes) {
        if outcome.is_ok() {
            assert_eq!(person.id, rival.user.id);
        } else {
            assert_refused!(outcome, Error::Conflict(Conflict::UsernameTaken));
            assert_nothing_of(world, rival).await;
        }
    }
}

async fn of_simultaneous_registrations_of_one_address_one_succeeds(world: &World<'_>) {
    let email = world.registration().user.email;
    let mut rivals: Vec<Registration> = (0..8).map(|_| world.registration()).collect();
    for rival in &mut rivals {
        rival.user.email = email.clone();
    }
    let outcomes = join_all(rivals.iter().map(|rival| world.register(rival))).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    for outcome in outcomes.into_iter().filter(Result::is_err) {
        assert_refused!(outcome, Error::Conflict(Conflict::EmailTaken));
    }
}

async fn people_are_found_by_name_and_by_address(world: &World<'_>) {
    let (new, other) = (world.registration(), world.registration());
    world.register(&new).await.unwrap();
    world.register(&other).await.unwrap();
    let (name, email) = (new.user.username.as_str(), new.user.email.as_str());
    for text in [name, &name.to_uppercase(), &name.to_lowercase(), email, &email.to_uppercase(), &email.to_lowercase()]
    {
        let handle = Handle::parse(text);
        let person = world.store.users.find_person(&handle).await.unwrap();
        assert_eq!(person, Some(Person { id: new.user.id, username: Some(name.to_owned()) }), "{text}");
        let credentials = world.store.users.find_credentials(&handle).await.unwrap();
        let expected = Credentials { user: new.user.id, hash: new.hash.clone(), generation: 0, disabled: false };
        assert_eq!(credentials, Some(expected), "{text}");
    }
}

async fn other_text_finds_no_user(world: &World<'_>) {
    let member = world.member().await;
    let part = member.username.split_at(3).0;
    for text in ["", "%", "_", "@", "'", "\0", part, &format!("{part}%"), &format!("{}x", member.username), "ünknown"]
    {
        let handle = Handle::parse(text);
        assert_eq!(world.store.users.find_person(&handle).await.unwrap(), None, "{text:?}");
        assert_eq!(world.store.users.find_credentials(&handle).await.unwrap(), None, "{text:?}");
    }
}

async fn a_hash_is_replaced_once(world: &World<'_>) {
    let (member, bystander) = (world.member().await, world.member().await);
    let hash_of =
        async |member| world.store.users.find_credentials(&World::handle(member)).await.unwrap().unwrap().hash;
    let (first, others) = (hash_of(&member).await, hash_of(&bystander).await);
    let hash = |text: &str| PasswordHash::new(text.to_owned());
    let rehash = async |old: &PasswordHash, new: &PasswordHash| {
        world.store.users.rehash(&world.command(member.id), member.id, old, new).await.unwrap();
    };
    rehash(&first, &hash("second")).await;
    assert_eq!(hash_of(&member).await, hash("second"));
    rehash(&first, &hash("late")).await;
    assert_eq!(hash_of(&member).await, hash("second"));
    let (second, rivals) = (hash("second"), [hash("third"), hash("fourth"), hash("fifth")]);
    join_all(rivals.iter().map(|new| rehash(&second, new))).await;
    assert!(rivals.contains(&hash_of(&member).await));
    assert_eq!(hash_of(&bystander).await, others);
}

async fn a_photo_is_set_replaced_and_removed(world: &World<'_>) {
    let (member, bystander) = (world.member().await, world.member().await);
    let (first, second) = (world.record().await, world.record().await);
    assert!(!world.set_photo(member.id, None).await.unwrap());
    assert!(!world.set_photo(member.id, Some(&first)).await.unwrap());
    assert_eq!(world.photo(member.id).await, Some(first));
    assert!(world.set_photo(member.id, Some(&second)).await.unwrap());
    assert_eq!(world.photo(member.id).await, Some(second));
    assert_eq!(world.photo(bystander.id).await, None);
    assert!(world.set_photo(member.id, None).await.unwrap());
    assert_eq!(world.photo(member.id).await, None);
    assert!(!world.set_photo(member.id, None).await.unwrap());
}

async fn a_former_photo_is_unreferenced(world: &World<'_>) {
    let member = world.member().await;
    let (first, second) = (world.record().await, world.record().await);
    world.set_photo(member.id, Some(&first)).await.unwrap();
    world.set_photo(member.id, Some(&second)).await.unwrap();
    let condemned = world.condemned(world.now()).await;
    assert!(condemned.contains(&first) && !condemned.contains(&second));
    world.set_photo(member.id, None).await.unwrap();
    assert!(world.condemned(world.now()).await.contains(&second));
}

async fn a_photo_may_be_set_again(world: &World<'_>) {
    let member = world.member().await;
    let photo = world.record().await;
    world.set_photo(member.id, Some(&photo)).await.unwrap();
    assert!(world.set_photo(member.id, Some(&photo)).await.unwrap());
    assert!(!world.condemned(world.now()).await.contains(&photo));
    assert_eq!(world.photo(member.id).await, Some(photo));
}

async fn a_photo_needs_a_user(world: &World<'_>) {
    let photo = world.record().await;
    assert_refused!(world.set_photo(world.id(), Some(&photo)).await, Error::NotFound);
    assert_refused!(world.set_photo(world.id(), None).await, Error::NotFound);
    assert!(world.condemned(world.now()).await.contains(&photo));
}

async fn a_photo_needs_a_recorded_blob(world: &World<'_>) {
    let member = world.member().await;
    let photo = world.record().await;
    world.set_photo(member.id, Some(&photo)).await.unwrap();
    assert_refused!(world.set_photo(member.id, Some(&world.key())).await, Error::Internal { .. });
    assert_eq!(world.photo(member.id).await, Some(photo));
}

async fn a_condemned_blob_becomes_no_photo(world: &World<'_>) {
    let member = world.member().await;
    let photo = world.record().await;
    assert!(world.condemned(world.now()).await.contains(&photo));
    assert_refused!(world.set_photo(member.id, Some(&photo)).await, Error::Internal { .. });
    assert_eq!(world.photo(member.id).await, None);
}
