//! Column representations of domain values.

use clouddrive_domain::Error;
use clouddrive_domain::model::{
    ConflictPolicy, DriveId, EntityTag, IdempotencyRecordId, LeaseId, LinkId, Name, NodeId, NodeKind, Permission,
    SessionId, Sha256, ShareId, UploadId, UserId, VersionId,
};
use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::pg::Pg;
use diesel::query_builder::QueryId;
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::SqlType;
use diesel::sqlite::Sqlite;
use uuid::Uuid;

/// The type of an identifier's column: `uuid` in PostgreSQL, 16 bytes in SQLite.
#[derive(Clone, Copy, Debug, Default, QueryId, SqlType)]
#[diesel(sqlite_type(name = "Binary"), postgres_type(oid = 2950, array_oid = 2951))]
pub struct Id;

/// An identifier of any kind, as stored in a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, AsExpression, FromSqlRow)]
#[diesel(sql_type = Id)]
pub struct DbId(Uuid);

impl DbId {
    /// The identifier itself.
    #[must_use]
    pub const fn as_uuid(&self) -> Uuid {
        self.0
    }
}

impl From<Uuid> for DbId {
    fn from(id: Uuid) -> Self {
        Self(id)
    }
}

impl FromSql<Id, Sqlite> for DbId {
    fn from_sql(mut value: <Sqlite as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        Ok(Self(Uuid::from_slice(value.read_blob())?))
    }
}

impl ToSql<Id, Sqlite> for DbId {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.0.as_bytes().as_slice());
        Ok(IsNull::No)
    }
}

impl FromSql<Id, Pg> for DbId {
    fn from_sql(value: <Pg as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        <Uuid as FromSql<diesel::sql_types::Uuid, Pg>>::from_sql(value).map(Self)
    }
}

impl ToSql<Id, Pg> for DbId {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        <Uuid as ToSql<diesel::sql_types::Uuid, Pg>>::to_sql(&self.0, out)
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

ids!(UserId, DriveId, NodeId, VersionId, UploadId, ShareId, SessionId, IdempotencyRecordId, LeaseId, LinkId);

/// The error for an invalid row; it names the table and the row, for the log.
pub fn invalid_row(table: &'static str, id: impl std::fmt::Display, what: &str) -> Error {
    Error::internal("database", format!("bad row in {table}, {id}: {what}"))
}

/// Converts the column of a number of bytes, or of anything else.
#[must_use]
pub fn size(bytes: i64) -> u64 {
    u64::try_from(bytes).unwrap_or(0)
}

/// The column of a number of bytes. Sizes fit: the largest file has 5 TiB.
#[must_use]
pub fn bytes(size: u64) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

pub(crate) fn name(table: &'static str, id: impl std::fmt::Display, text: String) -> Result<Name, Error> {
    Name::from_string(text).map_err(|_| invalid_row(table, id, "name"))
}

/// The kind of a visible node, i.e. not a root.
pub(crate) fn visible_kind(table: &'static str, id: impl std::fmt::Display, word: &str) -> Result<NodeKind, Error> {
    match word {
        "folder" => Ok(NodeKind::Folder),
        "file" => Ok(NodeKind::File),
        _ => Err(invalid_row(table, id, "kind of node")),
    }
}

pub(crate) fn sha256(table: &'static str, id: impl std::fmt::Display, bytes: Vec<u8>) -> Result<Sha256, Error> {
    bytes.try_into().map(Sha256::from_bytes).map_err(|_| invalid_row(table, id, "sha256"))
}

pub(crate) fn entity_tag(table: &'static str, id: impl std::fmt::Display, text: &str) -> Result<EntityTag, Error> {
    EntityTag::parse(text).map_err(|_| invalid_row(table, id, "etag"))
}

/// The word for a permission.
#[must_use]
pub const fn permission_word(permission: Permission) -> &'static str {
    match permission {
        Permission::View => "view",
        Permission::Edit => "edit",
    }
}

pub(crate) fn permission(table: &'static str, id: impl std::fmt::Display, word: &str) -> Result<Permission, Error> {
    match word {
        "view" => Ok(Permission::View),
        "edit" => Ok(Permission::Edit),
        _ => Err(invalid_row(table, id, "permission")),
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
        _ => Err(invalid_row(table, id, "conflict")),
    }
}
