//! Work of one kind that several callers asked for, done together in one transaction.
//!
//! For PostgreSQL, beginning a statement or a transaction costs far more than another row in it. While as many batches
//! are running as may, more work waits; the next batch takes all of it. Work that is alone runs at once.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use clouddrive_domain::Error;
use clouddrive_domain::caller::caller;
use clouddrive_sql::error::SqlError;
use clouddrive_sql::fair_semaphore::FairPermit;
use clouddrive_sql::pool::{ConnectionWait, acquire};
use diesel_async::AsyncPgConnection;
use tokio::sync::oneshot;
use tracing::{Instrument, Span};

use crate::Database;
use crate::error::domain_error;
use crate::transaction::TxMode;

/// The most batches of one kind that run at once: one uses the processor while the other waits for the disk.
const MAX_RUNNING: usize = 2;

/// The most items of a batch.
const MAX_ITEMS: usize = 64;

/// How many callers per connection may have work in batches. Each batch uses one connection.
pub(crate) const CALLERS_PER_CONNECTION: usize = 4;

/// A kind of work that is done in batches.
pub(crate) trait Batched: Clone + Send + Sync + 'static {
    /// The result for one item.
    type Output: Send + 'static;

    /// The transaction of a batch.
    const MODE: TxMode;

    /// Does the work of all `items`, and returns a result for each, in their order. It may run several times. An error
    /// undoes the work of all.
    fn run(
        connection: &AsyncPgConnection,
        items: &[Self],
    ) -> impl Future<Output = Result<Vec<Self::Output>, SqlError>> + Send;
}

/// The work of one kind that waits for its batch. Clones share it.
pub(crate) struct Batcher<B: Batched>(Arc<Mutex<Queue<B>>>);

struct Queue<B: Batched> {
    waiting: VecDeque<Waiting<B>>,
    /// The number of running batches.
    running: usize,
}

struct Waiting<B: Batched> {
    item: B,
    answer: oneshot::Sender<Result<B::Output, SqlError>>,
    wait: ConnectionWait,
    span: Span,
    /// Held until the work is done, even if the caller is gone.
    _permit: FairPermit,
}

impl<B: Batched> Clone for Batcher<B> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<B: Batched> Default for Batcher<B> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Queue { waiting: VecDeque::new(), running: 0 })))
    }
}

impl<B: Batched> Batcher<B> {
    /// Does the work of `item` on `database`, together with that of other callers.
    pub(crate) async fn run(&self, database: &Database, item: B) -> Result<B::Output, SqlError> {
        let wait = ConnectionWait::begin();
        let permit = database.batched.acquire(caller()).await?;
        let (answer, outcome) = oneshot::channel();
        self.lock().waiting.push_back(Waiting { item, answer, wait, span: Span::current(), _permit: permit });
        self.start(database);
        outcome.await.map_err(|_| Error::internal("database", "the batch ended without an answer"))?
    }

    /// Starts a batch of what waits, if one more may run.
    fn start(&self, database: &Database) {
        let batch: Vec<Waiting<B>> = {
            let mut queue = self.lock();
            if queue.running >= MAX_RUNNING {
                return;
            }
            // Work that has not begun is cancelled with its caller.
            queue.waiting.retain(|waiting| !waiting.answer.is_closed());
            let items = queue.waiting.len().min(MAX_ITEMS);
            if items == 0 {
                return;
            }
            queue.running += 1;
            queue.waiting.drain(..items).collect()
        };
        let running = Running { batcher: self.clone(), database: database.clone() };
        let span = batch.first().map_or_else(Span::none, |first| first.span.clone());
        let work = async move {
            running.database.run_batch(batch).await;
            drop(running);
        };
        database.runtime.spawn(work.instrument(span));
    }

    fn lock(&self) -> MutexGuard<'_, Queue<B>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running batch. Its end, even by a panic, starts the next one.
struct Running<B: Batched> {
    batcher: Batcher<B>,
    database: Database,
}

impl<B: Batched> Drop for Running<B> {
    fn drop(&mut self) {
        self.batcher.lock().running -= 1;
        self.batcher.start(&self.database);
    }
}

impl Database {
    async fn run_batch<B: Batched>(&self, batch: Vec<Waiting<B>>) {
        let (mut items, mut waits, mut callers) = (vec![], vec![], vec![]);
        for Waiting { item, answer, wait, span: _, _permit } in batch {
            items.push(item);
            waits.push(wait);
            callers.push((answer, _permit));
        }
        let outcomes = match self.attempt_batch(&items, waits).await {
            Ok(outputs) => outputs.into_iter().map(Ok).collect(),
            Err(error) if items.len() == 1 => vec![Err(error)],
            Err(error) => self.after_failure(&items, error).await,
        };
        for ((answer, _permit), outcome) in callers.into_iter().zip(outcomes) {
            // The caller may be gone.
            drop(answer.send(outcome));
        }
    }

    async fn attempt_batch<B: Batched>(
        &self,
        items: &[B],
        waits: Vec<ConnectionWait>,
    ) -> Result<Vec<B::Output>, SqlError> {
        let transaction = self.transaction(B::MODE);
        let mut waits = waits.into_iter();
        let pooled = acquire(&transaction.pool, waits.next().unwrap_or_else(ConnectionWait::begin)).await?;
        drop(waits);
        let items = items.to_vec();
        let work = async move |connection: &AsyncPgConnection| B::run(connection, &items).await;
        transaction.run(pooled, work).await
    }

    /// The outcome of each of several items after their batch failed. If the database is available, each is tried
    /// alone, since the failure may be that of one.
    async fn after_failure<B: Batched>(&self, items: &[B], error: SqlError) -> Vec<Result<B::Output, SqlError>> {
        if let Error::Unavailable { part, source } = domain_error(error) {
            let source = source.to_string();
            return items.iter().map(|_| Err(Error::unavailable(part, source.clone()).into())).collect();
        }
        let mut outcomes = Vec::with_capacity(items.len());
        for item in items {
            let outcome = self.attempt_batch(std::slice::from_ref(item), vec![ConnectionWait::begin()]).await;
            outcomes.push(outcome.and_then(|mut outputs| {
                outputs.pop().ok_or_else(|| Error::internal("database", "a batch without a result").into())
            }));
        }
        outcomes
    }
}
