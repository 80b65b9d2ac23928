//! Whether a pooler in front of the server keeps prepared statements.

use std::time::Duration;

use clouddrive_domain::{Error, Result};
use tokio::time::timeout;
use tokio_postgres::error::SqlState;

use crate::connector::Refusal;
use crate::database::{Database, Options};

/// Advice for a pooler that loses prepared statements.
pub const ADVICE: &str = "a pooler stands before the database that does not keep prepared statements from one \
     transaction to the next: set DATABASE_PREPARED_STATEMENTS=off, or have the pooler track them (PgBouncer from 1.21: \
     max_prepared_statements)";

/// Checks whether a statement prepared in one transaction is known to the next. A pooler may run the next one on
/// another server connection; a second client, which holds the last one used, forces it to.
///
/// # Errors
/// As [`Database::client`].
pub(crate) async fn keeps_prepared_statements(options: &Options) -> Result<bool> {
    let (first, second) = (Database::client(options).await?, Database::client(options).await?);
    let broken = |fault: tokio_postgres::Error| Refusal::from(fault).error;
    let statement = first.prepare("SELECT 1").await.map_err(broken)?;
    second.batch_execute("BEGIN").await.map_err(broken)?;
    // A pooler with a single server connection has none free now; then all clients share it, and the statement.
    let again = timeout(options.connect_timeout.min(WAIT), first.execute(&statement, &[])).await;
    second.batch_execute("COMMIT").await.map_err(broken)?;
    match again {
        Ok(Err(fault)) if fault.code() == Some(&SqlState::INVALID_SQL_STATEMENT_NAME) => Ok(false),
        Ok(Err(fault)) => Err(broken(fault)),
        Ok(Ok(_)) | Err(_) => Ok(true),
    }
}

/// How long to wait for a server connection that another client holds.
const WAIT: Duration = Duration::from_secs(2);

/// Fails if prepared statements are enabled but do not persist.
pub(crate) async fn require_prepared_statements(options: &Options) -> Result<()> {
    if !options.prepared_statements || keeps_prepared_statements(options).await? {
        return Ok(());
    }
    Err(Error::internal("database", ADVICE))
}
