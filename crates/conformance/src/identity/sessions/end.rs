#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use std::time::Duration;

use clouddrive_domain::Error;
use clouddrive_domain::model::{Handle, Limit, SessionId, SessionPosition, Timestamp, UserId};
use futures_util::future::join_all;

use super::{LIFETIME, MILLISECOND, opened, renewal, start, started, username};
use crate::world::{ALL, World, assert_refused};

async fn end(world: &World<'_>, user: UserId, session: SessionId) -> clouddrive_domain::Result<()> {
    world.store.sessions.end(&world.command(user), session, user).await
}

/// The ids on a page of the sessions of `user`.
async fn list(
    world: &World<'_>,
    user: UserId,
    now: Timestamp,
    after: Option<SessionPosition>,
    most: u64,
) -> Vec<SessionId> {
    let limit = Limit::new(most).unwrap();
    let rows = world.store.sessions.list(user, now, after, limit).await.unwrap();
    rows.into_iter().map(|session| session.id).collect()
}

pub(super) async fn an_ended_session_is_over_for_good(world: &World<'_>) {
    let (member, other) = (world.member().await, world.member().await);
    let (first, _) = started(world, member.id).await;
    let (second, _) = started(world, member.id).await;
    let id = first.session.id;
    assert_refused!(end(world, other.id, id).await, Error::NotFound);
    assert_refused!(end(world, member.id, world.id()).await, Error::NotFound);
    assert!(username(world, &first, world.now()).await.is_some());
    end(world, member.id, id).await.unwrap();
    assert_eq!(username(world, &first, first.session.created_at).await, None);
    assert_refused!(end(world, member.id, id).await, Error::NotFound);
    assert!(username(world, &second, world.now()).await.is_some());
    // An expired session cannot be ended.
    let late = world.command_at(Some(member.id), second.session.expires_at);
    assert_refused!(world.store.sessions.end(&late, second.session.id, member.id).await, Error::NotFound);
    let ended = join_all((0..4).map(|_| end(world, member.id, second.session.id))).await;
    assert_eq!(ended.iter().filter(|outcome| outcome.is_ok()).count(), 1);
}

pub(super) async fn sessions_are_listed_newest_first_in_pages(world: &World<'_>) {
    let (member, other) = (world.member().await, world.member().await);
    started(world, other.id).await;
    let mut all = Vec::new();
    for _ in 0..5 {
        all.push(started(world, member.id).await.0.session);
    }
    // Ties in time are ordered by id.
    let (mut twin, _) = opened(world, member.id, all.last().unwrap().created_at);
    twin.session.id = world.id();
    start(world, &twin).await.unwrap();
    all.push(twin.session);
    all.sort_by_key(|session| std::cmp::Reverse((session.created_at, session.id)));
    let (ended, expired) = (started(world, member.id).await.0, started(world, member.id).await.0);
    end(world, member.id, ended.session.id).await.unwrap();
    let now = world.now();
    let mut short = opened(world, member.id, now).0;
    short.session.expires_at = now.plus(MILLISECOND);
    start(world, &short).await.unwrap();
    end(world, member.id, expired.session.id).await.unwrap();
    let now = now.plus(MILLISECOND);
    let ids: Vec<SessionId> = all.iter().map(|session| session.id).collect();
    assert_eq!(list(world, member.id, now, None, 100).await, ids);
    // A row beyond the limit means that there is another page.
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let page = list(world, member.id, now, after, 2).await;
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
    assert_eq!(list(world, member.id, all.first().unwrap().created_at.plus(LIFETIME), None, 100).await, []);
}

