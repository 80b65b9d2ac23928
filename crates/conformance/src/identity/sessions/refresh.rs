#![expect(clippy::panic, clippy::unwrap_used, reason = "a suite fails by a panic")]

use std::time::Duration;

use clouddrive_domain::error::Unauthenticated;
use clouddrive_domain::model::{RefreshToken, SessionId, Timestamp, UserId};
use clouddrive_domain::port::{RotationOutcome, TokenOwner, TokenRotation};
use clouddrive_domain::{Error, Result};
use futures_util::future::join_all;

use super::Fixture;
use super::{LIFETIME, MILLISECOND, started, token_rotation, username};
use crate::fixture::assert_refused;

/// Grace period for the reuse of a token.
const GRACE: Duration = Duration::from_secs(30);

/// Refreshes `token` at `at` and returns the outcome with the next token.
async fn refresh(
    fixture: &Fixture<'_>,
    user: UserId,
    token: &RefreshToken,
    at: Timestamp,
) -> Result<(RotationOutcome, RefreshToken)> {
    refresh_within(fixture, user, token, at, Duration::ZERO).await
}

/// The same, with a grace period.
async fn refresh_within(
    fixture: &Fixture<'_>,
    user: UserId,
    token: &RefreshToken,
    at: Timestamp,
    grace: Duration,
) -> Result<(RotationOutcome, RefreshToken)> {
    let next = fixture.token();
    let spec = TokenRotation { next: next.hash(), grace, ..token_rotation(fixture, token, at) };
    let rotation = fixture.store.sessions().refresh(&fixture.command_at(Some(user), at), &spec).await?;
    Ok((rotation, next))
}

async fn owner(fixture: &Fixture<'_>, token: &RefreshToken) -> Option<TokenOwner> {
    fixture.store.sessions().find_by_token(&token.hash()).await.unwrap()
}

fn owned_by(session: SessionId, user: UserId) -> Option<TokenOwner> {
    Some(TokenOwner { session, user })
}

pub(super) async fn a_refresh_token_is_rotated_and_the_session_continues(fixture: &Fixture<'_>) {
    let user = fixture.user().await;
    let (opened, first) = started(fixture, user.id).await;
    let session = opened.session.id;
    assert_eq!(owner(fixture, &first).await, owned_by(session, user.id));
    // Each refresh renews the full lifetime, so the session outlives its initial expiry.
    let (mut token, mut at) = (first, opened.session.created_at);
    for _ in 0..3 {
        at = at.plus(LIFETIME).minus(MILLISECOND);
        let (rotation, next) = refresh(fixture, user.id, &token, at).await.unwrap();
        assert_eq!(rotation, RotationOutcome::Renewed);
        assert_eq!(
            (owner(fixture, &token).await, owner(fixture, &next).await),
            (owned_by(session, user.id), owned_by(session, user.id))
        );
        assert!(username(fixture, &opened, at.plus(LIFETIME).minus(MILLISECOND)).await.is_some());
        assert_eq!(username(fixture, &opened, at.plus(LIFETIME)).await, None);
        token = next;
    }
    let list =
        fixture.store.sessions().list(user.id, at, None, clouddrive_domain::model::Limit::default()).await.unwrap();
    let [listed] = &list[..] else { panic!("{list:?}") };
    assert_eq!((listed.id, listed.created_at, listed.last_used_at), (session, opened.session.created_at, at));
    assert_eq!((listed.address.as_deref(), listed.user_agent.as_deref()), (Some("192.0.2.7"), None));
}

pub(super) async fn a_reused_token_ends_only_its_session(fixture: &Fixture<'_>) {
    let user = fixture.user().await;
    let (other, others) = started(fixture, user.id).await;
    let (opened, first) = started(fixture, user.id).await;
    let at = fixture.now();
    let (_, second) = refresh(fixture, user.id, &first, at).await.unwrap();
    assert_eq!(refresh(fixture, user.id, &first, at).await.unwrap().0, RotationOutcome::Reused);
    assert_eq!(username(fixture, &opened, at).await, None);
    // Neither the newest token nor a retry is accepted any more.
    for token in [&second, &first] {
        let refused = refresh(fixture, user.id, token, at).await;
        assert_refused!(refused, Error::Unauthenticated(Unauthenticated::InvalidRefreshToken));
    }
    assert!(username(fixture, &other, at).await.is_some());
    assert_eq!(refresh(fixture, user.id, &others, at).await.unwrap().0, RotationOutcome::Renewed);
}

pub(super) async fn without_grace_simultaneous_uses_issue_one_token_and_end_the_session(fixture: &Fixture<'_>) {
    let user = fixture.user().await;
    for _ in 0..10 {
        let (opened, token) = started(fixture, user.id).await;
        let at = fixture.now();
        let outcomes = join_all((0..4).map(|_| refresh(fixture, user.id, &token, at))).await;
        let count = |wanted| {
            let same = |outcome: &&Result<(RotationOutcome, RefreshToken)>| matches!(outcome, Ok((rotation, _)) if *rotation == wanted);
            outcomes.iter().filter(same).count()
        };
        assert_eq!((count(RotationOutcome::Renewed), count(RotationOutcome::Reused)), (1, 1));
        assert_eq!(username(fixture, &opened, at).await, None);
        for (rotation, next) in outcomes.into_iter().flatten() {
            // Tokens generated for refused uses were never stored; that of the first use ended with the session.
            let known = owner(fixture, &next).await.is_some();
            assert_eq!(known, rotation == RotationOutcome::Renewed);
            let refused = refresh(fixture, user.id, &next, at).await;
            assert_refused!(refused, Error::Unauthenticated(Unauthenticated::InvalidRefreshToken));
        }
    }
}

