//! Where the store waits for the disk: off the async threads.

use std::sync::Arc;

use clouddrive_domain::{Error, Result};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinHandle, spawn_blocking};

/// How many calls wait for the disk at once. The runtime has 512 threads for such work, and others need some too.
const MOST_JOBS: usize = 64;

/// Runs blocking jobs, so many at a time.
#[derive(Clone, Debug)]
pub(crate) struct Workers(Arc<Semaphore>);

impl Workers {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(MOST_JOBS)))
    }

    /// Leave to [`start`] a job, once it is its turn.
    pub(crate) async fn turn(&self) -> Result<OwnedSemaphorePermit> {
        Arc::clone(&self.0).acquire_owned().await.map_err(|closed| Error::internal("storage", closed))
    }

    /// Runs `job` and waits for it. A job that has begun runs to its end, also when the future is dropped.
    pub(crate) async fn run<T: Send + 'static>(&self, job: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
        finish(start(self.turn().await?, job)).await
    }
}

/// Starts `job` and does not wait for it.
pub(crate) fn start<T: Send + 'static>(
    turn: OwnedSemaphorePermit,
    job: impl FnOnce() -> Result<T> + Send + 'static,
) -> JoinHandle<Result<T>> {
    spawn_blocking(move || {
        let _turn = turn;
        job()
    })
}

/// Waits for a job.
pub(crate) async fn finish<T>(job: impl Future<Output = Result<Result<T>, tokio::task::JoinError>>) -> Result<T> {
    job.await.map_err(|lost| Error::internal("storage", lost))?
}
