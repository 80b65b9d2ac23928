//! Work that outlives its client: a response is dropped as soon as the client disconnects.

use std::cell::OnceCell;
use std::rc::Rc;
use std::sync::Arc;

use actix_web::rt;
use clouddrive_domain::caller::{caller, on_behalf_of};
use clouddrive_domain::{Error, Result};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{AbortHandle, JoinHandle};
use tracing::Instrument;

/// How many handlers may go on without their clients at once, on one instance. The memory of those with a client is
/// bounded by the number of connections.
const MAX_UNATTENDED: usize = 1024;

/// Spawns `work` as part of the same request, on behalf of the same caller.
pub fn spawn_detached<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
    tokio::spawn(on_behalf_of(caller(), work).in_current_span())
}

/// Runs handlers to their end, with or without the client.
///
/// A transaction commits without its caller, and what follows the commit must not be left out: the audit event, the
/// deletion of bytes that it released, the end of an idempotency record. A handler whose client disconnects
/// while it reads the body gets an error from it, so it ends too.
pub(crate) struct Unattended(Arc<Semaphore>);

impl Default for Unattended {
    fn default() -> Self {
        Self::new(MAX_UNATTENDED)
    }
}

impl Unattended {
    /// Lets up to `max` handlers go on without their clients; any more end with their connection.
    fn new(max: usize) -> Self {
        Self(Arc::new(Semaphore::new(max)))
    }

    /// Runs `work` to its end, even if this future is dropped. Then `unheard` gets the outcome, which the caller does
    /// not.
    ///
    /// # Errors
    /// `Internal` if `work` panicked, or the server has stopped.
    pub(crate) async fn run_to_completion<T: 'static>(
        &self,
        work: impl Future<Output = T> + 'static,
        unheard: impl FnOnce(&T) + 'static,
    ) -> Result<T> {
        let place = Rc::new(OnceCell::new());
        let taken = place.clone();
        let task = rt::spawn(async move {
            let outcome = work.await;
            if taken.get().is_some() {
                unheard(&outcome);
            }
            outcome
        });
        let _attended = Attended { task: task.abort_handle(), place, places: self.0.clone() };
        task.await.map_err(|error| Error::internal("request", error))
    }
}

/// A handler with its client. When dropped before the handler has ended, the handler takes a place among those without
/// a client, or ends if there is none.
struct Attended {
    task: AbortHandle,
    /// Shared with the task, which thereby holds the place until it ends.
    place: Rc<OnceCell<OwnedSemaphorePermit>>,
    places: Arc<Semaphore>,
}

impl Drop for Attended {
    fn drop(&mut self) {
        if self.task.is_finished() {
            return;
        }
        match self.places.clone().try_acquire_owned() {
            // The cell is empty: this is its only writer.
            Ok(permit) => drop(self.place.set(permit)),
            Err(_) => {
                tracing::warn!("a handler ended with its client, since too many others go on without theirs");
                self.task.abort();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use tokio::sync::oneshot;
    use tokio::task::yield_now;

    use super::*;

    /// Begins work whose client leaves at once. Returns what lets it end, and what gets its outcome.
    async fn abandoned(unattended: &Unattended) -> (oneshot::Sender<()>, oneshot::Receiver<()>) {
        let ((go, wait), (say, end)) = (oneshot::channel::<()>(), oneshot::channel());
        let work = async move { wait.await.unwrap() };
        let mut work = Box::pin(unattended.run_to_completion(work, move |()| say.send(()).unwrap()));
        assert!(work.as_mut().now_or_never().is_none());
        yield_now().await;
        (go, end)
    }

    #[actix_web::test]
    async fn work_goes_on_without_its_client_and_then_frees_its_place() {
        let unattended = Unattended::new(1);
        for _ in 0..3 {
            let (go, end) = abandoned(&unattended).await;
            assert_eq!(unattended.0.available_permits(), 0);
            go.send(()).unwrap();
            end.await.unwrap();
            yield_now().await;
            assert_eq!(unattended.0.available_permits(), 1);
        }
    }

    #[actix_web::test]
    async fn work_without_a_place_ends_with_its_client() {
        let unattended = Unattended::new(1);
        let (go, end) = abandoned(&unattended).await;
        let (_, refused) = abandoned(&unattended).await;
        assert!(refused.await.is_err());
        go.send(()).unwrap();
        end.await.unwrap();
    }

    #[actix_web::test]
    async fn work_whose_client_stays_takes_no_place() {
        let unattended = Unattended::new(0);
        assert_eq!(unattended.run_to_completion(async { 7 }, |_| panic!("the client is there")).await.unwrap(), 7);
        let panic = unattended
            .run_to_completion(
                async {
                    if true {
                        panic!("a bug")
                    }
                },
                |()| {},
            )
            .await;
        assert!(matches!(panic, Err(Error::Internal { .. })));
    }
}
