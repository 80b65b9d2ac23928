use std::sync::Arc;

use mockall::predicate::eq;

use crate::error::{Conflict, Error};
use crate::model::{
    AdminAction, AuditAction, Command, Email, Limit, ListedAccount, LoginIdentifier, NewLimits, Password, PasswordHash,
    User, Username,
};
use crate::port::{MockAccountRepository, MockPasswords, MockUserRepository, Registration};
use crate::service::AdministrationService;
use crate::service::testing::{NOW, OWNER, Trail, context_with, made, person, request, user_drive};

const LIMITS: NewLimits = NewLimits { bytes: Some(5), entries: None };

#[derive(Default)]
struct Ports {
    users: MockUserRepository,
    accounts: MockAccountRepository,
    passwords: MockPasswords,
}

impl Ports {
    fn service(self, trail: &Trail) -> AdministrationService {
        let context = context_with(NOW, trail.clone());
        AdministrationService::new(Arc::new(self.users), Arc::new(self.accounts), Arc::new(self.passwords), context)
    }

    /// Only olga is known.
    fn knowing_olga() -> Self {
        let mut ports = Self::default();
        ports
            .users
            .expect_find_user()
            .returning(|identifier| Ok((*identifier == olga()).then(|| person(OWNER, "olga"))));
        ports
    }
}

fn olga() -> LoginIdentifier {
    LoginIdentifier::parse("olga")
}

fn stranger() -> LoginIdentifier {
    LoginIdentifier::parse("stranger")
}

fn secret() -> Password {
    Password::attempt("a quiet secret").unwrap()
}

fn hash() -> PasswordHash {
    PasswordHash::new("fresh".to_owned())
}

/// The server itself is the actor.
fn own() -> Command {
    Command { actor: None, at: NOW, request: request(), idempotency_record: None }
}

fn audited(act: AdminAction) -> Vec<(Option<crate::model::UserId>, AuditAction)> {
    vec![(None, AuditAction::AccountAdministered { user: OWNER, act })]
}

#[tokio::test]
async fn an_account_is_created_with_its_own_quota() {
    let trail = Trail::default();
    let mut ports = Ports::default();
    ports.passwords.expect_hash().with(eq(secret())).times(1).returning(|_| Ok(hash()));
    let user = User {
        id: made(1),
        username: Username::parse("Olga").unwrap(),
        email: Email::parse("olga@example.com").unwrap(),
        created_at: NOW,
        photo: None,
    };
    let registration = Registration {
        user: user.clone(),
        hash: hash(),
        drive: made(2),
        root: made(3),
        quota_bytes: 77,
        quota_entries: 8,
    };
    ports.users.expect_register().with(eq(own()), eq(registration)).times(1).returning(|_, _| Ok(()));
    let (username, email) = (user.username.clone(), user.email.clone());
    let account = ports.service(&trail).create(&request(), username, email, &secret(), (77, 8)).await.unwrap();
    assert_eq!((account.user, account.quota.total, account.entries.total), (user.clone(), 77, 8));
    let act = AdminAction::Created;
    assert_eq!(trail.read(), [(None, AuditAction::AccountAdministered { user: user.id, act })]);
}

#[tokio::test]
async fn changes_are_made_by_the_server_and_audited() {
    let trail = Trail::default();
    let mut ports = Ports::knowing_olga();
    ports.passwords.expect_hash().returning(|_| Ok(hash()));
    let change = ports.accounts.expect_change_password().with(eq(own()), eq(OWNER), eq(None), eq(hash()));
    change.times(1).returning(|_, _, _, _| Ok(()));
    ports.service(&trail).set_password(&request(), &olga(), &secret()).await.unwrap();
    assert_eq!(trail.read(), audited(AdminAction::PasswordSet));

    let trail = Trail::default();
    let mut ports = Ports::knowing_olga();
    ports.accounts.expect_set_quota().with(eq(own()), eq(OWNER), eq(LIMITS)).times(1).returning(|_, _, _| Ok(()));
    ports.service(&trail).set_quota(&request(), &olga(), LIMITS).await.unwrap();
    assert_eq!(trail.read(), audited(AdminAction::QuotaSet));

    for (disabled, act) in [(true, AdminAction::Disabled), (false, AdminAction::Enabled)] {
        for changes in [true, false] {
            let trail = Trail::default();
            let mut ports = Ports::knowing_olga();
            let set = ports.accounts.expect_set_disabled().with(eq(own()), eq(OWNER), eq(disabled));
            set.times(1).returning(move |_, _, _| Ok(changes));
            let done = ports.service(&trail).set_disabled(&request(), &olga(), disabled).await.unwrap();
            assert_eq!((done, trail.read()), (changes, if changes { audited(act) } else { vec![] }));
        }
    }
}

#[tokio::test]
async fn unknown_users_are_not_found_and_refusals_not_audited() {
    let trail = Trail::default();
    let service = Ports::knowing_olga().service(&trail);
    assert!(matches!(service.set_password(&request(), &stranger(), &secret()).await, Err(Error::NotFound)));
    assert!(matches!(service.set_quota(&request(), &stranger(), LIMITS).await, Err(Error::NotFound)));
    assert!(matches!(service.set_disabled(&request(), &stranger(), true).await, Err(Error::NotFound)));
    let mut ports = Ports::default();
    ports.passwords.expect_hash().returning(|_| Ok(hash()));
    ports.users.expect_register().returning(|_, _| Err(Error::Conflict(Conflict::UsernameTaken)));
    let (username, email) = (Username::parse("olga").unwrap(), Email::parse("olga@example.com").unwrap());
    let refused = ports.service(&trail).create(&request(), username, email, &secret(), (1, 1)).await;
    assert!(matches!(refused, Err(Error::Conflict(Conflict::UsernameTaken))));
    assert_eq!(trail.read(), []);
}

#[tokio::test]
async fn accounts_are_listed_in_pages_by_name_key() {
    let row = |name: &str| {
        let mut account = user_drive().account;
        account.user.username = Username::parse(name).unwrap();
        ListedAccount { account, disabled_at: None }
    };
    let rows = vec![row("Ann"), row("Ben"), row("Cat")];
    let mut ports = Ports::default();
    let limit = Limit::new(2).unwrap();
    let found = rows.clone();
    ports
        .accounts
        .expect_list_accounts()
        .withf(move |after, max| *after == Some("aaa") && *max == limit)
        .times(1)
        .returning(move |_, _| Ok(found.clone()));
    let page = ports.service(&Trail::default()).list(Some("aaa"), limit).await.unwrap();
    assert_eq!((page.items.as_slice(), page.next.as_deref()), (&rows[..2], Some("ben")));
}
