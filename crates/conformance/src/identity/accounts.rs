//! Conformance suite for [`Accounts`](clouddrive_domain::port::Accounts).

#![expect(clippy::panic, clippy::unwrap_used, reason = "a suite fails by a panic")]

mod delete;

use clouddrive_domain::Error;
use clouddrive_domain::error::{Conflict, Forbidden};
use clouddrive_domain::model::{
    Action, Credentials, Email, Handle, Limit, NewLimits, PasswordHash, Quota, Timestamp, UserId,
};
use clouddrive_domain::port::Opened;
use futures_util::future::{join, join_all};

use crate::Persistence;
use crate::identity::sessions::opened;
use crate::world::{Member, World, assert_refused, run};

/// Runs every case.
///
/// # Panics
/// If the store breaks the contract.
pub async fn suite(store: &Persistence) {
    run!(store;
        an_address_is_changed_and_the_former_one_is_free,
        an_address_that_is_taken_is_refused,
        of_simultaneous_changes_to_one_address_one_succeeds,
        another_password_ends_all_sessions,
        a_password_is_changed_by_who_knows_the_one_of_today,
        no_session_slips_past_the_end_of_all_sessions,
        a_disabled_account_has_no_sessions_until_it_is_enabled,
        a_quota_may_be_less_than_what_is_there,
        nothing_becomes_of_who_is_not_there,
        accounts_are_listed_by_their_names_in_pages,
    );
    run!(store;
        delete::a_deleted_account_is_gone_and_its_names_are_free,
        delete::what_a_deleted_user_made_stays_without_a_name,
        delete::a_deleted_users_drive_is_invisible,
        delete::what_a_deleted_user_had_reserved_is_given_back,
        delete::a_deleted_users_photo_is_unreferenced,
        delete::an_account_is_deleted_by_who_knows_the_password_of_today,
        delete::an_upload_that_begins_meanwhile_leaves_nothing_reserved,
    );
}

fn hash(text: &str) -> PasswordHash {
    PasswordHash::new(text.to_owned())
}

async fn credentials(world: &World<'_>, user: UserId) -> Credentials {
    world.store.accounts.find_credentials_of(user).await.unwrap().unwrap()
}

async fn started(world: &World<'_>, user: UserId, generation: u64) -> clouddrive_domain::Result<Opened> {
    let at = world.now();
    let opened = Opened { generation, ..opened(world, user, at).0 };
    world.store.sessions.start(&world.command_at(Some(user), at), &opened).await?;
    Ok(opened)
}

async fn runs(world: &World<'_>, opened: &Opened, now: Timestamp) -> bool {
    let session = &opened.session;
    world.store.sessions.find_username(session.id, session.user, now).await.unwrap().is_some()
}

async fn change_email(world: &World<'_>, user: UserId, email: &Email) -> clouddrive_domain::Result<bool> {
    world.store.accounts.change_email(&world.command(user), user, email).await
}

async fn change_password(world: &World<'_>, user: UserId, proven: Option<u64>) -> clouddrive_domain::Result<()> {
    let hash = hash("$example$changed");
    world.store.accounts.change_password(&world.command(user), user, proven, &hash).await
}

async fn set_disabled(world: &World<'_>, user: UserId, disabled: bool) -> clouddrive_domain::Result<bool> {
    world.store.accounts.set_disabled(&world.command(user), user, disabled).await
}

async fn person(world: &World<'_>, text: &str) -> Option<UserId> {
    world.store.users.find_person(&Handle::parse(text)).await.unwrap().map(|person| person.id)
}

async fn an_address_is_changed_and_the_former_one_is_free(world: &World<'_>) {
    let new = world.registration();
    world.register(&new).await.unwrap();
    let (id, former) = (new.user.id, new.user.email.clone());
    let email = world.registration().user.email;
    assert!(change_email(world, id, &email).await.unwrap());
    assert!(!change_email(world, id, &email).await.unwrap());
    // The user may change the case of their own address.
    let louder = Email::parse(&email.as_str().to_uppercase()).unwrap();
    assert!(change_email(world, id, &louder).await.unwrap());
    let home = world.store.drive.find_home(id).await.unwrap().unwrap();
    assert_eq!(home.account.user.email, louder);
    assert_eq!(person(world, email.as_str()).await, Some(id));
    assert_eq!(person(world, former.as_str()).await, None);
    let mut other = world.registration();
    other.user.email = former;
    world.register(&other).await.unwrap();
}

