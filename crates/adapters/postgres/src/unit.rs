//! Units of work: what runs on one connection, wholly or not at all, and when it is tried again.

use std::hash::{BuildHasher, Hasher, RandomState};
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

/// How often a unit of work is tried at the most, when others stand in its way.
pub(crate) const TRIES: u32 = 5;

/// What works on a connection: an async closure whose future may go to another thread. A plain bound on `AsyncFnOnce`
/// cannot say that.
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

/// Work that may be done again, each time by a copy of it.
pub(crate) trait Job<T>:
    for<'c> Work<&'c AsyncPgConnection, Outcome<T>, Future: Send> + Clone + Send + 'static
{
}

impl<T, F> Job<T> for F where F: for<'c> Work<&'c AsyncPgConnection, Outcome<T>, Future: Send> + Clone + Send + 'static {}

/// How a unit of work begins: what it needs, and what it locks, in this order, before it looks at anything.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Begin {
    /// It reads, by one statement.
    Read,
    /// It reads, by several statements that see the same state.
    Snapshot,
    /// It writes.
    Write,
    /// It writes within a drive whose tree must keep its shape meanwhile.
    Within(DriveId),
    /// The same, and the sender's uploads are counted.
    Opening(UserId, DriveId),
    /// It changes the shape of a drive's tree.
    Tree(DriveId),
    /// It writes within one drive what it reads in another, or in the same: both trees must keep their shape meanwhile.
    Between(DriveId, DriveId),
}

impl Begin {
    const fn reads(self) -> bool {
        matches!(self, Self::Read | Self::Snapshot)
    }

    /// The statements that begin the transaction, sent as one; none when no transaction is needed. `local` are settings
    /// for a transaction on a session that is not ours alone.
    pub(crate) fn statements(self, local: Option<&str>) -> Option<String> {
        let begin = match self {
            Self::Read if local.is_none() => return None,
            Self::Read => "BEGIN READ ONLY",
            Self::Snapshot => "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY",
            _ => "BEGIN",
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
            // In the order of their identifiers: two of these in opposite directions do not wait for each other.
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

/// The number of the lock on the shape of a drive's tree. Should two drives ever share one, they wait for each other.
fn tree(drive: DriveId) -> i64 {
    let (high, low) = drive.as_uuid().as_u64_pair();
    (high ^ low).cast_signed()
}

/// A unit of work, and where and how it runs.
pub(crate) struct Unit {
    pub(crate) pool: Pool<Connector>,
    pub(crate) begin: Begin,
    /// What begins its transaction, if it needs one.
    pub(crate) statements: Option<String>,
    /// How long one attempt may take.
    pub(crate) bound: Duration,
}

/// Why an attempt failed.
enum Failure {
    /// Nothing of it was done.
    Fault(Fault),
    /// The connection was lost; whether it was, before anything was begun.
    Lost { fault: Fault, begun: bool },
    /// It took too long.
    Overdue,
}

impl Unit {
    /// Runs `work` on `link`, and again, as a whole, while others stand in its way; once more, on another connection, when
    /// this one turns out to be lost and nothing can have been done.
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
                    // What ended this connection may well have ended the idle ones, unnoticed.
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
            // BEGIN itself may have done its work.
            let rolled_back = link.connection.batch_execute("ROLLBACK").await.is_ok();
            let fault = Fault::Database(fault);
            return Err(if rolled_back { Failure::Fault(fault) } else { Failure::Lost { fault, begun: false } });
        }
        let fault = match work(&link.connection).await {
            Ok(value) => match AnsiTransactionManager::commit_transaction(&mut link.connection).await {
                Ok(()) => return Ok(value),
                // Without an answer nobody knows what became of it.
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

/// Does all of `work`, sent one after the other without waiting for answers in between.
///
/// The first that fails aborts the transaction and with it all that come after; whichever answer is seen first, it is that
/// first fault that counts.
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

/// How long to wait after that many attempts: by chance, so that those who met do not meet again.
fn backoff(attempt: u32) -> Duration {
    let most = 10_u64 << attempt;
    Duration::from_millis(RandomState::new().build_hasher().finish() % most)
}
