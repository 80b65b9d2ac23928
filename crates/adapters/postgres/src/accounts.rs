use async_trait::async_trait;
use clouddrive_domain::error::{Conflict, Forbidden};
use clouddrive_domain::model::{
    Change, ChangeKind, Command, Credentials, DriveId, Email, Job, Limit, ListedAccount, NewLimits, PasswordHash,
    Timestamp, UserId,
};
use clouddrive_domain::port::AccountRepository;
use clouddrive_domain::{Error, Result};
use clouddrive_sql::accounts::{AccountRow, CREDENTIALS, CredentialsRow, LimitsRow, credentials, page};
use clouddrive_sql::error::{Constraint, SqlError};
use clouddrive_sql::schema::{drives, users};
use clouddrive_sql::statement::update;
use clouddrive_sql::types::{DbId, size};
use diesel::prelude::{ExpressionMethods, OptionalExtension, QueryDsl};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::Database;
use crate::blob_records::release;
use crate::changes::record_change;
use crate::error::violated_constraint;
use crate::jobs::queue;
use crate::quota::USED_ENTRIES;
use crate::sessions::end_all;
use crate::transaction::TxMode;
use crate::uploads::abort_all;

/// A user's row, locked until the transaction ends against changes and new sessions.
struct LockedUser {
    generation: u64,
    email: String,
    photo: Option<String>,
    disabled_at: Option<i64>,
}

async fn lock_user(mut connection: &AsyncPgConnection, user: UserId) -> Result<LockedUser, SqlError> {
    let columns = (users::password_generation, users::email, users::photo_blob, users::disabled_at);
    let row = users::table.find(DbId::from(user)).select(columns).for_update();
    let row = row.first::<(i64, String, Option<String>, Option<i64>)>(&mut connection).await.optional()?;
    let (generation, email, photo, disabled_at) = row.ok_or(Error::NotFound)?;
    Ok(LockedUser { generation: size(generation), email, photo, disabled_at })
}

impl LockedUser {
    fn require(&self, proven: u64) -> Result<()> {
        if self.generation == proven { Ok(()) } else { Err(Error::Forbidden(Forbidden::WrongPassword)) }
    }
}

async fn change_email(
    mut connection: &AsyncPgConnection,
    command: &Command,
    user: UserId,
    email: &Email,
) -> Result<bool, SqlError> {
    if lock_user(connection, user).await?.email == email.as_str() {
        return Ok(false);
    }
    let new = (users::email.eq(email.as_str()), users::email_key.eq(email.key()));
    let changed = update(users::table.find(DbId::from(user))).set(new).execute(&mut connection).await;
    changed.map_err(|error| match violated_constraint(&error) {
        Some(Constraint::Email) => SqlError::Domain(Error::Conflict(Conflict::EmailTaken)),
        _ => error.into(),
    })?;
    record_change(connection, command, Change::for_user(ChangeKind::EmailChanged, user)).await?;
    Ok(true)
}

async fn change_password(
    mut connection: &AsyncPgConnection,
    command: &Command,
    user: UserId,
    proven: Option<u64>,
    hash: &PasswordHash,
) -> Result<(), SqlError> {
    let row = lock_user(connection, user).await?;
    if let Some(proven) = proven {
        row.require(proven)?;
    }
    let new = (users::password_hash.eq(hash.expose()), users::password_generation.eq(users::password_generation + 1));
    update(users::table.find(DbId::from(user))).set(new).execute(&mut connection).await?;
    end_all(connection, user, command.at).await?;
    record_change(connection, command, Change::for_user(ChangeKind::PasswordChanged, user)).await
}

/// Deletes the user. Locks are taken in the global order: the user, uploads, blobs, and drives by their identifiers.
async fn delete(
    mut connection: &AsyncPgConnection,
    command: &Command,
    user: UserId,
    proven: u64,
) -> Result<(), SqlError> {
    let row = lock_user(connection, user).await?;
    row.require(proven)?;
    let id = DbId::from(user);
    if let Some(photo) = &row.photo {
        update(users::table.find(id)).set(users::photo_blob.eq(None::<String>)).execute(&mut connection).await?;
        release(connection, &[photo.as_str()], command.at).await?;
    }
    let own = drives::table.filter(drives::owner_id.eq(id)).select(drives::id);
    let own: Option<DriveId> = own.first::<DbId>(&mut connection).await.optional()?.map(Into::into);
    record_change(connection, command, Change::for_user(ChangeKind::UserDeleted, user).within(own)).await?;
    abort_all(connection, command, user, own).await?;
    if let Some(own) = own {
        queue(connection, command, Job::RemoveDrive(own)).await?;
    }
    diesel::delete(users::table.find(id)).execute(&mut connection).await?;
    Ok(())
}

