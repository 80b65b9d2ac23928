//! Blocking disk I/O off the async threads.

use std::sync::Arc;

use clouddrive_domain::{Error, Result};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinHandle, spawn_blocking};

/// The number of concurrent blocking calls. Tokio has 512 blocking threads, and other code needs some too.
const MAX_JOBS: usize = 64;

/// Runs a limited number of blocking jobs at a time.
#[derive(Clone, Debug)]
pub(crate) struct Workers(Arc<Semaphore>);

impl Workers {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(MAX_JOBS)))
    }

    /// Waits for a permit to [`start`] a job.
    pub(crate) async fn permit(&self) -> Result<OwnedSemaphorePermit> {
        Arc::clone(&self.0).acquire_owned().await.map_err(|closed| Error::internal("storage", closed))
    }

    /// Runs `job` and waits for it. A job that has started runs to its end, even if the future is dropped.
    pub(crate) async fn run<T: Send + 'static>(&self, job: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
        finish(start(self.permit().await?, job)).await
    }
}

/// Starts `job` without waiting for it.
pub(crate) fn start<T: Send + 'static>(
    permit: OwnedSemaphorePermit,
    job: impl FnOnce() -> Result<T> + Send + 'static,
) -> JoinHandle<Result<T>> {
    spawn_blocking(move || {
        let _permit = permit;
        job()
    })
}

/// Waits for a started job.
pub(crate) async fn finish<T>(job: impl Future<Output = Result<Result<T>, tokio::task::JoinError>>) -> Result<T> {
    job.await.map_err(|lost| Error::internal("storage", lost))?
}
