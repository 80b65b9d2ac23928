//! Sessions and their refresh tokens.

use clouddrive_domain::model::{
    ActiveSession, Limit, LoginIdentifier, SessionId, SessionPosition, Timestamp, TokenHash, UserId,
};
use clouddrive_domain::port::{NewSession, TokenOwner, TokenRotation};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};

use crate::page::newest_first;
use crate::schema::{refresh_tokens, sessions};
use crate::statement::{Parameter, Statement};
use crate::types::{DbId, Id};

/// A row of `sessions` to be inserted.
#[derive(Insertable)]
#[diesel(table_name = sessions, treat_none_as_default_value = false)]
pub struct NewSessionRow {
    id: DbId,
    user_id: DbId,
    created_at: i64,
    last_used_at: i64,
    expires_at: i64,
    address: Option<String>,
    user_agent: Option<String>,
}

impl From<&NewSession> for NewSessionRow {
    fn from(new_session: &NewSession) -> Self {
        let session = &new_session.session;
        Self {
            id: session.id.into(),
            user_id: session.user.into(),
            created_at: session.created_at.as_millis(),
            last_used_at: session.created_at.as_millis(),
            expires_at: session.expires_at.as_millis(),
            address: session.address.clone(),
            user_agent: session.user_agent.clone(),
        }
    }
}

/// A row of `refresh_tokens` to be inserted.
#[derive(Insertable)]
#[diesel(table_name = refresh_tokens, treat_none_as_default_value = false)]
pub struct NewTokenRow {
    hash: Vec<u8>,
    session_id: DbId,
    created_at: i64,
    expires_at: i64,
}

impl From<&NewSession> for NewTokenRow {
    fn from(new_session: &NewSession) -> Self {
        let session = &new_session.session;
        Self::new(&new_session.token, session.id, session.created_at, session.expires_at)
    }
}

impl NewTokenRow {
    /// The row of the token that replaces the one presented in `rotation`.
    #[must_use]
    pub fn next(rotation: &TokenRotation, session: DbId, at: Timestamp) -> Self {
        Self::new(&rotation.next, session.into(), at, rotation.expires_at)
    }

    fn new(token: &TokenHash, session: SessionId, at: Timestamp, expires_at: Timestamp) -> Self {
        Self {
            hash: hash(token),
            session_id: session.into(),
            created_at: at.as_millis(),
            expires_at: expires_at.as_millis(),
        }
    }
}

/// The column of a token's hash.
#[must_use]
pub fn hash(token: &TokenHash) -> Vec<u8> {
    token.as_bytes().to_vec()
}

/// The columns of a token's owner, in the order of [`owner`].
pub const OWNER: (sessions::id, sessions::user_id) = (sessions::id, sessions::user_id);

/// Converts the columns [`OWNER`].
#[must_use]
pub fn owner((session, user): (DbId, DbId)) -> TokenOwner {
    TokenOwner { session: session.into(), user: user.into() }
}

/// A session as its user sees it.
#[derive(QueryableByName)]
pub struct SessionRow {
    #[diesel(sql_type = Id)]
    id: DbId,
    #[diesel(sql_type = BigInt)]
    created_at: i64,
    #[diesel(sql_type = BigInt)]
    last_used_at: i64,
    #[diesel(sql_type = Nullable<Text>)]
    address: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    user_agent: Option<String>,
}

impl From<SessionRow> for ActiveSession {
    fn from(row: SessionRow) -> Self {
        Self {
            id: row.id.into(),
            created_at: Timestamp::from_millis(row.created_at),
            last_used_at: Timestamp::from_millis(row.last_used_at),
            address: row.address,
            user_agent: row.user_agent,
        }
    }
}

/// Selects the [`SessionRow`]s of a page of the sessions of `user` that are active at `now`, newest first.
#[must_use]
pub fn page(user: UserId, now: Timestamp, after: Option<SessionPosition>, limit: Limit) -> Statement {
    let list = "SELECT id, created_at, last_used_at, address, user_agent FROM sessions
        WHERE user_id = ? AND ended_at IS NULL AND expires_at > ?";
    let parameters = vec![user.into(), Parameter::Integer(now.as_millis())];
    newest_first(list, parameters, ["created_at", "id"], after, limit)
}

/// An address of a session.
#[derive(QueryableByName)]
pub struct AddressRow {
    /// The address.
    #[diesel(sql_type = Text)]
    pub address: String,
}

/// Selects the [`AddressRow`]s of the newest 100 sessions, active at `now`, of the user with that `identifier`.
#[must_use]
pub fn addresses(identifier: &LoginIdentifier, now: Timestamp) -> Statement {
    let (column, key) = match identifier {
        LoginIdentifier::Username(key) => ("username_key", key),
        LoginIdentifier::Email(key) => ("email_key", key),
    };
    let text = format!(
        "SELECT s.address FROM users u JOIN sessions s ON s.user_id = u.id
        WHERE u.{column} = ? AND s.ended_at IS NULL AND s.expires_at > ? AND s.address IS NOT NULL
        ORDER BY s.created_at DESC, s.id DESC LIMIT 100"
    );
    Statement::new(text, vec![Parameter::Text(key.clone()), Parameter::Integer(now.as_millis())])
}
