//! Work of the tests' own that goes on beside them: what they ask of the stores, and what stands before these.

use std::sync::{LazyLock, mpsc};

use tokio::runtime::{Builder, Runtime};

/// Not a test's own runtime: that stands still while the test waits for a process, and ends before what it has made is
/// cleared away.
static BESIDE: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap());

/// Starts `work`.
pub fn start(work: impl Future<Output = ()> + Send + 'static) {
    BESIDE.spawn(work);
}

/// Waits for what `work` gives.
pub fn wait<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    let (done, outcome) = mpsc::channel();
    start(async move { drop(done.send(tokio::spawn(work).await)) });
    // What panics elsewhere has said so where nobody reads it.
    outcome.recv().unwrap().unwrap_or_else(|fault| panic!("{fault}"))
}
