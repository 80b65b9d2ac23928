//! Accounts, as operators see them.

use clouddrive_domain::model::{Account, Credentials, Limit, ListedAccount, NewLimits, PasswordHash, Timestamp, User};
use clouddrive_domain::{Error, Result};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable};

use crate::drive::{PHOTO_STORE, UsageRow, UserRow, usage};
use crate::schema::{drives, users};
use crate::statement::{Parameter, Statement};
use crate::types::{DbId, bytes, size};

/// The values of the columns [`CREDENTIALS`].
pub type CredentialsRow = (DbId, String, i64, Option<i64>);

/// The columns of a user's credentials, in the order of [`credentials`].
pub const CREDENTIALS: (users::id, users::password_hash, users::password_generation, users::disabled_at) =
    (users::id, users::password_hash, users::password_generation, users::disabled_at);

/// Converts the columns [`CREDENTIALS`].
#[must_use]
pub fn credentials((id, hash, generation, disabled_at): CredentialsRow) -> Credentials {
    Credentials {
        user: id.into(),
        hash: PasswordHash::new(hash),
        generation: size(generation),
        disabled: disabled_at.is_some(),
    }
}

/// A user with the quota of their drive.
#[derive(QueryableByName)]
pub struct AccountRow {
    #[diesel(embed)]
    user: UserRow,
    #[diesel(sql_type = Nullable<BigInt>)]
    disabled_at: Option<i64>,
    #[diesel(embed)]
    usage: UsageRow,
}

impl TryFrom<AccountRow> for ListedAccount {
    type Error = Error;

    fn try_from(row: AccountRow) -> Result<Self> {
        let (quota, entries) = (row.usage.quota(), row.usage.entries());
        let account = Account { user: User::try_from(row.user)?, quota, entries };
        Ok(Self { account, disabled_at: row.disabled_at.map(Timestamp::from_millis) })
    }
}

/// Selects the [`AccountRow`]s of a page of all accounts, ordered by username key. `used_entries` is the
/// expression for the number of entries of the drive `d`.
#[must_use]
pub fn page(after: Option<&str>, limit: Limit, used_entries: &str) -> Statement {
    let mut parameters: Vec<Parameter> = after.map(|key| Parameter::Text(key.to_owned())).into_iter().collect();
    let start = after.map_or("", |_| "WHERE u.username_key > ?");
    parameters.push(Parameter::Integer(bytes(limit.get() as u64 + 1)));
    let usage = usage(used_entries);
    let text = format!(
        "SELECT u.id, u.username, u.email, u.created_at, u.photo_blob, {PHOTO_STORE}, u.disabled_at, {usage}
        FROM users u JOIN drives d ON d.owner_id = u.id {start} ORDER BY u.username_key LIMIT ?"
    );
    Statement::new(text, parameters)
}

/// The changes to a drive's limits.
#[derive(AsChangeset)]
#[diesel(table_name = drives)]
pub struct LimitsRow {
    quota_bytes: Option<i64>,
    quota_entries: Option<i64>,
}

impl From<NewLimits> for LimitsRow {
    fn from(limits: NewLimits) -> Self {
        Self { quota_bytes: limits.bytes.map(bytes), quota_entries: limits.entries.map(bytes) }
    }
}
