//! Conformance suite for [`AccountRepository`](clouddrive_domain::port::AccountRepository).

#![expect(clippy::panic, clippy::unwrap_used, reason = "a suite fails by a panic")]

mod delete;

use clouddrive_domain::Error;
use clouddrive_domain::error::{Conflict, Forbidden};
use clouddrive_domain::model::{
    Action, Credentials, Email, Limit, LoginIdentifier, NewLimits, PasswordHash, Quota, Timestamp, UserId,
};
use clouddrive_domain::port::NewSession;
use futures_util::future::{join, join_all};

use crate::case::persistence_suite;
use crate::fixture::{TestUser, assert_refused};
use crate::identity::sessions::opened;

persistence_suite! {
    $ accounts uses
        AccountRepository, BlobRecordRepository, NodeRepository, SessionRepository, ShareRepository, UploadRepository,
        UserRepository;

    self of "`AccountRepository::change_email`: Changes the user's e-mail address." {
        an_address_is_changed_and_the_former_one_is_free,
    }

    self of "`AccountRepository::change_email`: by the store's own constraint" {
        an_address_that_is_taken_is_refused,
        one_of_simultaneous_changes_to_one_address_succeeds,
    }

    self of "`AccountRepository::change_password`: Changes the user's password and ends all of the user's sessions." {
        another_password_ends_all_sessions,
    }

    self of "`AccountRepository::change_password`: if `proven` is given and the password is no longer of that generation" {
        a_password_change_needs_the_current_password,
    }

    self of "`AccountRepository`: Methods that end sessions also end those that are just starting" {
        no_session_slips_past_the_end_of_all_sessions,
    }

    self of "`AccountRepository::set_disabled`: Disables the account and ends its sessions, or enables it again." {
        a_disabled_account_has_no_sessions_until_it_is_enabled,
    }

    self of "`AccountRepository::set_quota`: They may be below its usage: then nothing more fits." {
        a_quota_may_be_below_the_usage,
    }

    self of "`AccountRepository::set_quota`: if there is no such user" {
        unknown_accounts_are_not_found,
    }

    self of "`AccountRepository::list_accounts`: Lists all accounts by user name key, after the key `after`: at most `limit` + 1." {
        accounts_are_listed_by_their_names_in_pages,
    }

    delete of "`AccountRepository::delete`: removes the user, their sessions and the shares given to them, and frees the name" {
        a_deleted_account_is_gone_and_its_names_are_free,
        items_of_a_deleted_user_stay_without_a_name,
    }

    delete of "`AccountRepository::delete`: The drive stays, without an owner and so invisible" {
        a_deleted_users_drive_is_invisible,
    }

    delete of "`AccountRepository::delete`: Their open uploads, into any drive, are aborted" {
        reservations_of_a_deleted_user_are_released,
        an_upload_that_begins_meanwhile_leaves_nothing_reserved,
    }

    delete of "`AccountRepository::delete`: The photo's blob MUST be unreferenced from then on." {
        a_deleted_users_photo_is_unreferenced,
    }

    delete of "`AccountRepository::change_password`: if `proven` is given and the password is no longer of that generation" {
        an_account_deletion_needs_the_current_password,
    }
}

fn hash(text: &str) -> PasswordHash {
    PasswordHash::new(text.to_owned())
}

async fn credentials(fixture: &Fixture<'_>, user: UserId) -> Credentials {
    fixture.store.accounts().find_credentials_of(user).await.unwrap().unwrap()
}

async fn started(fixture: &Fixture<'_>, user: UserId, generation: u64) -> clouddrive_domain::Result<NewSession> {
    let at = fixture.now();
    let opened = NewSession { generation, ..opened(fixture, user, at).0 };
    fixture.store.sessions().start(&fixture.command_at(Some(user), at), &opened).await?;
    Ok(opened)
}

async fn runs(fixture: &Fixture<'_>, opened: &NewSession, now: Timestamp) -> bool {
    let session = &opened.session;
    fixture.store.sessions().find_username(session.id, session.user, now).await.unwrap().is_some()
}

async fn change_email(fixture: &Fixture<'_>, user: UserId, email: &Email) -> clouddrive_domain::Result<bool> {
    fixture.store.accounts().change_email(&fixture.command(user), user, email).await
}

async fn change_password(fixture: &Fixture<'_>, user: UserId, proven: Option<u64>) -> clouddrive_domain::Result<()> {
    let hash = hash("$example$changed");
    fixture.store.accounts().change_password(&fixture.command(user), user, proven, &hash).await
}

async fn set_disabled(fixture: &Fixture<'_>, user: UserId, disabled: bool) -> clouddrive_domain::Result<bool> {
    fixture.store.accounts().set_disabled(&fixture.command(user), user, disabled).await
}

