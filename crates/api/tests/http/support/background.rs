//! Background work outside the tests' runtimes: calls to the stores, and the proxies before them.

use std::sync::{LazyLock, mpsc};

use tokio::runtime::{Builder, Runtime};

/// Separate from a test's own runtime, which blocks while the test waits for a process, and ends before cleanup is
/// done.
static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap());

/// Spawns `work`.
pub fn start(work: impl Future<Output = ()> + Send + 'static) {
    RUNTIME.spawn(work);
}

/// Blocks until `work` is done, and returns its output.
pub fn wait<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    let (done, outcome) = mpsc::channel();
    start(async move { drop(done.send(tokio::spawn(work).await)) });
    // Propagates a panic, whose message would otherwise not appear in the test's output.
    outcome.recv().unwrap().unwrap_or_else(|error| panic!("{error}"))
}
