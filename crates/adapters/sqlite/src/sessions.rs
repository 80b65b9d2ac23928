use async_trait::async_trait;
use clouddrive_domain::model::{ChangeKind, Command, Session, SessionId, Timestamp, UserId};
use clouddrive_domain::port::Sessions;
use clouddrive_domain::{Error, Result};
use clouddrive_sql::fault::{Constraint, Fault};
use clouddrive_sql::schema::{sessions, users};
use clouddrive_sql::sessions::NewSessionRow;
use clouddrive_sql::types::DbId;
use diesel::prelude::*;

use crate::Database;
use crate::changes::log;
use crate::fault::violated;

#[async_trait]
impl Sessions for Database {
    async fn start(&self, command: &Command, session: &Session) -> Result<()> {
        let (command, session) = (command.clone(), session.clone());
        self.write(move |connection| {
            diesel::insert_into(sessions::table).values(NewSessionRow::from(session)).execute(connection).map_err(
                |fault| match violated(&fault) {
                    Some(Constraint::Reference) => Fault::Domain(Error::NotFound),
                    _ => fault.into(),
                },
            )?;
            log(connection, &command, ChangeKind::SessionStarted, None, None)
        })
        .await
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
}
