//! What a pooler between us and the server does to prepared statements.

use std::time::Duration;

use clouddrive_domain::{Error, Result};
use tokio::time::timeout;
use tokio_postgres::error::SqlState;

use crate::connector::Refusal;
use crate::database::{Database, Options};

/// What to do about a pooler that loses prepared statements.
pub const ADVICE: &str = "a pooler stands before the database that does not keep prepared statements from one \
     transaction to the next: set DATABASE_PREPARED_STATEMENTS=off, or have the pooler track them (PgBouncer from 1.21: \
     max_prepared_statements)";

/// Whether a statement that one transaction prepares is known to the next, which a pooler may give another connection to the
/// server: while another client holds the one that was used last.
///
/// # Errors
/// As [`Database::client`].
pub(crate) async fn keeps_prepared_statements(options: &Options) -> Result<bool> {
    let (first, second) = (Database::client(options).await?, Database::client(options).await?);
    let broken = |fault: tokio_postgres::Error| Refusal::from(fault).error;
    let statement = first.prepare("SELECT 1").await.map_err(broken)?;
    second.batch_execute("BEGIN").await.map_err(broken)?;
    // A pooler with a single connection has none for us meanwhile: then all share it, and the statement with it.
    let again = timeout(options.connect_timeout.min(WAIT), first.execute(&statement, &[])).await;
    second.batch_execute("COMMIT").await.map_err(broken)?;
    match again {
        Ok(Err(fault)) if fault.code() == Some(&SqlState::INVALID_SQL_STATEMENT_NAME) => Ok(false),
        Ok(Err(fault)) => Err(broken(fault)),
        Ok(Ok(_)) | Err(_) => Ok(true),
    }
}

/// How long to wait for a connection that another one holds.
const WAIT: Duration = Duration::from_secs(2);

/// Fails where statements are to be prepared and do not last.
pub(crate) async fn require_prepared_statements(options: &Options) -> Result<()> {
    if !options.prepared_statements || keeps_prepared_statements(options).await? {
        return Ok(());
    }
    Err(Error::internal("database", ADVICE))
}
