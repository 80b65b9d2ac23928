use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use clouddrive_domain::caller::caller;
use clouddrive_domain::port::Probe;
use clouddrive_domain::{Error, Result};
use clouddrive_sql::fault::{Fault, Outcome};
use clouddrive_sql::pool::{Connections, take};
use clouddrive_sql::turns::Turns;
use clouddrive_sql::watch::Statements;
use deadpool::Runtime;
use deadpool::managed::{self, Metrics, Pool, RecycleError, RecycleResult};
use diesel::connection::{SimpleConnection, TransactionManager};
use diesel::{Connection, RunQueryDsl, SqliteConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use tracing::Span;

use crate::fault::{error, is_locked};
use crate::names;
use crate::reserve::{Demand, Reserve};

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
    writers_turns: Turns,
    readers: Pool<Connector>,
    readers_turns: Turns,
    reserve: Arc<Reserve>,
}

impl Database {
    /// Opens the database at `path`, creating it if there is none, and brings its schema up to date. Reserves disk
    /// space beside it, to be given up when the disk is full; a database with a current schema opens even on a full
    /// disk.
    ///
    /// # Errors
    /// [`Unavailable`](Error::Unavailable) and [`Internal`](Error::Internal), of the part `database`.
    pub async fn open(path: &Path, options: Options) -> Result<Self> {
        let reserve = Arc::new(Reserve::beside(path));
        let reviewed = reserve.clone();
        let review = move || {
            reviewed.review();
            Ok(())
        };
        blocking(review.clone()).await.map_err(error)?;
        Self::migrate(path).await?;
        blocking(review).await.map_err(error)?;
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
        let database = Self::connect(path, options, Arc::new(Reserve::beside(path)))?;
        let current = database.read(|connection| {
            // Fails if no migration has ever run: a read-only connection cannot create the table of migrations.
            Ok(!connection.has_pending_migration(MIGRATIONS).unwrap_or(true))
        });
        if current.await? { Ok(database) } else { Err(Error::internal("database", "its schema is not up to date")) }
    }

    fn connect(path: &Path, options: Options, reserve: Arc<Reserve>) -> Result<Self> {
        let pool = |access, size| {
            let connector = Connector { path: path.to_owned(), access };
            Pool::builder(connector)
                .max_size(size)
                .wait_timeout(Some(options.wait))
                .runtime(Runtime::Tokio1)
                .build()
                .map_err(|fault| Error::internal("database", fault))
        };
        let readers = options.readers.max(1);
        Ok(Self {
            writer: pool(Access::Write, 1)?,
            writers_turns: Turns::new(1, options.wait),
            readers: pool(Access::Read, readers)?,
            readers_turns: Turns::new(readers, options.wait),
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
            make_private(&connector.path)?;
            let mut connection = connector.connect()?;
            // Processes that start at once take turns; the second finds nothing to do.
            let applied = connection.immediate_transaction(|connection| {
                let applied = connection
                    .run_pending_migrations(MIGRATIONS)
                    .map_err(|fault| Fault::Domain(Error::internal("database", fault)))?;
                Ok::<_, Fault>(applied.iter().map(ToString::to_string).collect())
            })?;
            Ok(applied)
        })
        .await;
        applied.map_err(error)
    }

    /// The state of its connections, including the writer.
    #[must_use]
    pub fn connections(&self) -> Connections {
        let waiting = self.readers_turns.waiting() + self.writers_turns.waiting();
        let all = Connections::of(&self.readers).and(Connections::of(&self.writer));
        Connections { waiting: all.waiting + waiting, ..all }
    }

