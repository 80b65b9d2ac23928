use std::sync::Arc;
use std::time::Duration;

use mockall::Sequence;
use mockall::predicate::eq;

use super::{
    Counting, GUEST, NOW, OWNER, Trail, actor, ambient, ambient_with, command, drive_with, home, made, nothing_ended,
    outage, request,
};
use crate::error::{Conflict, Error, Unauthenticated};
use crate::model::{
    AccessClaims, AuditAction, Bucket, Command, Credentials, Email, EntryQuota, Handle, Identity, LoginRefusal,
    Network, Password, PasswordHash, Quota, RefreshToken, Session, User, Username,
};
use crate::port::{
    MockAccounts, MockDrive, MockPasswords, MockSessions, MockThrottle, MockTokens, MockUsers, Opened, Registration,
    Verdict,
};
use crate::service::{AccountSettings, Accounts, Ambient, ClientInfo, EndedUploads, Throttling};

mod own;
mod sessions;
mod throttling;

const HOUR: Duration = Duration::from_secs(3600);
/// How long a session lives that is not refreshed.
const MONTH: Duration = Duration::from_secs(30 * 86_400);
/// How long a refresh token may come again.
const GRACE: Duration = Duration::from_secs(30);
const SECRET: &str = "a quiet secret";

#[derive(Default)]
struct Ports {
    users: MockUsers,
    accounts: MockAccounts,
    throttle: Option<MockThrottle>,
    sessions: MockSessions,
    drive: MockDrive,
    passwords: MockPasswords,
    tokens: MockTokens,
    ended: Option<EndedUploads>,
}

impl Ports {
    fn service(self) -> Accounts {
        self.service_in(ambient())
    }

    fn service_in(self, ambient: Ambient) -> Accounts {
        Accounts::new(
            Arc::new(self.users),
            Arc::new(self.accounts),
            Arc::new(self.sessions),
            Arc::new(self.drive),
            Arc::new(self.passwords),
            Arc::new(self.tokens),
            self.ended.unwrap_or_else(nothing_ended),
            self.throttle.map_or_else(Throttling::off, |throttle| Throttling::new(Arc::new(throttle))),
            ambient,
            AccountSettings {
                quota_bytes: 1_000,
                quota_entries: 9,
                token_lifetime: HOUR,
                session_lifetime: MONTH,
                refresh_grace: GRACE,
            },
        )
    }

    /// Somebody is known under `handle`.
    fn knowing(handle: Handle) -> Self {
        let mut ports = Self::default();
        let known = credentials();
        ports.users.expect_find_credentials().with(eq(handle)).times(1).return_once(|_| Ok(Some(known)));
        ports
    }
}

/// What is known of the owner, whose password was changed three times.
fn credentials() -> Credentials {
    Credentials { user: OWNER, hash: hash("stored"), generation: 3, disabled: false }
}

/// The refresh token that comes of the `nth` use of randomness.
fn made_token(nth: u8) -> RefreshToken {
    RefreshToken::generate(&Counting::from(nth))
}

fn olga() -> Handle {
    Handle::Username("olga".to_owned())
}

fn secret() -> Password {
    Password::attempt(SECRET).unwrap()
}

fn hash(text: &str) -> PasswordHash {
    PasswordHash::new(text.to_owned())
}

fn claims() -> AccessClaims {
    AccessClaims { token: made(3), user: OWNER, session: made(1), issued_at: NOW, expires_at: NOW.plus(HOUR) }
}

async fn refusal(accounts: Accounts, name: &str, password: &str) -> Option<Error> {
    accounts.login(request(), name, password, ClientInfo::default()).await.err()
}

fn is_refused(fault: Option<&Error>) -> bool {
    matches!(fault, Some(Error::Unauthenticated(Unauthenticated::InvalidCredentials)))
}

