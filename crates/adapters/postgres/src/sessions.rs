use async_trait::async_trait;
use clouddrive_domain::model::{ChangeKind, Command, Session, SessionId, Timestamp, UserId};
use clouddrive_domain::port::Sessions;
use clouddrive_domain::{Error, Result};
use clouddrive_sql::fault::{Constraint, Fault, Outcome};
use clouddrive_sql::schema::{sessions, users};
use clouddrive_sql::sessions::NewSessionRow;
use clouddrive_sql::types::DbId;
use diesel::prelude::{ExpressionMethods, OptionalExtension, QueryDsl};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::FutureExt;

use crate::Database;
use crate::changes::log;
use crate::fault::violated;
use crate::unit::{Begin, together};

async fn insert(mut connection: &AsyncPgConnection, session: Session) -> Outcome<()> {
    let row = NewSessionRow::from(session);
    let inserted = diesel::insert_into(sessions::table).values(row).execute(&mut connection).await;
    inserted.map_err(|fault| match violated(&fault) {
        Some(Constraint::Reference) => Fault::Domain(Error::NotFound),
        _ => fault.into(),
    })?;
    Ok(())
}

#[async_trait]
impl Sessions for Database {
    async fn start(&self, command: &Command, session: &Session) -> Result<()> {
        let (command, session) = (command.clone(), session.clone());
        self.write(Begin::Write, async move |connection: &AsyncPgConnection| {
            let row = log(connection, &command, ChangeKind::SessionStarted, None, None);
            together([insert(connection, session).boxed(), row.boxed()]).await
        })
        .await
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
}
