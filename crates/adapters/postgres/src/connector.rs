//! Connections for the pool: connecting, and checking them on reuse.

use std::error::Error as _;
use std::io;
use std::time::Duration;

use clouddrive_domain::{Error, Result};
use clouddrive_sql::watch::Statements;
use deadpool::managed::{self, Metrics, RecycleError, RecycleResult};
use diesel::connection::CacheSize;
use diesel_async::{
    AnsiTransactionManager, AsyncConnection, AsyncPgConnection, SimpleAsyncConnection, TransactionManager,
};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::options::Options;
use crate::target::{Security, Target};
use crate::tls;

/// The idle time after which TCP keepalive probes are sent.
const IDLE: Duration = Duration::from_secs(60);

/// How long sent data may go unacknowledged before the connection counts as lost.
const UNACKNOWLEDGED: Duration = Duration::from_secs(30);

/// A connection, and the task that drives its I/O.
pub(crate) struct Link {
    pub(crate) connection: AsyncPgConnection,
    carrier: JoinHandle<()>,
}

impl Link {
    /// Whether the server still answers.
    pub(crate) async fn answers(&mut self) -> bool {
        !self.carrier.is_finished() && self.connection.batch_execute("").await.is_ok()
    }

    /// Ends the connection at once, even within a statement.
    pub(crate) fn cut(&self) {
        self.carrier.abort();
    }
}

/// Why there is no connection.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) error: Error,
    /// Whether a retry may succeed: the server is down or full.
    pub(crate) may_pass: bool,
}

impl Refusal {
    pub(crate) fn passing(fault: impl Into<clouddrive_domain::error::BoxedError>) -> Self {
        Self { error: Error::unavailable("database", fault), may_pass: true }
    }

    pub(crate) fn lasting(fault: impl Into<clouddrive_domain::error::BoxedError>) -> Self {
        Self { error: Error::internal("database", fault), may_pass: false }
    }
}

impl From<tokio_postgres::Error> for Refusal {
    fn from(fault: tokio_postgres::Error) -> Self {
        let text = fault.source().map_or_else(|| fault.to_string(), |source| format!("{fault}: {source}"));
        let may_pass = match fault.code() {
            Some(code) => is_full_or_down(code),
            None => match fault.source().map(|source| source.downcast_ref::<io::Error>()) {
                Some(Some(io)) => io.get_ref().is_none_or(|inner| !inner.is::<rustls::Error>()),
                Some(None) => false,
                None => true,
            },
        };
        if may_pass { Self::passing(text) } else { Self::lasting(text) }
    }
}

/// Whether a server with this error may accept connections later. PgBouncer reports `08…` if it cannot reach the
/// server.
fn is_full_or_down(code: &SqlState) -> bool {
    let known = [
        SqlState::CANNOT_CONNECT_NOW,
        SqlState::ADMIN_SHUTDOWN,
        SqlState::CRASH_SHUTDOWN,
        SqlState::TOO_MANY_CONNECTIONS,
    ];
    known.contains(code) || code.code().starts_with("08")
}

/// Creates connections for a pool.
pub(crate) struct Connector {
    config: Config,
    tls: MakeRustlsConnect,
    timeout: Duration,
    /// The settings of each session; `None` if sessions are shared by a pooler.
    session: Option<String>,
}

impl Connector {
    pub(crate) fn new(target: &Target, options: &Options) -> Result<Self> {
        let mut config = target.config.clone();
        config
            .ssl_mode(match target.security {
                Security::Disable => tokio_postgres::config::SslMode::Disable,
                Security::Prefer => tokio_postgres::config::SslMode::Prefer,
                _ => tokio_postgres::config::SslMode::Require,
            })
            .connect_timeout(options.connect_timeout)
            .keepalives(true)
            .keepalives_idle(IDLE)
            .tcp_user_timeout(UNACKNOWLEDGED);
        if config.get_application_name().is_none() {
            config.application_name("clouddrive");
        }
        let tls = tls::connector(target)?;
        let session = options.prepared_statements.then(|| options.settings("SET"));
        Ok(Self { config, tls, timeout: options.connect_timeout, session })
    }

    /// Connects a plain driver client, for the simple protocol.
    pub(crate) async fn client(&self) -> Result<(Client, JoinHandle<()>), Refusal> {
        let connecting = timeout(self.timeout, self.config.connect(self.tls.clone())).await;
        let (client, connection) = connecting.map_err(|_| Refusal::passing("the server does not answer"))??;
        let carrier = tokio::spawn(async move {
            if let Err(fault) = connection.await {
                tracing::debug!(%fault, "a connection to the database has ended");
            }
        });
        Ok((client, carrier))
    }

    pub(crate) async fn connect(&self) -> Result<Link, Refusal> {
        let (client, carrier) = self.client().await?;
        let connection = timeout(self.timeout, self.set_up(client)).await;
        let connection = connection.map_err(|_| Refusal::passing("the server does not answer"))??;
        Ok(Link { connection, carrier })
    }

    async fn set_up(&self, client: Client) -> Result<AsyncPgConnection, Refusal> {
        let mut connection = adopt(client).await?;
        let told = match &self.session {
            Some(settings) => {
                let settings = format!("{settings}; SET plan_cache_mode = force_generic_plan");
                connection.batch_execute(&settings).await
            }
            None => {
                connection.set_prepared_statement_cache_size(CacheSize::Disabled);
                Ok(())
            }
        };
        told.map_err(Refusal::passing)?;
        connection.set_instrumentation(Statements::default());
        Ok(connection)
    }
}

/// Makes a diesel connection from `client`. Its setup runs in one transaction, so that a pooler sends all of it to the
/// same server connection.
pub(crate) async fn adopt(client: Client) -> Result<AsyncPgConnection, Refusal> {
    client.batch_execute("BEGIN").await?;
    let mut connection = AsyncPgConnection::try_from(client).await.map_err(Refusal::passing)?;
    connection.batch_execute("COMMIT").await.map_err(Refusal::passing)?;
    Ok(connection)
}

impl managed::Manager for Connector {
    type Type = Link;
    type Error = Error;

    async fn create(&self) -> Result<Link> {
        self.connect().await.map_err(|refusal| refusal.error)
    }

    async fn recycle(&self, link: &mut Link, _: &Metrics) -> RecycleResult<Error> {
        if link.carrier.is_finished() {
            return Err(RecycleError::message("the connection has ended"));
        }
        if AnsiTransactionManager::is_broken_transaction_manager(&mut link.connection) {
            return Err(RecycleError::message("left inside a transaction"));
        }
        Ok(())
    }
}
