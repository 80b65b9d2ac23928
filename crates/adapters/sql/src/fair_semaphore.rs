//! Fair queueing for connections: waiting tasks are served round-robin by caller, and no caller gets all connections.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use clouddrive_domain::caller::Caller;
use clouddrive_domain::{Error, Result};
use tokio::sync::oneshot;
use tokio::time::timeout;

/// The `retry_after` of a caller that has waited in vain.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// A fair semaphore for a number of connections. Clones share it.
#[derive(Clone)]
pub struct FairSemaphore {
    state: Arc<Mutex<State>>,
    wait: Duration,
}

struct State {
    free: usize,
    /// The most connections of one caller.
    per_caller: usize,
    running: HashMap<Caller, usize>,
    waiting: HashMap<Option<Caller>, VecDeque<oneshot::Sender<FairPermit>>>,
    /// The waiting callers, in the order in which they are served.
    order: VecDeque<Option<Caller>>,
}

impl FairSemaphore {
    /// Creates a semaphore for so many `connections`; callers wait at most `wait`.
    #[must_use]
    pub fn new(connections: usize, wait: Duration) -> Self {
        let connections = connections.max(1);
        // Some are reserved for other callers.
        let per_caller = (connections - (connections / 4).max(1)).max(1);
        let state = State {
            free: connections,
            per_caller,
            running: HashMap::new(),
            waiting: HashMap::new(),
            order: VecDeque::new(),
        };
        Self { state: Arc::new(Mutex::new(state)), wait }
    }

    /// Waits for a permit for `caller`, which lasts until it is dropped.
    ///
    /// # Errors
    /// If the wait times out. What that means depends on whose work was in the way:
    /// - [`TooManyRunning`](Error::TooManyRunning), if the caller is a user that had other work, running or waiting, at
    ///   the beginning or the end of the wait: it asks for more at once than its share, and doing less helps.
    /// - [`Unavailable`](Error::Unavailable), of the part `database`, if this was all that the caller asked for: others
    ///   have all connections, or the database serves none of them. So it is for callers that are not users: several
    ///   people may share a network.
    pub async fn acquire(&self, caller: Option<Caller>) -> Result<FairPermit> {
        let (next, had_more) = {
            let mut state = self.lock();
            if state.may_start(caller) {
                state.begin(caller);
                return Ok(FairPermit { state: Some(self.state.clone()), caller });
            }
            let had_more = state.has_work(caller);
            (state.queue(caller), had_more)
        };
        match timeout(self.wait, next).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(self.refusal(caller, had_more)),
        }
    }

    /// Whether `caller` has permits or waiting tasks.
    #[must_use]
    pub fn has_work(&self, caller: Option<Caller>) -> bool {
        self.lock().has_work(caller)
    }

    /// The error for a task of `caller` that has waited in vain, and has given up; `had_more` tells whether the caller
    /// [had other work](Self::has_work) when it began to wait. Counts the timeout.
    #[must_use]
    pub fn refusal(&self, caller: Option<Caller>, had_more: bool) -> Error {
        metrics::counter!("clouddrive_database_wait_timeouts_total").increment(1);
        let state = self.lock();
        match caller {
            Some(Caller::User(_)) if had_more || state.has_work(caller) => {
                let limit = u32::try_from(state.per_caller).unwrap_or(u32::MAX);
                Error::TooManyRunning { what: "requests", limit, retry_after: RETRY_AFTER }
            }
            _ => Error::unavailable("database", "all connections are in use"),
        }
    }

    /// The number of waiting tasks.
    #[must_use]
    pub fn waiting(&self) -> usize {
        let state = self.lock();
        state.waiting.values().flatten().filter(|next| !next.is_closed()).count()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn may_start(&self, caller: Option<Caller>) -> bool {
        let running = caller.and_then(|caller| self.running.get(&caller).copied()).unwrap_or(0);
        self.free > 0 && running < self.per_caller
    }

    fn begin(&mut self, caller: Option<Caller>) {
        self.free -= 1;
        if let Some(caller) = caller {
            *self.running.entry(caller).or_default() += 1;
        }
    }

    fn end(&mut self, caller: Option<Caller>) {
        self.free += 1;
        if let Some(caller) = caller
            && let Some(running) = self.running.get_mut(&caller)
        {
            *running -= 1;
            if *running == 0 {
                self.running.remove(&caller);
            }
        }
    }

    /// Whether `caller` has permits or waiting tasks.
    fn has_work(&self, caller: Option<Caller>) -> bool {
        caller.is_some_and(|caller| self.running.contains_key(&caller))
            || self.waiting.get(&caller).is_some_and(|queue| queue.iter().any(|next| !next.is_closed()))
    }

    fn queue(&mut self, caller: Option<Caller>) -> oneshot::Receiver<FairPermit> {
        let (sender, receiver) = oneshot::channel();
        let queue = self.waiting.entry(caller).or_default();
        // Drop cancelled waiters at the front, so that they do not pile up.
        while queue.front().is_some_and(oneshot::Sender::is_closed) {
            queue.pop_front();
        }
        queue.push_back(sender);
        if !self.order.contains(&caller) {
            self.order.push_back(caller);
        }
        receiver
    }

    /// Gives free permits to waiting tasks, round-robin by caller.
    fn serve(&mut self, shared: &Arc<Mutex<Self>>) {
        let mut passed_over = 0;
        while passed_over < self.order.len() {
            let Some(caller) = self.order.pop_front() else { return };
            if !self.may_start(caller) {
                self.order.push_back(caller);
                passed_over += 1;
                continue;
            }
            passed_over = 0;
            let mut queue = self.waiting.remove(&caller).unwrap_or_default();
            while let Some(next) = queue.pop_front() {
                self.begin(caller);
                let permit = FairPermit { state: Some(shared.clone()), caller };
                let Err(mut unwanted) = next.send(permit) else { break };
                // The waiter was cancelled. Its drop must not end the permit: that would deadlock on the lock held
                // here.
                unwanted.state = None;
                self.end(caller);
            }
            if !queue.is_empty() {
                self.waiting.insert(caller, queue);
                self.order.push_back(caller);
            }
        }
    }
}

