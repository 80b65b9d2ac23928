use std::time::Duration;

use crate::target::Target;

/// Options of a [`Database`](crate::Database).
#[derive(Clone, Debug)]
pub struct Options {
    /// The database.
    pub target: Target,
    /// The target for migrations, if it differs: e.g. past a pooler, or with a role that may change the schema.
    pub migration_target: Option<Target>,
    /// The most connections.
    pub pool_size: usize,
    /// How long to wait for a connection before the database counts as unavailable.
    pub wait: Duration,
    /// How long connecting may take.
    pub connect_timeout: Duration,
    /// How long [`open`](crate::Database::open) waits for a server that is not up yet.
    pub start_wait: Duration,
    /// How long one statement may take, waiting included.
    pub statement_timeout: Duration,
    /// How long a statement may wait for one lock.
    pub lock_timeout: Duration,
    /// Whether statements are prepared once per connection. Must be off behind a pooler that gives each transaction
    /// another connection: then each statement is prepared anew, and everything runs in transactions.
    pub prepared_statements: bool,
}

impl Options {
    /// The defaults, for the database at `target`.
    #[must_use]
    pub const fn new(target: Target) -> Self {
        Self {
            target,
            migration_target: None,
            pool_size: 10,
            wait: Duration::from_secs(5),
            connect_timeout: Duration::from_secs(5),
            start_wait: Duration::from_secs(30),
            statement_timeout: Duration::from_secs(10),
            lock_timeout: Duration::from_secs(5),
            prepared_statements: true,
        }
    }

    /// The settings of a session or a transaction, each prefixed by `set`.
    pub(crate) fn settings(&self, set: &str) -> String {
        let (statement, lock) = (self.statement_timeout.as_millis(), self.lock_timeout.as_millis());
        format!(
            "{set} statement_timeout = {statement}; {set} lock_timeout = {lock}; \
             {set} idle_in_transaction_session_timeout = {statement}{}",
            DISABLED_PLANNER_SETTINGS.iter().map(|off| format!("; {set} {off} = off")).collect::<String>()
        )
    }
}

/// The planner settings that are turned off. Joins use indexes, row by row: the planner cannot estimate the depth of a
/// tree, and its guesses make it read all nodes, or compile for longer than the query runs.
pub const DISABLED_PLANNER_SETTINGS: [&str; 3] = ["jit", "enable_hashjoin", "enable_mergejoin"];
