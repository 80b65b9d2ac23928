use async_trait::async_trait;
use clouddrive_domain::error::Conflict;
use clouddrive_domain::model::{
    BlobKey, Change, ChangeKind, Command, CommandOutcome, Credentials, LoginIdentifier, PasswordHash, User, UserId,
    UserRef,
};
use clouddrive_domain::port::{Registration, UserRepository};
use clouddrive_domain::{Error, Result};
use clouddrive_sql::accounts::{CREDENTIALS, CredentialsRow, credentials};
use clouddrive_sql::error::SqlError;
use clouddrive_sql::names::NewNodeRow;
use clouddrive_sql::schema::{drives, nodes, users};
use clouddrive_sql::statement::update;
use clouddrive_sql::types::DbId;
use clouddrive_sql::users::{NewDriveRow, NewUserRow};
use diesel::dsl::exists;
use diesel::pg::Pg;
use diesel::prelude::{BoolExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::Database;
use crate::blob_records::{mark_referenced, release};
use crate::changes::record_change;
use crate::idempotency_records::store_response;
use crate::transaction::TxMode;

/// Selects the user with that identifier, by one of the two unique indexes; `None` if the identifier contains NUL,
/// which PostgreSQL text cannot.
fn user_by_identifier(identifier: &LoginIdentifier) -> Option<users::BoxedQuery<'_, Pg>> {
    let users = users::table.into_boxed();
    match identifier {
        LoginIdentifier::Username(key) | LoginIdentifier::Email(key) if key.contains('\0') => None,
        LoginIdentifier::Username(key) => Some(users.filter(users::username_key.eq(key))),
        LoginIdentifier::Email(key) => Some(users.filter(users::email_key.eq(key))),
    }
}

async fn insert(mut connection: &AsyncPgConnection, command: &Command, new: &Registration) -> Result<(), SqlError> {
    let user = diesel::insert_into(users::table).values(NewUserRow::from(new)).on_conflict_do_nothing();
    if user.execute(&mut connection).await? == 0 {
        return Err(registration_conflict(connection, &new.user).await?.into());
    }
    diesel::insert_into(drives::table).values(NewDriveRow::from(new)).execute(&mut connection).await?;
    diesel::insert_into(nodes::table).values(NewNodeRow::root(new)).execute(&mut connection).await?;
    record_change(connection, command, Change::for_user(ChangeKind::UserRegistered, new.user.id).within(new.drive))
        .await
}

/// The conflict if a unique index rejected the user; the name takes precedence.
async fn registration_conflict(mut connection: &AsyncPgConnection, user: &User) -> Result<Error, SqlError> {
    let name = exists(users::table.filter(users::username_key.eq(user.username.key())));
    let email = exists(users::table.filter(users::email_key.eq(user.email.key())));
    Ok(match diesel::select((name, email)).get_result::<(bool, bool)>(&mut connection).await? {
        (true, _) => Error::Conflict(Conflict::UsernameTaken),
        (_, true) => Error::Conflict(Conflict::EmailTaken),
        _ => Error::unavailable("database", "the account with the same name or address is gone"),
    })
}

async fn set_photo(
    mut connection: &AsyncPgConnection,
    command: &Command,
    user: UserId,
    photo: Option<&BlobKey>,
) -> Result<bool, SqlError> {
    let id = DbId::from(user);
    let row = users::table.find(id).select(users::photo_blob).for_no_key_update();
    let former = row.first::<Option<String>>(&mut connection).await.optional()?.ok_or(Error::NotFound)?;
    if former.is_none() && photo.is_none() {
        return Ok(false);
    }
    if let Some(key) = photo {
        mark_referenced(connection, key).await?;
    }
    let new = users::photo_blob.eq(photo.map(BlobKey::as_str));
    update(users::table.find(id)).set(new).execute(&mut connection).await?;
    if let Some(former) = &former {
        release(connection, &[former], command.at).await?;
    }
    let kind = if photo.is_some() { ChangeKind::PhotoSet } else { ChangeKind::PhotoRemoved };
    record_change(connection, command, Change::for_user(kind, user)).await?;
    store_response(connection, command, CommandOutcome::Photo).await?;
    Ok(former.is_some())
}

#[async_trait]
impl UserRepository for Database {
    async fn register(&self, command: &Command, registration: &Registration) -> Result<()> {
        let (command, new) = (command.clone(), registration.clone());
        let work = async move |connection: &AsyncPgConnection| insert(connection, &command, &new).await;
        self.write(TxMode::Write, work).await
    }

    async fn find_user(&self, identifier: &LoginIdentifier) -> Result<Option<UserRef>> {
        let identifier = identifier.clone();
        self.read(async move |mut connection: &AsyncPgConnection| {
            let Some(query) = user_by_identifier(&identifier) else {
                return Ok(None);
            };
            let found = query.select((users::id, users::username)).first::<(DbId, String)>(&mut connection);
            Ok(found.await.optional()?.map(|(id, username)| UserRef { id: id.into(), username: Some(username) }))
        })
        .await
    }

    async fn find_credentials(&self, identifier: &LoginIdentifier) -> Result<Option<Credentials>> {
        let identifier = identifier.clone();
        self.read(async move |mut connection: &AsyncPgConnection| {
            let Some(query) = user_by_identifier(&identifier) else {
                return Ok(None);
            };
            let found = query.select(CREDENTIALS).first::<CredentialsRow>(&mut connection);
            Ok(found.await.optional()?.map(credentials))
        })
        .await
    }

    async fn rehash(&self, command: &Command, user: UserId, old: &PasswordHash, new: &PasswordHash) -> Result<()> {
        let (command, old, new) = (command.clone(), old.clone(), new.clone());
        self.write(TxMode::Write, async move |mut connection: &AsyncPgConnection| {
            let same = users::table.filter(users::id.eq(DbId::from(user)).and(users::password_hash.eq(old.expose())));
            let new = users::password_hash.eq(new.expose());
            if update(same).set(new).execute(&mut connection).await? > 0 {
                record_change(connection, &command, Change::for_user(ChangeKind::PasswordRehashed, user)).await?;
            }
            Ok(())
        })
        .await
    }

    async fn set_photo<'a>(&self, command: &Command, user: UserId, photo: Option<&'a BlobKey>) -> Result<bool> {
        let (command, photo) = (command.clone(), photo.cloned());
        let work =
            async move |connection: &AsyncPgConnection| set_photo(connection, &command, user, photo.as_ref()).await;
        self.write(TxMode::Write, work).await
    }
}