async fn an_address_that_is_taken_is_refused(world: &World<'_>) {
    let (member, taken) = (world.member().await, world.registration());
    world.register(&taken).await.unwrap();
    let before = world.store.drive.find_home(member.id).await.unwrap().unwrap();
    for change in [str::to_lowercase, str::to_uppercase] {
        let same = Email::parse(&change(taken.user.email.as_str())).unwrap();
        assert_refused!(change_email(world, member.id, &same).await, Error::Conflict(Conflict::EmailTaken));
    }
    assert_eq!(world.store.drive.find_home(member.id).await.unwrap().unwrap(), before);
}

async fn of_simultaneous_changes_to_one_address_one_succeeds(world: &World<'_>) {
    let email = world.registration().user.email;
    let mut rivals = Vec::new();
    for _ in 0..6 {
        rivals.push(world.member().await);
    }
    let outcomes = join_all(rivals.iter().map(|rival| change_email(world, rival.id, &email))).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    for outcome in outcomes.into_iter().filter(Result::is_err) {
        assert_refused!(outcome, Error::Conflict(Conflict::EmailTaken));
    }
}

async fn another_password_ends_all_sessions(world: &World<'_>) {
    let (member, bystander) = (world.member().await, world.member().await);
    let (first, second) = (started(world, member.id, 0).await.unwrap(), started(world, member.id, 0).await.unwrap());
    let other = started(world, bystander.id, 0).await.unwrap();
    change_password(world, member.id, Some(0)).await.unwrap();
    let now = world.now();
    assert!(!runs(world, &first, now).await && !runs(world, &second, now).await);
    assert!(runs(world, &other, now).await);
    let expected = Credentials { user: member.id, hash: hash("$example$changed"), generation: 1, disabled: false };
    assert_eq!(credentials(world, member.id).await, expected);
    assert_eq!(world.store.users.find_credentials(&World::handle(&member)).await.unwrap(), Some(expected));
    assert_eq!(credentials(world, bystander.id).await.generation, 0);
    // Sessions start with the new generation, not with the former one.
    assert_refused!(started(world, member.id, 0).await, Error::NotFound);
    let third = started(world, member.id, 1).await.unwrap();
    assert!(runs(world, &third, world.now()).await);
}

async fn a_password_is_changed_by_who_knows_the_one_of_today(world: &World<'_>) {
    let member = world.member().await;
    let outcomes = join_all((0..5).map(|_| change_password(world, member.id, Some(0)))).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    for outcome in outcomes.into_iter().filter(Result::is_err) {
        assert_refused!(outcome, Error::Forbidden(Forbidden::WrongPassword));
    }
    // Administrators need not prove the current password.
    change_password(world, member.id, None).await.unwrap();
    assert_eq!(credentials(world, member.id).await.generation, 2);
    // A rehash of the same password does not change the generation.
    let stronger = hash("$example$stronger");
    let (command, old) = (world.command(member.id), hash("$example$changed"));
    world.store.users.rehash(&command, member.id, &old, &stronger).await.unwrap();
    let known = credentials(world, member.id).await;
    assert_eq!((known.hash, known.generation), (stronger, 2));
}

async fn no_session_slips_past_the_end_of_all_sessions(world: &World<'_>) {
    for _ in 0..10 {
        let (changed, disabled) = (world.member().await, world.member().await);
        let begin = async |user| join_all((0..4).map(|_| started(world, user, 0))).await;
        let (begun, outcome) = join(begin(changed.id), change_password(world, changed.id, Some(0))).await;
        outcome.unwrap();
        let (also, outcome) = join(begin(disabled.id), set_disabled(world, disabled.id, true)).await;
        outcome.unwrap();
        for opened in begun.into_iter().chain(also).flatten() {
            assert!(!runs(world, &opened, world.now()).await, "{opened:?}");
        }
    }
}

