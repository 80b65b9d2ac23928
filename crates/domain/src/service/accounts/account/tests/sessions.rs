use mockall::predicate::eq;

use super::{GRACE, HOUR, MONTH, Ports, SECRET, credentials, is_refused, nth_token, olga, refusal};
use crate::error::{Error, Unauthenticated};
use crate::model::{
    AccessClaims, ActiveSession, AuditAction, ClientInfo, Credentials, Limit, LoginRefusal, Origin, Scopes, SessionId,
    SessionPosition, Timestamp,
};
use crate::port::{PasswordCheck, RotationOutcome, TokenOwner, TokenRotation};
use crate::service::testing::{NOW, OWNER, Trail, actor, command, context_with, made, origin, outage};

fn session() -> SessionId {
    made(77)
}

/// The presented token belongs to a session of the owner.
fn known() -> Ports {
    let mut ports = Ports::default();
    let owner = TokenOwner { session: session(), user: OWNER };
    ports.sessions.expect_find_by_token().with(eq(nth_token(9).hash())).returning(move |_| Ok(Some(owner)));
    ports
}

fn sent() -> String {
    nth_token(9).expose().to_owned()
}

fn is_invalid<T>(outcome: &Result<T, Error>) -> bool {
    matches!(outcome, Err(Error::Unauthenticated(Unauthenticated::InvalidRefreshToken)))
}

#[tokio::test]
async fn refresh_returns_new_tokens_of_the_same_session() {
    let trail = Trail::default();
    let mut ports = known();
    let rotation = TokenRotation {
        presented: nth_token(9).hash(),
        next: nth_token(1).hash(),
        expires_at: NOW.plus(MONTH),
        grace: GRACE,
        address: Some("192.0.2.1".to_owned()),
        user_agent: Some("x".repeat(255)),
    };
    let refresh = ports.sessions.expect_refresh().with(eq(command(OWNER)), eq(rotation));
    refresh.times(1).returning(|_, _| Ok(RotationOutcome::Renewed));
    let (token, expires_at) = (made(2), NOW.plus(HOUR));
    let claims =
        AccessClaims { token, user: OWNER, session: session(), scopes: Scopes::full(), issued_at: NOW, expires_at };
    ports.tokens.expect_issue().with(eq(claims)).times(1).returning(|_| Ok("token".to_owned()));
    let client = ClientInfo { address: "192.0.2.1".parse().ok(), user_agent: Some("x".repeat(300)) };
    let accounts = ports.service_in(context_with(NOW, trail.clone()));
    let login = accounts.refresh(Origin { client, ..origin() }, &sent()).await.ok().unwrap();
    assert_eq!((login.access_token.as_str(), login.refresh_token), ("token", nth_token(1)));
    assert_eq!(trail.read(), [(Some(OWNER), AuditAction::SessionRefreshed { session: session() })]);
}

#[tokio::test]
async fn a_reused_refresh_token_is_refused_and_audited() {
    let trail = Trail::default();
    let mut ports = known();
    ports.sessions.expect_refresh().times(1).returning(|_, _| Ok(RotationOutcome::Reused));
    let accounts = ports.service_in(context_with(NOW, trail.clone()));
    assert!(is_invalid(&accounts.refresh(origin(), &sent()).await));
    assert_eq!(trail.read(), [(Some(OWNER), AuditAction::SessionReused { session: session() })]);
}

#[tokio::test]
async fn unknown_refresh_tokens_are_invalid_and_malformed_ones_not_looked_up() {
    let mut ports = Ports::default();
    ports.sessions.expect_find_by_token().times(1).returning(|_| Ok(None));
    let accounts = ports.service();
    for text in [sent().as_str(), "", "short", &"x".repeat(1_000_000)] {
        assert!(is_invalid(&accounts.refresh(origin(), text).await));
    }
}

