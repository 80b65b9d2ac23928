use std::cmp::Reverse;

use async_trait::async_trait;
use clouddrive_domain::error::Unauthenticated;
use clouddrive_domain::model::{
    ActiveSession, Change, ChangeKind, Command, Limit, LoginIdentifier, SessionId, SessionPosition, Timestamp,
    TokenHash, UserId,
};
use clouddrive_domain::port::{NewSession, RotationOutcome, SessionRepository, TokenOwner, TokenRotation};
use clouddrive_domain::{Error, Result};

use crate::Database;
use crate::changes::log;
use crate::page::newest_first;
use crate::state::{SessionRow, State, TokenRow};
use crate::users::named;

/// The most sessions whose addresses are known.
const MAX_ADDRESSES: usize = 100;

impl SessionRow {
    fn is_running(&self, now: Timestamp) -> bool {
        self.ended_at.is_none() && self.session.expires_at > now
    }
}

fn start(state: &mut State, command: &Command, opened: &NewSession) -> Result<()> {
    let session = &opened.session;
    let user = state.users.get(&session.user);
    user.filter(|row| row.disabled_at.is_none() && row.generation == opened.generation).ok_or(Error::NotFound)?;
    let row = SessionRow { session: session.clone(), last_used_at: session.created_at, ended_at: None };
    state.sessions.put(session.id, row);
    let token = TokenRow { session: session.id, expires_at: session.expires_at, used_at: None };
    state.tokens.put(*opened.token.as_bytes(), token);
    log(state, command, Change::for_user(ChangeKind::SessionStarted, session.user));
    Ok(())
}

fn refresh(state: &mut State, command: &Command, renewal: &TokenRotation) -> Result<RotationOutcome> {
    let invalid = || Error::Unauthenticated(Unauthenticated::InvalidRefreshToken);
    let now = command.at;
    let token = state.tokens.get_mut(renewal.presented.as_bytes()).filter(|token| token.expires_at > now);
    let token = token.ok_or_else(invalid)?;
    let (id, former_use) = (token.session, token.used_at);
    // The grace period starts at the first use.
    token.used_at = former_use.or(Some(now));
    let row = state.sessions.get_mut(&id).filter(|row| row.is_running(now)).ok_or_else(invalid)?;
    let user = row.session.user;
    if former_use.is_some_and(|used| !renewal.allows_reuse(used, now)) {
        row.ended_at = Some(now);
        log(state, command, Change::for_user(ChangeKind::SessionEnded, user));
        return Ok(RotationOutcome::Reused);
    }
    row.last_used_at = now;
    row.session.expires_at = renewal.expires_at;
    row.session.address.clone_from(&renewal.address);
    row.session.user_agent.clone_from(&renewal.user_agent);
    let next = TokenRow { session: id, expires_at: renewal.expires_at, used_at: None };
    state.tokens.put(*renewal.next.as_bytes(), next);
    log(state, command, Change::for_user(ChangeKind::SessionRefreshed, user));
    Ok(RotationOutcome::Renewed)
}

/// Ends all sessions of `user`.
pub(crate) fn end_all(state: &mut State, user: UserId, at: Timestamp) {
    for id in state.sessions.keys_where(u32::MAX, |row| row.session.user == user && row.ended_at.is_none()) {
        if let Some(row) = state.sessions.get_mut(&id) {
            row.ended_at = Some(at);
        }
    }
}

/// Removes up to `max` sessions for which `is_due` holds, with their tokens, and returns the number.
pub(crate) fn remove_sessions(state: &mut State, max: u32, is_due: impl Fn(&SessionRow) -> bool) -> u32 {
    let removed = state.sessions.keys_where(max, is_due);
    for id in &removed {
        state.sessions.remove(id);
        state.tokens.remove_where(u32::MAX, |token| token.session == *id);
    }
    u32::try_from(removed.len()).unwrap_or(max)
}

/// The sessions of `user` that run at `now`.
fn running(state: &State, user: UserId, now: Timestamp) -> impl Iterator<Item = &SessionRow> {
    state.sessions.values().filter(move |row| row.session.user == user && row.is_running(now))
}

/// The key by which sessions are listed.
fn key(row: &&SessionRow) -> (Timestamp, SessionId) {
    (row.session.created_at, row.session.id)
}

#[async_trait]
impl SessionRepository for Database {
    async fn start(&self, command: &Command, opened: &NewSession) -> Result<()> {
        self.write(|state| start(state, command, opened))
    }

    async fn find_username(&self, session: SessionId, user: UserId, now: Timestamp) -> Result<Option<String>> {
        self.read(|state| {
            let row = state.sessions.get(&session).filter(|row| row.session.user == user && row.is_running(now));
            let user = row.and_then(|row| state.users.get(&row.session.user));
            Ok(user.map(|row| row.user.username.as_str().to_owned()))
        })
    }

    async fn find_by_token(&self, token: &TokenHash) -> Result<Option<TokenOwner>> {
        self.read(|state| {
            let row = state.tokens.get(token.as_bytes()).and_then(|token| state.sessions.get(&token.session));
            Ok(row.map(|row| TokenOwner { session: row.session.id, user: row.session.user }))
        })
    }

    async fn refresh(&self, command: &Command, renewal: &TokenRotation) -> Result<RotationOutcome> {
        self.write(|state| refresh(state, command, renewal))
    }

    async fn end(&self, command: &Command, session: SessionId, user: UserId) -> Result<()> {
        self.write(|state| {
            let row = state.sessions.get_mut(&session);
            let row = row.filter(|row| row.session.user == user && row.is_running(command.at));
            row.ok_or(Error::NotFound)?.ended_at = Some(command.at);
            log(state, command, Change::for_user(ChangeKind::SessionEnded, user));
            Ok(())
        })
    }

    async fn list(
        &self,
        user: UserId,
        now: Timestamp,
        after: Option<SessionPosition>,
        limit: Limit,
    ) -> Result<Vec<ActiveSession>> {
        let shown = |row: &SessionRow| ActiveSession {
            id: row.session.id,
            created_at: row.session.created_at,
            last_used_at: row.last_used_at,
            address: row.session.address.clone(),
            user_agent: row.session.user_agent.clone(),
        };
        let after = after.map(|position| (position.at, position.id));
        self.read(|state| {
            let page = newest_first(running(state, user, now), key, after, limit);
            Ok(page.into_iter().map(shown).collect())
        })
    }

    async fn find_addresses(&self, identifier: &LoginIdentifier, now: Timestamp) -> Result<Vec<String>> {
        self.read(|state| {
            let Some(user) = named(state, identifier) else { return Ok(Vec::new()) };
            let mut sessions: Vec<&SessionRow> = running(state, user.user.id, now).collect();
            sessions.sort_by_key(|row| Reverse(key(row)));
            let addresses = sessions.into_iter().filter_map(|row| row.session.address.clone());
            Ok(addresses.take(MAX_ADDRESSES).collect())
        })
    }

    async fn prune_ended(&self, before: Timestamp, max: u32) -> Result<u32> {
        let is_over = |row: &SessionRow| row.session.expires_at < before || row.ended_at.is_some_and(|at| at < before);
        self.write(|state| Ok(remove_sessions(state, max, is_over)))
    }

    async fn prune_tokens(&self, before: Timestamp, max: u32) -> Result<u32> {
        self.write(|state| Ok(state.tokens.remove_where(max, |token| token.expires_at < before)))
    }
}