async fn a_disabled_account_has_no_sessions_until_it_is_enabled(world: &World<'_>) {
    let (member, guest): (Member, Member) = (world.member().await, world.member().await);
    let folder = world.folder(member.id, member.root, "a").await;
    world.share(member.id, folder, guest.id, clouddrive_domain::model::Permission::View).await;
    let session = started(world, member.id, 0).await.unwrap();
    assert!(set_disabled(world, member.id, true).await.unwrap());
    assert!(!set_disabled(world, member.id, true).await.unwrap());
    assert!(!runs(world, &session, world.now()).await);
    assert!(credentials(world, member.id).await.disabled);
    assert!(world.store.users.find_credentials(&World::handle(&member)).await.unwrap().unwrap().disabled);
    assert_refused!(started(world, member.id, 0).await, Error::NotFound);
    // Shares stay.
    world.try_grant(guest.id, folder, Action::Read).await.unwrap();
    assert!(set_disabled(world, member.id, false).await.unwrap());
    assert!(!set_disabled(world, member.id, false).await.unwrap());
    assert!(!runs(world, &session, world.now()).await, "what ended has ended");
    let again = started(world, member.id, 0).await.unwrap();
    assert!(runs(world, &again, world.now()).await);
}

async fn a_quota_may_be_less_than_what_is_there(world: &World<'_>) {
    let (member, bystander) = (world.member_with(100).await, world.member_with(100).await);
    world.file(member.id, member.root, "a", 60).await;
    let set = async |bytes| {
        let limits = NewLimits { bytes: Some(bytes), entries: None };
        world.store.accounts.set_quota(&world.command(member.id), member.id, limits).await
    };
    set(50).await.unwrap();
    assert_eq!(world.quota(member.id).await, Quota { total: 50, used: 60, reserved: 0 });
    let root = world.grant(member.id, member.root, Action::AddTo).await;
    let opening = world.opening(&root, "b", Some(1));
    assert_refused!(world.begin(&root, &opening).await, Error::Forbidden(Forbidden::Quota { .. }));
    set(61).await.unwrap();
    world.begin(&root, &opening).await.unwrap();
    assert_eq!(world.quota(bystander.id).await.total, 100);
}

async fn nothing_becomes_of_who_is_not_there(world: &World<'_>) {
    let anonymous: UserId = world.id();
    let email = world.registration().user.email;
    assert_eq!(world.store.accounts.find_credentials_of(anonymous).await.unwrap(), None);
    assert_refused!(change_email(world, anonymous, &email).await, Error::NotFound);
    assert_refused!(change_password(world, anonymous, None).await, Error::NotFound);
    assert_refused!(set_disabled(world, anonymous, true).await, Error::NotFound);
    assert_refused!(
        world
            .store
            .accounts
            .set_quota(&world.command(anonymous), anonymous, NewLimits { bytes: Some(1), entries: None })
            .await,
        Error::NotFound
    );
    assert_refused!(world.store.accounts.delete(&world.command(anonymous), anonymous, 0).await, Error::NotFound);
}

async fn accounts_are_listed_by_their_names_in_pages(world: &World<'_>) {
    let mut members = Vec::new();
    for _ in 0..5 {
        members.push(world.member().await);
    }
    let [_, full, disabled, ..] = &members[..] else { panic!("five were made") };
    set_disabled(world, disabled.id, true).await.unwrap();
    world.file(full.id, full.root, "a", 60).await;
    let page = async |after: Option<&str>, most| {
        world.store.accounts.list_accounts(after, Limit::new(most).unwrap()).await.unwrap()
    };
    // The store may have other accounts, too; each of these appears exactly once, in key order.
    let mut seen = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let rows = page(after.as_deref(), 2).await;
        assert!(rows.len() <= 3);
        let more = rows.len() == 3;
        seen.extend(rows.into_iter().take(2));
        after = seen.last().map(|row| row.account.user.username.key());
        if !more {
            break;
        }
    }
    assert!(seen.is_sorted_by_key(|row| row.account.user.username.key()));
    for member in &members {
        let rows: Vec<_> = seen.iter().filter(|row| row.account.user.id == member.id).collect();
        let [row] = rows[..] else { panic!("{rows:?}") };
        assert_eq!(row.account.user.username.as_str(), member.username);
        assert_eq!(
            (row.disabled_at.is_some(), row.account.quota.used),
            (member.id == disabled.id, if member.id == full.id { 60 } else { 0 })
        );
    }
}
