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
use tokio::time::timeout;
use tracing::{Instrument, Span};

use crate::Database;
use crate::transaction::TxMode;

/// The most batches of one kind that run at once: one uses the processor while the other waits for the disk.
const MAX_RUNNING: usize = 2;

/// The most items of a batch.
const MAX_ITEMS: usize = 64;

/// How many callers per connection may have work in batches of any kind. Each batch uses one connection.
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

    /// The result for each item whose batch was undone; if there is none, each is tried alone.
    fn after_rollback() -> Option<Self::Output> {
        None
    }
}

/// The work of one kind that waits for its batch. Clones share it.
pub(crate) struct Batcher<B: Batched>(Arc<Mutex<Queue<B>>>);

struct Queue<B: Batched> {
    waiting: VecDeque<Waiting<B>>,
    /// The number of the next item.
    next: u64,
    /// The number of running batches.
    running: usize,
}

struct Waiting<B: Batched> {
    number: u64,
    item: B,
    answer: Answer<B>,
    wait: ConnectionWait,
    span: Span,
}

/// The way back to the caller, who may be gone.
struct Answer<B: Batched> {
    sender: oneshot::Sender<Result<B::Output, SqlError>>,
    /// Held until the work is done, even if the caller is gone.
    _permit: FairPermit,
}

impl<B: Batched> Answer<B> {
    fn send(self, outcome: Result<B::Output, SqlError>) {
        drop(self.sender.send(outcome));
    }
}

impl<B: Batched> Clone for Batcher<B> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<B: Batched> Default for Batcher<B> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Queue { waiting: VecDeque::new(), next: 0, running: 0 })))
    }
}

impl<B: Batched> Batcher<B> {
    /// Does the work of `item` on `database`, together with that of other callers.
    pub(crate) async fn run(&self, database: &Database, item: B) -> Result<B::Output, SqlError> {
        let wait = ConnectionWait::begin();
        let permit = database.batched.acquire(caller()).await?;
        let (sender, mut outcome) = oneshot::channel();
        let number = {
            let mut queue = self.lock();
            let number = queue.next;
            queue.next += 1;
            let answer = Answer { sender, _permit: permit };
            queue.waiting.push_back(Waiting { number, item, answer, wait, span: Span::current() });
            number
        };
        self.start(database);
        let outcome = match timeout(database.wait, &mut outcome).await {
            Ok(outcome) => outcome,
            Err(_) if self.withdraw(number) => {
                return Err(Error::unavailable("database", "others' work takes too long").into());
            }
            Err(_) => outcome.await,
        };
        outcome.map_err(|_| Error::internal("database", "the batch ended without an answer"))?
    }

    /// The number of items that wait for their batch.
    pub(crate) fn waiting(&self) -> usize {
        self.lock().waiting.len()
    }

    /// Withdraws an item; returns whether its work had not begun.
    fn withdraw(&self, number: u64) -> bool {
        let mut queue = self.lock();
        let waiting = queue.waiting.len();
        queue.waiting.retain(|waiting| waiting.number != number);
        queue.waiting.len() < waiting
    }

    /// Starts a batch of what waits, if one more may run.
    fn start(&self, database: &Database) {
        let batch: Vec<Waiting<B>> = {
            let mut queue = self.lock();
            if queue.running >= MAX_RUNNING {
                return;
            }
            // Work that has not begun is cancelled with its caller.
            queue.waiting.retain(|waiting| !waiting.answer.sender.is_closed());
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
        let (mut items, mut answers, mut waits) = (vec![], vec![], vec![]);
        for Waiting { item, answer, wait, .. } in batch {
            items.push(item);
            answers.push(answer);
            waits.push(wait);
        }
        match self.attempt_batch(&items, waits).await {
            Ok(outputs) => answers.into_iter().zip(outputs).for_each(|(answer, output)| answer.send(Ok(output))),
            Err(error) => self.after_failure(&items, answers, error).await,
        }
    }

    async fn attempt_batch<B: Batched>(
        &self,
        items: &[B],
        waits: Vec<ConnectionWait>,
    ) -> Result<Vec<B::Output>, SqlError> {
        let transaction = self.transaction(B::MODE);
        // Released after the connection is returned.
        let _permit = self.semaphore.acquire(None).await?;
        let mut waits = waits.into_iter();
        let pooled = acquire(&transaction.pool, waits.next().unwrap_or_else(ConnectionWait::begin)).await?;
        drop(waits);
        let batch = items.to_vec();
        let work = async move |connection: &AsyncPgConnection| B::run(connection, &batch).await;
        let outputs = transaction.run(pooled, work).await?;
        if outputs.len() != items.len() {
            return Err(Error::internal("database", "a batch has other results than items").into());
        }
        Ok(outputs)
    }

    /// Answers the callers of a batch that failed with `error`. All get an error that tells that the database is
    /// unavailable, or that the outcome of the commit is unknown. Otherwise the batch was undone, maybe because of one
    /// item.
    async fn after_failure<B: Batched>(&self, items: &[B], answers: Vec<Answer<B>>, error: SqlError) {
        let mut outage = outage(&error);
        let mut error = Some(error).filter(|_| items.len() == 1);
        for (item, answer) in items.iter().zip(answers) {
            let outcome = match (&outage, B::after_rollback()) {
                (Some((part, cause)), _) => Err(Error::unavailable(part, cause.clone()).into()),
                (None, Some(output)) => Ok(output),
                (None, None) => match error.take() {
                    Some(error) => Err(error),
                    None => self.attempt_alone(item).await,
                },
            };
            outage = outage.or_else(|| outcome.as_ref().err().and_then(self::outage));
            answer.send(outcome);
        }
    }

    async fn attempt_alone<B: Batched>(&self, item: &B) -> Result<B::Output, SqlError> {
        let outputs = self.attempt_batch(std::slice::from_ref(item), vec![ConnectionWait::begin()]).await?;
        outputs.into_iter().next().ok_or_else(|| Error::internal("database", "a batch without a result").into())
    }
}

/// The part that is unavailable, and the cause, if `error` says so.
fn outage(error: &SqlError) -> Option<(&'static str, String)> {
    match error {
        SqlError::Domain(Error::Unavailable { part, source }) => Some((part, source.to_string())),
        _ => None,
    }
}