/// A permit for one connection, until it is dropped.
pub struct FairPermit {
    state: Option<Arc<Mutex<State>>>,
    caller: Option<Caller>,
}

impl Drop for FairPermit {
    fn drop(&mut self) {
        if let Some(shared) = self.state.take() {
            let mut state = shared.lock().unwrap_or_else(PoisonError::into_inner);
            state.end(self.caller);
            if !state.order.is_empty() {
                state.serve(&shared);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use clouddrive_domain::model::UserId;
    use uuid::Uuid;

    use super::*;

    const WAIT: Duration = Duration::from_secs(10);

    fn user(number: u128) -> Option<Caller> {
        Some(Caller::User(UserId::from_uuid(Uuid::from_u128(number))))
    }

    /// Polls once.
    fn is_ready<T>(future: std::pin::Pin<&mut impl Future<Output = Result<T>>>) -> bool {
        matches!(future.poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(Ok(_)))
    }

    #[tokio::test(start_paused = true)]
    async fn a_user_leaves_connections_for_others_and_waits_for_more() {
        let semaphore = FairSemaphore::new(8, WAIT);
        let mut had = Vec::new();
        for _ in 0..6 {
            had.push(semaphore.acquire(user(1)).await.unwrap());
        }
        assert!(matches!(semaphore.acquire(user(1)).await, Err(Error::TooManyRunning { limit: 6, .. })));
        let other = semaphore.acquire(user(2)).await.unwrap();
        let own = semaphore.acquire(None).await.unwrap();
        assert!(
            matches!(semaphore.acquire(user(3)).await, Err(Error::Unavailable { .. })),
            "it has none, and others have all"
        );
        drop((had, other, own));
        assert!(semaphore.lock().running.is_empty());
        assert_eq!(semaphore.lock().free, 8);
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_callers_are_served_round_robin() {
        let semaphore = FairSemaphore::new(1, WAIT);
        let mut first = Some(semaphore.acquire(user(1)).await.unwrap());
        let mut greedy: Vec<_> = (0..3).map(|_| Box::pin(semaphore.acquire(user(1)))).collect();
        for one in &mut greedy {
            assert!(!is_ready(one.as_mut()));
        }
        let mut other = pin!(semaphore.acquire(user(2)));
        assert!(!is_ready(other.as_mut()));
        assert_eq!(semaphore.waiting(), 4);
        // The greedy one came first, and the other is next.
        first.take();
        assert!(!is_ready(other.as_mut()));
        let permit = greedy.remove(0).await.unwrap();
        drop(permit);
        let permit = other.await.unwrap();
        assert!(greedy.iter_mut().all(|one| !is_ready(one.as_mut())));
        drop(permit);
        for one in greedy {
            one.await.unwrap();
        }
        assert_eq!((semaphore.waiting(), semaphore.lock().free), (0, 1));
    }

    /// The refusal of the first user, who begins to wait after this delay.
    async fn refusal_after(semaphore: &FairSemaphore, begins: Duration) -> Error {
        tokio::time::sleep(begins).await;
        semaphore.acquire(user(1)).await.err().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn all_requests_of_a_user_beyond_their_share_are_refused_as_too_many() {
        let semaphore = FairSemaphore::new(1, WAIT);
        let _others = semaphore.acquire(user(2)).await.unwrap();
        let (first, second, third) = tokio::join!(
            refusal_after(&semaphore, Duration::ZERO),
            refusal_after(&semaphore, WAIT / 4),
            refusal_after(&semaphore, WAIT / 2)
        );
        for refused in [first, second, third] {
            assert!(matches!(refused, Error::TooManyRunning { limit: 1, .. }), "{refused:?}");
        }
        let alone = refusal_after(&semaphore, Duration::ZERO).await;
        assert!(matches!(alone, Error::Unavailable { part: "database", .. }), "{alone:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_user_waiting_for_their_own_work_gets_no_outage_error() {
        let semaphore = FairSemaphore::new(1, WAIT);
        let own = semaphore.acquire(user(1)).await.unwrap();
        let others = async {
            let _permit = semaphore.acquire(user(2)).await.unwrap();
            tokio::time::sleep(WAIT).await;
        };
        let ends_early = async {
            tokio::time::sleep(WAIT / 2).await;
            drop(own);
        };
        let ((), refused, ()) = tokio::join!(others, refusal_after(&semaphore, Duration::ZERO), ends_early);
        assert!(matches!(refused, Error::TooManyRunning { .. }), "{refused:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_cancelled_waiter_keeps_no_permit() {
        let semaphore = FairSemaphore::new(1, WAIT);
        let first = semaphore.acquire(None).await.unwrap();
        let mut left = Box::pin(semaphore.acquire(user(1)));
        let mut given = Box::pin(semaphore.acquire(user(2)));
        assert!(!is_ready(left.as_mut()) && !is_ready(given.as_mut()));
        drop(left);
        drop(first);
        // It was given the permit, and is dropped without having been polled again.
        drop(given);
        assert_eq!(semaphore.lock().free, 1);
        assert!(semaphore.acquire(user(3)).await.is_ok());
    }
}
