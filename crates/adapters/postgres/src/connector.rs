//! Connections for the pool: connecting, and checking them on reuse.

use std::error::Error as _;
use std::io;
use std::time::Duration;

use clouddrive_domain::{Error, Result};
use clouddrive_sql::instrumentation::StatementSpans;
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
use crate::target::{SslMode, Target};
use crate::tls;

/// The idle time after which TCP keepalive probes are sent.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(60);

/// How long sent data may go unacknowledged before the connection counts as lost.
const UNACKNOWLEDGED_TIMEOUT: Duration = Duration::from_secs(30);

/// A connection, and the task that drives its I/O.
pub(crate) struct Connection {
    pub(crate) connection: AsyncPgConnection,
    driver_task: JoinHandle<()>,
}

impl Connection {
    /// Whether the server still answers.
    pub(crate) async fn is_alive(&mut self) -> bool {
        !self.driver_task.is_finished() && self.connection.batch_execute("").await.is_ok()
    }

    /// Ends the connection at once, even within a statement.
    pub(crate) fn abort(&self) {
        self.driver_task.abort();
    }
}

/// Why there is no connection.
#[derive(Debug)]
pub(crate) struct ConnectError {
    pub(crate) error: Error,
    /// Whether a retry may succeed: the server is down or full.
    pub(crate) is_transient: bool,
}

impl ConnectError {
    pub(crate) fn transient(error: impl Into<clouddrive_domain::error::BoxedError>) -> Self {
        Self { error: Error::unavailable("database", error), is_transient: true }
    }

    pub(crate) fn permanent(error: impl Into<clouddrive_domain::error::BoxedError>) -> Self {
        Self { error: Error::internal("database", error), is_transient: false }
    }
}

impl From<tokio_postgres::Error> for ConnectError {
    fn from(error: tokio_postgres::Error) -> Self {
        let text = error.source().map_or_else(|| error.to_string(), |source| format!("{error}: {source}"));
        let is_transient = match error.code() {
            Some(code) => is_full_or_down(code),
            None => match error.source().map(|source| source.downcast_ref::<io::Error>()) {
                Some(Some(io)) => io.get_ref().is_none_or(|inner| !inner.is::<rustls::Error>()),
                Some(None) => false,
                None => true,
            },
        };
        if is_transient { Self::transient(text) } else { Self::permanent(text) }
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
                SslMode::Disable => tokio_postgres::config::SslMode::Disable,
                SslMode::Prefer => tokio_postgres::config::SslMode::Prefer,
                _ => tokio_postgres::config::SslMode::Require,
            })
            .connect_timeout(options.connect_timeout)
            .keepalives(true)
            .keepalives_idle(KEEPALIVE_IDLE)
            .tcp_user_timeout(UNACKNOWLEDGED_TIMEOUT);
        if config.get_application_name().is_none() {
            config.application_name("clouddrive");
        }
        let tls = tls::connector(target)?;
        let session = options.prepared_statements.then(|| options.settings("SET"));
        Ok(Self { config, tls, timeout: options.connect_timeout, session })
    }

    /// Connects a plain driver client, for the simple protocol.
    pub(crate) async fn client(&self) -> Result<(Client, JoinHandle<()>), ConnectError> {
        let connecting = timeout(self.timeout, self.config.connect(self.tls.clone())).await;
        let (client, connection) = connecting.map_err(|_| ConnectError::transient("the server does not answer"))??;
        let driver_task = tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "database connection closed");
            }
        });
        Ok((client, driver_task))
    }

    pub(crate) async fn connect(&self) -> Result<Connection, ConnectError> {
        let (client, driver_task) = self.client().await?;
        let connection = timeout(self.timeout, self.configure(client)).await;
        let connection = connection.map_err(|_| ConnectError::transient("the server does not answer"))??;
        Ok(Connection { connection, driver_task })
    }

    async fn configure(&self, client: Client) -> Result<AsyncPgConnection, ConnectError> {
        let mut connection = into_diesel(client).await?;
        let configured = match &self.session {
            Some(settings) => {
                let settings = format!("{settings}; SET plan_cache_mode = force_generic_plan");
                connection.batch_execute(&settings).await
            }
            None => {
                connection.set_prepared_statement_cache_size(CacheSize::Disabled);
                Ok(())
            }
        };
        configured.map_err(ConnectError::transient)?;
        connection.set_instrumentation(StatementSpans::default());
        Ok(connection)
    }
}

/// Makes a diesel connection from `client`. Its setup runs in one transaction, so that a pooler sends all of it to the
/// same server connection.
pub(crate) async fn into_diesel(client: Client) -> Result<AsyncPgConnection, ConnectError> {
    client.batch_execute("BEGIN").await?;
    let mut connection = AsyncPgConnection::try_from(client).await.map_err(ConnectError::transient)?;
    connection.batch_execute("COMMIT").await.map_err(ConnectError::transient)?;
    Ok(connection)
}

impl managed::Manager for Connector {
    type Type = Connection;
    type Error = Error;

    async fn create(&self) -> Result<Connection> {
        self.connect().await.map_err(|failure| failure.error)
    }

    async fn recycle(&self, pooled: &mut Connection, _: &Metrics) -> RecycleResult<Error> {
        if pooled.driver_task.is_finished() {
            return Err(RecycleError::message("the connection has ended"));
        }
        if AnsiTransactionManager::is_broken_transaction_manager(&mut pooled.connection) {
            return Err(RecycleError::message("left inside a transaction"));
        }
        Ok(())
    }
}
