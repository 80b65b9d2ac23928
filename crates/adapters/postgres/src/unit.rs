//! Units of work, which run atomically on one connection.

use std::time::Duration;

use clouddrive_domain::Error;
use clouddrive_domain::model::{DriveId, UserId};
use clouddrive_sql::fault::{Fault, Outcome};
use clouddrive_sql::pool::take;
use deadpool::managed::{Object, Pool};
use diesel_async::{AnsiTransactionManager, AsyncPgConnection, SimpleAsyncConnection, TransactionManager};
use futures_util::future::{BoxFuture, join_all};
use tokio::time::{sleep, timeout};

use crate::connector::{Connector, Link};
use crate::fault::{is_aftermath, is_conflict};
use crate::retry::{TRIES, backoff};

/// An async closure with a nameable future, so that it can be bound by `Send`; a plain bound on `AsyncFnOnce` cannot do
/// that.
pub(crate) trait Work<C, T>: AsyncFnOnce(C) -> T + FnOnce(C) -> <Self as Work<C, T>>::Future {
    type Future: Future<Output = T>;
}

impl<F, C, T, Running> Work<C, T> for F
where
    F: AsyncFnOnce(C) -> T + FnOnce(C) -> Running,
    Running: Future<Output = T>,
{
    type Future = Running;
}

/// Work on a connection that can be retried by cloning it.
pub(crate) trait Job<T>:
    for<'c> Work<&'c AsyncPgConnection, Outcome<T>, Future: Send> + Clone + Send + 'static
{
}

impl<T, F> Job<T> for F
where
    F: for<'c> Work<&'c AsyncPgConnection, Outcome<T>, Future: Send>,
    F: Clone + Send + 'static,
{
}

/// How a unit of work begins: the transaction it needs, and the locks that it takes, in this order, before any query.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Begin {
    /// It reads with one statement.
    Read,
    /// It reads with several statements that see the same state.
    Snapshot,
    /// It writes.
    Write,
    /// It writes within a drive, and holds a shared lock on the shape of its tree.
    Within(DriveId),
    /// The same, and locks the sender's row first, so that the sender's uploads can be counted.
    Opening(UserId, DriveId),
    /// It changes the shape of a drive's tree, and holds the exclusive lock on it.
    Tree(DriveId),
    /// It reads in one drive and writes in another, or the same, and holds shared locks on both trees.
    Between(DriveId, DriveId),
}

impl Begin {
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
        if let Self::Opening(sender, _) = self {
            statements.push(format!("SELECT 1 FROM users WHERE id = '{sender}' FOR NO KEY UPDATE"));
        }
        match self {
            Self::Within(drive) | Self::Opening(_, drive) => {
                statements.push(format!("SELECT pg_advisory_xact_lock_shared({})", tree(drive)));
            }
            // In the order of their identifiers, so that two of these in opposite directions cannot deadlock.
            Self::Between(one, other) => {
                statements.push(format!("SELECT pg_advisory_xact_lock_shared({})", tree(one.min(other))));
                statements.push(format!("SELECT pg_advisory_xact_lock_shared({})", tree(one.max(other))));
            }
            Self::Tree(drive) => statements.push(format!("SELECT pg_advisory_xact_lock({})", tree(drive))),
            _ => {}
        }
        Some(statements.join("; "))
    }
}

/// The key of the advisory lock on a drive's tree. If two drives ever share a key, they only wait for each other.
pub(crate) fn tree(drive: DriveId) -> i64 {
    let (high, low) = drive.as_uuid().as_u64_pair();
    (high ^ low).cast_signed()
}

/// How and where a unit of work runs.
pub(crate) struct Unit {
    pub(crate) pool: Pool<Connector>,
    pub(crate) begin: Begin,
    /// The statements that begin its transaction, if it needs one.
    pub(crate) statements: Option<String>,
    /// How long one attempt may take.
    pub(crate) bound: Duration,
}

