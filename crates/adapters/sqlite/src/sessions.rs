use async_trait::async_trait;
use clouddrive_domain::error::Unauthenticated;
use clouddrive_domain::model::{
    ActiveSession, Change, ChangeKind, Command, Limit, LoginIdentifier, SessionId, SessionPosition, Timestamp,
    TokenHash, UserId,
};
use clouddrive_domain::port::{NewSession, RotationOutcome, SessionRepository, TokenOwner, TokenRotation};
use clouddrive_domain::{Error, Result};
use clouddrive_sql::error::SqlError;
use clouddrive_sql::schema::{refresh_tokens, sessions, users};
use clouddrive_sql::sessions::{
    AddressRow, NewSessionRow, NewTokenRow, OWNER, SessionRow, addresses, hash, owner, page,
};
use clouddrive_sql::statement::update;
use clouddrive_sql::types::{DbId, bytes};
use diesel::prelude::*;

use crate::Database;
use crate::changes::record_change;

fn start(connection: &mut SqliteConnection, command: &Command, new_session: &NewSession) -> Result<(), SqlError> {
    let row = users::table
        .find(DbId::from(new_session.session.user))
        .filter(users::disabled_at.is_null())
        .filter(users::password_generation.eq(bytes(new_session.generation)));
    row.select(users::id).first::<DbId>(connection).optional()?.ok_or(Error::NotFound)?;
    diesel::insert_into(sessions::table).values(NewSessionRow::from(new_session)).execute(connection)?;
    diesel::insert_into(refresh_tokens::table).values(NewTokenRow::from(new_session)).execute(connection)?;
    record_change(connection, command, Change::for_user(ChangeKind::SessionStarted, new_session.session.user))
}

fn refresh(
    connection: &mut SqliteConnection,
    command: &Command,
    rotation: &TokenRotation,
) -> Result<RotationOutcome, SqlError> {
    let now = command.at.as_millis();
    let presented = hash(&rotation.presented);
    let token = refresh_tokens::table
        .inner_join(sessions::table)
        .filter(refresh_tokens::hash.eq(&presented).and(refresh_tokens::expires_at.gt(now)))
        .filter(sessions::ended_at.is_null().and(sessions::expires_at.gt(now)));
    let found = token.select((sessions::id, sessions::user_id, refresh_tokens::used_at));
    let found = found.first::<(DbId, DbId, Option<i64>)>(connection).optional()?;
    let (session, user, used) = found.ok_or(Error::Unauthenticated(Unauthenticated::InvalidRefreshToken))?;
    let user = UserId::from(user);
    let row = update(sessions::table.find(session));
    if used.is_some_and(|used| !rotation.allows_reuse(Timestamp::from_millis(used), command.at)) {
        row.set(sessions::ended_at.eq(now)).execute(connection)?;
        record_change(connection, command, Change::for_user(ChangeKind::SessionEnded, user))?;
        return Ok(RotationOutcome::Reused);
    }
    row.set((
        sessions::last_used_at.eq(now),
        sessions::expires_at.eq(rotation.expires_at.as_millis()),
        sessions::address.eq(rotation.address.as_deref()),
        sessions::user_agent.eq(rotation.user_agent.as_deref()),
    ))
    .execute(connection)?;
    // The grace period starts at the first use.
    let unused = refresh_tokens::table.find(&presented).filter(refresh_tokens::used_at.is_null());
    update(unused).set(refresh_tokens::used_at.eq(now)).execute(connection)?;
    let next = NewTokenRow::next(rotation, session, command.at);
    diesel::insert_into(refresh_tokens::table).values(next).execute(connection)?;
    record_change(connection, command, Change::for_user(ChangeKind::SessionRefreshed, user))?;
    Ok(RotationOutcome::Renewed)
}

/// Ends all sessions of `user`.
pub(crate) fn end_all(connection: &mut SqliteConnection, user: UserId, at: Timestamp) -> Result<(), SqlError> {
    let running = sessions::table.filter(sessions::user_id.eq(DbId::from(user)).and(sessions::ended_at.is_null()));
    update(running).set(sessions::ended_at.eq(at.as_millis())).execute(connection)?;
    Ok(())
}