#[tokio::test]
async fn a_user_a_drive_and_its_root_are_made_by_one_call() {
    let mut ports = Ports::default();
    ports.passwords.expect_hash().with(eq(secret())).times(1).returning(|_| Ok(hash("fresh")));
    let user = User {
        id: made(1),
        username: Username::parse("Olga").unwrap(),
        email: Email::parse("olga@example.com").unwrap(),
        created_at: NOW,
        photo: None,
    };
    let registration = Registration {
        user: user.clone(),
        hash: hash("fresh"),
        drive: made(2),
        root: made(3),
        quota_bytes: 1_000,
        quota_entries: 9,
    };
    let by_herself = Command { actor: Some(user.id), at: NOW, request: request(), receipt: None };
    ports.users.expect_register().with(eq(by_herself), eq(registration)).times(1).returning(|_, _| Ok(()));
    let made = ports.service().register(request(), user.username.clone(), user.email.clone(), &secret(), None).await;
    let account = made.unwrap();
    assert_eq!(account.user, user);
    assert_eq!(account.quota, Quota { total: 1_000, used: 0, reserved: 0 });
    assert_eq!(account.entries, EntryQuota { total: 9, used: 0 });
}

#[tokio::test]
async fn a_name_that_is_taken_is_found_by_the_store() {
    let mut ports = Ports::default();
    ports.passwords.expect_hash().returning(|_| Ok(hash("fresh")));
    ports.users.expect_register().returning(|_, _| Err(Error::Conflict(Conflict::UsernameTaken)));
    let (username, email) = (Username::parse("olga").unwrap(), Email::parse("olga@example.com").unwrap());
    let refused = ports.service().register(request(), username, email, &secret(), None).await;
    assert!(matches!(refused, Err(Error::Conflict(Conflict::UsernameTaken))));
}

#[tokio::test]
async fn an_unknown_user_and_a_wrong_password_answer_alike_and_cost_one_verification_each() {
    let mut unknown = Ports::default();
    unknown.users.expect_find_credentials().times(1).returning(|_| Ok(None));
    unknown.passwords.expect_verify_nobody().with(eq(secret())).times(1).returning(|_| Ok(()));
    let nobody = refusal(unknown.service(), "olga", SECRET).await;

    let mut wrong = Ports::knowing(olga());
    wrong
        .passwords
        .expect_verify()
        .with(eq(secret()), eq(hash("stored")))
        .times(1)
        .returning(|_, _| Ok(Verdict::Wrong));
    let somebody = refusal(wrong.service(), "olga", SECRET).await;

    assert!(is_refused(nobody.as_ref()) && is_refused(somebody.as_ref()));
    assert_eq!(nobody.unwrap().to_string(), somebody.unwrap().to_string());
}

#[tokio::test]
async fn only_the_audit_trail_learns_why_somebody_was_not_let_in() {
    let trail = Trail::default();
    let mut unknown = Ports::default();
    unknown.users.expect_find_credentials().returning(|_| Ok(None));
    unknown.passwords.expect_verify_nobody().returning(|_| Ok(()));
    let mut wrong = Ports::knowing(olga());
    wrong.passwords.expect_verify().returning(|_, _| Ok(Verdict::Wrong));
    for (ports, password) in
        [(unknown, SECRET.to_owned()), (wrong, SECRET.to_owned()), (Ports::default(), "x".repeat(100_000))]
    {
        assert!(is_refused(
            refusal(ports.service_in(ambient_with(NOW, trail.clone())), "olga", &password).await.as_ref()
        ));
    }
    let refused = |reason| AuditAction::LoginRefused { reason };
    let expected = [
        (None, refused(LoginRefusal::UnknownUser)),
        (Some(OWNER), refused(LoginRefusal::WrongPassword)),
        (None, refused(LoginRefusal::ImpossiblePassword)),
    ];
    assert_eq!(trail.read(), expected);
}

