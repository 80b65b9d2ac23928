use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use clouddrive_domain::caller::caller;
use clouddrive_domain::port::Probe;
use clouddrive_domain::{Error, Result};
use clouddrive_sql::error::SqlError;
use clouddrive_sql::fair_semaphore::FairSemaphore;
use clouddrive_sql::instrumentation::StatementSpans;
use clouddrive_sql::pool::{PoolStatus, acquire};
use deadpool::Runtime;
use deadpool::managed::{self, Metrics, Pool, RecycleError, RecycleResult};
use diesel::connection::{SimpleConnection, TransactionManager};
use diesel::{Connection, RunQueryDsl, SqliteConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use tracing::Span;

use crate::error::{domain_error, is_locked};
use crate::names;
use crate::reserve::{Demand, DiskReserve};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../../migrations/sqlite");

/// The settings of every connection. A commit is on the disk when it returns: `synchronous = FULL`.
const SETUP: &str = "PRAGMA busy_timeout = 5000; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
    PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16384;";

/// Options of a [`Database`].
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The number of connections that read.
    pub readers: usize,
    /// How long to wait for a connection before the database counts as unavailable.
    pub wait: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { readers: 8, wait: Duration::from_secs(10) }
    }
}

/// An SQLite database, with one writing and several reading connections, none of which is used on an async thread.
///
/// It implements all persistence ports of the domain. Clones share the connections.
#[derive(Clone)]
pub struct Database {
    writer: Pool<Connector>,
    writer_semaphore: FairSemaphore,
    readers: Pool<Connector>,
    reader_semaphore: FairSemaphore,
    reserve: Arc<DiskReserve>,
}

impl Database {
    /// Opens the database at `path`, creating it if there is none, and brings its schema up to date. Reserves disk
    /// space beside it, to be given up when the disk is full; a database with a current schema opens even on a full
    /// disk.
    ///
    /// # Errors
    /// [`Unavailable`](Error::Unavailable) and [`Internal`](Error::Internal), of the part `database`.
    pub async fn open(path: &Path, options: Options) -> Result<Self> {
        let reserve = Arc::new(DiskReserve::for_database(path));
        let refreshed = reserve.clone();
        let refresh = move || {
            refreshed.refresh();
            Ok(())
        };
        blocking(refresh.clone()).await.map_err(domain_error)?;
        Self::migrate(path).await?;
        blocking(refresh).await.map_err(domain_error)?;
        Self::connect(path, options, reserve)
    }

    /// Opens the database at `path` as it is, e.g. while a server may be using it.
    ///
    /// # Errors
    /// [`Internal`](Error::Internal), of the part `database`, if there is none or its schema is not up to date.
    pub async fn open_current(path: &Path, options: Options) -> Result<Self> {
        if !path.is_file() {
            return Err(Error::internal("database", "there is no such file"));
        }
        let database = Self::connect(path, options, Arc::new(DiskReserve::for_database(path)))?;
        let current = database.read(|connection| {
            // Fails if no migration has ever run: a read-only connection cannot create the table of migrations.
            Ok(!connection.has_pending_migration(MIGRATIONS).unwrap_or(true))
        });
        if current.await? { Ok(database) } else { Err(Error::internal("database", "its schema is not up to date")) }
    }

    fn connect(path: &Path, options: Options, reserve: Arc<DiskReserve>) -> Result<Self> {
        let pool = |access, size| {
            let connector = Connector { path: path.to_owned(), access };
            Pool::builder(connector)
                .max_size(size)
                .wait_timeout(Some(options.wait))
                .runtime(Runtime::Tokio1)
                .build()
                .map_err(|error| Error::internal("database", error))
        };
        let readers = options.readers.max(1);
        Ok(Self {
            writer: pool(Access::Write, 1)?,
            writer_semaphore: FairSemaphore::new(1, options.wait),
            readers: pool(Access::Read, readers)?,
            reader_semaphore: FairSemaphore::new(readers, options.wait),
            reserve,
        })
    }

