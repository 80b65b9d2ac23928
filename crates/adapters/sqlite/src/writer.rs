//! The one connection that writes. Mutations that wait for it are committed in groups: each runs in a savepoint of one
//! transaction, and all are answered after its commit, which syncs once for all of them. A single mutation is committed
//! at once; those that come meanwhile are the next group.

mod mutation;
mod queue;
#[cfg(test)]
mod tests;
mod turn;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use clouddrive_domain::Error;
use clouddrive_domain::caller::caller;
use clouddrive_sql::error::SqlError;
use clouddrive_sql::fair_semaphore::FairSemaphore;
use clouddrive_sql::pool::{ConnectionWait, PoolStatus};
use diesel::SqliteConnection;
use tokio::runtime::Handle;
use tokio::time::{Instant, timeout_at};

use self::mutation::{Admission, Mutation};
use self::queue::{Queue, QueuePlace};
use self::turn::Turn;
use crate::connector::Connector;
use crate::reserve::{Demand, DiskReserve};

/// The most mutations of a group.
const MAX_GROUP: usize = 64;

/// How long a group takes in further mutations.
const GROUP_TIME: Duration = Duration::from_millis(50);

/// The most mutations that run or are queued. Further ones wait for their turn among the callers.
const MAX_QUEUED: usize = 4 * MAX_GROUP;

/// How much a mutation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weight {
    /// It changes a few rows.
    Light,
    /// It may change thousands of rows: it is a group of its own, so that others are not answered later because of it.
    Bulk,
}

/// The writing connection, and what waits for it.
pub(crate) struct Writer {
    connector: Connector,
    reserve: Arc<DiskReserve>,
    semaphore: FairSemaphore,
    /// For bulk mutations, of which one at a time is queued: light ones of others do not wait for a series of them.
    bulk_semaphore: FairSemaphore,
    wait: Duration,
    /// On which the database was opened. It outlives those of the callers, whose mutations share a thread.
    runtime: Handle,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Whether a thread works on the queue.
    is_running: bool,
    queue: Queue,
    /// The connection, while it is not in use.
    idle: Option<SqliteConnection>,
}

impl Writer {
    /// A writer whose mutations wait at most `wait` until they begin. It connects when the first one does.
    pub(crate) fn new(connector: Connector, reserve: Arc<DiskReserve>, wait: Duration) -> Self {
        Self {
            connector,
            reserve,
            semaphore: FairSemaphore::new(MAX_QUEUED, wait),
            bulk_semaphore: FairSemaphore::new(1, wait),
            wait,
            runtime: Handle::current(),
            state: Mutex::default(),
        }
    }

    /// The state of the connection.
    pub(crate) fn status(&self) -> PoolStatus {
        let state = lock(&self.state);
        PoolStatus {
            max: 1,
            used: usize::from(state.is_running),
            idle: usize::from(state.idle.is_some()),
            waiting: self.bulk_semaphore.waiting() + self.semaphore.waiting() + state.queue.count(),
        }
    }

    /// Runs `work` in a transaction. Once it has begun, it runs to its end even if the caller is dropped; until then it
    /// is cancelled with its caller.
    pub(crate) async fn run<T: Send + 'static>(
        self: &Arc<Self>,
        demand: Demand,
        weight: Weight,
        work: impl FnOnce(&mut SqliteConnection) -> Result<T, SqlError> + Send + 'static,
    ) -> Result<T, SqlError> {
        let (wait, caller) = (ConnectionWait::begin(), caller());
        let bulk_permit = match weight {
            Weight::Bulk => Some(self.bulk_semaphore.acquire(caller).await?),
            Weight::Light => None,
        };
        let deadline = Instant::now() + self.wait;
        let had_more = self.semaphore.has_work(caller);
        let permit = self.semaphore.acquire(caller).await?;
        let admission = Admission { wait, permit, bulk_permit };
        let (mutation, mut answer) = Mutation::new(self.reserve.clone(), demand, weight, admission, work);
        let answered = match self.submit(mutation) {
            None => answer.await,
            Some(place) => match timeout_at(deadline, &mut answer).await {
                Ok(answered) => answered,
                Err(_) if place.leave() => return Err(self.semaphore.refusal(caller, had_more).into()),
                Err(_) => answer.await,
            },
        };
        answered.map_err(|_| Error::internal("database", "the writer has ended"))?
    }

    /// Begins `mutation` if the connection is idle, or queues it.
    fn submit(self: &Arc<Self>, mutation: Mutation) -> Option<QueuePlace> {
        let mut state = lock(&self.state);
        if state.is_running {
            return Some(state.queue.push(mutation));
        }
        state.is_running = true;
        let turn = Turn::new(self.clone(), state.idle.take());
        drop(state);
        // It goes on with the queue, whatever becomes of this task.
        drop(self.runtime.spawn_blocking(move || turn.run(mutation)));
        None
    }
}

/// A lock whose content is consistent at any time, even if its holder panics.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
