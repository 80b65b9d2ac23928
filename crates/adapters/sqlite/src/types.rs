//! How the domain's values stand in columns.

use clouddrive_domain::Error;
use clouddrive_domain::model::{
    ConflictPolicy, DriveId, Name, NodeId, Permission, SessionId, Sha256, ShareId, UploadId, UserId, VersionId,
};
use diesel::backend::Backend;
use diesel::deserialize::FromSqlRow;
use diesel::deserialize::{self, FromSql};
use diesel::expression::AsExpression;
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::Binary;
use diesel::sqlite::Sqlite;
use uuid::Uuid;

/// An identifier of any kind, as 16 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, AsExpression, FromSqlRow)]
#[diesel(sql_type = Binary)]
pub(crate) struct DbId(pub(crate) Uuid);

impl FromSql<Binary, Sqlite> for DbId {
    fn from_sql(value: <Sqlite as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        let bytes = <Vec<u8> as FromSql<Binary, Sqlite>>::from_sql(value)?;
        Ok(Self(Uuid::from_slice(&bytes)?))
    }
}

impl ToSql<Binary, Sqlite> for DbId {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.0.as_bytes().as_slice());
        Ok(IsNull::No)
    }
}

macro_rules! ids {
    ($($id:ty),*) => {$(
        impl From<$id> for DbId {
            fn from(id: $id) -> Self {
                Self(id.as_uuid())
            }
        }

        impl From<DbId> for $id {
            fn from(id: DbId) -> Self {
                Self::from_uuid(id.0)
            }
        }
    )*};
}

ids!(UserId, DriveId, NodeId, VersionId, UploadId, ShareId, SessionId);

/// A row that says what cannot be: it names the table and the row, for the log.
pub(crate) fn bad_row(table: &'static str, id: impl std::fmt::Display, what: &str) -> Error {
    Error::internal("database", format!("bad row in {table}, {id}: {what}"))
}

pub(crate) fn size(bytes: i64) -> u64 {
    u64::try_from(bytes).unwrap_or(0)
}

/// Sizes fit: the largest file has 5 TiB.
pub(crate) fn bytes(size: u64) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

pub(crate) fn name(table: &'static str, id: impl std::fmt::Display, text: &str) -> Result<Name, Error> {
    Name::parse(text).map_err(|_| bad_row(table, id, "name"))
}

pub(crate) fn sha256(table: &'static str, id: impl std::fmt::Display, bytes: Vec<u8>) -> Result<Sha256, Error> {
    bytes.try_into().map(Sha256::from_bytes).map_err(|_| bad_row(table, id, "sha256"))
}

pub(crate) const fn permission_word(permission: Permission) -> &'static str {
    match permission {
        Permission::View => "view",
        Permission::Edit => "edit",
    }
}

pub(crate) fn permission(table: &'static str, id: impl std::fmt::Display, word: &str) -> Result<Permission, Error> {
    match word {
        "view" => Ok(Permission::View),
        "edit" => Ok(Permission::Edit),
        _ => Err(bad_row(table, id, "permission")),
    }
}

pub(crate) const fn conflict_word(conflict: ConflictPolicy) -> &'static str {
    match conflict {
        ConflictPolicy::Fail => "fail",
        ConflictPolicy::Replace => "replace",
        ConflictPolicy::Keep => "keep",
    }
}

pub(crate) fn conflict(table: &'static str, id: impl std::fmt::Display, word: &str) -> Result<ConflictPolicy, Error> {
    match word {
        "fail" => Ok(ConflictPolicy::Fail),
        "replace" => Ok(ConflictPolicy::Replace),
        "keep" => Ok(ConflictPolicy::Keep),
        _ => Err(bad_row(table, id, "conflict")),
    }
}