async fn person(fixture: &Fixture<'_>, text: &str) -> Option<UserId> {
    fixture.store.users().find_user(&LoginIdentifier::parse(text)).await.unwrap().map(|person| person.id)
}

async fn an_address_is_changed_and_the_former_one_is_free(fixture: &Fixture<'_>) {
    let new = fixture.registration();
    fixture.register(&new).await.unwrap();
    let (id, former) = (new.user.id, new.user.email.clone());
    let email = fixture.registration().user.email;
    assert!(change_email(fixture, id, &email).await.unwrap());
    assert!(!change_email(fixture, id, &email).await.unwrap());
    // The user may change the case of their own address.
    let louder = Email::parse(&email.as_str().to_uppercase()).unwrap();
    assert!(change_email(fixture, id, &louder).await.unwrap());
    let home = fixture.store.drive().find_user_drive(id).await.unwrap().unwrap();
    assert_eq!(home.account.user.email, louder);
    assert_eq!(person(fixture, email.as_str()).await, Some(id));
    assert_eq!(person(fixture, former.as_str()).await, None);
    let mut other = fixture.registration();
    other.user.email = former;
    fixture.register(&other).await.unwrap();
}

async fn an_address_that_is_taken_is_refused(fixture: &Fixture<'_>) {
    let (user, taken) = (fixture.user().await, fixture.registration());
    fixture.register(&taken).await.unwrap();
    let before = fixture.store.drive().find_user_drive(user.id).await.unwrap().unwrap();
    for change in [str::to_lowercase, str::to_uppercase] {
        let same = Email::parse(&change(taken.user.email.as_str())).unwrap();
        assert_refused!(change_email(fixture, user.id, &same).await, Error::Conflict(Conflict::EmailTaken));
    }
    assert_eq!(fixture.store.drive().find_user_drive(user.id).await.unwrap().unwrap(), before);
}

async fn one_of_simultaneous_changes_to_one_address_succeeds(fixture: &Fixture<'_>) {
    let email = fixture.registration().user.email;
    let mut rivals = Vec::new();
    for _ in 0..6 {
        rivals.push(fixture.user().await);
    }
    let outcomes = join_all(rivals.iter().map(|rival| change_email(fixture, rival.id, &email))).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    for outcome in outcomes.into_iter().filter(Result::is_err) {
        assert_refused!(outcome, Error::Conflict(Conflict::EmailTaken));
    }
}

async fn another_password_ends_all_sessions(fixture: &Fixture<'_>) {
    let (user, bystander) = (fixture.user().await, fixture.user().await);
    let (first, second) = (started(fixture, user.id, 0).await.unwrap(), started(fixture, user.id, 0).await.unwrap());
    let other = started(fixture, bystander.id, 0).await.unwrap();
    change_password(fixture, user.id, Some(0)).await.unwrap();
    let now = fixture.now();
    assert!(!runs(fixture, &first, now).await && !runs(fixture, &second, now).await);
    assert!(runs(fixture, &other, now).await);
    let expected = Credentials { user: user.id, hash: hash("$example$changed"), generation: 1, disabled: false };
    assert_eq!(credentials(fixture, user.id).await, expected);
    assert_eq!(fixture.store.users().find_credentials(&user.identifier()).await.unwrap(), Some(expected));
    assert_eq!(credentials(fixture, bystander.id).await.generation, 0);
    // Sessions start with the new generation, not with the former one.
    assert_refused!(started(fixture, user.id, 0).await, Error::NotFound);
    let third = started(fixture, user.id, 1).await.unwrap();
    assert!(runs(fixture, &third, fixture.now()).await);
}

async fn a_password_change_needs_the_current_password(fixture: &Fixture<'_>) {
    let user = fixture.user().await;
    let outcomes = join_all((0..5).map(|_| change_password(fixture, user.id, Some(0)))).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    for outcome in outcomes.into_iter().filter(Result::is_err) {
        assert_refused!(outcome, Error::Forbidden(Forbidden::WrongPassword));
    }
    // Administrators need not prove the current password.
    change_password(fixture, user.id, None).await.unwrap();
    assert_eq!(credentials(fixture, user.id).await.generation, 2);
    // A rehash of the same password does not change the generation.
    let stronger = hash("$example$stronger");
    let (command, old) = (fixture.command(user.id), hash("$example$changed"));
    fixture.store.users().rehash(&command, user.id, &old, &stronger).await.unwrap();
    let known = credentials(fixture, user.id).await;
    assert_eq!((known.hash, known.generation), (stronger, 2));
}

