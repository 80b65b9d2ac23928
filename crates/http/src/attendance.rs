//! Whether the client of a handler is still there.

use std::future::pending;

use tokio::sync::watch;
use tokio::task_local;

task_local! {
    /// Closed when the client of the current handler leaves.
    static CLIENT: watch::Receiver<()>;
}

/// Runs `work` for a client, which leaves when the sender is dropped.
pub(crate) fn attended<T>(work: impl Future<Output = T>) -> (watch::Sender<()>, impl Future<Output = T>) {
    let (client, left) = watch::channel(());
    (client, CLIENT.scope(left, work))
}

/// Resolves when the client of the current handler has left. A handler that ends with its client need not ask.
pub(crate) async fn client_left() {
    match CLIENT.try_with(Clone::clone) {
        Ok(mut client) => while client.changed().await.is_ok() {},
        Err(_) => pending().await,
    }
}
