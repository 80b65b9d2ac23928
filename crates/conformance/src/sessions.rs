//! What every implementation of [`Sessions`](clouddrive_domain::port::Sessions) does.

#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use std::time::Duration;

use clouddrive_domain::model::{Session, Timestamp, UserId};
use clouddrive_domain::{Error, Result};

use crate::Persistence;
use crate::world::{World, assert_refused, run};

/// Runs every case.
///
/// # Panics
/// When the store breaks the contract.
pub async fn suite(store: &Persistence) {
    run!(store;
        a_running_session_tells_the_name_as_its_user_wrote_it,
        a_session_ends_at_its_very_time,
        a_session_is_its_users_alone,
        sessions_of_one_user_stand_side_by_side,
        a_session_needs_a_user,
        what_is_not_known_of_a_client_is_left_out,
    );
}

fn session(world: &World<'_>, user: UserId) -> Session {
    let created_at = world.now();
    Session {
        id: world.id(),
        user,
        created_at,
        expires_at: created_at.plus(Duration::from_secs(900)),
        address: Some("2001:db8::1".to_owned()),
        user_agent: Some("é".repeat(255)),
    }
}

async fn start(world: &World<'_>, session: &Session) -> Result<()> {
    let command = world.command_at(Some(session.user), session.created_at);
    world.store.sessions.start(&command, session).await
}

async fn username(world: &World<'_>, session: &Session, now: Timestamp) -> Option<String> {
    world.store.sessions.find_username(session.id, session.user, now).await.unwrap()
}

async fn a_running_session_tells_the_name_as_its_user_wrote_it(world: &World<'_>) {
    let member = world.member().await;
    let session = session(world, member.id);
    start(world, &session).await.unwrap();
    assert_eq!(username(world, &session, session.created_at).await, Some(member.username));
}

async fn a_session_ends_at_its_very_time(world: &World<'_>) {
    let member = world.member().await;
    let session = session(world, member.id);
    start(world, &session).await.unwrap();
    let millisecond = Duration::from_millis(1);
    assert!(username(world, &session, session.expires_at.minus(millisecond)).await.is_some());
    assert_eq!(username(world, &session, session.expires_at).await, None);
    assert_eq!(username(world, &session, session.expires_at.plus(millisecond)).await, None);
}

async fn a_session_is_its_users_alone(world: &World<'_>) {
    let (member, other) = (world.member().await, world.member().await);
    let session = session(world, member.id);
    start(world, &session).await.unwrap();
    let (sessions, now) = (&world.store.sessions, session.created_at);
    assert_eq!(sessions.find_username(session.id, other.id, now).await.unwrap(), None);
    assert_eq!(sessions.find_username(session.id, world.id(), now).await.unwrap(), None);
    assert_eq!(sessions.find_username(world.id(), member.id, now).await.unwrap(), None);
}

async fn sessions_of_one_user_stand_side_by_side(world: &World<'_>) {
    let member = world.member().await;
    let (short, mut long) = (session(world, member.id), session(world, member.id));
    long.expires_at = short.expires_at.plus(Duration::from_secs(60));
    start(world, &short).await.unwrap();
    start(world, &long).await.unwrap();
    assert!(username(world, &short, short.created_at).await.is_some());
    assert_eq!(username(world, &short, short.expires_at).await, None);
    assert_eq!(username(world, &long, short.expires_at).await, Some(member.username));
}

async fn a_session_needs_a_user(world: &World<'_>) {
    let session = session(world, world.id());
    assert_refused!(start(world, &session).await, Error::NotFound);
    assert_eq!(username(world, &session, session.created_at).await, None);
}

async fn what_is_not_known_of_a_client_is_left_out(world: &World<'_>) {
    let member = world.member().await;
    let session = Session { address: None, user_agent: None, ..session(world, member.id) };
    start(world, &session).await.unwrap();
    assert!(username(world, &session, session.created_at).await.is_some());
}