#[async_trait]
impl SessionRepository for Database {
    async fn start(&self, command: &Command, new_session: &NewSession) -> Result<()> {
        let (command, new_session) = (command.clone(), new_session.clone());
        self.write(move |connection| start(connection, &command, &new_session)).await
    }

    async fn find_username(&self, session: SessionId, user: UserId, now: Timestamp) -> Result<Option<String>> {
        self.read(move |connection| {
            let running = sessions::table
                .inner_join(users::table)
                .filter(sessions::id.eq(DbId::from(session)))
                .filter(sessions::user_id.eq(DbId::from(user)))
                .filter(sessions::ended_at.is_null())
                .filter(sessions::expires_at.gt(now.as_millis()));
            Ok(running.select(users::username).first(connection).optional()?)
        })
        .await
    }

    async fn find_by_token(&self, token: &TokenHash) -> Result<Option<TokenOwner>> {
        let token = hash(token);
        self.read(move |connection| {
            let found = refresh_tokens::table.inner_join(sessions::table).filter(refresh_tokens::hash.eq(token));
            Ok(found.select(OWNER).first::<(DbId, DbId)>(connection).optional()?.map(owner))
        })
        .await
    }

    async fn refresh(&self, command: &Command, rotation: &TokenRotation) -> Result<RotationOutcome> {
        let (command, rotation) = (command.clone(), rotation.clone());
        self.write(move |connection| refresh(connection, &command, &rotation)).await
    }

    async fn end(&self, command: &Command, session: SessionId, user: UserId) -> Result<()> {
        let command = command.clone();
        self.write(move |connection| {
            let now = command.at.as_millis();
            let running = sessions::table
                .find(DbId::from(session))
                .filter(sessions::user_id.eq(DbId::from(user)))
                .filter(sessions::ended_at.is_null())
                .filter(sessions::expires_at.gt(now));
            if update(running).set(sessions::ended_at.eq(now)).execute(connection)? == 0 {
                return Err(Error::NotFound.into());
            }
            record_change(connection, &command, Change::for_user(ChangeKind::SessionEnded, user))
        })
        .await
    }

    async fn list(
        &self,
        user: UserId,
        now: Timestamp,
        after: Option<SessionPosition>,
        limit: Limit,
    ) -> Result<Vec<ActiveSession>> {
        let statement = page(user, now, after, limit);
        self.read(move |connection| {
            let rows: Vec<SessionRow> = statement.load(connection)?;
            Ok(rows.into_iter().map(ActiveSession::from).collect())
        })
        .await
    }

    async fn find_addresses(&self, identifier: &LoginIdentifier, now: Timestamp) -> Result<Vec<String>> {
        let statement = addresses(identifier, now);
        self.read(move |connection| {
            let rows: Vec<AddressRow> = statement.load(connection)?;
            Ok(rows.into_iter().map(|row| row.address).collect())
        })
        .await
    }

    async fn prune_ended(&self, before: Timestamp, max: u32) -> Result<u32> {
        self.write_bulk(move |connection| {
            let ended = sessions::table.filter(sessions::ended_at.lt(before.as_millis())).select(sessions::id);
            let mut over: Vec<DbId> = ended.limit(max.into()).load(connection)?;
            let left = i64::from(max) - i64::try_from(over.len()).unwrap_or(i64::MAX);
            let expired = sessions::table
                .filter(sessions::expires_at.lt(before.as_millis()))
                .filter(sessions::id.ne_all(over.clone()))
                .select(sessions::id);
            over.extend(expired.limit(left).load::<DbId>(connection)?);
            let gone = diesel::delete(sessions::table.filter(sessions::id.eq_any(over))).execute(connection)?;
            Ok(u32::try_from(gone).unwrap_or(max))
        })
        .await
    }

    async fn prune_tokens(&self, before: Timestamp, max: u32) -> Result<u32> {
        self.write_bulk(move |connection| {
            let expired = refresh_tokens::table.filter(refresh_tokens::expires_at.lt(before.as_millis()));
            let expired: Vec<Vec<u8>> = expired.limit(max.into()).select(refresh_tokens::hash).load(connection)?;
            let gone = diesel::delete(refresh_tokens::table.filter(refresh_tokens::hash.eq_any(expired)));
            Ok(u32::try_from(gone.execute(connection)?).unwrap_or(max))
        })
        .await
    }
}
