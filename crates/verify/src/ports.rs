//! The ports of the check: read-only rows and objects.

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;

/// Why the check failed.
#[derive(Debug, thiserror::Error)]
#[error("{part}: {cause}")]
pub struct CheckError {
    /// `database` or `storage`.
    pub part: &'static str,
    /// What went wrong, with its causes.
    pub cause: String,
}

impl CheckError {
    /// An error of the database.
    pub fn database(error: &(dyn std::error::Error + 'static)) -> Self {
        Self { part: "database", cause: chain(error) }
    }

    /// An error of the store.
    pub fn storage(error: &(dyn std::error::Error + 'static)) -> Self {
        Self { part: "storage", cause: chain(error) }
    }
}

fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// The SQL dialect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// PostgreSQL.
    Postgres,
    /// SQLite.
    Sqlite,
}

/// One row: its columns `a`, `b`, `c` and `d` as text; `None` for null.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row(pub [Option<String>; 4]);

impl Row {
    /// The text of the first column, `a`; empty for null.
    #[must_use]
    pub fn first(&self) -> &str {
        let [a, ..] = &self.0;
        a.as_deref().unwrap_or_default()
    }

    /// The text of `b`.
    #[must_use]
    pub fn second(&self) -> Option<&str> {
        let [_, b, ..] = &self.0;
        b.as_deref()
    }

    /// The text of `c`.
    #[must_use]
    pub fn third(&self) -> Option<&str> {
        let [_, _, c, _] = &self.0;
        c.as_deref()
    }

    /// The text of `d`.
    #[must_use]
    pub fn fourth(&self) -> Option<&str> {
        let [_, _, _, d] = &self.0;
        d.as_deref()
    }
}

/// A stream of rows.
pub type RowStream = BoxStream<'static, Result<Row, CheckError>>;

/// A database.
#[async_trait]
pub trait Records: Send + Sync {
    /// Its SQL dialect.
    fn dialect(&self) -> Dialect;

    /// Opens a snapshot of the current state, which lasts until the value is dropped.
    ///
    /// # Errors
    /// If the database is unreachable.
    async fn snapshot(&self) -> Result<Box<dyn Snapshot>, CheckError>;
}

/// A consistent snapshot of a database.
#[async_trait]
pub trait Snapshot: Send {
    /// The rows of a query with the columns `a`, `b`, `c` and `d`. Consume or drop the rows before the next query. With
    /// `scan`, reads the tables themselves, as indexes may be corrupt.
    ///
    /// # Errors
    /// If the database is unreachable; also within the stream.
    async fn rows(&mut self, sql: &str, scan: bool) -> Result<RowStream, CheckError>;
}

/// An object in a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// The blob's key; for other objects, their name in the store.
    pub key: String,
    /// Its size in bytes.
    pub size: u64,
    /// When it was last modified, in milliseconds since 1970 in UTC.
    pub modified_at: i64,
    /// Why it cannot be read, if known without reading it.
    pub broken: Option<&'static str>,
}

/// A multipart upload in progress.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncompleteUpload {
    /// The key of the future blob.
    pub key: String,
    /// When it began, in milliseconds since 1970 in UTC.
    pub begun_at: i64,
}

/// A stream of objects.
pub type ObjectStream = BoxStream<'static, Result<Object, CheckError>>;

/// A stream of incomplete uploads.
pub type IncompleteUploadStream = BoxStream<'static, Result<IncompleteUpload, CheckError>>;

/// A stream of bytes.
pub type ByteStream = BoxStream<'static, Result<Bytes, CheckError>>;

/// A blob store.
#[async_trait]
pub trait Objects: Send + Sync {
    /// The store's name in blob rows.
    fn name(&self) -> &str;

    /// All objects, in byte order of their keys.
    fn list(&self) -> ObjectStream;

    /// All multipart uploads in progress, in no order.
    fn incomplete_uploads(&self) -> IncompleteUploadStream;

    /// Looks up the object `key`.
    ///
    /// # Errors
    /// If the store is unreachable.
    async fn find(&self, key: &str) -> Result<Option<Object>, CheckError>;

    /// The bytes of the object `key`; `None` if it does not exist.
    ///
    /// # Errors
    /// If the store is unreachable; also within the stream.
    async fn read(&self, key: &str) -> Result<Option<ByteStream>, CheckError>;
}