    /// Brings the schema of the database at `path` up to date, creating the file if there is none, and returns the
    /// names of the applied migrations.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn migrate(path: &Path) -> Result<Vec<String>> {
        let connector = Connector { path: path.to_owned(), access: Access::Write };
        let applied = blocking(move || {
            create_private(&connector.path)?;
            let mut connection = connector.connect()?;
            // Processes that start at once take turns; the second finds nothing to do.
            let applied = connection.immediate_transaction(|connection| {
                let applied = connection
                    .run_pending_migrations(MIGRATIONS)
                    .map_err(|error| SqlError::Domain(Error::internal("database", error)))?;
                Ok::<_, SqlError>(applied.iter().map(ToString::to_string).collect())
            })?;
            Ok(applied)
        })
        .await;
        applied.map_err(domain_error)
    }

    /// The state of its connections, including the writer.
    #[must_use]
    pub fn connections(&self) -> PoolStatus {
        let waiting = self.reader_semaphore.waiting() + self.writer_semaphore.waiting();
        let all = PoolStatus::from_pool(&self.readers).plus(PoolStatus::from_pool(&self.writer));
        PoolStatus { waiting: all.waiting + waiting, ..all }
    }

    /// Runs `work` on a reading connection, without a transaction.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut SqliteConnection) -> Result<T, SqlError> + Send + 'static,
    ) -> Result<T> {
        let permit = self.reader_semaphore.acquire(caller()).await?;
        let mut connection = acquire(&self.readers).await?;
        // Return the connection before the permit is released, even if the caller is gone.
        let work = move || {
            let _permit = permit;
            let outcome = work(&mut connection);
            drop(connection);
            outcome
        };
        blocking(work).await.map_err(domain_error)
    }

    /// Runs `work`, which reads with several statements that see the same state.
    pub(crate) async fn snapshot<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut SqliteConnection) -> Result<T, SqlError> + Send + 'static,
    ) -> Result<T> {
        self.read(move |connection| connection.transaction(work)).await
    }

    /// Runs `work` in a transaction on the writing connection, atomically even if the caller is dropped meanwhile. On a
    /// full disk it uses the reserve.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut SqliteConnection) -> Result<T, SqlError> + Send + 'static,
    ) -> Result<T> {
        self.transact(Demand::Essential, work).await
    }

    /// Like [`write`](Self::write), for `work` that adds permanent data: refused on a full disk.
    pub(crate) async fn write_growing<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut SqliteConnection) -> Result<T, SqlError> + Send + 'static,
    ) -> Result<T> {
        self.transact(Demand::Growing, work).await
    }

    async fn transact<T: Send + 'static>(
        &self,
        demand: Demand,
        work: impl FnOnce(&mut SqliteConnection) -> Result<T, SqlError> + Send + 'static,
    ) -> Result<T> {
        let permit = self.writer_semaphore.acquire(caller()).await?;
        let mut connection = acquire(&self.writer).await?;
        let reserve = self.reserve.clone();
        let transaction = move || {
            let _permit = permit;
            reserve.admit(demand)?;
            let outcome = connection.immediate_transaction(work);
            reserve.release_if_full(&outcome);
            drop(connection);
            outcome
        };
        match blocking(transaction).await {
            // Other writers need not wait while a free name is searched for.
            Err(SqlError::NameConflict(conflict)) => {
                Err(self.snapshot(|connection| names::conflict_error(connection, *conflict)).await?)
            }
            outcome => outcome.map_err(domain_error),
        }
    }
}

#[async_trait]
impl Probe for Database {
    async fn check(&self) -> Result<()> {
        let reserve = self.reserve.clone();
        self.read(move |connection| {
            diesel::sql_query("SELECT 1 FROM users LIMIT 1").execute(connection)?;
            reserve.admit(Demand::Growing)
        })
        .await
    }
}

/// Creates the file, unless it exists, accessible to its owner only; SQLite gives its other files the same mode.
fn create_private(path: &Path) -> Result<(), SqlError> {
    open_private(path).map(drop).map_err(|error| Error::unavailable("database", error).into())
}

/// Opens the file at `path`; creates it, accessible to its owner only, if there is none.
pub(crate) fn open_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Runs `work` on a blocking thread, within the current span.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SqlError> + Send + 'static,
) -> Result<T, SqlError> {
    let span = Span::current();
    let outcome = tokio::task::spawn_blocking(move || span.in_scope(work)).await;
    outcome.map_err(|error| Error::internal("database", error))?
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    Read,
    Write,
}

/// Creates connections for a pool.
struct Connector {
    path: PathBuf,
    access: Access,
}

impl Connector {
    fn connect(&self) -> Result<SqliteConnection, SqlError> {
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

impl managed::Manager for Connector {
    type Type = SqliteConnection;
    type Error = Error;

    async fn create(&self) -> Result<SqliteConnection> {
        let connector = Self { path: self.path.clone(), access: self.access };
        blocking(move || connector.connect()).await.map_err(domain_error)
    }

    async fn recycle(&self, connection: &mut SqliteConnection, _: &Metrics) -> RecycleResult<Error> {
        type Transactions = <SqliteConnection as Connection>::TransactionManager;
        if Transactions::is_broken_transaction_manager(connection) {
            return Err(RecycleError::message("left inside a transaction"));
        }
        Ok(())
    }
}
