use std::convert::Infallible;
use std::time::Duration;

use async_trait::async_trait;
use clouddrive_domain::port::Probe;
use clouddrive_domain::{Error, Result};
use clouddrive_sql::fault::{Fault, Outcome};
use clouddrive_sql::pool::{Connections, take};
use clouddrive_sql::turns::{Turns, caller};
use deadpool::Runtime;
use deadpool::managed::Pool;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout};
use tokio_postgres::Client;
use tracing::Instrument;

use crate::connector::{Connector, Refusal};
use crate::fault::error;
use crate::migrations;
use crate::names;
use crate::pooler;
use crate::target::Target;
use crate::unit::{Begin, Job, TRIES, Unit};

/// How much longer than a statement an attempt at a unit of work may take, until its connection is thrown away.
const MARGIN: Duration = Duration::from_secs(5);

/// How a [`Database`] is used.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where it is.
    pub target: Target,
    /// Where, and as whom, its schema is brought up to date, if not as all else is done: past a pooler, or as a role that
    /// may change the schema.
    pub migration_target: Option<Target>,
    /// How many connections there are at the most.
    pub pool_size: usize,
    /// How long to wait for a connection before the database counts as unavailable.
    pub wait: Duration,
    /// How long making a connection may take.
    pub connect_timeout: Duration,
    /// How long [`Database::open`] waits for a server that is not up yet.
    pub start_wait: Duration,
    /// How long one statement may take, waiting included.
    pub statement_timeout: Duration,
    /// How long a statement may wait for one lock.
    pub lock_timeout: Duration,
    /// Whether statements are prepared once a connection. Not so behind a pooler that gives each transaction another
    /// connection: then each statement is prepared anew, and all that is done is done in transactions.
    pub prepared_statements: bool,
}

impl Options {
    /// The defaults, for the database at `target`.
    #[must_use]
    pub const fn new(target: Target) -> Self {
        Self {
            target,
            migration_target: None,
            pool_size: 10,
            wait: Duration::from_secs(5),
            connect_timeout: Duration::from_secs(5),
            start_wait: Duration::from_secs(30),
            statement_timeout: Duration::from_secs(10),
            lock_timeout: Duration::from_secs(5),
            prepared_statements: true,
        }
    }

    /// What a session or a transaction is told, each by `set`.
    pub(crate) fn settings(&self, set: &str) -> String {
        let (statement, lock) = (self.statement_timeout.as_millis(), self.lock_timeout.as_millis());
        format!(
            "{set} statement_timeout = {statement}; {set} lock_timeout = {lock}; \
             {set} idle_in_transaction_session_timeout = {statement}{}",
            PLANNED_WITHOUT.iter().map(|off| format!("; {set} {off} = off")).collect::<String>()
        )
    }
}

/// What the planner of a session does without. Joins go by indexes, row by row: how far up or down a tree goes it cannot
/// know, and what it guesses makes it read all nodes, or compile for longer than it runs.
pub const PLANNED_WITHOUT: [&str; 3] = ["jit", "enable_hashjoin", "enable_mergejoin"];

/// A PostgreSQL database, by a pool of connections.
///
/// It implements all persistence ports of the domain. Clones share the connections, which live on the runtime on which the
/// database was opened.
#[derive(Clone)]
pub struct Database {
    pool: Pool<Connector>,
    turns: Turns,
    /// Where connections live and units of work run: it outlives those who wait for them.
    runtime: Handle,
    /// What each transaction is told; none when each session has been told.
    local: Option<String>,
    /// How long an attempt at a unit of work may take.
    bound: Duration,
}

impl Database {
    /// Waits for the server if it is not up yet, and brings the schema up to date.
    ///
    /// # Errors
    /// [`Unavailable`](Error::Unavailable) when the server does not come up in time; [`Internal`](Error::Internal) when it
    /// does not let us in, when its database is not in UTF-8, when a pooler does not keep the statements that are to be
    /// prepared, or when the schema is not up to date and our role may not change it. Both of the part `database`.
    pub async fn open(options: &Options) -> Result<Self> {
        wait_for_server(options).await?;
        pooler::require_prepared_statements(options).await?;
        migrations::migrate(options).await?;
        Self::connect(options)
    }

    /// Opens the database as it is.
    ///
    /// # Errors
    /// As [`open`](Self::open); [`Internal`](Error::Internal) also when the schema is not up to date.
    pub async fn open_current(options: &Options) -> Result<Self> {
        wait_for_server(options).await?;
        pooler::require_prepared_statements(options).await?;
        if migrations::pending(options).await?.is_empty() {
            return Self::connect(options);
        }
        Err(Error::internal("database", "its schema is not up to date"))
    }

    /// Brings the schema up to date, and names what was applied. Of any number that do so at once, one has something to
    /// do; who finds nothing to do needs no right to do it.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn migrate(options: &Options) -> Result<Vec<String>> {
        wait_for_server(options).await?;
        migrations::migrate(options).await
    }

    /// A connection of the driver's own, past this adapter: for those who look at the database by themselves.
    ///
    /// # Errors
    /// [`Unavailable`](Error::Unavailable) when it is out of reach; [`Internal`](Error::Internal) when it does not let us
    /// in.
    pub async fn client(options: &Options) -> Result<Client> {
        let connecting = Connector::new(&options.target, options)?.client().await;
        Ok(connecting.map_err(|refusal| refusal.error)?.0)
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

    /// How its connections are used.
    #[must_use]
    pub fn connections(&self) -> Connections {
        let connections = Connections::of(&self.pool);
        Connections { waiting: connections.waiting + self.turns.waiting(), ..connections }
    }

    /// Runs `work`, which reads by one statement.
    pub(crate) async fn read<T: Send + 'static>(&self, work: impl Job<T>) -> Result<T> {
        self.run(Begin::Read, work).await.map_err(error)
    }

    /// Runs `work` in a transaction that begins so.
    pub(crate) async fn write<T: Send + 'static>(&self, begin: Begin, work: impl Job<T>) -> Result<T> {
        for _ in 0..TRIES {
            match self.run(begin, work.clone()).await {
                // The constraint has aborted the transaction: who has the name is to be asked anew, and may be gone.
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

    /// Runs `work` to its end, even if nobody waits for that any more: so a connection is never left inside a transaction.
    pub(crate) async fn run<T: Send + 'static>(&self, begin: Begin, work: impl Job<T>) -> Outcome<T> {
        let statements = begin.statements(self.local.as_deref());
        let unit = Unit { pool: self.pool.clone(), begin, statements, bound: self.bound };
        let (waiting, gone) = oneshot::channel::<Infallible>();
        let turn = self.turns.enter(caller()).await?;
        let work = async move {
            // It ends after the connection has gone back.
            let _turn = turn;
            // Who leaves before there is a connection has begun nothing.
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

/// Returns as soon as the servers take connections and answer, and fails at once when they never will.
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

/// Asks the server something: a pooler takes connections also when it has none.
async fn greet(connector: &Connector, most: Duration) -> Result<(), Refusal> {
    let (client, _) = connector.client().await?;
    let asked = timeout(most, migrations::require_utf8(&client)).await;
    asked.map_err(|_| Refusal::passing("the server does not answer"))?
}
