//! Pooled connections and their metrics.

use clouddrive_domain::{Error, Result};
use deadpool::managed::{Manager, Object, Pool, PoolError};
use tokio::time::Instant;
use tracing::{Instrument, Span};

/// The state of a connection pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolStatus {
    /// The most connections allowed.
    pub max: usize,
    /// Connections in use.
    pub used: usize,
    /// Open connections not in use.
    pub idle: usize,
    /// Callers waiting for a connection.
    pub waiting: usize,
}

impl PoolStatus {
    /// The state of `pool`.
    #[must_use]
    pub fn from_pool<M: Manager>(pool: &Pool<M>) -> Self {
        let status = pool.status();
        let used = status.size.saturating_sub(status.available);
        Self { max: status.max_size, used, idle: status.available, waiting: status.waiting }
    }

    /// The sum with another pool's state.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            max: self.max + other.max,
            used: self.used + other.used,
            idle: self.idle + other.idle,
            waiting: self.waiting + other.waiting,
        }
    }
}

/// A wait for a connection, until this is dropped: a sample of `clouddrive_database_wait_seconds`, and a span.
pub struct ConnectionWait {
    began: Instant,
    span: Span,
}

impl ConnectionWait {
    /// A wait that begins now.
    #[must_use]
    pub fn begin() -> Self {
        Self { began: Instant::now(), span: tracing::debug_span!("acquire database connection") }
    }
}

impl Drop for ConnectionWait {
    fn drop(&mut self) {
        metrics::histogram!("clouddrive_database_wait_seconds").record(self.began.elapsed());
    }
}

/// Takes a connection from the pool, which ends `wait`. Records timeouts in `clouddrive_database_wait_timeouts_total`.
///
/// # Errors
/// [`Unavailable`](Error::Unavailable), of the part `database`, if none becomes free in time; errors of connecting.
pub async fn acquire<M: Manager<Error = Error>>(pool: &Pool<M>, wait: ConnectionWait) -> Result<Object<M>> {
    let acquired = pool.get().instrument(wait.span.clone()).await;
    drop(wait);
    acquired.map_err(|error| match error {
        PoolError::Backend(error) => error,
        other => {
            if matches!(other, PoolError::Timeout(_)) {
                metrics::counter!("clouddrive_database_wait_timeouts_total").increment(1);
            }
            Error::unavailable("database", other.to_string())
        }
    })
}
