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
use clouddrive_sql::statement::{Parameter, Statement, update};
use clouddrive_sql::types::{DbId, bytes};
use diesel::prelude::{ExpressionMethods, OptionalExtension, QueryDsl};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::FutureExt;

use crate::Database;
use crate::changes::record_change;
use crate::transaction::{TxMode, pipeline};

async fn start(
    mut connection: &AsyncPgConnection,
    command: &Command,
    new_session: &NewSession,
) -> Result<(), SqlError> {
    // Logins share this lock. Ending all sessions updates the user's row first, so it either waits for a login or is
    // seen by it.
    let row = users::table
        .find(DbId::from(new_session.session.user))
        .filter(users::disabled_at.is_null())
        .filter(users::password_generation.eq(bytes(new_session.generation)));
    let proven = row.select(users::id).for_share().first::<DbId>(&mut connection).await.optional()?;
    proven.ok_or(Error::NotFound)?;
    pipeline([
        insert_session(connection, NewSessionRow::from(new_session)).boxed(),
        insert_token(connection, NewTokenRow::from(new_session)).boxed(),
        record_change(connection, command, Change::for_user(ChangeKind::SessionStarted, new_session.session.user))
            .boxed(),
    ])
    .await
}

async fn insert_session(mut connection: &AsyncPgConnection, row: NewSessionRow) -> Result<(), SqlError> {
    diesel::insert_into(sessions::table).values(row).execute(&mut connection).await?;
    Ok(())
}

async fn insert_token(mut connection: &AsyncPgConnection, row: NewTokenRow) -> Result<(), SqlError> {
    diesel::insert_into(refresh_tokens::table).values(row).execute(&mut connection).await?;
    Ok(())
}

/// Locks the session's row first, so that concurrent refreshes of one session are sequential, and looks at the token
/// after that.
async fn refresh(
    mut connection: &AsyncPgConnection,
    command: &Command,
    rotation: &TokenRotation,
) -> Result<RotationOutcome, SqlError> {
    let invalid = || Error::Unauthenticated(Unauthenticated::InvalidRefreshToken);
    let presented = hash(&rotation.presented);
    let of_token = refresh_tokens::table.find(&presented).select(refresh_tokens::session_id);
    let now = command.at.as_millis();
    let running = sessions::table
        .filter(sessions::id.eq_any(of_token))
        .filter(sessions::ended_at.is_null())
        .filter(sessions::expires_at.gt(now));
    let session = running.select((sessions::id, sessions::user_id)).for_no_key_update();
    let session = session.first::<(DbId, DbId)>(&mut connection).await.optional()?;
    let (session, user) = session.ok_or_else(invalid)?;
    let user = UserId::from(user);
    let token = refresh_tokens::table.find(&presented).filter(refresh_tokens::expires_at.gt(now));
    let used = token.select(refresh_tokens::used_at).first::<Option<i64>>(&mut connection).await.optional()?;
    let used = used.ok_or_else(invalid)?.map(Timestamp::from_millis);
    if used.is_some_and(|used| !rotation.allows_reuse(used, command.at)) {
        let over = update(sessions::table.find(session)).set(sessions::ended_at.eq(now));
        over.execute(&mut connection).await?;
        record_change(connection, command, Change::for_user(ChangeKind::SessionEnded, user)).await?;
        return Ok(RotationOutcome::Reused);
    }
    // The grace period starts at the first use.
    let unused = refresh_tokens::table.find(&presented).filter(refresh_tokens::used_at.is_null());
    update(unused).set(refresh_tokens::used_at.eq(now)).execute(&mut connection).await?;
    insert_token(connection, NewTokenRow::next(rotation, session, command.at)).await?;
    update(sessions::table.find(session))
        .set((
            sessions::last_used_at.eq(now),
            sessions::expires_at.eq(rotation.expires_at.as_millis()),
            sessions::address.eq(rotation.address.as_deref()),
            sessions::user_agent.eq(rotation.user_agent.as_deref()),
        ))
        .execute(&mut connection)
        .await?;
    record_change(connection, command, Change::for_user(ChangeKind::SessionRefreshed, user)).await?;
    Ok(RotationOutcome::Renewed)
}

/// Ends all sessions of `user`, whose row is locked so that none begins meanwhile.
pub(crate) async fn end_all(mut connection: &AsyncPgConnection, user: UserId, at: Timestamp) -> Result<(), SqlError> {
    let running = sessions::table.filter(sessions::user_id.eq(DbId::from(user))).filter(sessions::ended_at.is_null());
    update(running).set(sessions::ended_at.eq(at.as_millis())).execute(&mut connection).await?;
    Ok(())
}

