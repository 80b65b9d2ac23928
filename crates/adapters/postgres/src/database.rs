use std::convert::Infallible;
use std::time::Duration;

use async_trait::async_trait;
use clouddrive_domain::caller::caller;
use clouddrive_domain::port::Probe;
use clouddrive_domain::{Error, Result};
use clouddrive_sql::error::SqlError;
use clouddrive_sql::fair_semaphore::FairSemaphore;
use clouddrive_sql::pool::{ConnectionWait, PoolStatus, acquire};
use clouddrive_sql::statement::Statement;
use deadpool::Runtime;
use deadpool::managed::Pool;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout};
use tokio_postgres::Client;
use tracing::Instrument;

use crate::batch::{Batcher, CALLERS_PER_CONNECTION};
use crate::blob_records::NewBlob;
use crate::client::client;
use crate::connector::{ConnectError, Connector};
use crate::error::domain_error;
use crate::locate::Find;
use crate::migrations;
use crate::names;
use crate::new_entries::NewEntry;
use crate::options::Options;
use crate::pooler;
use crate::renumbering::renumber;
use crate::retry::MAX_ATTEMPTS;
use crate::transaction::{Transaction, TxFn, TxMode};

/// How much longer than `statement_timeout` an attempt at a unit of work may take before its connection is discarded.
const TIMEOUT_MARGIN: Duration = Duration::from_secs(5);

/// A PostgreSQL database with a connection pool.
///
/// It implements all persistence ports of the domain. Clones share the connections, which live on the runtime on which
/// the database was opened.
#[derive(Clone)]
pub struct Database {
    pool: Pool<Connector>,
    pub(crate) semaphore: FairSemaphore,
    /// How long a caller waits for its turn.
    pub(crate) wait: Duration,
    /// Admits work that is done in batches.
    pub(crate) batched: FairSemaphore,
    pub(crate) finds: Batcher<Find>,
    pub(crate) new_blobs: Batcher<NewBlob>,
    pub(crate) new_entries: Batcher<NewEntry>,
    /// The runtime of connections and units of work, which may outlive their callers.
    pub(crate) runtime: Handle,
    /// The settings of each transaction; `None` if they are set per session.
    local: Option<String>,
    /// How long an attempt at a unit of work may take.
    attempt_timeout: Duration,
}

impl Database {
    /// Opens the database: waits for the server if it is not up yet, and brings the schema up to date.
    ///
    /// # Errors
    /// [`Unavailable`](Error::Unavailable) if the server does not come up in time; [`Internal`](Error::Internal) if it
    /// refuses the login, its database is not in UTF-8, a pooler does not keep prepared statements although they are
    /// enabled, or the schema is not up to date and our role may not change it. Both of the part `database`.
    pub async fn open(options: &Options) -> Result<Self> {
        wait_for_server(options).await?;
        pooler::require_prepared_statements(options).await?;
        migrations::migrate(options).await?;
        renumber(options).await?;
        Self::connect(options)
    }

    /// Opens the database without migrating it.
    ///
    /// # Errors
    /// As [`open`](Self::open); [`Internal`](Error::Internal) also if the schema is not up to date.
    pub async fn open_current(options: &Options) -> Result<Self> {
        wait_for_server(options).await?;
        pooler::require_prepared_statements(options).await?;
        if migrations::pending(&client(options).await?).await?.is_empty() {
            return Self::connect(options);
        }
        Err(Error::internal("database", "its schema is not up to date"))
    }