    /// Runs `work` on a reading connection, without a transaction.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut SqliteConnection) -> Outcome<T> + Send + 'static,
    ) -> Result<T> {
        let turn = self.readers_turns.enter(caller()).await?;
        let mut connection = take(&self.readers).await?;
        // Return the connection before the turn ends, even if the caller is gone.
        let work = move || {
            let _turn = turn;
            let outcome = work(&mut connection);
            drop(connection);
            outcome
        };
        blocking(work).await.map_err(error)
    }

    /// Runs `work`, which reads with several statements that see the same state.
    pub(crate) async fn snapshot<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut SqliteConnection) -> Outcome<T> + Send + 'static,
    ) -> Result<T> {
        self.read(move |connection| connection.transaction(work)).await
    }

    /// Runs `work` in a transaction on the writing connection, atomically even if the caller is dropped meanwhile. On a
    /// full disk it uses the reserve.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut SqliteConnection) -> Outcome<T> + Send + 'static,
    ) -> Result<T> {
        self.transact(Demand::Vital, work).await
    }

    /// Like [`write`](Self::write), for `work` that adds permanent data: refused on a full disk.
    pub(crate) async fn grow<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut SqliteConnection) -> Outcome<T> + Send + 'static,
    ) -> Result<T> {
        self.transact(Demand::Grows, work).await
    }

    async fn transact<T: Send + 'static>(
        &self,
        demand: Demand,
        work: impl FnOnce(&mut SqliteConnection) -> Outcome<T> + Send + 'static,
    ) -> Result<T> {
        let turn = self.writers_turns.enter(caller()).await?;
        let mut connection = take(&self.writer).await?;
        let reserve = self.reserve.clone();
        let transaction = move || {
            let _turn = turn;
            reserve.admit(demand)?;
            let outcome = connection.immediate_transaction(work);
            reserve.heed(&outcome);
            drop(connection);
            outcome
        };
        match blocking(transaction).await {
            // Other writers need not wait while a free name is searched for.
            Err(Fault::Taken(taken)) => Err(self.snapshot(|connection| names::answer(connection, *taken)).await?),
            outcome => outcome.map_err(error),
        }
    }
}

#[async_trait]
impl Probe for Database {
    async fn check(&self) -> Result<()> {
        let reserve = self.reserve.clone();
        self.read(move |connection| {
            diesel::sql_query("SELECT 1 FROM users LIMIT 1").execute(connection)?;
            reserve.admit(Demand::Grows)
        })
        .await
    }
}

/// Creates the file, unless it exists, accessible to its owner only; SQLite gives its other files the same mode.
fn make_private(path: &Path) -> Outcome<()> {
    private(path).map(drop).map_err(|fault| Error::unavailable("database", fault).into())
}

/// Opens the file at `path`; creates it, accessible to its owner only, if there is none.
pub(crate) fn private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Runs `work` on a blocking thread, within the current span.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Outcome<T> + Send + 'static) -> Outcome<T> {
    let span = Span::current();
    let outcome = tokio::task::spawn_blocking(move || span.in_scope(work)).await;
    outcome.map_err(|fault| Error::internal("database", fault))?
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
    fn connect(&self) -> Outcome<SqliteConnection> {
        let path = self.path.to_str().ok_or_else(|| Error::internal("database", "the path is not UTF-8"))?;
        let opened = SqliteConnection::establish(path);
        let mut connection = opened.map_err(|fault| Error::unavailable("database", fault))?;
        connection.set_instrumentation(Statements::default());
        connection.batch_execute(SETUP)?;
        write_ahead(&mut connection)?;
        if self.access == Access::Read {
            connection.batch_execute("PRAGMA query_only = ON;")?;
        }
        Ok(connection)
    }
}

/// Enables the write-ahead log, permanently. The busy timeout does not apply when several connections do so at once on
/// a new file, so this retries for as long.
fn write_ahead(connection: &mut SqliteConnection) -> Outcome<()> {
    for _ in 0..500 {
        match connection.batch_execute("PRAGMA journal_mode = WAL;") {
            Err(fault) if is_locked(&fault) => std::thread::sleep(Duration::from_millis(10)),
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
        blocking(move || connector.connect()).await.map_err(error)
    }

    async fn recycle(&self, connection: &mut SqliteConnection, _: &Metrics) -> RecycleResult<Error> {
        type Transactions = <SqliteConnection as Connection>::TransactionManager;
        if Transactions::is_broken_transaction_manager(connection) {
            return Err(RecycleError::message("left inside a transaction"));
        }
        Ok(())
    }
}