async fn set_disabled(
    mut connection: &AsyncPgConnection,
    command: &Command,
    user: UserId,
    disabled: bool,
) -> Result<bool, SqlError> {
    if lock_user(connection, user).await?.disabled_at.is_some() == disabled {
        return Ok(false);
    }
    let since = disabled.then_some(command.at).map(Timestamp::as_millis);
    update(users::table.find(DbId::from(user))).set(users::disabled_at.eq(since)).execute(&mut connection).await?;
    if disabled {
        end_all(connection, user, command.at).await?;
    }
    let kind = if disabled { ChangeKind::UserDisabled } else { ChangeKind::UserEnabled };
    record_change(connection, command, Change::for_user(kind, user)).await?;
    Ok(true)
}

async fn set_quota(
    mut connection: &AsyncPgConnection,
    command: &Command,
    user: UserId,
    limits: NewLimits,
) -> Result<(), SqlError> {
    let own = drives::table.filter(drives::owner_id.eq(DbId::from(user)));
    let changed = diesel::update(own).set(LimitsRow::from(limits)).returning(drives::id);
    let drive = changed.get_result::<DbId>(&mut connection).await.optional()?.ok_or(Error::NotFound)?;
    record_change(connection, command, Change::for_user(ChangeKind::QuotaSet, user).within(DriveId::from(drive))).await
}

#[async_trait]
impl AccountRepository for Database {
    async fn find_credentials_of(&self, user: UserId) -> Result<Option<Credentials>> {
        self.read(async move |mut connection: &AsyncPgConnection| {
            let row = users::table.find(DbId::from(user)).select(CREDENTIALS);
            Ok(row.first::<CredentialsRow>(&mut connection).await.optional()?.map(credentials))
        })
        .await
    }

    async fn change_email(&self, command: &Command, user: UserId, email: &Email) -> Result<bool> {
        let (command, email) = (command.clone(), email.clone());
        let work = async move |connection: &AsyncPgConnection| change_email(connection, &command, user, &email).await;
        self.write(TxMode::Write, work).await
    }

    async fn change_password(
        &self,
        command: &Command,
        user: UserId,
        proven: Option<u64>,
        hash: &PasswordHash,
    ) -> Result<()> {
        let (command, hash) = (command.clone(), hash.clone());
        let work = async move |connection: &AsyncPgConnection| {
            change_password(connection, &command, user, proven, &hash).await
        };
        self.write(TxMode::Write, work).await
    }

    async fn delete(&self, command: &Command, user: UserId, proven: u64) -> Result<()> {
        let command = command.clone();
        let work = async move |connection: &AsyncPgConnection| delete(connection, &command, user, proven).await;
        self.write(TxMode::Write, work).await
    }

    async fn set_disabled(&self, command: &Command, user: UserId, disabled: bool) -> Result<bool> {
        let command = command.clone();
        let work = async move |connection: &AsyncPgConnection| set_disabled(connection, &command, user, disabled).await;
        self.write(TxMode::Write, work).await
    }

    async fn set_quota(&self, command: &Command, user: UserId, limits: NewLimits) -> Result<()> {
        let command = command.clone();
        let work = async move |connection: &AsyncPgConnection| set_quota(connection, &command, user, limits).await;
        self.write(TxMode::Write, work).await
    }

    async fn list_accounts<'a>(&self, after: Option<&'a str>, limit: Limit) -> Result<Vec<ListedAccount>> {
        let statement = page(after, limit, USED_ENTRIES);
        self.read(async move |mut connection: &AsyncPgConnection| {
            let rows: Vec<AccountRow> = statement.load(&mut connection).await?;
            Ok(rows.into_iter().map(ListedAccount::try_from).collect::<Result<_>>()?)
        })
        .await
    }
}
