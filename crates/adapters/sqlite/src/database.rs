use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use clouddrive_domain::port::Probe;
use clouddrive_domain::{Error, Result};
use clouddrive_sql::fault::{Fault, Outcome};
use clouddrive_sql::pool::{Connections, take};
use clouddrive_sql::turns::{Turns, caller};
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

/// What every connection is told. A commit is on the disk when it returns: `synchronous = FULL`.
const SETUP: &str = "PRAGMA busy_timeout = 5000; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
    PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16384;";

/// How a [`Database`] is used.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How many connections read at once.
    pub readers: usize,
    /// How long to wait for a connection before the database counts as unavailable.
    pub wait: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { readers: 8, wait: Duration::from_secs(10) }
    }
}

/// An SQLite database: one connection that writes and several that read, none of them ever on an async thread.
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
    /// Opens the database at `path`, makes it if there is none, and brings its schema up to date. Beside it space is set
    /// aside, which is given up when the disk is full: one whose schema is up to date is opened on a full disk, too.
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

    /// Opens the database at `path` as it is: beside a server that may be at work on it, for example.
    ///
    /// # Errors
    /// [`Internal`](Error::Internal), of the part `database`, when there is none or its schema is not up to date.
    pub async fn open_current(path: &Path, options: Options) -> Result<Self> {
        if !path.is_file() {
            return Err(Error::internal("database", "there is no such file"));
        }
        let database = Self::connect(path, options, Arc::new(Reserve::beside(path)))?;
        let current = database.read(|connection| {
            // It cannot be told where no migration has ever run: a reading connection may not prepare for the first.
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

    /// Brings the schema of the database at `path` up to date, makes it if there is none, and names what was applied.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn migrate(path: &Path) -> Result<Vec<String>> {
        let connector = Connector { path: path.to_owned(), access: Access::Write };
        let applied = blocking(move || {
            make_private(&connector.path)?;
            let mut connection = connector.connect()?;
            // Two processes that start at once take turns: the second finds nothing left to do.
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

    /// How its connections are used, the one that writes among them.
    #[must_use]
    pub fn connections(&self) -> Connections {
        let waiting = self.readers_turns.waiting() + self.writers_turns.waiting();
        let all = Connections::of(&self.readers).and(Connections::of(&self.writer));
        Connections { waiting: all.waiting + waiting, ..all }
    }

    /// Runs `work` on a reading connection.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut SqliteConnection) -> Outcome<T> + Send + 'static,
    ) -> Result<T> {
        let turn = self.readers_turns.enter(caller()).await?;
        let mut connection = take(&self.readers).await?;
        // The connection goes back before the turn ends, also where the caller is gone.
        let work = move || {
            let _turn = turn;
            let outcome = work(&mut connection);
            drop(connection);
            outcome
        };
        blocking(work).await.map_err(error)
    }

    /// Runs `work` in a transaction on the writing connection; it happens wholly or not at all, even if nobody waits
    /// for its end any more. On a full disk it uses what is set aside.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut SqliteConnection) -> Outcome<T> + Send + 'static,
    ) -> Result<T> {
        self.transact(Demand::Vital, work).await
    }

    /// The same of `work` that adds what is to stay: on a full disk it is refused.
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
            // Others may write while the free name is sought.
            Err(Fault::Taken(taken)) => Err(self.read(|connection| names::answer(connection, *taken)).await?),
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

/// Makes the file, unless it is there, for nobody but its owner: SQLite gives its other files the same mode.
fn make_private(path: &Path) -> Outcome<()> {
    private(path).map(drop).map_err(|fault| Error::unavailable("database", fault).into())
}

/// The file at `path`, made if there is none, readable by its owner only.
pub(crate) fn private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Runs `work` where it may block, within the current span.
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

/// Makes connections for a pool.
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

/// Turns the write-ahead log on, which stays on. Connections that do so at once on a new file do not wait for one another
/// by their busy timeout, so they try again, for as long.
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
