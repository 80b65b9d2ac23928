#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use std::time::Duration;

use clouddrive_domain::Error;
use clouddrive_domain::model::{Limit, LoginIdentifier, SessionId, SessionPosition, Timestamp, UserId};
use futures_util::future::join_all;

use super::Fixture;
use super::{LIFETIME, MILLISECOND, opened, start, started, token_rotation, username};
use crate::fixture::{ALL, assert_refused};

async fn end(fixture: &Fixture<'_>, user: UserId, session: SessionId) -> clouddrive_domain::Result<()> {
    fixture.store.sessions().end(&fixture.command(user), session, user).await
}

/// The ids on a page of the sessions of `user`.
async fn list(
    fixture: &Fixture<'_>,
    user: UserId,
    now: Timestamp,
    after: Option<SessionPosition>,
    max: u64,
) -> Vec<SessionId> {
    let limit = Limit::new(max).unwrap();
    let rows = fixture.store.sessions().list(user, now, after, limit).await.unwrap();
    rows.into_iter().map(|session| session.id).collect()
}

pub(super) async fn an_ended_session_is_over_for_good(fixture: &Fixture<'_>) {
    let (user, other) = (fixture.user().await, fixture.user().await);
    let (first, _) = started(fixture, user.id).await;
    let (second, _) = started(fixture, user.id).await;
    let id = first.session.id;
    assert_refused!(end(fixture, other.id, id).await, Error::NotFound);
    assert_refused!(end(fixture, user.id, fixture.id()).await, Error::NotFound);
    assert!(username(fixture, &first, fixture.now()).await.is_some());
    end(fixture, user.id, id).await.unwrap();
    assert_eq!(username(fixture, &first, first.session.created_at).await, None);
    assert_refused!(end(fixture, user.id, id).await, Error::NotFound);
    assert!(username(fixture, &second, fixture.now()).await.is_some());
    // An expired session cannot be ended.
    let late = fixture.command_at(Some(user.id), second.session.expires_at);
    assert_refused!(fixture.store.sessions().end(&late, second.session.id, user.id).await, Error::NotFound);
    let ended = join_all((0..4).map(|_| end(fixture, user.id, second.session.id))).await;
    assert_eq!(ended.iter().filter(|outcome| outcome.is_ok()).count(), 1);
}

pub(super) async fn sessions_are_listed_newest_first_in_pages(fixture: &Fixture<'_>) {
    let (user, other) = (fixture.user().await, fixture.user().await);
    started(fixture, other.id).await;
    let mut all = Vec::new();
    for _ in 0..5 {
        all.push(started(fixture, user.id).await.0.session);
    }
    // Ties in time are ordered by id.
    let (mut twin, _) = opened(fixture, user.id, all.last().unwrap().created_at);
    twin.session.id = fixture.id();
    start(fixture, &twin).await.unwrap();
    all.push(twin.session);
    all.sort_by_key(|session| std::cmp::Reverse((session.created_at, session.id)));
    let (ended, expired) = (started(fixture, user.id).await.0, started(fixture, user.id).await.0);
    end(fixture, user.id, ended.session.id).await.unwrap();
    let now = fixture.now();
    let mut short = opened(fixture, user.id, now).0;
    short.session.expires_at = now.plus(MILLISECOND);
    start(fixture, &short).await.unwrap();
    end(fixture, user.id, expired.session.id).await.unwrap();
    let now = now.plus(MILLISECOND);
    let ids: Vec<SessionId> = all.iter().map(|session| session.id).collect();
    assert_eq!(list(fixture, user.id, now, None, 100).await, ids);
    // A row beyond the limit means that there is another page.
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let page = list(fixture, user.id, now, after, 2).await;
        assert!(page.len() <= 3);
        let more = page.len() == 3;
        seen.extend(page.into_iter().take(2));
        let last = all.iter().find(|session| Some(&session.id) == seen.last()).unwrap();
        after = Some(SessionPosition { at: last.created_at, id: last.id });
        if !more {
            break;
        }
    }
    assert_eq!(seen, ids);
    assert_eq!(list(fixture, user.id, all.first().unwrap().created_at.plus(LIFETIME), None, 100).await, []);
}