#[async_trait]
impl SessionRepository for Database {
    async fn start(&self, command: &Command, new_session: &NewSession) -> Result<()> {
        let (command, new_session) = (command.clone(), new_session.clone());
        let work = async move |connection: &AsyncPgConnection| start(connection, &command, &new_session).await;
        self.write(TxMode::Write, work).await
    }

    async fn find_username(&self, session: SessionId, user: UserId, now: Timestamp) -> Result<Option<String>> {
        self.read(async move |mut connection: &AsyncPgConnection| {
            let running = sessions::table
                .inner_join(users::table)
                .filter(sessions::id.eq(DbId::from(session)))
                .filter(sessions::user_id.eq(DbId::from(user)))
                .filter(sessions::ended_at.is_null())
                .filter(sessions::expires_at.gt(now.as_millis()));
            Ok(running.select(users::username).first(&mut connection).await.optional()?)
        })
        .await
    }

    async fn find_by_token(&self, token: &TokenHash) -> Result<Option<TokenOwner>> {
        let token = hash(token);
        self.read(async move |mut connection: &AsyncPgConnection| {
            let found = refresh_tokens::table.inner_join(sessions::table).filter(refresh_tokens::hash.eq(token));
            let found = found.select(OWNER).first::<(DbId, DbId)>(&mut connection).await.optional()?;
            Ok(found.map(owner))
        })
        .await
    }

    async fn refresh(&self, command: &Command, rotation: &TokenRotation) -> Result<RotationOutcome> {
        let (command, rotation) = (command.clone(), rotation.clone());
        let work = async move |connection: &AsyncPgConnection| refresh(connection, &command, &rotation).await;
        self.write(TxMode::Write, work).await
    }

    async fn end(&self, command: &Command, session: SessionId, user: UserId) -> Result<()> {
        let command = command.clone();
        self.write(TxMode::Write, async move |mut connection: &AsyncPgConnection| {
            let now = command.at.as_millis();
            let running = sessions::table
                .find(DbId::from(session))
                .filter(sessions::user_id.eq(DbId::from(user)))
                .filter(sessions::ended_at.is_null())
                .filter(sessions::expires_at.gt(now));
            if update(running).set(sessions::ended_at.eq(now)).execute(&mut connection).await? == 0 {
                return Err(Error::NotFound.into());
            }
            record_change(connection, &command, Change::for_user(ChangeKind::SessionEnded, user)).await
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
        self.read(async move |mut connection: &AsyncPgConnection| {
            let rows: Vec<SessionRow> = statement.load(&mut connection).await?;
            Ok(rows.into_iter().map(ActiveSession::from).collect())
        })
        .await
    }

    async fn find_addresses(&self, identifier: &LoginIdentifier, now: Timestamp) -> Result<Vec<String>> {
        let (LoginIdentifier::Username(key) | LoginIdentifier::Email(key)) = identifier;
        // PostgreSQL text cannot contain NUL.
        if key.contains('\0') {
            return Ok(Vec::new());
        }
        let statement = addresses(identifier, now);
        self.read(async move |mut connection: &AsyncPgConnection| {
            let rows: Vec<AddressRow> = statement.load(&mut connection).await?;
            Ok(rows.into_iter().map(|row| row.address).collect())
        })
        .await
    }

    async fn prune_ended(&self, before: Timestamp, max: u32) -> Result<u32> {
        self.write(TxMode::Write, async move |mut connection: &AsyncPgConnection| {
            let over = "DELETE FROM sessions WHERE id = ANY (ARRAY(
                SELECT id FROM sessions WHERE ended_at < ? ORDER BY ended_at LIMIT ? FOR UPDATE SKIP LOCKED))";
            let expired = "DELETE FROM sessions WHERE id = ANY (ARRAY(
                SELECT id FROM sessions WHERE expires_at < ? ORDER BY expires_at LIMIT ? FOR UPDATE SKIP LOCKED))";
            let mut left = max;
            for text in [over, expired] {
                let parameters = vec![Parameter::Integer(before.as_millis()), Parameter::Integer(left.into())];
                let gone = Statement::new(text, parameters).execute(&mut connection).await?;
                left = left.saturating_sub(u32::try_from(gone).unwrap_or(left));
            }
            Ok(max - left)
        })
        .await
    }

    async fn prune_tokens(&self, before: Timestamp, max: u32) -> Result<u32> {
        self.write(TxMode::Write, async move |mut connection: &AsyncPgConnection| {
            let text = "DELETE FROM refresh_tokens WHERE hash = ANY (ARRAY(SELECT hash FROM refresh_tokens
                WHERE expires_at < ? ORDER BY expires_at LIMIT ? FOR UPDATE SKIP LOCKED))";
            let parameters = vec![Parameter::Integer(before.as_millis()), Parameter::Integer(max.into())];
            let gone = Statement::new(text, parameters).execute(&mut connection).await?;
            Ok(u32::try_from(gone).unwrap_or(max))
        })
        .await
    }
}
