//! Work that outlives its client: a response is dropped as soon as the client disconnects.

use std::cell::{Cell, OnceCell};
use std::convert::Infallible;
use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use actix_web::rt;
use clouddrive_domain::caller::{Caller, caller, on_behalf_of};
use clouddrive_domain::{Error, Result};
use futures_util::FutureExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::task::{AbortHandle, JoinHandle};
use tokio::task_local;
use tracing::Instrument;

use crate::attendance::attended;
use crate::concurrency::{ConcurrencyLimit, Permit};

/// How many handlers may go on without their clients at once, on one instance. The memory of those with a client is
/// bounded by the number of connections.
const MAX_DETACHED: usize = 1024;

/// How many of them may be those of one caller.
const MAX_UNATTENDED_PER_CALLER: u32 = 64;

task_local! {
    /// Held by the handlers of the current connection until they end.
    static CONNECTION: mpsc::Sender<Infallible>;
}

/// Serves a connection, and then waits until the handlers that it left have ended.
pub async fn until_handlers_end<T>(connection: impl Future<Output = T>) -> T {
    let (held, mut released) = mpsc::channel(1);
    let outcome = CONNECTION.scope(held, connection).await;
    released.recv().await;
    outcome
}

/// Spawns `work` as part of the same request, on behalf of the same caller.
pub fn spawn_detached<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
    tokio::spawn(on_behalf_of(caller(), work).in_current_span())
}

/// Runs handlers to their end, with or without the client.
///
/// A transaction commits without its caller, and what follows the commit must not be left out: the audit event, the
/// deletion of bytes that it released, the end of an idempotency record. A handler whose client disconnects
/// while it reads the body gets an error from it, so it ends too.
pub(crate) struct DetachedHandlers(Arc<Places>);

/// The places of handlers that go on without their clients.
struct Places {
    all: Arc<Semaphore>,
    by_caller: ConcurrencyLimit<Option<Caller>>,
    /// How many handlers have begun and not ended, with or without their clients.
    running: AtomicUsize,
}

/// One of the places, until it is dropped.
struct Place {
    _place: OwnedSemaphorePermit,
    _of_caller: Permit<Option<Caller>>,
}

impl Default for DetachedHandlers {
    fn default() -> Self {
        Self::new(MAX_DETACHED, MAX_UNATTENDED_PER_CALLER)
    }
}

impl DetachedHandlers {
    /// Lets up to `max` handlers go on without their clients, of which up to `per_caller` are those of one caller; any
    /// more end with their connection.
    fn new(max: usize, per_caller: u32) -> Self {
        let all = Arc::new(Semaphore::new(max));
        let by_caller = ConcurrencyLimit::new(per_caller, Duration::ZERO);
        Self(Arc::new(Places { all, by_caller, running: AtomicUsize::new(0) }))
    }

    /// The number of handlers that run or, after the server has stopped, were cut off.
    pub(crate) fn unfinished(&self) -> usize {
        self.0.running.load(Ordering::Relaxed)
    }

    /// Runs `work` on behalf of `caller` to its end, even if this future is dropped. Then `unheard` gets the outcome,
    /// which the caller does not.
    ///
    /// # Errors
    /// `Internal` if `work` panicked, or the server has stopped.
    pub(crate) async fn run_to_completion<T: 'static>(
        &self,
        caller: Option<Caller>,
        work: impl Future<Output = T> + 'static,
        unheard: impl FnOnce(&T) + 'static,
    ) -> Result<T> {
        let handler = Rc::new(Handler { caller: Cell::new(caller), place: OnceCell::new() });
        let (client, work) = attended(on_behalf_of(caller, note_caller(handler.clone(), work)));
        let (running, places) = (handler.clone(), self.0.clone());
        let connection = CONNECTION.try_with(Clone::clone).ok();
        places.running.fetch_add(1, Ordering::Relaxed);
        let task = rt::spawn(async move {
            let outcome = AssertUnwindSafe(work).catch_unwind().await;
            // A handler that is cut off does not come here, so it stays counted.
            places.running.fetch_sub(1, Ordering::Relaxed);
            if let (Ok(outcome), Some(_)) = (&outcome, running.place.get()) {
                unheard(outcome);
            }
            drop(connection);
            outcome
        });
        let _attached = AttachedHandler { task: task.abort_handle(), handler, places: self.0.clone(), _client: client };
        let outcome = task.await.map_err(|error| Error::internal("request", error))?;
        outcome.map_err(|_| Error::internal("request", "the handler panicked"))
    }
}

impl Places {
    fn take(&self, caller: Option<Caller>) -> Option<Place> {
        let of_caller = self.by_caller.try_acquire(caller)?;
        let place = self.all.clone().try_acquire_owned().ok()?;
        Some(Place { _place: place, _of_caller: of_caller })
    }
}

/// What a handler shares with its [`AttachedHandler`].
struct Handler {
    /// The caller; the user once authentication has found it.
    caller: Cell<Option<Caller>>,
    /// The place among those without a client, held until the handler ends.
    place: OnceCell<Place>,
}

/// Does `work`, and notes on whose behalf: that becomes known in its course.
async fn note_caller<T>(handler: Rc<Handler>, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    poll_fn(|context| {
        let polled = work.as_mut().poll(context);
        handler.caller.set(caller());
        polled
    })
    .await
}

