use std::convert::Infallible;
use std::time::Duration;

use async_trait::async_trait;
use clouddrive_domain::caller::caller;
use clouddrive_domain::port::Probe;
use clouddrive_domain::{Error, Result};
use clouddrive_sql::fault::{Fault, Outcome};
use clouddrive_sql::pool::{Connections, take};
use clouddrive_sql::turns::Turns;
use deadpool::Runtime;
use deadpool::managed::Pool;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout};
use tokio_postgres::Client;
use tracing::Instrument;

use crate::client::client;
use crate::connector::{Connector, Refusal};
use crate::fault::error;
use crate::migrations;
use crate::names;
use crate::options::Options;
use crate::pooler;
use crate::retry::TRIES;
use crate::unit::{Begin, Job, Unit};

/// How much longer than `statement_timeout` an attempt at a unit of work may take before its connection is discarded.
const MARGIN: Duration = Duration::from_secs(5);

/// A PostgreSQL database with a connection pool.
///
/// It implements all persistence ports of the domain. Clones share the connections, which live on the runtime on which
/// the database was opened.
#[derive(Clone)]
pub struct Database {
    pool: Pool<Connector>,
    turns: Turns,
    /// The runtime of connections and units of work, which may outlive their callers.
    runtime: Handle,
    /// The settings of each transaction; `None` if they are set per session.
    local: Option<String>,
    /// How long an attempt at a unit of work may take.
    bound: Duration,
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
        let database = Self::connect(options)?;
        database.renumber_changes().await?;
        Ok(database)
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
            .map_err(|fault| Error::internal("database", fault))?;
        let local = (!options.prepared_statements).then(|| options.settings("SET LOCAL"));
        let turns = Turns::new(options.pool_size, options.wait);
        Ok(Self { pool, turns, runtime: Handle::current(), local, bound: options.statement_timeout + MARGIN })
    }

    /// The state of its connections.
    #[must_use]
    pub fn connections(&self) -> Connections {
        let connections = Connections::of(&self.pool);
        Connections { waiting: connections.waiting + self.turns.waiting(), ..connections }
    }

    /// Runs `work`, which reads with one statement.
    pub(crate) async fn read<T: Send + 'static>(&self, work: impl Job<T>) -> Result<T> {
        self.run(Begin::Read, work).await.map_err(error)
    }

    /// Runs `work` in a transaction that begins with `begin`.
    pub(crate) async fn write<T: Send + 'static>(&self, begin: Begin, work: impl Job<T>) -> Result<T> {
        for _ in 0..TRIES {
            match self.run(begin, work.clone()).await {
                // The constraint violation aborted the transaction: look up the name's holder anew; it may be gone.
                Err(Fault::Taken(taken)) => {
                    let answer = async move |connection: &AsyncPgConnection| names::answer(connection, *taken).await;
                    if let Some(error) = self.run(Begin::Snapshot, answer).await.map_err(error)? {
                        return Err(error);
                    }
                }
                outcome => return outcome.map_err(error),
            }
        }
        Err(Error::unavailable("database", "a name changes hands too fast"))
    }

    /// Runs `work` to its end, even if the caller is dropped, so that no connection is left inside a transaction.
    pub(crate) async fn run<T: Send + 'static>(&self, begin: Begin, work: impl Job<T>) -> Outcome<T> {
        let statements = begin.statements(self.local.as_deref());
        let unit = Unit { pool: self.pool.clone(), begin, statements, bound: self.bound };
        let (waiting, gone) = oneshot::channel::<Infallible>();
        let turn = self.turns.enter(caller()).await?;
        let work = async move {
            // The turn ends after the connection is returned.
            let _turn = turn;
            // Work that has no connection yet is cancelled with its caller.
            let link = tokio::select! {
                link = take(&unit.pool) => link?,
                _ = gone => return Err(Error::unavailable("database", "nobody waits any more").into()),
            };
            unit.run(link, work).await
        };
        let outcome = self.runtime.spawn(work.in_current_span()).await;
        drop(waiting);
        outcome.map_err(|fault| Error::internal("database", fault))?
    }
}

#[async_trait]
impl Probe for Database {
    async fn check(&self) -> Result<()> {
        self.read(async |mut connection: &AsyncPgConnection| {
            diesel::sql_query("SELECT 1 FROM users LIMIT 1").execute(&mut connection).await?;
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
        let mut told = None::<Instant>;
        while let Err(refusal) = greet(&connector, options.connect_timeout).await {
            if !refusal.may_pass || Instant::now() >= deadline {
                return Err(refusal.error);
            }
            if told.is_none_or(|at| at.elapsed() >= Duration::from_secs(5)) {
                let cause = std::error::Error::source(&refusal.error).map(ToString::to_string);
                tracing::warn!(%target, cause, "waiting for the database");
                told = Some(Instant::now());
            }
            sleep(Duration::from_millis(200)).await;
        }
    }
    Ok(())
}

/// Runs a query, because a pooler accepts connections even if it cannot reach the server.
async fn greet(connector: &Connector, most: Duration) -> Result<(), Refusal> {
    let (client, _) = connector.client().await?;
    let asked = timeout(most, migrations::require_utf8(&client)).await;
    asked.map_err(|_| Refusal::passing("the server does not answer"))?
}
