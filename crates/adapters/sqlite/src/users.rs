use async_trait::async_trait;
use clouddrive_domain::error::Conflict;
use clouddrive_domain::model::{
    BlobKey, Change, ChangeKind, Command, CommandOutcome, Credentials, LoginIdentifier, PasswordHash, User, UserId,
    UserRef,
};
use clouddrive_domain::port::{Registration, UserRepository};
use clouddrive_domain::{Error, Result};
use clouddrive_sql::accounts::{CREDENTIALS, CredentialsRow, credentials};
use clouddrive_sql::error::{Constraint, SqlError};
use clouddrive_sql::names::NewNodeRow;
use clouddrive_sql::schema::{drives, nodes, users};
use clouddrive_sql::statement::update;
use clouddrive_sql::types::DbId;
use clouddrive_sql::users::{NewDriveRow, NewUserRow};
use diesel::dsl::exists;
use diesel::prelude::*;

use crate::Database;
use crate::blob_records::{mark_referenced, release};
use crate::changes::record_change;
use crate::error::violated_constraint;
use crate::idempotency_records::store_response;

/// Selects the user with that identifier, by one of the two unique indexes.
fn user_by_identifier(identifier: &LoginIdentifier) -> users::BoxedQuery<'_, diesel::sqlite::Sqlite> {
    let users = users::table.into_boxed();
    match identifier {
        LoginIdentifier::Username(key) => users.filter(users::username_key.eq(key)),
        LoginIdentifier::Email(key) => users.filter(users::email_key.eq(key)),
    }
}

fn insert(connection: &mut SqliteConnection, command: &Command, new: &Registration) -> Result<(), SqlError> {
    diesel::insert_into(users::table).values(NewUserRow::from(new)).execute(connection).map_err(|error| {
        match violated_constraint(&error) {
            Some(Constraint::Username) => SqlError::Domain(Error::Conflict(Conflict::UsernameTaken)),
            Some(Constraint::Email) => email_taken(connection, &new.user).unwrap_or_else(|other| other),
            _ => error.into(),
        }
    })?;
    diesel::insert_into(drives::table).values(NewDriveRow::from(new)).execute(connection)?;
    diesel::insert_into(nodes::table).values(NewNodeRow::root(new)).execute(connection)?;
    record_change(connection, command, Change::for_user(ChangeKind::UserRegistered, new.user.id).within(new.drive))
}

/// The conflict if the address is taken. SQLite reports one of several violated constraints; the name takes precedence.
fn email_taken(connection: &mut SqliteConnection, user: &User) -> Result<SqlError, SqlError> {
    let name = users::table.filter(users::username_key.eq(user.username.key()));
    let both = diesel::select(exists(name)).get_result(connection)?;
    let conflict = if both { Conflict::UsernameTaken } else { Conflict::EmailTaken };
    Ok(SqlError::Domain(Error::Conflict(conflict)))
}

#[async_trait]
impl UserRepository for Database {
    async fn register(&self, command: &Command, registration: &Registration) -> Result<()> {
        let (command, registration) = (command.clone(), registration.clone());
        self.write_growing(move |connection| insert(connection, &command, &registration)).await
    }

    async fn find_user(&self, identifier: &LoginIdentifier) -> Result<Option<UserRef>> {
        let identifier = identifier.clone();
        self.read(move |connection| {
            let found = user_by_identifier(&identifier)
                .select((users::id, users::username))
                .first::<(DbId, String)>(connection);
            Ok(found.optional()?.map(|(id, username)| UserRef { id: id.into(), username: Some(username) }))
        })
        .await
    }

    async fn find_credentials(&self, identifier: &LoginIdentifier) -> Result<Option<Credentials>> {
        let identifier = identifier.clone();
        self.read(move |connection| {
            let found = user_by_identifier(&identifier).select(CREDENTIALS).first::<CredentialsRow>(connection);
            Ok(found.optional()?.map(credentials))
        })
        .await
    }

    async fn rehash(&self, command: &Command, user: UserId, old: &PasswordHash, new: &PasswordHash) -> Result<()> {
        let (command, old, new) = (command.clone(), old.clone(), new.clone());
        self.write(move |connection| {
            let same = users::table.filter(users::id.eq(DbId::from(user)).and(users::password_hash.eq(old.expose())));
            let changed = update(same).set(users::password_hash.eq(new.expose())).execute(connection)?;
            if changed > 0 {
                record_change(connection, &command, Change::for_user(ChangeKind::PasswordRehashed, user))?;
            }
            Ok(())
        })
        .await
    }

    async fn set_photo<'a>(&self, command: &Command, user: UserId, photo: Option<&'a BlobKey>) -> Result<bool> {
        let (command, photo) = (command.clone(), photo.cloned());
        self.write(move |connection| {
            let id = DbId::from(user);
            let former = users::table.find(id).select(users::photo_blob).first::<Option<String>>(connection);
            let former = former.optional()?.ok_or(Error::NotFound)?;
            if former.is_none() && photo.is_none() {
                return Ok(false);
            }
            if let Some(key) = &photo {
                mark_referenced(connection, key)?;
            }
            update(users::table.find(id))
                .set(users::photo_blob.eq(photo.as_ref().map(BlobKey::as_str)))
                .execute(connection)?;
            if let Some(former) = &former {
                release(connection, former, command.at)?;
            }
            let kind = if photo.is_some() { ChangeKind::PhotoSet } else { ChangeKind::PhotoRemoved };
            record_change(connection, &command, Change::for_user(kind, user))?;
            store_response(connection, &command, CommandOutcome::Photo)?;
            Ok(former.is_some())
        })
        .await
    }
}
