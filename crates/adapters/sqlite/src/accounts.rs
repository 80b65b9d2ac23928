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
use diesel::prelude::*;

use crate::Database;
use crate::blob_records::release;
use crate::changes::record_change;
use crate::error::violated_constraint;
use crate::jobs::queue;
use crate::sessions::end_all;
use crate::uploads::abort_all;

/// Checks that the user exists, and that the password still has the generation `proven`, if that is given.
fn require(connection: &mut SqliteConnection, user: UserId, proven: Option<u64>) -> Result<(), SqlError> {
    let generation = users::table.find(DbId::from(user)).select(users::password_generation);
    let generation = generation.first::<i64>(connection).optional()?.ok_or(Error::NotFound)?;
    if proven.is_some_and(|proven| proven != size(generation)) {
        return Err(Error::Forbidden(Forbidden::WrongPassword).into());
    }
    Ok(())
}

fn delete(connection: &mut SqliteConnection, command: &Command, user: UserId, proven: u64) -> Result<(), SqlError> {
    require(connection, user, Some(proven))?;
    let id = DbId::from(user);
    let photo = users::table.find(id).select(users::photo_blob).first::<Option<String>>(connection)?;
    let own = drives::table.filter(drives::owner_id.eq(id)).select(drives::id).first::<DbId>(connection).optional()?;
    record_change(connection, command, Change::for_user(ChangeKind::UserDeleted, user).within(own.map(DriveId::from)))?;
    abort_all(connection, command, user)?;
    if let Some(own) = own {
        queue(connection, command, Job::RemoveDrive(own.into()))?;
    }
    diesel::delete(users::table.find(id)).execute(connection)?;
    match photo {
        Some(photo) => release(connection, &photo, command.at),
        None => Ok(()),
    }
}

fn set_disabled(
    connection: &mut SqliteConnection,
    command: &Command,
    user: UserId,
    disabled: bool,
) -> Result<bool, SqlError> {
    let row = users::table.find(DbId::from(user));
    let since = row.select(users::disabled_at).first::<Option<i64>>(connection).optional()?.ok_or(Error::NotFound)?;
    if since.is_some() == disabled {
        return Ok(false);
    }
    let since = disabled.then_some(command.at).map(Timestamp::as_millis);
    update(row).set(users::disabled_at.eq(since)).execute(connection)?;
    if disabled {
        end_all(connection, user, command.at)?;
    }
    let kind = if disabled { ChangeKind::UserDisabled } else { ChangeKind::UserEnabled };
    record_change(connection, command, Change::for_user(kind, user))?;
    Ok(true)
}

#[async_trait]
impl AccountRepository for Database {
    async fn find_credentials_of(&self, user: UserId) -> Result<Option<Credentials>> {
        self.read(move |connection| {
            let row = users::table.find(DbId::from(user)).select(CREDENTIALS);
            Ok(row.first::<CredentialsRow>(connection).optional()?.map(credentials))
        })
        .await
    }

    async fn change_email(&self, command: &Command, user: UserId, email: &Email) -> Result<bool> {
        let (command, email) = (command.clone(), email.clone());
        self.write(move |connection| {
            let row = users::table.find(DbId::from(user));
            let former = row.select(users::email).first::<String>(connection).optional()?.ok_or(Error::NotFound)?;
            if former == email.as_str() {
                return Ok(false);
            }
            let new = (users::email.eq(email.as_str()), users::email_key.eq(email.key()));
            update(row).set(new).execute(connection).map_err(|error| match violated_constraint(&error) {
                Some(Constraint::Email) => SqlError::Domain(Error::Conflict(Conflict::EmailTaken)),
                _ => error.into(),
            })?;
            record_change(connection, &command, Change::for_user(ChangeKind::EmailChanged, user))?;
            Ok(true)
        })
        .await
    }

    async fn change_password(
        &self,
        command: &Command,
        user: UserId,
        proven: Option<u64>,
        hash: &PasswordHash,
    ) -> Result<()> {
        let (command, hash) = (command.clone(), hash.clone());
        self.write(move |connection| {
            require(connection, user, proven)?;
            let next = users::password_generation.eq(users::password_generation + 1);
            update(users::table.find(DbId::from(user)))
                .set((users::password_hash.eq(hash.expose()), next))
                .execute(connection)?;
            end_all(connection, user, command.at)?;
            record_change(connection, &command, Change::for_user(ChangeKind::PasswordChanged, user))
        })
        .await
    }

    async fn delete(&self, command: &Command, user: UserId, proven: u64) -> Result<()> {
        let command = command.clone();
        self.write_bulk(move |connection| delete(connection, &command, user, proven)).await
    }

    async fn set_disabled(&self, command: &Command, user: UserId, disabled: bool) -> Result<bool> {
        let command = command.clone();
        self.write(move |connection| set_disabled(connection, &command, user, disabled)).await
    }

    async fn set_quota(&self, command: &Command, user: UserId, limits: NewLimits) -> Result<()> {
        let command = command.clone();
        self.write(move |connection| {
            let own = || drives::table.filter(drives::owner_id.eq(DbId::from(user)));
            let drive: Option<DbId> = own().select(drives::id).first(connection).optional()?;
            let drive = drive.ok_or(Error::NotFound)?;
            update(own()).set(LimitsRow::from(limits)).execute(connection)?;
            record_change(
                connection,
                &command,
                Change::for_user(ChangeKind::QuotaSet, user).within(DriveId::from(drive)),
            )
        })
        .await
    }

    async fn list_accounts<'a>(&self, after: Option<&'a str>, limit: Limit) -> Result<Vec<ListedAccount>> {
        let statement = page(after, limit, "d.used_entries");
        self.read(move |connection| {
            let rows: Vec<AccountRow> = statement.load(connection)?;
            Ok(rows.into_iter().map(ListedAccount::try_from).collect::<Result<_>>()?)
        })
        .await
    }
}
