//! A mutation: its work, and the answer to its caller.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use clouddrive_domain::Error;
use clouddrive_sql::error::SqlError;
use clouddrive_sql::fair_semaphore::FairPermit;
use clouddrive_sql::pool::ConnectionWait;
use diesel::SqliteConnection;
use diesel::connection::SimpleConnection;
use diesel::result::Error as DieselError;
use tokio::sync::oneshot;
use tracing::Span;

use super::Weight;
use crate::reserve::{Demand, DiskReserve};

/// A mutation to be run.
pub(super) struct Mutation {
    pub(super) weight: Weight,
    run: Box<Work>,
}

/// Runs a mutation on the connection, or answers it with the error.
type Work = dyn FnOnce(Result<&mut SqliteConnection, SqlError>) -> Executed + Send;

/// A mutation that has run in a transaction still to be committed.
pub(super) struct Executed {
    pub(super) succeeded: bool,
    /// Whether it failed because of the database, and not because of what it has read.
    pub(super) failed_in_database: bool,
    /// Answers with its own result, or with the error of the transaction.
    answer: Box<dyn FnOnce(Result<(), SqlError>) + Send>,
}

/// What a mutation has of the writer: the wait until it begins, and the permits until it is answered.
pub(super) struct Admission {
    pub(super) wait: ConnectionWait,
    pub(super) permit: FairPermit,
    pub(super) bulk_permit: Option<FairPermit>,
}

impl Mutation {
    /// The mutation that does `work`, and the receiver of its answer.
    pub(super) fn new<T: Send + 'static>(
        reserve: Arc<DiskReserve>,
        demand: Demand,
        weight: Weight,
        Admission { wait, permit, bulk_permit }: Admission,
        work: impl FnOnce(&mut SqliteConnection) -> Result<T, SqlError> + Send + 'static,
    ) -> (Self, oneshot::Receiver<Result<T, SqlError>>) {
        let (sender, receiver) = oneshot::channel();
        let span = Span::current();
        let run = move |connection: Result<&mut SqliteConnection, SqlError>| {
            drop(wait);
            let outcome = span.in_scope(|| {
                let connection = connection?;
                reserve.admit(demand)?;
                let outcome = catch_unwind(AssertUnwindSafe(|| work(connection)));
                outcome.unwrap_or_else(|_| Err(Error::internal("database", "a mutation panicked").into()))
            });
            if let Err(SqlError::Database(error)) = &outcome {
                reserve.release_if_full(error);
            }
            let succeeded = outcome.is_ok();
            let failed_in_database = matches!(outcome, Err(SqlError::Database(_)));
            // Lasts until the others of the group have run, and their transaction has ended.
            let ending = span.in_scope(|| tracing::debug_span!("end database transaction"));
            let answer = move |transaction: Result<(), SqlError>| {
                drop(ending);
                // The caller may be gone.
                let _ = sender.send(transaction.and(outcome));
                drop((permit, bulk_permit));
            };
            Executed { succeeded, failed_in_database, answer: Box::new(answer) }
        };
        (Self { weight, run: Box::new(run) }, receiver)
    }

    /// Answers with `error` instead of running.
    pub(super) fn refuse(self, error: SqlError) {
        (self.run)(Err(error)).answer(Ok(()));
    }

    /// Runs in the current transaction.
    pub(super) fn run(self, connection: &mut SqliteConnection) -> Executed {
        (self.run)(Ok(connection))
    }

    /// Runs in the current transaction, of which an error undoes only its own changes; also returns whether the
    /// transaction still exists.
    pub(super) fn run_in_savepoint(self, connection: &mut SqliteConnection) -> (Executed, Result<(), DieselError>) {
        if let Err(error) = connection.batch_execute("SAVEPOINT mutation") {
            return ((self.run)(Err(lost_transaction())), Err(error));
        }
        let executed = self.run(connection);
        let end = if executed.succeeded { "RELEASE mutation" } else { "ROLLBACK TO mutation; RELEASE mutation" };
        (executed, connection.batch_execute(end))
    }
}

impl Executed {
    /// Answers, given the outcome of its transaction.
    pub(super) fn answer(self, transaction: Result<(), SqlError>) {
        (self.answer)(transaction);
    }
}

/// The error of the mutations of a transaction that SQLite has rolled back.
pub(super) fn lost_transaction() -> SqlError {
    Error::unavailable("database", "SQLite rolled back the transaction because of another mutation").into()
}
