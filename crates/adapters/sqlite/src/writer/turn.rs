//! The use of the connection by one thread, which runs and commits the queued mutations.

use std::sync::Arc;

use clouddrive_domain::Error;
use clouddrive_sql::error::SqlError;
use diesel::SqliteConnection;
use diesel::connection::{AnsiTransactionManager, TransactionManager};
use diesel::result::Error as DieselError;
use tokio::time::Instant;

use super::mutation::{Executed, Mutation, lost_transaction};
use super::{GROUP_TIME, MAX_GROUP, Weight, Writer, lock};
use crate::connector::is_broken;
use crate::error::{is_locked, is_transient};
use crate::reserve::DiskReserve;

/// The use of the connection by one thread, until nothing is queued.
pub(super) struct Turn {
    writer: Arc<Writer>,
    connection: Option<SqliteConnection>,
    is_over: bool,
}

impl Turn {
    /// A turn that begins with `connection`, or connects.
    pub(super) fn new(writer: Arc<Writer>, connection: Option<SqliteConnection>) -> Self {
        Self { writer, connection, is_over: false }
    }

    /// Runs `first` and all that are queued.
    pub(super) fn run(mut self, first: Mutation) {
        let mut next = Some(first);
        while let Some(first) = next {
            let connection = self.connection.take().map_or_else(|| self.writer.connector.connect(), Ok);
            match connection {
                Ok(mut connection) => {
                    if self.run_group(&mut connection, first) && !is_broken(&mut connection) {
                        self.connection = Some(connection);
                    }
                }
                Err(error) => first.refuse(error),
            }
            next = self.next();
        }
    }

    /// The next mutation to be run; if there is none, the turn is over.
    fn next(&mut self) -> Option<Mutation> {
        let mut state = lock(&self.writer.state);
        let next = state.queue.next_if(|_| true);
        if next.is_none() {
            state.is_running = false;
            state.idle = self.connection.take();
            self.is_over = true;
        }
        next
    }

    /// Runs a transaction with `first` and those that are queued. Returns whether the connection is still in order.
    fn run_group(&self, connection: &mut SqliteConnection, first: Mutation) -> bool {
        let reserve = &self.writer.reserve;
        if let Err(error) = AnsiTransactionManager::begin_transaction_sql(connection, "BEGIN IMMEDIATE") {
            let is_usable = is_locked(&error);
            first.refuse(error.into());
            return is_usable;
        }
        if first.weight == Weight::Bulk {
            return run_alone(connection, first, reserve);
        }
        let closes_at = Instant::now() + GROUP_TIME;
        let mut group = Vec::new();
        let mut next = Some(first);
        while let Some(mutation) = next {
            let (executed, savepoint) = mutation.run_in_savepoint(connection);
            group.push(executed);
            if let Err(error) = savepoint {
                // On some errors, such as a full disk, SQLite rolls back the transaction itself.
                tracing::warn!(%error, mutations = group.len(), "the transaction of a group of mutations is lost");
                reserve.release_if_full(&error);
                answer_lost(group);
                return false;
            }
            let is_open = group.len() < MAX_GROUP && Instant::now() < closes_at;
            next = is_open.then(|| self.next_light()).flatten();
        }
        commit(connection, group, reserve);
        true
    }

    /// The next mutation, if it is light.
    fn next_light(&self) -> Option<Mutation> {
        lock(&self.writer.state).queue.next_if(|queued| queued.weight == Weight::Light)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if !self.is_over {
            // The thread could not be started, or has failed: what waits for it must not wait for ever.
            let mut state = lock(&self.writer.state);
            state.is_running = false;
            let abandoned = std::mem::take(&mut state.queue);
            drop(state);
            abandoned.cancel();
        }
    }
}

/// Runs `mutation` as the only one of the current transaction. Returns whether the connection is still in order.
fn run_alone(connection: &mut SqliteConnection, mutation: Mutation, reserve: &DiskReserve) -> bool {
    let executed = mutation.run(connection);
    if executed.succeeded {
        commit(connection, vec![executed], reserve);
        return true;
    }
    let rolled_back = AnsiTransactionManager::rollback_transaction(connection).is_ok();
    executed.answer(Ok(()));
    rolled_back
}

/// Commits the current transaction and answers all of `group`. What a mutation has read may be from others of the
/// group, so if the commit fails, errors are not what they were either.
fn commit(connection: &mut SqliteConnection, group: Vec<Executed>, reserve: &DiskReserve) {
    let Err(error) = AnsiTransactionManager::commit_transaction(connection) else {
        group.into_iter().for_each(|executed| executed.answer(Ok(())));
        return;
    };
    reserve.release_if_full(&error);
    if is_transient(&error) {
        tracing::warn!(%error, mutations = group.len(), "a group of mutations was not committed");
    } else {
        tracing::error!(%error, mutations = group.len(), "a group of mutations was not committed");
    }
    match <[Executed; 1]>::try_from(group) {
        Ok([only]) => only.answer(Err(error.into())),
        // Any of them may be the cause; the others succeed when they are sent again.
        Err(group) => group.into_iter().for_each(|executed| executed.answer(Err(failed_group(&error)))),
    }
}

/// The error of each mutation of a group whose commit failed with `error`.
fn failed_group(error: &DieselError) -> SqlError {
    Error::unavailable("database", format!("a group of mutations was not committed: {error}")).into()
}

/// Answers a group whose transaction SQLite has rolled back. The last one keeps its error if the database raised it;
/// other errors may rest on changes that are rolled back, too.
fn answer_lost(mut group: Vec<Executed>) {
    let last = group.pop();
    for executed in group {
        executed.answer(Err(lost_transaction()));
    }
    if let Some(last) = last {
        let transaction = if last.failed_in_database { Ok(()) } else { Err(lost_transaction()) };
        last.answer(transaction);
    }
}
