//! What the check needs of the outside: rows and objects, to be read only.

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;

/// Why the check could not be made.
#[derive(Debug, thiserror::Error)]
#[error("{part}: {cause}")]
pub struct Fault {
    /// `database` or `storage`.
    pub part: &'static str,
    /// What went wrong, with its causes.
    pub cause: String,
}

impl Fault {
    /// Something went wrong with the database.
    pub fn database(fault: &(dyn std::error::Error + 'static)) -> Self {
        Self { part: "database", cause: chain(fault) }
    }

    /// Something went wrong with the store.
    pub fn storage(fault: &(dyn std::error::Error + 'static)) -> Self {
        Self { part: "storage", cause: chain(fault) }
    }
}

fn chain(fault: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(fault), |fault| fault.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// How SQL is to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// PostgreSQL's.
    Postgres,
    /// SQLite's.
    Sqlite,
}

/// One row: what its columns `a`, `b`, `c` and `d` hold, as text; none for null.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row(pub [Option<String>; 4]);

impl Row {
    /// The text of the first column, `a`; empty for null.
    #[must_use]
    pub fn a(&self) -> &str {
        let [a, ..] = &self.0;
        a.as_deref().unwrap_or_default()
    }

    /// The text of `b`.
    #[must_use]
    pub fn b(&self) -> Option<&str> {
        let [_, b, ..] = &self.0;
        b.as_deref()
    }

    /// The text of `c`.
    #[must_use]
    pub fn c(&self) -> Option<&str> {
        let [_, _, c, _] = &self.0;
        c.as_deref()
    }

    /// The text of `d`.
    #[must_use]
    pub fn d(&self) -> Option<&str> {
        let [_, _, _, d] = &self.0;
        d.as_deref()
    }
}

/// Rows on their way, a few at a time.
pub type RowStream = BoxStream<'static, Result<Row, Fault>>;

/// A database.
#[async_trait]
pub trait Records: Send + Sync {
    /// How its SQL is written.
    fn dialect(&self) -> Dialect;

    /// What it holds at this moment, for as long as the value lives.
    ///
    /// # Errors
    /// When the database is out of reach.
    async fn snapshot(&self) -> Result<Box<dyn Snapshot>, Fault>;
}

/// What a database held at one moment.
#[async_trait]
pub trait Snapshot: Send {
    /// The rows of a query with the columns `a`, `b`, `c` and `d`. One query runs at a time: its rows are taken, or dropped,
    /// before the next. With `scan`, indexes are not trusted: the tables themselves are read.
    ///
    /// # Errors
    /// When the database is out of reach; also within the stream.
    async fn rows(&mut self, sql: &str, scan: bool) -> Result<RowStream, Fault>;
}

/// Something that lies in a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// The key of a blob; what cannot be one is told as it is called in the store.
    pub key: String,
    /// How many bytes it has.
    pub size: u64,
    /// When it was last written, in milliseconds since 1970 in UTC.
    pub modified_at: i64,
    /// Why it cannot be read, if that shows without reading it.
    pub broken: Option<&'static str>,
}

/// A transfer of parts that is not over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// The key of the blob that is to come.
    pub key: String,
    /// When it began, in milliseconds since 1970 in UTC.
    pub begun_at: i64,
}

/// Objects on their way.
pub type ObjectStream = BoxStream<'static, Result<Object, Fault>>;

/// Transfers on their way.
pub type TransferStream = BoxStream<'static, Result<Transfer, Fault>>;

/// Bytes on their way.
pub type ByteStream = BoxStream<'static, Result<Bytes, Fault>>;

/// A store of blobs.
#[async_trait]
pub trait Objects: Send + Sync {
    /// What the store is called in the rows of its blobs.
    fn name(&self) -> &'static str;

    /// All that lies there, in the order of the keys by their bytes.
    fn list(&self) -> ObjectStream;

    /// All transfers of parts that are not over, in no order.
    fn transfers(&self) -> TransferStream;

    /// What lies there under `key`.
    ///
    /// # Errors
    /// When the store is out of reach.
    async fn find(&self, key: &str) -> Result<Option<Object>, Fault>;

    /// The bytes of what lies there under `key`; none when nothing does.
    ///
    /// # Errors
    /// When the store is out of reach; also within the stream.
    async fn read(&self, key: &str) -> Result<Option<ByteStream>, Fault>;
}
