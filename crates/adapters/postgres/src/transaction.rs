//! Units of work, which run atomically on one connection.

use std::time::Duration;

use clouddrive_domain::Error;
use clouddrive_domain::model::{DriveId, UserId};
use clouddrive_sql::error::SqlError;
use clouddrive_sql::pool::{ConnectionWait, acquire};
use deadpool::managed::{Object, Pool};
use diesel_async::{AnsiTransactionManager, AsyncPgConnection, SimpleAsyncConnection, TransactionManager};
use futures_util::future::{BoxFuture, join_all};
use tokio::time::{sleep, timeout};

use crate::connector::{Connection, Connector};
use crate::error::{is_serialization_conflict, is_transaction_aborted};
use crate::retry::{MAX_ATTEMPTS, backoff};

/// An async closure with a nameable future, so that it can be bound by `Send`; a plain bound on `AsyncFnOnce` cannot do
/// that.
pub(crate) trait NameableAsyncFn<C, T>:
    AsyncFnOnce(C) -> T + FnOnce(C) -> <Self as NameableAsyncFn<C, T>>::Future
{
    type Future: Future<Output = T>;
}

impl<F, C, T, Running> NameableAsyncFn<C, T> for F
where
    F: AsyncFnOnce(C) -> T + FnOnce(C) -> Running,
    Running: Future<Output = T>,
{
    type Future = Running;
}

/// Work on a connection that can be retried by cloning it.
pub(crate) trait TxFn<T>:
    for<'c> NameableAsyncFn<&'c AsyncPgConnection, Result<T, SqlError>, Future: Send> + Clone + Send + 'static
{
}

impl<T, F> TxFn<T> for F
where
    F: for<'c> NameableAsyncFn<&'c AsyncPgConnection, Result<T, SqlError>, Future: Send>,
    F: Clone + Send + 'static,
{
}

/// How long a batch waits for a lock, at which its callers' work is done one by one: a lock that one of them waits for
/// must not hold up the others. Most commits take less.
const BATCH_LOCK_TIMEOUT: &str = "100ms";

/// How a unit of work begins: the transaction it needs, and the locks that it takes, in this order, before any query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TxMode {
    /// It reads with one statement.
    Read,
    /// It reads with several statements that see the same state.
    Snapshot,
    /// It writes.
    Write,
    /// It writes for several callers, and waits for locks at most [`BATCH_LOCK_TIMEOUT`].
    Batch,
    /// It writes within a drive, and holds a shared lock on the shape of its tree.
    WriteInTree(DriveId),
    /// The same, and locks the sender's row first, so that the sender's uploads can be counted.
    BeginUpload(UserId, DriveId),
    /// It changes the shape of a drive's tree, and holds the exclusive lock on it.
    ChangeTree(DriveId),
    /// It reads in one drive and writes in another, or the same, and holds shared locks on both trees.
    CopyTree(DriveId, DriveId),
}

impl TxMode {
    const fn reads(self) -> bool {
        matches!(self, Self::Read | Self::Snapshot)
    }

    /// The statements that begin the transaction, sent as one; `None` if it needs no transaction. `local` are the
    /// settings of a transaction, if sessions are shared by a pooler.
    pub(crate) fn statements(self, local: Option<&str>) -> Option<String> {
        let begin = match self {
            Self::Read if local.is_none() => return None,
            Self::Read => "BEGIN READ ONLY",
            Self::Snapshot => "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY",
            // Whatever the default of the role: later statements must see what was committed before they began.
            _ => "BEGIN ISOLATION LEVEL READ COMMITTED",
        };
        let mut statements = vec![begin.to_owned()];
        statements.extend(local.map(str::to_owned));
        if self == Self::Batch {
            statements.push(format!("SET LOCAL lock_timeout = '{BATCH_LOCK_TIMEOUT}'"));
        }
        if let Self::BeginUpload(sender, _) = self {
            statements.push(format!("SELECT 1 FROM users WHERE id = '{sender}' FOR NO KEY UPDATE"));
        }
        match self {
            Self::WriteInTree(drive) | Self::BeginUpload(_, drive) => {
                statements.push(format!("SELECT pg_advisory_xact_lock_shared({})", tree_key(drive)));
            }
            // In the order of their identifiers, so that two of these in opposite directions cannot deadlock.
            Self::CopyTree(one, other) => {
                statements.push(format!("SELECT pg_advisory_xact_lock_shared({})", tree_key(one.min(other))));
                statements.push(format!("SELECT pg_advisory_xact_lock_shared({})", tree_key(one.max(other))));
            }
            Self::ChangeTree(drive) => statements.push(format!("SELECT pg_advisory_xact_lock({})", tree_key(drive))),
            _ => {}
        }
        Some(statements.join("; "))
    }
}