#[tokio::test]
async fn who_comes_in_is_in_the_audit_trail_once_that_is_done() {
    let trail = Trail::default();
    let mut ports = Ports::knowing(olga());
    ports.passwords.expect_verify().returning(|_, _| Ok(Verdict::Outdated));
    ports.passwords.expect_hash().returning(|_| Ok(hash("stronger")));
    ports.users.expect_rehash().returning(|_, _, _, _| Ok(()));
    ports.sessions.expect_start().returning(|_, _| Ok(()));
    ports.tokens.expect_issue().returning(|_| Ok("token".to_owned()));
    assert!(refusal(ports.service_in(ambient_with(NOW, trail.clone())), "olga", SECRET).await.is_none());
    let session = AuditAction::LoggedIn { session: made(1) };
    assert_eq!(trail.read(), [(Some(OWNER), AuditAction::PasswordRehashed), (Some(OWNER), session)]);

    let mut down = Ports::knowing(olga());
    down.passwords.expect_verify().returning(|_, _| Ok(Verdict::Right));
    down.sessions.expect_start().returning(|_, _| Err(outage()));
    let trail = Trail::default();
    assert!(refusal(down.service_in(ambient_with(NOW, trail.clone())), "olga", SECRET).await.is_some());
    assert_eq!(trail.read(), []);
}

#[tokio::test]
async fn an_absurdly_long_password_is_refused_before_anybody_is_looked_up() {
    let fault = refusal(Ports::default().service(), "olga", &"x".repeat(100_000)).await;
    assert!(is_refused(fault.as_ref()));
}

#[tokio::test]
async fn the_right_password_begins_a_session_and_the_token_names_it() {
    let mut ports = Ports::knowing(olga());
    let mut order = Sequence::new();
    ports.passwords.expect_verify().times(1).in_sequence(&mut order).returning(|_, _| Ok(Verdict::Right));
    let session = Session {
        id: made(1),
        user: OWNER,
        created_at: NOW,
        expires_at: NOW.plus(MONTH),
        address: Some("192.0.2.1".to_owned()),
        user_agent: Some("curl".to_owned()),
    };
    let opened = Opened { session, token: made_token(2).hash(), generation: 3 };
    ports
        .sessions
        .expect_start()
        .with(eq(command(OWNER)), eq(opened))
        .times(1)
        .in_sequence(&mut order)
        .returning(|_, _| Ok(()));
    ports
        .tokens
        .expect_issue()
        .with(eq(claims()))
        .times(1)
        .in_sequence(&mut order)
        .returning(|_| Ok("token".to_owned()));
    let client = ClientInfo { address: "192.0.2.1".parse().ok(), user_agent: Some("curl".to_owned()) };
    let login = ports.service().login(request(), "Olga", SECRET, client).await.ok().unwrap();
    assert_eq!((login.access_token.as_str(), login.lifetime), ("token", HOUR));
    assert_eq!(login.refresh_token, made_token(2));
}

#[tokio::test]
async fn an_address_serves_as_well_as_a_name() {
    let mut ports = Ports::knowing(Handle::Email("olga@example.com".to_owned()));
    ports.passwords.expect_verify().returning(|_, _| Ok(Verdict::Right));
    ports.sessions.expect_start().times(1).returning(|_, _| Ok(()));
    ports.tokens.expect_issue().returning(|_| Ok("token".to_owned()));
    assert!(refusal(ports.service(), "Olga@Example.com", SECRET).await.is_none());
}

#[tokio::test]
async fn a_client_that_talks_too_much_about_itself_is_cut_short() {
    let mut ports = Ports::knowing(olga());
    ports.passwords.expect_verify().returning(|_, _| Ok(Verdict::Right));
    let kept = |opened: &Opened| opened.session.user_agent.as_deref() == Some("é".repeat(255).as_str());
    ports.sessions.expect_start().withf(move |_, opened| kept(opened)).times(1).returning(|_, _| Ok(()));
    ports.tokens.expect_issue().returning(|_| Ok("token".to_owned()));
    let client = ClientInfo { address: None, user_agent: Some("é".repeat(5_000)) };
    assert!(ports.service().login(request(), "olga", SECRET, client).await.is_ok());
}

