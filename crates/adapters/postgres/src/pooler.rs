//! Whether a pooler in front of the server keeps prepared statements.

use std::time::Duration;

use clouddrive_domain::{Error, Result};
use tokio::time::timeout;
use tokio_postgres::error::SqlState;

use crate::client::{client, row};
use crate::connector::ConnectError;
use crate::options::Options;

/// Advice for a pooler that loses prepared statements.
pub const POOLER_ADVICE: &str = "the pooler in front of the database does not keep prepared statements from one \
     transaction to the next: set DATABASE_PREPARED_STATEMENTS=off, or have the pooler track them (PgBouncer from \
     1.21: max_prepared_statements)";

/// Checks whether a statement prepared in one transaction is known to the next. A pooler may run the next one on
/// another server connection; a second client, which holds the last one used, forces it to.
///
/// # Errors
/// As [`client`].
pub(crate) async fn keeps_prepared_statements(options: &Options) -> Result<bool> {
    let (first, second) = (client(options).await?, client(options).await?);
    let connect_error = |error: tokio_postgres::Error| ConnectError::from(error).error;
    // The driver of every process uses the same names, so a server connection may know another statement by this name.
    let [mark] = row(&first, "SELECT gen_random_uuid()").await?;
    let statement = match first.prepare(&format!("SELECT '{mark}'")).await {
        Err(error) if is_foreign_statement(&error) => {
            first.batch_execute("DEALLOCATE ALL").await.map_err(connect_error)?;
            return Ok(false);
        }
        prepared => prepared.map_err(connect_error)?,
    };
    second.batch_execute("BEGIN").await.map_err(connect_error)?;
    // A pooler with a single server connection has none free now; then all clients share it, and the statement.
    let again = timeout(options.connect_timeout.min(WAIT), first.query(&statement, &[])).await;
    let kept = match again {
        Ok(Ok(rows)) => Ok(rows.iter().any(|row| row.try_get(0).is_ok_and(|found: &str| found == mark))),
        Ok(Err(error)) if is_foreign_statement(&error) => Ok(false),
        Ok(Err(error)) => Err(connect_error(error)),
        Err(_) => Ok(true),
    };
    // Otherwise the statement would remain on the server connection and collide with the next one of its name.
    let end = if matches!(kept, Ok(false)) { "DEALLOCATE ALL; COMMIT" } else { "COMMIT" };
    second.batch_execute(end).await.map_err(connect_error)?;
    kept
}

/// Whether the server connection does not have our statement, or has another one by its name, perhaps with parameters.
fn is_foreign_statement(error: &tokio_postgres::Error) -> bool {
    let Some(db_error) = error.as_db_error() else { return false };
    let code = db_error.code();
    // Poolers report errors of their own by the last code.
    *code == SqlState::INVALID_SQL_STATEMENT_NAME
        || *code == SqlState::DUPLICATE_PSTATEMENT
        || (*code == SqlState::PROTOCOL_VIOLATION && db_error.message().starts_with("bind message supplies"))
}

/// How long to wait for a server connection that another client holds.
const WAIT: Duration = Duration::from_secs(2);

/// Fails if prepared statements are enabled but do not persist.
pub(crate) async fn require_prepared_statements(options: &Options) -> Result<()> {
    if !options.prepared_statements || keeps_prepared_statements(options).await? {
        return Ok(());
    }
    Err(Error::internal("database", POOLER_ADVICE))
}