    /// Brings the schema up to date, and returns the names of the applied migrations. Of concurrent calls only one
    /// applies them. If nothing is pending, no right to change the schema is needed.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn migrate(options: &Options) -> Result<Vec<String>> {
        wait_for_server(options).await?;
        migrations::migrate(options).await
    }

    /// Connects a plain driver client, for direct access to the database.
    ///
    /// # Errors
    /// [`Unavailable`](Error::Unavailable) if the server is out of reach; [`Internal`](Error::Internal) if it refuses
    /// the login.
    pub async fn client(options: &Options) -> Result<Client> {
        client(options).await
    }

    fn connect(options: &Options) -> Result<Self> {
        let pool = Pool::builder(Connector::new(&options.target, options)?)
            .max_size(options.pool_size.max(1))
            .wait_timeout(Some(options.wait))
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|error| Error::internal("database", error))?;
        let local = (!options.prepared_statements).then(|| options.settings("SET LOCAL"));
        let semaphore = FairSemaphore::new(options.pool_size, options.wait);
        let batched = FairSemaphore::new(options.pool_size * CALLERS_PER_CONNECTION, options.wait);
        Ok(Self {
            pool,
            semaphore,
            wait: options.wait,
            batched,
            finds: Batcher::default(),
            new_blobs: Batcher::default(),
            new_entries: Batcher::default(),
            runtime: Handle::current(),
            local,
            attempt_timeout: options.statement_timeout + TIMEOUT_MARGIN,
        })
    }

    /// The state of its connections.
    #[must_use]
    pub fn connections(&self) -> PoolStatus {
        let connections = PoolStatus::from_pool(&self.pool);
        let batches = self.finds.waiting() + self.new_blobs.waiting() + self.new_entries.waiting();
        let waiting = connections.waiting + self.semaphore.waiting() + self.batched.waiting() + batches;
        PoolStatus { waiting, ..connections }
    }

    /// Runs `work`, which reads with one statement.
    pub(crate) async fn read<T: Send + 'static>(&self, work: impl TxFn<T>) -> Result<T> {
        self.run(TxMode::Read, work).await.map_err(domain_error)
    }

    /// Runs `work` in a transaction of that `mode`.
    pub(crate) async fn write<T: Send + 'static>(&self, mode: TxMode, work: impl TxFn<T>) -> Result<T> {
        self.explain_conflicts(|| self.run(mode, work.clone())).await
    }

    /// Makes attempts at a mutation until its name is free, or the entry that has it is found.
    pub(crate) async fn explain_conflicts<T, F>(&self, attempt: impl Fn() -> F) -> Result<T>
    where
        F: Future<Output = Result<T, SqlError>>,
    {
        for _ in 0..MAX_ATTEMPTS {
            match attempt().await {
                // The constraint violation aborted the transaction: look up the entry with this name anew; it may be
                // gone.
                Err(SqlError::NameConflict(conflict)) => {
                    let explain =
                        async move |connection: &AsyncPgConnection| names::conflict_error(connection, *conflict).await;
                    if let Some(error) = self.run(TxMode::Snapshot, explain).await.map_err(domain_error)? {
                        return Err(error);
                    }
                }
                outcome => return outcome.map_err(domain_error),
            }
        }
        Err(Error::unavailable("database", "a name is given up and taken again too fast"))
    }

    /// Runs `work` to its end, even if the caller is dropped, so that no connection is left inside a transaction.
    pub(crate) async fn run<T: Send + 'static>(&self, mode: TxMode, work: impl TxFn<T>) -> Result<T, SqlError> {
        let transaction = self.transaction(mode);
        let (waiting, gone) = oneshot::channel::<Infallible>();
        let wait = ConnectionWait::begin();
        let permit = self.semaphore.acquire(caller()).await?;
        let work = async move {
            // The permit is released after the connection is returned.
            let _permit = permit;
            // Work that has no connection yet is cancelled with its caller.
            let pooled = tokio::select! {
                pooled = acquire(&transaction.pool, wait) => pooled?,
                _ = gone => return Err(Error::unavailable("database", "the caller no longer waits").into()),
            };
            transaction.run(pooled, work).await
        };
        let outcome = self.runtime.spawn(work.in_current_span()).await;
        drop(waiting);
        outcome.map_err(|error| Error::internal("database", error))?
    }

    /// A transaction of that `mode`.
    pub(crate) fn transaction(&self, mode: TxMode) -> Transaction {
        let statements = mode.statements(self.local.as_deref());
        Transaction { pool: self.pool.clone(), mode, statements, attempt_timeout: self.attempt_timeout }
    }
}

#[async_trait]
impl Probe for Database {
    async fn check(&self) -> Result<()> {
        self.read(async |mut connection: &AsyncPgConnection| {
            Statement::new("SELECT 1 FROM users LIMIT 1", vec![]).execute(&mut connection).await?;
            Ok(())
        })
        .await
    }
}

/// Waits until the servers accept connections and answer; fails at once on a permanent error.
async fn wait_for_server(options: &Options) -> Result<()> {
    let deadline = Instant::now() + options.start_wait;
    for target in [Some(&options.target), options.migration_target.as_ref()].into_iter().flatten() {
        let connector = Connector::new(target, options)?;
        let mut logged_at = None::<Instant>;
        while let Err(failure) = ping(&connector, options.connect_timeout).await {
            if !failure.is_transient || Instant::now() >= deadline {
                return Err(failure.error);
            }
            if logged_at.is_none_or(|at| at.elapsed() >= Duration::from_secs(5)) {
                let cause = std::error::Error::source(&failure.error).map(ToString::to_string);
                tracing::warn!(%target, cause, "waiting for the database");
                logged_at = Some(Instant::now());
            }
            sleep(Duration::from_millis(200)).await;
        }
    }
    Ok(())
}

/// Runs a query, because a pooler accepts connections even if it cannot reach the server.
async fn ping(connector: &Connector, max: Duration) -> Result<(), ConnectError> {
    let (client, _) = connector.client().await?;
    let pinged = timeout(max, migrations::require_utf8(&client)).await;
    pinged.map_err(|_| ConnectError::transient("the server does not answer"))?
}