pub(super) async fn addresses_are_those_of_sessions_that_run(world: &World<'_>) {
    let new = world.registration();
    world.register(&new).await.unwrap();
    let id = new.user.id;
    for address in [Some("192.0.2.1"), None, Some("192.0.2.2"), Some("192.0.2.3")] {
        let (mut opened, _) = opened(world, id, world.now());
        opened.session.address = address.map(str::to_owned);
        start(world, &opened).await.unwrap();
        if address == Some("192.0.2.3") {
            end(world, id, opened.session.id).await.unwrap();
        }
    }
    let now = world.now();
    for text in [new.user.username.as_str().to_uppercase(), new.user.email.as_str().to_lowercase()] {
        let mut found = world.store.sessions.find_addresses(&Handle::parse(&text), now).await.unwrap();
        found.sort();
        assert_eq!(found, ["192.0.2.1", "192.0.2.2"]);
    }
    for text in ["nobody", "nobody@example.com", "", "\0", "%"] {
        assert!(world.store.sessions.find_addresses(&Handle::parse(text), now).await.unwrap().is_empty());
    }
    let handle = Handle::parse(new.user.username.as_str());
    assert!(world.store.sessions.find_addresses(&handle, now.plus(LIFETIME)).await.unwrap().is_empty());
}

/// Forgets what earlier cases left behind.
async fn drain(world: &World<'_>) {
    world.store.sessions.forget_ended(world.now(), ALL).await.unwrap();
    world.store.sessions.forget_tokens(world.now(), ALL).await.unwrap();
}

pub(super) async fn what_ended_long_ago_is_forgotten(world: &World<'_>) {
    drain(world).await;
    let member = world.member().await;
    let (ended, token) = started(world, member.id).await;
    let (running, other) = started(world, member.id).await;
    let command = world.command(member.id);
    world.store.sessions.end(&command, ended.session.id, member.id).await.unwrap();
    let forget = async |before| world.store.sessions.forget_ended(before, ALL).await.unwrap();
    assert_eq!(forget(command.at).await, 0);
    assert!(world.store.sessions.find_by_token(&token.hash()).await.unwrap().is_some());
    assert_eq!(forget(command.at.plus(MILLISECOND)).await, 1);
    assert_eq!(world.store.sessions.find_by_token(&token.hash()).await.unwrap(), None);
    let end = running.session.expires_at;
    assert_eq!(forget(end).await, 0);
    assert!(username(world, &running, end.minus(MILLISECOND)).await.is_some());
    assert_eq!(forget(end.plus(MILLISECOND)).await, 1);
    assert_eq!(world.store.sessions.find_by_token(&other.hash()).await.unwrap(), None);
}

pub(super) async fn what_ended_is_forgotten_in_batches(world: &World<'_>) {
    drain(world).await;
    let member = world.member().await;
    for number in 0..5 {
        let (opened, _) = started(world, member.id).await;
        if number % 2 == 0 {
            end(world, member.id, opened.session.id).await.unwrap();
        }
    }
    let before = world.now().plus(LIFETIME);
    for count in [2, 2, 1, 0] {
        assert_eq!(world.store.sessions.forget_ended(before, 2).await.unwrap(), count);
    }
}

pub(super) async fn tokens_that_expired_long_ago_are_forgotten(world: &World<'_>) {
    drain(world).await;
    let member = world.member().await;
    let (opened, first) = started(world, member.id).await;
    let at = opened.session.created_at.plus(Duration::from_secs(60));
    let renewal = renewal(world, &first, at);
    world.store.sessions.refresh(&world.command_at(Some(member.id), at), &renewal).await.unwrap();
    let forget = async |before, most| world.store.sessions.forget_tokens(before, most).await.unwrap();
    let expiry = opened.session.expires_at;
    assert_eq!(forget(expiry, ALL).await, 0);
    assert_eq!(forget(expiry.plus(MILLISECOND), ALL).await, 1);
    assert_eq!(world.store.sessions.find_by_token(&first.hash()).await.unwrap(), None);
    assert!(world.store.sessions.find_by_token(&renewal.next).await.unwrap().is_some());
    assert!(username(world, &opened, expiry.plus(MILLISECOND)).await.is_some());
    for _ in 0..3 {
        started(world, member.id).await;
    }
    let late = world.now().plus(LIFETIME).plus(Duration::from_secs(120));
    for count in [2, 2, 0] {
        assert_eq!(forget(late, 2).await, count);
    }
}
