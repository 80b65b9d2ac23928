use async_trait::async_trait;
use clouddrive_domain::error::{Conflict, Forbidden};
use clouddrive_domain::model::{
    Account, Change, ChangeKind, Command, Credentials, Email, Job, Limit, ListedAccount, LoginIdentifier, NewLimits,
    PasswordHash, UserId,
};
use clouddrive_domain::port::AccountRepository;
use clouddrive_domain::{Error, Result};

use crate::Database;
use crate::changes::log;
use crate::content::release;
use crate::jobs::queue;
use crate::sessions::{end_all, remove_sessions};
use crate::state::{State, UserRow};
use crate::uploads::abort_all;
use crate::users::{credentials, named};

/// The user's account with the usage of the drive.
pub(crate) fn account(state: &State, row: &UserRow) -> Option<Account> {
    let drive = state.drives.get(&row.drive)?;
    Some(Account { user: row.user.clone(), quota: drive.quota, entries: drive.entries })
}

fn user_mut(state: &mut State, user: UserId) -> Result<&mut UserRow> {
    state.users.get_mut(&user).ok_or(Error::NotFound)
}

/// Checks that the user exists, and that the password still has the generation `proven`, if that is given.
fn require(state: &State, user: UserId, proven: Option<u64>) -> Result<&UserRow> {
    let row = state.users.get(&user).ok_or(Error::NotFound)?;
    if proven.is_some_and(|proven| proven != row.generation) {
        return Err(Error::Forbidden(Forbidden::WrongPassword));
    }
    Ok(row)
}

fn change_email(state: &mut State, command: &Command, user: UserId, email: &Email) -> Result<bool> {
    if require(state, user, None)?.user.email == *email {
        return Ok(false);
    }
    if named(state, &LoginIdentifier::Email(email.key())).is_some_and(|row| row.user.id != user) {
        return Err(Error::Conflict(Conflict::EmailTaken));
    }
    user_mut(state, user)?.user.email = email.clone();
    log(state, command, Change::for_user(ChangeKind::EmailChanged, user));
    Ok(true)
}

fn delete(state: &mut State, command: &Command, user: UserId, proven: u64) -> Result<()> {
    let row = require(state, user, Some(proven))?.clone();
    log(state, command, Change::for_user(ChangeKind::UserDeleted, user).within(row.drive));
    abort_all(state, command, user);
    remove_sessions(state, u32::MAX, |session| session.session.user == user);
    let keys: Vec<_> = state.shares.iter().map(|(key, _)| *key).filter(|(_, guest)| *guest == user).collect();
    for key in keys {
        state.shares.remove(&key);
    }
    let keys: Vec<_> =
        state.idempotency_records.iter().map(|(key, _)| key.clone()).filter(|(of, ..)| *of == user).collect();
    for key in keys {
        state.idempotency_records.remove(&key);
    }
    if let Some(drive) = state.drives.get_mut(&row.drive) {
        drive.owner = None;
    }
    queue(state, command.at, Job::RemoveDrive(row.drive));
    state.users.remove(&user);
    if let Some(photo) = &row.user.photo {
        release(state, &photo.key, command.at);
    }
    Ok(())
}

fn set_disabled(state: &mut State, command: &Command, user: UserId, disabled: bool) -> Result<bool> {
    if require(state, user, None)?.disabled_at.is_some() == disabled {
        return Ok(false);
    }
    user_mut(state, user)?.disabled_at = disabled.then_some(command.at);
    if disabled {
        end_all(state, user, command.at);
    }
    let kind = if disabled { ChangeKind::UserDisabled } else { ChangeKind::UserEnabled };
    log(state, command, Change::for_user(kind, user));
    Ok(true)
}

fn set_quota(state: &mut State, command: &Command, user: UserId, limits: NewLimits) -> Result<()> {
    let id = require(state, user, None)?.drive;
    let drive = state.drives.get_mut(&id).ok_or(Error::NotFound)?;
    drive.quota.total = limits.bytes.unwrap_or(drive.quota.total);
    drive.entries.total = limits.entries.unwrap_or(drive.entries.total);
    log(state, command, Change::for_user(ChangeKind::QuotaSet, user).within(id));
    Ok(())
}

fn list(state: &State, after: Option<&str>, limit: Limit) -> Vec<ListedAccount> {
    let mut rows: Vec<(String, &UserRow)> = state.users.values().map(|row| (row.user.username.key(), row)).collect();
    rows.retain(|(key, _)| after.is_none_or(|after| key.as_str() > after));
    rows.sort_by(|(one, _), (other, _)| one.cmp(other));
    let listed = |row: &UserRow| Some(ListedAccount { account: account(state, row)?, disabled_at: row.disabled_at });
    rows.into_iter().take(limit.get() + 1).filter_map(|(_, row)| listed(row)).collect()
}

#[async_trait]
impl AccountRepository for Database {
    async fn find_credentials_of(&self, user: UserId) -> Result<Option<Credentials>> {
        self.read(|state| Ok(state.users.get(&user).map(credentials)))
    }

    async fn change_email(&self, command: &Command, user: UserId, email: &Email) -> Result<bool> {
        self.write(|state| change_email(state, command, user, email))
    }

    async fn change_password(
        &self,
        command: &Command,
        user: UserId,
        proven: Option<u64>,
        hash: &PasswordHash,
    ) -> Result<()> {
        self.write(|state| {
            require(state, user, proven)?;
            let row = user_mut(state, user)?;
            row.hash = hash.clone();
            row.generation += 1;
            end_all(state, user, command.at);
            log(state, command, Change::for_user(ChangeKind::PasswordChanged, user));
            Ok(())
        })
    }

    async fn delete(&self, command: &Command, user: UserId, proven: u64) -> Result<()> {
        self.write(|state| delete(state, command, user, proven))
    }

    async fn set_disabled(&self, command: &Command, user: UserId, disabled: bool) -> Result<bool> {
        self.write(|state| set_disabled(state, command, user, disabled))
    }

    async fn set_quota(&self, command: &Command, user: UserId, limits: NewLimits) -> Result<()> {
        self.write(|state| set_quota(state, command, user, limits))
    }

    async fn list_accounts<'a>(&self, after: Option<&'a str>, limit: Limit) -> Result<Vec<ListedAccount>> {
        self.read(|state| Ok(list(state, after, limit)))
    }
}