pub(super) async fn addresses_are_those_of_sessions_that_run(fixture: &Fixture<'_>) {
    let new = fixture.registration();
    fixture.register(&new).await.unwrap();
    let id = new.user.id;
    for address in [Some("192.0.2.1"), None, Some("192.0.2.2"), Some("192.0.2.3")] {
        let (mut opened, _) = opened(fixture, id, fixture.now());
        opened.session.address = address.map(str::to_owned);
        start(fixture, &opened).await.unwrap();
        if address == Some("192.0.2.3") {
            end(fixture, id, opened.session.id).await.unwrap();
        }
    }
    let now = fixture.now();
    for text in [new.user.username.as_str().to_uppercase(), new.user.email.as_str().to_lowercase()] {
        let mut found = fixture.store.sessions().find_addresses(&LoginIdentifier::parse(&text), now).await.unwrap();
        found.sort();
        assert_eq!(found, ["192.0.2.1", "192.0.2.2"]);
    }
    for text in ["stranger", "stranger@example.com", "", "\0", "%"] {
        assert!(fixture.store.sessions().find_addresses(&LoginIdentifier::parse(text), now).await.unwrap().is_empty());
    }
    let identifier = LoginIdentifier::parse(new.user.username.as_str());
    assert!(fixture.store.sessions().find_addresses(&identifier, now.plus(LIFETIME)).await.unwrap().is_empty());
}

/// Forgets what earlier cases left behind.
async fn drain(fixture: &Fixture<'_>) {
    fixture.store.sessions().prune_ended(fixture.now(), ALL).await.unwrap();
    fixture.store.sessions().prune_tokens(fixture.now(), ALL).await.unwrap();
}

pub(super) async fn old_sessions_are_pruned(fixture: &Fixture<'_>) {
    drain(fixture).await;
    let user = fixture.user().await;
    let (ended, token) = started(fixture, user.id).await;
    let (running, other) = started(fixture, user.id).await;
    let command = fixture.command(user.id);
    fixture.store.sessions().end(&command, ended.session.id, user.id).await.unwrap();
    let prune = async |before| fixture.store.sessions().prune_ended(before, ALL).await.unwrap();
    assert_eq!(prune(command.at).await, 0);
    assert!(fixture.store.sessions().find_by_token(&token.hash()).await.unwrap().is_some());
    assert_eq!(prune(command.at.plus(MILLISECOND)).await, 1);
    assert_eq!(fixture.store.sessions().find_by_token(&token.hash()).await.unwrap(), None);
    let end = running.session.expires_at;
    assert_eq!(prune(end).await, 0);
    assert!(username(fixture, &running, end.minus(MILLISECOND)).await.is_some());
    assert_eq!(prune(end.plus(MILLISECOND)).await, 1);
    assert_eq!(fixture.store.sessions().find_by_token(&other.hash()).await.unwrap(), None);
}

pub(super) async fn ended_sessions_are_pruned_in_batches(fixture: &Fixture<'_>) {
    drain(fixture).await;
    let user = fixture.user().await;
    for number in 0..5 {
        let (opened, _) = started(fixture, user.id).await;
        if number % 2 == 0 {
            end(fixture, user.id, opened.session.id).await.unwrap();
        }
    }
    let before = fixture.now().plus(LIFETIME);
    for count in [2, 2, 1, 0] {
        assert_eq!(fixture.store.sessions().prune_ended(before, 2).await.unwrap(), count);
    }
}

pub(super) async fn tokens_that_expired_long_ago_are_forgotten(fixture: &Fixture<'_>) {
    drain(fixture).await;
    let user = fixture.user().await;
    let (opened, first) = started(fixture, user.id).await;
    let at = opened.session.created_at.plus(Duration::from_secs(60));
    let token_rotation = token_rotation(fixture, &first, at);
    fixture.store.sessions().refresh(&fixture.command_at(Some(user.id), at), &token_rotation).await.unwrap();
    let prune = async |before, max| fixture.store.sessions().prune_tokens(before, max).await.unwrap();
    let expiry = opened.session.expires_at;
    assert_eq!(prune(expiry, ALL).await, 0);
    assert_eq!(prune(expiry.plus(MILLISECOND), ALL).await, 1);
    assert_eq!(fixture.store.sessions().find_by_token(&first.hash()).await.unwrap(), None);
    assert!(fixture.store.sessions().find_by_token(&token_rotation.next).await.unwrap().is_some());
    assert!(username(fixture, &opened, expiry.plus(MILLISECOND)).await.is_some());
    for _ in 0..3 {
        started(fixture, user.id).await;
    }
    let late = fixture.now().plus(LIFETIME).plus(Duration::from_secs(120));
    for count in [2, 2, 0] {
        assert_eq!(prune(late, 2).await, count);
    }
}