#[tokio::test]
async fn logout_is_idempotent() {
    let trail = Trail::default();
    let mut ports = known();
    let end = ports.sessions.expect_end().with(eq(command(OWNER)), eq(session()), eq(OWNER));
    end.times(1).returning(|_, _, _| Ok(()));
    ports.sessions.expect_end().times(1).returning(|_, _, _| Err(Error::NotFound));
    let accounts = ports.service_in(context_with(NOW, trail.clone()));
    accounts.logout(origin(), &sent()).await.unwrap();
    accounts.logout(origin(), &sent()).await.unwrap();
    accounts.logout(origin(), "no token at all").await.unwrap();
    assert_eq!(trail.read(), [(Some(OWNER), AuditAction::LoggedOut { session: session() })]);
    let mut unknown = Ports::default();
    unknown.sessions.expect_find_by_token().returning(|_| Ok(None));
    unknown.service().logout(origin(), &sent()).await.unwrap();
    // Failures are reported.
    let mut down = known();
    down.sessions.expect_end().returning(|_, _, _| Err(outage()));
    assert!(matches!(down.service().logout(origin(), &sent()).await, Err(Error::Unavailable { .. })));
}

#[tokio::test]
async fn sessions_are_listed_in_pages() {
    let row = |nth: u8| ActiveSession {
        id: made(nth),
        created_at: Timestamp::from_millis(i64::from(nth)),
        last_used_at: NOW,
        address: None,
        user_agent: None,
    };
    let after = SessionPosition { at: NOW, id: session() };
    let mut ports = Ports::default();
    let limit = Limit::new(2).unwrap();
    let list = ports.sessions.expect_list().with(eq(OWNER), eq(NOW), eq(Some(after)), eq(limit));
    list.times(1).returning(move |_, _, _, _| Ok(vec![row(3), row(2), row(1)]));
    let page = ports.service().list_sessions(&actor(OWNER), Some(after), limit).await.unwrap();
    assert_eq!(page.items, [row(3), row(2)]);
    assert_eq!(page.next, Some(SessionPosition { at: Timestamp::from_millis(2), id: made(2) }));
}

#[tokio::test]
async fn a_session_is_ended_by_its_user() {
    let trail = Trail::default();
    let mut ports = Ports::default();
    let end = ports.sessions.expect_end().with(eq(command(OWNER)), eq(session()), eq(OWNER));
    end.times(1).returning(|_, _, _| Ok(()));
    ports.service_in(context_with(NOW, trail.clone())).end_session(&actor(OWNER), session()).await.unwrap();
    assert_eq!(trail.read(), [(Some(OWNER), AuditAction::SessionEnded { session: session() })]);
    let mut others = Ports::default();
    others.sessions.expect_end().returning(|_, _, _| Err(Error::NotFound));
    assert!(matches!(others.service().end_session(&actor(OWNER), session()).await, Err(Error::NotFound)));
}

#[tokio::test]
async fn a_disabled_account_is_refused_after_its_password_was_verified() {
    let trail = Trail::default();
    for verdict in [PasswordCheck::Right, PasswordCheck::Outdated] {
        let mut ports = Ports::default();
        let disabled = || Credentials { disabled: true, ..credentials() };
        ports.users.expect_find_credentials().with(eq(olga())).returning(move |_| Ok(Some(disabled())));
        ports.passwords.expect_verify().times(1).returning(move |_, _| Ok(verdict));
        let error = refusal(ports.service_in(context_with(NOW, trail.clone())), "olga", SECRET).await;
        assert!(is_refused(error.as_ref()));
    }
    let refused = AuditAction::LoginRefused { reason: LoginRefusal::Disabled };
    assert_eq!(trail.read(), vec![(Some(OWNER), refused); 2]);
}

#[tokio::test]
async fn a_password_changed_during_verification_is_refused() {
    let mut ports = Ports::knowing(olga());
    ports.passwords.expect_verify().returning(|_, _| Ok(PasswordCheck::Right));
    ports.sessions.expect_start().times(1).returning(|_, _| Err(Error::NotFound));
    assert!(is_refused(refusal(ports.service(), "olga", SECRET).await.as_ref()));
}