#[tokio::test]
async fn an_outdated_hash_is_replaced_before_the_session_begins() {
    let mut ports = Ports::knowing(olga());
    let mut order = Sequence::new();
    ports.passwords.expect_verify().times(1).in_sequence(&mut order).returning(|_, _| Ok(Verdict::Outdated));
    ports
        .passwords
        .expect_hash()
        .with(eq(secret()))
        .times(1)
        .in_sequence(&mut order)
        .returning(|_| Ok(hash("stronger")));
    ports
        .users
        .expect_rehash()
        .with(eq(command(OWNER)), eq(OWNER), eq(hash("stored")), eq(hash("stronger")))
        .times(1)
        .in_sequence(&mut order)
        .returning(|_, _, _, _| Ok(()));
    ports.sessions.expect_start().times(1).in_sequence(&mut order).returning(|_, _| Ok(()));
    ports.tokens.expect_issue().returning(|_| Ok("token".to_owned()));
    assert!(refusal(ports.service(), "olga", SECRET).await.is_none());
}

#[tokio::test]
async fn no_session_begins_while_passwords_cannot_be_verified() {
    let mut ports = Ports::knowing(olga());
    ports.passwords.expect_verify().returning(|_, _| Err(Error::unavailable("password hashing", "busy")));
    let fault = refusal(ports.service(), "olga", SECRET).await;
    assert!(matches!(fault, Some(Error::Unavailable { part: "password hashing", .. })));
}

#[tokio::test]
async fn no_token_is_issued_for_a_session_that_did_not_begin() {
    let mut ports = Ports::knowing(olga());
    ports.passwords.expect_verify().returning(|_, _| Ok(Verdict::Right));
    ports.sessions.expect_start().returning(|_, _| Err(outage()));
    ports.tokens.expect_issue().never();
    let fault = refusal(ports.service(), "olga", SECRET).await;
    assert!(matches!(fault, Some(Error::Unavailable { part: "database", .. })));
}

#[tokio::test]
async fn a_token_tells_who_calls_while_its_session_runs() {
    let mut ports = Ports::default();
    ports.tokens.expect_verify().with(eq("token"), eq(NOW)).returning(|_, _| Ok(claims()));
    ports
        .sessions
        .expect_find_username()
        .with(eq(claims().session), eq(OWNER), eq(NOW))
        .times(1)
        .returning(|_, _, _| Ok(Some("olga".to_owned())));
    let accounts = ports.service();
    let identity = accounts.authenticate(accounts.verify("token").unwrap()).await.unwrap();
    let expected = Identity { user: OWNER, username: "olga".to_owned(), session: made(1), expires_at: NOW.plus(HOUR) };
    assert_eq!(identity, expected);
}

#[tokio::test]
async fn the_token_of_an_ended_session_is_invalid() {
    let mut ports = Ports::default();
    ports.sessions.expect_find_username().times(1).returning(|_, _, _| Ok(None));
    let refused = ports.service().authenticate(claims()).await;
    assert!(matches!(refused, Err(Error::Unauthenticated(Unauthenticated::InvalidToken))));
}

#[test]
fn an_expired_token_says_so_and_its_session_is_not_looked_up() {
    let mut ports = Ports::default();
    let expired = || Error::Unauthenticated(Unauthenticated::TokenExpired);
    ports.tokens.expect_verify().returning(move |_, _| Err(expired()));
    ports.sessions.expect_find_username().never();
    let refused = ports.service().verify("token");
    assert!(matches!(refused, Err(Error::Unauthenticated(Unauthenticated::TokenExpired))));
}

#[tokio::test]
async fn callers_see_their_own_account_until_it_is_deleted() {
    let accounts = Ports { drive: drive_with([]), ..Ports::default() }.service();
    assert_eq!(accounts.find(&actor(OWNER)).await.unwrap(), home().account);
    assert!(matches!(accounts.find(&actor(GUEST)).await, Err(Error::NotFound)));
}
