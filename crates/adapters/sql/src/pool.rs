//! Pooled connections and their metrics.

use std::time::Instant;

use clouddrive_domain::{Error, Result};
use deadpool::managed::{Manager, Object, Pool, PoolError};
use tracing::Instrument;

/// The state of a connection pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Connections {
    /// The most connections allowed.
    pub most: usize,
    /// Connections in use.
    pub used: usize,
    /// Open connections not in use.
    pub idle: usize,
    /// Callers waiting for a connection.
    pub waiting: usize,
}

impl Connections {
    /// The state of `pool`.
    #[must_use]
    pub fn of<M: Manager>(pool: &Pool<M>) -> Self {
        let status = pool.status();
        let used = status.size.saturating_sub(status.available);
        Self { most: status.max_size, used, idle: status.available, waiting: status.waiting }
    }

    /// The sum with another pool's state.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            most: self.most + other.most,
            used: self.used + other.used,
            idle: self.idle + other.idle,
            waiting: self.waiting + other.waiting,
        }
    }
}

/// Takes a connection from the pool. Records the wait in `clouddrive_database_wait_seconds`, and timeouts in
/// `clouddrive_database_wait_timeouts_total`.
///
/// # Errors
/// [`Unavailable`](Error::Unavailable), of the part `database`, if none becomes free in time; errors of connecting.
pub async fn take<M: Manager<Error = Error>>(pool: &Pool<M>) -> Result<Object<M>> {
    #[expect(clippy::disallowed_methods, reason = "the wait is measured")]
    let began = Instant::now();
    let taken = pool.get().instrument(tracing::debug_span!("take a connection")).await;
    metrics::histogram!("clouddrive_database_wait_seconds").record(began.elapsed());
    taken.map_err(|fault| match fault {
        PoolError::Backend(error) => error,
        other => {
            if matches!(other, PoolError::Timeout(_)) {
                metrics::counter!("clouddrive_database_wait_timeouts_total").increment(1);
            }
            Error::unavailable("database", other.to_string())
        }
    })
}