/// A handler with its client. When dropped before the handler has ended, the handler takes a place among those without
/// a client, or ends if there is none.
struct AttachedHandler {
    task: AbortHandle,
    handler: Rc<Handler>,
    places: Arc<Places>,
    /// Tells the handler that its client has left.
    _client: watch::Sender<()>,
}

impl Drop for AttachedHandler {
    fn drop(&mut self) {
        if self.task.is_finished() {
            return;
        }
        match self.places.take(self.handler.caller.get()) {
            // The cell is empty: this is its only writer.
            Some(place) => drop(self.handler.place.set(place)),
            None => {
                tracing::warn!("a handler ended with its client, since too many others go on without theirs");
                self.places.running.fetch_sub(1, Ordering::Relaxed);
                self.task.abort();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use clouddrive_domain::caller::set_caller;
    use clouddrive_domain::model::UserId;
    use tokio::sync::oneshot;
    use tokio::task::yield_now;
    use uuid::Uuid;

    use super::*;

    /// Begins work of the user with that number, who is found in its course, and whose client leaves at once. Returns
    /// what lets it end, and what gets its outcome.
    async fn abandoned(detached: &DetachedHandlers, user: u128) -> (oneshot::Sender<()>, oneshot::Receiver<()>) {
        let ((go, wait), (say, end)) = (oneshot::channel::<()>(), oneshot::channel());
        let work = async move {
            set_caller(Caller::User(UserId::from_uuid(Uuid::from_u128(user))));
            wait.await.unwrap();
        };
        let mut work = Box::pin(detached.run_to_completion(None, work, move |()| say.send(()).unwrap()));
        assert!(work.as_mut().now_or_never().is_none());
        yield_now().await;
        (go, end)
    }

    #[actix_web::test]
    async fn work_continues_without_its_client_and_then_frees_its_slot() {
        let detached = DetachedHandlers::new(1, 1);
        for _ in 0..3 {
            let (go, end) = abandoned(&detached, 1).await;
            assert_eq!((detached.0.all.available_permits(), detached.unfinished()), (0, 1));
            go.send(()).unwrap();
            end.await.unwrap();
            yield_now().await;
            assert_eq!((detached.0.all.available_permits(), detached.unfinished()), (1, 0));
        }
    }

    #[actix_web::test]
    async fn work_without_a_slot_ends_with_its_client() {
        let detached = DetachedHandlers::new(1, 1);
        let (go, end) = abandoned(&detached, 1).await;
        let (_, refused) = abandoned(&detached, 2).await;
        assert!(refused.await.is_err());
        go.send(()).unwrap();
        end.await.unwrap();
        assert_eq!(detached.unfinished(), 0, "what was refused is not waited for");
    }

    #[actix_web::test]
    async fn one_caller_does_not_get_all_places() {
        let detached = DetachedHandlers::new(3, 1);
        let (go, end) = abandoned(&detached, 1).await;
        let (_, refused) = abandoned(&detached, 1).await;
        assert!(refused.await.is_err());
        let (_others_go, mut other) = abandoned(&detached, 2).await;
        assert!(other.try_recv().is_err_and(|error| error == oneshot::error::TryRecvError::Empty), "it goes on");
        go.send(()).unwrap();
        end.await.unwrap();
        yield_now().await;
        let (go, end) = abandoned(&detached, 1).await;
        go.send(()).unwrap();
        end.await.unwrap();
    }

    #[actix_web::test]
    async fn a_connection_ends_after_the_handlers_that_it_left() {
        let detached = DetachedHandlers::new(1, 1);
        let (go, wait) = oneshot::channel::<()>();
        let mut connection = Box::pin(until_handlers_end(async {
            let work = detached.run_to_completion(None, async move { wait.await.unwrap() }, |()| {});
            assert!(work.now_or_never().is_none());
        }));
        assert!(connection.as_mut().now_or_never().is_none());
        go.send(()).unwrap();
        connection.await;
        assert_eq!(detached.unfinished(), 0);
    }

    #[actix_web::test]
    async fn work_with_a_connected_client_takes_no_slot() {
        let detached = DetachedHandlers::new(0, 0);
        let heard = detached.run_to_completion(None, async { 7 }, |_| panic!("the client is there"));
        assert_eq!(heard.await.unwrap(), 7);
        let panic = detached
            .run_to_completion(
                None,
                async {
                    if true {
                        panic!("a bug")
                    }
                },
                |()| {},
            )
            .await;
        assert!(matches!(panic, Err(Error::Internal { .. })));
        assert_eq!(detached.unfinished(), 0);
    }

    #[test]
    fn handlers_that_are_cut_off_are_counted_with_or_without_their_clients() {
        let (runtime, detached) = (rt::Runtime::new().unwrap(), Rc::new(DetachedHandlers::new(1, 1)));
        let endless = |detached: Rc<DetachedHandlers>| async move {
            detached.run_to_completion(None, pending::<()>(), |()| {}).await
        };
        runtime.block_on(async {
            assert!(endless(detached.clone()).now_or_never().is_none(), "its client has left");
            rt::spawn(endless(detached.clone()));
            yield_now().await;
        });
        assert_eq!(detached.unfinished(), 2);
        drop(runtime);
        assert_eq!(detached.unfinished(), 2);
    }
}
