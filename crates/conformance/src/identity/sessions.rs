//! Conformance suite for [`SessionRepository`](clouddrive_domain::port::SessionRepository).

#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

mod end;
mod refresh;

use std::time::Duration;

use clouddrive_domain::model::{RefreshToken, Session, Timestamp, UserId};
use clouddrive_domain::port::{NewSession, TokenRotation};
use clouddrive_domain::{Error, Result};

use crate::case::persistence_suite;
use crate::fixture::assert_refused;

persistence_suite! {
    $ sessions uses SessionRepository, UserRepository;

    self of "`SessionRepository::find_username`: The name of the session's user" {
        a_running_session_tells_the_name_as_its_user_wrote_it,
    }

    self of "`SessionRepository::find_username`: none if the session is not that user's, has ended, or expires at or before `now`" {
        a_session_ends_at_its_very_time,
        a_session_is_its_users_alone,
    }

    self of "`SessionRepository::start`: Starts a session." {
        a_user_may_have_several_sessions,
        unknown_client_details_are_omitted,
    }

    self of "`SessionRepository::start`: if the user no longer exists" {
        a_session_needs_a_user,
    }

    self of "`SessionRepository::start`: no longer of that generation: ending all sessions of a user" {
        a_session_needs_the_password_of_today,
    }

    refresh of "`SessionRepository::refresh`: Exchanges a refresh token for the next." {
        a_refresh_token_is_rotated_and_the_session_continues,
    }

    refresh of "`SessionRepository::refresh`: A later reuse MUST end the session" {
        a_reused_token_ends_only_its_session,
    }

    refresh of "`SessionRepository::refresh`: exactly one of any number of concurrent uses MUST succeed" {
        without_grace_simultaneous_uses_issue_one_token_and_end_the_session,
    }

    refresh of "`SessionRepository::refresh`: each reuse issues another token, and all issued tokens are valid" {
        within_its_grace_a_token_gets_further_ones_and_each_is_good,
        simultaneous_uses_within_the_grace_all_get_good_ones,
    }

    refresh of "`SessionRepository::refresh`: counted from its first use" {
        the_grace_counts_from_the_first_use_and_ends_at_its_very_time,
    }

    refresh of "`SessionRepository::refresh`: if the token is unknown, it or its session has expired, or its session has ended" {
        tokens_end_at_their_very_time,
        unknown_refresh_tokens_are_refused,
        tokens_of_an_ended_session_get_nothing,
    }

    end of "`SessionRepository::end`: if the user has no such session, or it has already ended" {
        an_ended_session_is_over_for_good,
    }

    end of "`SessionRepository::list`: Lists the running sessions of `user`, newest first" {
        sessions_are_listed_newest_first_in_pages,
    }

    end of "`SessionRepository::find_addresses`: The addresses of the newest hundred running sessions" {
        addresses_are_those_of_sessions_that_run,
    }

    end of "`SessionRepository::prune_ended`: Deletes up to `max` sessions that expired or were ended before `before`" {
        old_sessions_are_pruned,
        ended_sessions_are_pruned_in_batches,
    }

    end of "`SessionRepository::prune_tokens`: Deletes up to `max` refresh tokens that expired before `before`" {
        tokens_that_expired_long_ago_are_forgotten,
    }
}

/// Lifetime of sessions.
const LIFETIME: Duration = Duration::from_secs(900);
const MILLISECOND: Duration = Duration::from_millis(1);

/// A session of `user` that starts at `at`, and its first token.
pub(crate) fn opened<P: ?Sized>(
    fixture: &crate::fixture::Fixture<'_, P>,
    user: UserId,
    at: Timestamp,
) -> (NewSession, RefreshToken) {
    let token = fixture.token();
    let session = Session {
        id: fixture.id(),
        user,
        created_at: at,
        expires_at: at.plus(LIFETIME),
        address: Some("2001:db8::1".to_owned()),
        user_agent: Some("é".repeat(255)),
    };
    (NewSession { session, token: token.hash(), generation: 0 }, token)
}

