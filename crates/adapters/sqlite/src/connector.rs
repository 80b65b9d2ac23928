//! Connections to the file, and the threads on which they are used.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clouddrive_domain::{Error, Result};
use clouddrive_sql::error::SqlError;
use clouddrive_sql::instrumentation::StatementSpans;
use deadpool::managed::{self, Metrics, RecycleError, RecycleResult};
use diesel::connection::{SimpleConnection, TransactionManager};
use diesel::{Connection, SqliteConnection};
use tracing::Span;

use crate::error::{domain_error, is_locked};

/// The settings of every connection. A commit is on the disk when it returns: `synchronous = FULL`.
const SETUP: &str = "PRAGMA busy_timeout = 5000; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
    PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16384;";

/// What a connection is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// It reads.
    Read,
    /// It reads and writes.
    Write,
}

/// Creates connections.
#[derive(Clone)]
pub(crate) struct Connector {
    path: PathBuf,
    access: Access,
}

impl Connector {
    pub(crate) fn new(path: &Path, access: Access) -> Self {
        Self { path: path.to_owned(), access }
    }

    pub(crate) fn connect(&self) -> Result<SqliteConnection, SqlError> {
        let path = self.path.to_str().ok_or_else(|| Error::internal("database", "the path is not UTF-8"))?;
        let opened = SqliteConnection::establish(path);
        let mut connection = opened.map_err(|error| Error::unavailable("database", error))?;
        connection.set_instrumentation(StatementSpans::default());
        connection.batch_execute(SETUP)?;
        enable_write_ahead_log(&mut connection)?;
        if self.access == Access::Read {
            connection.batch_execute("PRAGMA query_only = ON;")?;
        }
        Ok(connection)
    }

    /// Creates the file, unless it exists, accessible to its owner only; SQLite gives its other files the same mode.
    pub(crate) fn create_private(&self) -> Result<(), SqlError> {
        open_private(&self.path).map(drop).map_err(|error| Error::unavailable("database", error).into())
    }
}

/// Opens the file at `path`; creates it, accessible to its owner only, if there is none.
pub(crate) fn open_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Enables the write-ahead log, permanently. The busy timeout does not apply when several connections do so at once on
/// a new file, so this retries for as long.
fn enable_write_ahead_log(connection: &mut SqliteConnection) -> Result<(), SqlError> {
    for _ in 0..500 {
        match connection.batch_execute("PRAGMA journal_mode = WAL;") {
            Err(error) if is_locked(&error) => std::thread::sleep(Duration::from_millis(10)),
            outcome => return Ok(outcome?),
        }
    }
    Err(Error::unavailable("database", "others keep it locked").into())
}

/// Whether `connection` was left inside a transaction.
pub(crate) fn is_broken(connection: &mut SqliteConnection) -> bool {
    type Transactions = <SqliteConnection as Connection>::TransactionManager;
    Transactions::is_broken_transaction_manager(connection)
}

/// Runs `work` on a blocking thread, within the current span.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SqlError> + Send + 'static,
) -> Result<T, SqlError> {
    let span = Span::current();
    let outcome = tokio::task::spawn_blocking(move || span.in_scope(work)).await;
    outcome.map_err(|error| Error::internal("database", error))?
}

impl managed::Manager for Connector {
    type Type = SqliteConnection;
    type Error = Error;

    async fn create(&self) -> Result<SqliteConnection> {
        let connector = self.clone();
        blocking(move || connector.connect()).await.map_err(domain_error)
    }

    async fn recycle(&self, connection: &mut SqliteConnection, _: &Metrics) -> RecycleResult<Error> {
        if is_broken(connection) {
            return Err(RecycleError::message("left inside a transaction"));
        }
        Ok(())
    }
}