async fn no_session_slips_past_the_end_of_all_sessions(fixture: &Fixture<'_>) {
    for _ in 0..10 {
        let (changed, disabled) = (fixture.user().await, fixture.user().await);
        let begin = async |user| join_all((0..4).map(|_| started(fixture, user, 0))).await;
        let (begun, outcome) = join(begin(changed.id), change_password(fixture, changed.id, Some(0))).await;
        outcome.unwrap();
        let (also, outcome) = join(begin(disabled.id), set_disabled(fixture, disabled.id, true)).await;
        outcome.unwrap();
        for opened in begun.into_iter().chain(also).flatten() {
            assert!(!runs(fixture, &opened, fixture.now()).await, "{opened:?}");
        }
    }
}

async fn a_disabled_account_has_no_sessions_until_it_is_enabled(fixture: &Fixture<'_>) {
    let (user, guest): (TestUser, TestUser) = (fixture.user().await, fixture.user().await);
    let folder = fixture.folder(user.id, user.root, "a").await;
    fixture.share(user.id, folder, guest.id, clouddrive_domain::model::Permission::View).await;
    let session = started(fixture, user.id, 0).await.unwrap();
    assert!(set_disabled(fixture, user.id, true).await.unwrap());
    assert!(!set_disabled(fixture, user.id, true).await.unwrap());
    assert!(!runs(fixture, &session, fixture.now()).await);
    assert!(credentials(fixture, user.id).await.disabled);
    assert!(fixture.store.users().find_credentials(&user.identifier()).await.unwrap().unwrap().disabled);
    assert_refused!(started(fixture, user.id, 0).await, Error::NotFound);
    // Shares stay.
    fixture.try_grant(guest.id, folder, Action::Read).await.unwrap();
    assert!(set_disabled(fixture, user.id, false).await.unwrap());
    assert!(!set_disabled(fixture, user.id, false).await.unwrap());
    assert!(!runs(fixture, &session, fixture.now()).await, "what ended has ended");
    let again = started(fixture, user.id, 0).await.unwrap();
    assert!(runs(fixture, &again, fixture.now()).await);
}

async fn a_quota_may_be_below_the_usage(fixture: &Fixture<'_>) {
    let (user, bystander) = (fixture.user_with_quota(100).await, fixture.user_with_quota(100).await);
    fixture.file(user.id, user.root, "a", 60).await;
    let set = async |bytes| {
        let limits = NewLimits { bytes: Some(bytes), entries: None };
        fixture.store.accounts().set_quota(&fixture.command(user.id), user.id, limits).await
    };
    set(50).await.unwrap();
    assert_eq!(fixture.quota(user.id).await, Quota { total: 50, used: 60, reserved: 0 });
    let root = fixture.grant(user.id, user.root, Action::AddTo).await;
    let new_upload = fixture.new_upload(&root, "b", Some(1));
    assert_refused!(fixture.begin(&root, &new_upload).await, Error::Forbidden(Forbidden::Quota { .. }));
    set(61).await.unwrap();
    fixture.begin(&root, &new_upload).await.unwrap();
    assert_eq!(fixture.quota(bystander.id).await.total, 100);
}

async fn unknown_accounts_are_not_found(fixture: &Fixture<'_>) {
    let anonymous: UserId = fixture.id();
    let email = fixture.registration().user.email;
    assert_eq!(fixture.store.accounts().find_credentials_of(anonymous).await.unwrap(), None);
    assert_refused!(change_email(fixture, anonymous, &email).await, Error::NotFound);
    assert_refused!(change_password(fixture, anonymous, None).await, Error::NotFound);
    assert_refused!(set_disabled(fixture, anonymous, true).await, Error::NotFound);
    assert_refused!(
        fixture
            .store
            .accounts()
            .set_quota(&fixture.command(anonymous), anonymous, NewLimits { bytes: Some(1), entries: None })
            .await,
        Error::NotFound
    );
    assert_refused!(fixture.store.accounts().delete(&fixture.command(anonymous), anonymous, 0).await, Error::NotFound);
}

async fn accounts_are_listed_by_their_names_in_pages(fixture: &Fixture<'_>) {
    let mut members = Vec::new();
    for _ in 0..5 {
        members.push(fixture.user().await);
    }
    let [_, full, disabled, ..] = &members[..] else { panic!("five were made") };
    set_disabled(fixture, disabled.id, true).await.unwrap();
    fixture.file(full.id, full.root, "a", 60).await;
    let page = async |after: Option<&str>, max| {
        fixture.store.accounts().list_accounts(after, Limit::new(max).unwrap()).await.unwrap()
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
    for user in &members {
        let rows: Vec<_> = seen.iter().filter(|row| row.account.user.id == user.id).collect();
        let [row] = rows[..] else { panic!("{rows:?}") };
        assert_eq!(row.account.user.username.as_str(), user.username);
        assert_eq!(
            (row.disabled_at.is_some(), row.account.quota.used),
            (user.id == disabled.id, if user.id == full.id { 60 } else { 0 })
        );
    }
}