/// A renewal of `token` at `at` by a new token.
pub(crate) fn token_rotation<P: ?Sized>(
    fixture: &crate::fixture::Fixture<'_, P>,
    token: &RefreshToken,
    at: Timestamp,
) -> TokenRotation {
    TokenRotation {
        presented: token.hash(),
        next: fixture.token().hash(),
        expires_at: at.plus(LIFETIME),
        grace: Duration::ZERO,
        address: Some("192.0.2.7".to_owned()),
        user_agent: None,
    }
}

fn session(fixture: &Fixture<'_>, user: UserId) -> NewSession {
    opened(fixture, user, fixture.now()).0
}

async fn start(fixture: &Fixture<'_>, opened: &NewSession) -> Result<()> {
    let command = fixture.command_at(Some(opened.session.user), opened.session.created_at);
    fixture.store.sessions().start(&command, opened).await
}

/// Starts a session of `user` and returns it with its first token.
async fn started(fixture: &Fixture<'_>, user: UserId) -> (NewSession, RefreshToken) {
    let (opened, token) = opened(fixture, user, fixture.now());
    start(fixture, &opened).await.unwrap();
    (opened, token)
}

async fn username(fixture: &Fixture<'_>, opened: &NewSession, now: Timestamp) -> Option<String> {
    let session = &opened.session;
    fixture.store.sessions().find_username(session.id, session.user, now).await.unwrap()
}

async fn a_running_session_tells_the_name_as_its_user_wrote_it(fixture: &Fixture<'_>) {
    let user = fixture.user().await;
    let (opened, _) = started(fixture, user.id).await;
    assert_eq!(username(fixture, &opened, opened.session.created_at).await, Some(user.username));
}

async fn a_session_ends_at_its_very_time(fixture: &Fixture<'_>) {
    let user = fixture.user().await;
    let (opened, _) = started(fixture, user.id).await;
    let end = opened.session.expires_at;
    assert!(username(fixture, &opened, end.minus(MILLISECOND)).await.is_some());
    assert_eq!(username(fixture, &opened, end).await, None);
    assert_eq!(username(fixture, &opened, end.plus(MILLISECOND)).await, None);
}

async fn a_session_is_its_users_alone(fixture: &Fixture<'_>) {
    let (user, other) = (fixture.user().await, fixture.user().await);
    let (opened, _) = started(fixture, user.id).await;
    let (sessions, id, now) = (fixture.store.sessions(), opened.session.id, opened.session.created_at);
    assert_eq!(sessions.find_username(id, other.id, now).await.unwrap(), None);
    assert_eq!(sessions.find_username(id, fixture.id(), now).await.unwrap(), None);
    assert_eq!(sessions.find_username(fixture.id(), user.id, now).await.unwrap(), None);
}

async fn a_user_may_have_several_sessions(fixture: &Fixture<'_>) {
    let user = fixture.user().await;
    let (short, mut long) = (session(fixture, user.id), session(fixture, user.id));
    long.session.expires_at = short.session.expires_at.plus(Duration::from_secs(60));
    start(fixture, &short).await.unwrap();
    start(fixture, &long).await.unwrap();
    assert!(username(fixture, &short, short.session.created_at).await.is_some());
    assert_eq!(username(fixture, &short, short.session.expires_at).await, None);
    assert_eq!(username(fixture, &long, short.session.expires_at).await, Some(user.username));
}

async fn a_session_needs_a_user(fixture: &Fixture<'_>) {
    let opened = session(fixture, fixture.id());
    assert_refused!(start(fixture, &opened).await, Error::NotFound);
    assert_eq!(username(fixture, &opened, opened.session.created_at).await, None);
    assert_eq!(fixture.store.sessions().find_by_token(&opened.token).await.unwrap(), None);
}

async fn a_session_needs_the_password_of_today(fixture: &Fixture<'_>) {
    let user = fixture.user().await;
    let opened = NewSession { generation: 1, ..session(fixture, user.id) };
    assert_refused!(start(fixture, &opened).await, Error::NotFound);
    assert_eq!(username(fixture, &opened, opened.session.created_at).await, None);
}

async fn unknown_client_details_are_omitted(fixture: &Fixture<'_>) {
    let user = fixture.user().await;
    let mut opened = session(fixture, user.id);
    (opened.session.address, opened.session.user_agent) = (None, None);
    start(fixture, &opened).await.unwrap();
    assert!(username(fixture, &opened, opened.session.created_at).await.is_some());
}