/// The key of the advisory lock on a drive's tree. If two drives ever share a key, they only wait for each other.
pub(crate) fn tree_key(drive: DriveId) -> i64 {
    let (high, low) = drive.as_uuid().as_u64_pair();
    (high ^ low).cast_signed()
}

/// How and where a unit of work runs.
pub(crate) struct Transaction {
    pub(crate) pool: Pool<Connector>,
    pub(crate) mode: TxMode,
    /// The statements that begin its transaction, if it needs one.
    pub(crate) statements: Option<String>,
    /// How long one attempt may take.
    pub(crate) attempt_timeout: Duration,
}

/// Why an attempt failed.
enum Failure {
    /// It failed without any effect.
    Sql(SqlError),
    /// The connection was lost; `started` tells whether the work had started.
    ConnectionLost { error: SqlError, started: bool },
    /// It took too long.
    TimedOut,
}

impl Transaction {
    /// Runs `work` on `pooled`. Retries it as a whole on conflicts, and once, on another connection, if the connection
    /// is lost and nothing can have been done.
    pub(crate) async fn run<T: Send>(self, mut pooled: Object<Connector>, work: impl TxFn<T>) -> Result<T, SqlError> {
        let mut replaced = false;
        let mut attempt = 1;
        loop {
            let failure = match timeout(self.attempt_timeout, self.attempt(&mut pooled, work.clone())).await {
                Ok(Ok(value)) => return Ok(value),
                Ok(Err(failure)) => failure,
                Err(_) => Failure::TimedOut,
            };
            match failure {
                Failure::Sql(SqlError::Database(error))
                    if is_serialization_conflict(&error) && attempt < MAX_ATTEMPTS =>
                {
                    tracing::debug!(%error, attempt, "retrying database transaction after a conflict");
                    sleep(backoff(attempt)).await;
                    attempt += 1;
                }
                Failure::Sql(error) => return Err(error),
                Failure::ConnectionLost { started, .. } if !replaced && (self.mode.reads() || !started) => {
                    replaced = true;
                    drop(pooled);
                    // The idle connections may be lost as well, unnoticed.
                    self.pool.retain(|_, _| false);
                    pooled = acquire(&self.pool, ConnectionWait::begin()).await?;
                }
                Failure::ConnectionLost { error: SqlError::Database(error), .. } => {
                    return Err(Error::unavailable("database", error).into());
                }
                Failure::ConnectionLost { error, .. } => return Err(error),
                Failure::TimedOut => {
                    pooled.abort();
                    drop(Object::take(pooled));
                    return Err(Error::unavailable("database", "the server takes too long").into());
                }
            }
        }
    }

    async fn attempt<T: Send>(&self, pooled: &mut Connection, work: impl TxFn<T>) -> Result<T, Failure> {
        let Some(statements) = &self.statements else {
            return match work(&pooled.connection).await {
                Err(error @ SqlError::Database(_)) if !pooled.is_alive().await => {
                    Err(Failure::ConnectionLost { error, started: true })
                }
                outcome => outcome.map_err(Failure::Sql),
            };
        };
        if let Err(error) = AnsiTransactionManager::begin_transaction_sql(&mut pooled.connection, statements).await {
            // BEGIN itself may have succeeded.
            let rolled_back = pooled.connection.batch_execute("ROLLBACK").await.is_ok();
            let error = SqlError::Database(error);
            return Err(if rolled_back {
                Failure::Sql(error)
            } else {
                Failure::ConnectionLost { error, started: false }
            });
        }
        let error = match work(&pooled.connection).await {
            Ok(value) => match AnsiTransactionManager::commit_transaction(&mut pooled.connection).await {
                Ok(()) => return Ok(value),
                // Without an answer the outcome of the commit is unknown.
                Err(error) if !pooled.is_alive().await => {
                    return Err(Failure::ConnectionLost { error: error.into(), started: true });
                }
                Err(error) => return Err(Failure::Sql(error.into())),
            },
            Err(error) => error,
        };
        let rolled_back = AnsiTransactionManager::rollback_transaction(&mut pooled.connection).await.is_ok();
        Err(if rolled_back { Failure::Sql(error) } else { Failure::ConnectionLost { error, started: true } })
    }
}

/// Runs all of `work` pipelined, in order, without waiting for answers in between.
///
/// The first failure aborts the transaction, and all later work fails as well; the first failure is returned, in
/// whatever order the answers are seen.
pub(crate) async fn pipeline<const N: usize>(work: [BoxFuture<'_, Result<(), SqlError>>; N]) -> Result<(), SqlError> {
    let mut aborted = Ok(());
    for outcome in join_all(work).await {
        match outcome {
            Ok(()) => {}
            Err(SqlError::Database(error)) if is_transaction_aborted(&error) => aborted = Err(error.into()),
            Err(error) => return Err(error),
        }
    }
    aborted
}