pub(super) async fn within_its_grace_a_token_gets_further_ones_and_each_is_good(fixture: &Fixture<'_>) {
    let user = fixture.user().await;
    let (opened, first) = started(fixture, user.id).await;
    let at = fixture.now();
    let mut given = Vec::new();
    for late in [Duration::ZERO, MILLISECOND, GRACE - MILLISECOND] {
        let (rotation, next) = refresh_within(fixture, user.id, &first, at.plus(late), GRACE).await.unwrap();
        assert_eq!(
            (rotation, owner(fixture, &next).await),
            (RotationOutcome::Renewed, owned_by(opened.session.id, user.id))
        );
        given.push(next);
    }
    // An instance whose clock is behind accepts it too.
    assert_eq!(
        refresh_within(fixture, user.id, &first, at.minus(GRACE), GRACE).await.unwrap().0,
        RotationOutcome::Renewed
    );
    for token in &given {
        assert_eq!(refresh(fixture, user.id, token, at.plus(GRACE)).await.unwrap().0, RotationOutcome::Renewed);
    }
    assert!(username(fixture, &opened, at.plus(GRACE)).await.is_some());
}

pub(super) async fn the_grace_counts_from_the_first_use_and_ends_at_its_very_time(fixture: &Fixture<'_>) {
    let user = fixture.user().await;
    let (opened, first) = started(fixture, user.id).await;
    let at = fixture.now();
    let (_, second) = refresh_within(fixture, user.id, &first, at, GRACE).await.unwrap();
    let (_, third) = refresh_within(fixture, user.id, &first, at.plus(GRACE - MILLISECOND), GRACE).await.unwrap();
    let late = at.plus(GRACE);
    assert_eq!(refresh_within(fixture, user.id, &first, late, GRACE).await.unwrap().0, RotationOutcome::Reused);
    assert_eq!(username(fixture, &opened, late).await, None);
    for token in [&second, &third] {
        let refused = refresh_within(fixture, user.id, token, late, GRACE).await;
        assert_refused!(refused, Error::Unauthenticated(Unauthenticated::InvalidRefreshToken));
    }
}

pub(super) async fn simultaneous_uses_within_the_grace_all_get_good_ones(fixture: &Fixture<'_>) {
    let user = fixture.user().await;
    for _ in 0..5 {
        let (opened, token) = started(fixture, user.id).await;
        let at = fixture.now();
        let outcomes = join_all((0..4).map(|_| refresh_within(fixture, user.id, &token, at, GRACE))).await;
        for outcome in outcomes {
            let (rotation, next) = outcome.unwrap();
            assert_eq!(rotation, RotationOutcome::Renewed);
            assert_eq!(refresh_within(fixture, user.id, &next, at, GRACE).await.unwrap().0, RotationOutcome::Renewed);
        }
        assert!(username(fixture, &opened, at).await.is_some());
    }
}

pub(super) async fn tokens_end_at_their_very_time(fixture: &Fixture<'_>) {
    let user = fixture.user().await;
    let (opened, token) = started(fixture, user.id).await;
    let end = opened.session.expires_at;
    for late in [end, end.plus(MILLISECOND)] {
        let refused = refresh(fixture, user.id, &token, late).await;
        assert_refused!(refused, Error::Unauthenticated(Unauthenticated::InvalidRefreshToken));
    }
    let at = end.minus(MILLISECOND);
    assert_eq!(refresh(fixture, user.id, &token, at).await.unwrap().0, RotationOutcome::Renewed);
    // Reuse of an expired token is invalid like any other, and does not end the session.
    let refused = refresh(fixture, user.id, &token, end).await;
    assert_refused!(refused, Error::Unauthenticated(Unauthenticated::InvalidRefreshToken));
    assert!(username(fixture, &opened, end).await.is_some());
}

pub(super) async fn unknown_refresh_tokens_are_refused(fixture: &Fixture<'_>) {
    let user = fixture.user().await;
    let (opened, _) = started(fixture, user.id).await;
    let strange = fixture.token();
    assert_eq!(owner(fixture, &strange).await, None);
    let refused = refresh(fixture, user.id, &strange, fixture.now()).await;
    assert_refused!(refused, Error::Unauthenticated(Unauthenticated::InvalidRefreshToken));
    assert!(username(fixture, &opened, fixture.now()).await.is_some());
}

pub(super) async fn tokens_of_an_ended_session_get_nothing(fixture: &Fixture<'_>) {
    let user = fixture.user().await;
    let (opened, token) = started(fixture, user.id).await;
    fixture.store.sessions().end(&fixture.command(user.id), opened.session.id, user.id).await.unwrap();
    let refused = refresh(fixture, user.id, &token, fixture.now()).await;
    assert_refused!(refused, Error::Unauthenticated(Unauthenticated::InvalidRefreshToken));
    assert_eq!(owner(fixture, &token).await, owned_by(opened.session.id, user.id));
}