/// Why an attempt failed.
enum Failure {
    /// It failed without any effect.
    Fault(Fault),
    /// The connection was lost; `begun` tells whether the work had begun.
    Lost { fault: Fault, begun: bool },
    /// It took too long.
    Overdue,
}

impl Unit {
    /// Runs `work` on `link`. Retries it as a whole on conflicts, and once, on another connection, if the connection is
    /// lost and nothing can have been done.
    pub(crate) async fn run<T: Send>(self, mut link: Object<Connector>, work: impl Job<T>) -> Outcome<T> {
        let mut replaced = false;
        let mut attempt = 1;
        loop {
            let failure = match timeout(self.bound, self.attempt(&mut link, work.clone())).await {
                Ok(Ok(value)) => return Ok(value),
                Ok(Err(failure)) => failure,
                Err(_) => Failure::Overdue,
            };
            match failure {
                Failure::Fault(Fault::Database(fault)) if is_conflict(&fault) && attempt < TRIES => {
                    tracing::debug!(%fault, attempt, "a transaction is tried again");
                    sleep(backoff(attempt)).await;
                    attempt += 1;
                }
                Failure::Fault(fault) => return Err(fault),
                Failure::Lost { begun, .. } if !replaced && (self.begin.reads() || !begun) => {
                    replaced = true;
                    drop(link);
                    // The idle connections may be lost as well, unnoticed.
                    self.pool.retain(|_, _| false);
                    link = take(&self.pool).await?;
                }
                Failure::Lost { fault: Fault::Database(fault), .. } => {
                    return Err(Error::unavailable("database", fault).into());
                }
                Failure::Lost { fault, .. } => return Err(fault),
                Failure::Overdue => {
                    link.cut();
                    drop(Object::take(link));
                    return Err(Error::unavailable("database", "the server takes too long").into());
                }
            }
        }
    }

    async fn attempt<T: Send>(&self, link: &mut Link, work: impl Job<T>) -> Result<T, Failure> {
        let Some(statements) = &self.statements else {
            return match work(&link.connection).await {
                Err(fault @ Fault::Database(_)) if !link.answers().await => Err(Failure::Lost { fault, begun: true }),
                outcome => outcome.map_err(Failure::Fault),
            };
        };
        if let Err(fault) = AnsiTransactionManager::begin_transaction_sql(&mut link.connection, statements).await {
            // BEGIN itself may have succeeded.
            let rolled_back = link.connection.batch_execute("ROLLBACK").await.is_ok();
            let fault = Fault::Database(fault);
            return Err(if rolled_back { Failure::Fault(fault) } else { Failure::Lost { fault, begun: false } });
        }
        let fault = match work(&link.connection).await {
            Ok(value) => match AnsiTransactionManager::commit_transaction(&mut link.connection).await {
                Ok(()) => return Ok(value),
                // Without an answer the outcome of the commit is unknown.
                Err(fault) if !link.answers().await => {
                    return Err(Failure::Lost { fault: fault.into(), begun: true });
                }
                Err(fault) => return Err(Failure::Fault(fault.into())),
            },
            Err(fault) => fault,
        };
        let rolled_back = AnsiTransactionManager::rollback_transaction(&mut link.connection).await.is_ok();
        Err(if rolled_back { Failure::Fault(fault) } else { Failure::Lost { fault, begun: true } })
    }
}

/// Runs all of `work` pipelined, in order, without waiting for answers in between.
///
/// The first failure aborts the transaction, and all later work fails as well; the first failure is returned, in
/// whatever order the answers are seen.
pub(crate) async fn together<const N: usize>(work: [BoxFuture<'_, Outcome<()>>; N]) -> Outcome<()> {
    let mut aftermath = Ok(());
    for outcome in join_all(work).await {
        match outcome {
            Ok(()) => {}
            Err(Fault::Database(fault)) if is_aftermath(&fault) => aftermath = Err(fault.into()),
            Err(fault) => return Err(fault),
        }
    }
    aftermath
}
