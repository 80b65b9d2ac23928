//! Connections from a pool, and what is counted of them.

use std::time::Instant;

use clouddrive_domain::{Error, Result};
use deadpool::managed::{Manager, Object, Pool, PoolError};
use tracing::Instrument;

/// How many connections there are, and how they are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Connections {
    /// How many there may be.
    pub most: usize,
    /// How many are in use.
    pub used: usize,
    /// How many are open and not in use.
    pub idle: usize,
    /// How many callers wait for one.
    pub waiting: usize,
}

impl Connections {
    /// Those of a pool.
    #[must_use]
    pub fn of<M: Manager>(pool: &Pool<M>) -> Self {
        let status = pool.status();
        let used = status.size.saturating_sub(status.available);
        Self { most: status.max_size, used, idle: status.available, waiting: status.waiting }
    }

    /// These and those of another pool.
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

/// A connection of the pool. How long that takes goes into `clouddrive_database_wait_seconds`, and whether it took too long
/// into `clouddrive_database_wait_timeouts_total`.
///
/// # Errors
/// [`Unavailable`](Error::Unavailable), of the part `database`, when none gets free in time; those of making one.
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
