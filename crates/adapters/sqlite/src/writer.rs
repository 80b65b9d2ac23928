//! The one connection that writes. Mutations that wait for it are committed in groups: each runs in a savepoint of one
//! transaction, and all are answered after its commit, which syncs once for all of them. A single mutation is committed
//! at once; those that come meanwhile are the next group.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use clouddrive_domain::Error;
use clouddrive_domain::caller::caller;
use clouddrive_sql::error::SqlError;
use clouddrive_sql::fair_semaphore::{FairPermit, FairSemaphore};
use clouddrive_sql::pool::{PoolStatus, record_wait};
use diesel::SqliteConnection;
use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager};
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};
use tracing::Span;

use crate::connector::{Connector, is_broken};
use crate::error::is_locked;
use crate::reserve::{Demand, DiskReserve};

/// The most mutations of a group.
const MAX_GROUP: usize = 64;

/// How long a group takes in further mutations.
const GROUP_TIME: Duration = Duration::from_millis(50);

/// The most mutations that run or are queued. Further ones wait for their turn among the callers.
const MAX_QUEUED: usize = 4 * MAX_GROUP;

/// How much a mutation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weight {
    /// It changes a few rows.
    Light,
    /// It may change thousands of rows: it is a group of its own, so that others are not answered later because of it.
    Bulk,
}

/// The writing connection, and what waits for it.
pub(crate) struct Writer {
    connector: Connector,
    reserve: Arc<DiskReserve>,
    semaphore: FairSemaphore,
    /// For bulk mutations, of which one at a time is queued: light ones of others do not wait for a series of them.
    bulk_semaphore: FairSemaphore,
    wait: Duration,
    /// On which the database was opened. It outlives those of the callers, whose mutations share a thread.
    runtime: Handle,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Whether a thread works on the queue.
    is_running: bool,
    queue: VecDeque<Arc<Slot>>,
    /// The connection, while it is not in use.
    idle: Option<SqliteConnection>,
}

/// A place in the queue; empty once its mutation has begun or has been cancelled.
type Slot = Mutex<Option<Mutation>>;

/// A mutation to be run.
struct Mutation {
    weight: Weight,
    queued_at: Instant,
    run: Box<Work>,
}

/// Runs a mutation on the connection, or answers it with the error.
type Work = dyn FnOnce(Result<&mut SqliteConnection, SqlError>) -> Executed + Send;

/// A mutation that has run in a transaction still to be committed.
struct Executed {
    succeeded: bool,
    /// Whether the database failed it, and not what it has read.
    failed_in_database: bool,
    /// Answers with its own result, or with the error of the transaction.
    answer: Box<dyn FnOnce(Result<(), SqlError>) + Send>,
}

impl Writer {
    /// A writer whose mutations wait at most `wait` until they begin. It connects when the first one does.
    pub(crate) fn new(connector: Connector, reserve: Arc<DiskReserve>, wait: Duration) -> Self {
        Self {
            connector,
            reserve,
            semaphore: FairSemaphore::new(MAX_QUEUED, wait),
            bulk_semaphore: FairSemaphore::new(1, wait),
            wait,
            runtime: Handle::current(),
            state: Mutex::default(),
        }
    }

    /// The state of the connection.
    pub(crate) fn status(&self) -> PoolStatus {
        let state = lock(&self.state);
        let queued = state.queue.iter().filter(|slot| lock(slot).is_some()).count();
        PoolStatus {
            max: 1,
            used: usize::from(state.is_running),
            idle: usize::from(state.idle.is_some()),
            waiting: self.bulk_semaphore.waiting() + self.semaphore.waiting() + queued,
        }
    }

    /// Runs `work` in a transaction. Once it has begun, it runs to its end even if the caller is dropped; until then it
    /// is cancelled with its caller.
    pub(crate) async fn run<T: Send + 'static>(
        self: &Arc<Self>,
        demand: Demand,
        weight: Weight,
        work: impl FnOnce(&mut SqliteConnection) -> Result<T, SqlError> + Send + 'static,
    ) -> Result<T, SqlError> {
        let caller = caller();
        let bulk_permit = match weight {
            Weight::Bulk => Some(self.bulk_semaphore.acquire(caller).await?),
            Weight::Light => None,
        };
        let deadline = Instant::now() + self.wait;
        let had_more = self.semaphore.has_work(caller);
        let permit = self.semaphore.acquire(caller).await?;
        let (mutation, mut answer) = mutation(self.reserve.clone(), demand, weight, work, (permit, bulk_permit));
        let answered = match self.submit(mutation) {
            None => answer.await,
            Some(place) => match timeout_at(deadline, &mut answer).await {
                Ok(answered) => answered,
                Err(_) if place.leave() => return Err(self.semaphore.refusal(caller, had_more).into()),
                Err(_) => answer.await,
            },
        };
        answered.map_err(|_| Error::internal("database", "the writer has ended"))?
    }

    /// Begins `mutation` if the connection is idle, or queues it.
    fn submit(self: &Arc<Self>, mutation: Mutation) -> Option<QueuePlace> {
        let mut state = lock(&self.state);
        if state.is_running {
            // Those that have left stay until their turn, which may be long in coming.
            if state.queue.len() >= 2 * MAX_QUEUED {
                state.queue.retain(|slot| lock(slot).is_some());
            }
            let slot = Arc::new(Mutex::new(Some(mutation)));
            state.queue.push_back(slot.clone());
            return Some(QueuePlace(slot));
        }
        state.is_running = true;
        let turn = Turn { writer: self.clone(), connection: state.idle.take(), is_over: false };
        drop(state);
        // It goes on with the queue, whatever becomes of this task.
        drop(self.runtime.spawn_blocking(move || turn.run(mutation)));
        None
    }

    /// Takes the next mutation from the queue, if `fits` holds for it.
    fn next_if(&self, fits: impl Fn(&Mutation) -> bool) -> Option<Mutation> {
        take_next(&mut lock(&self.state), fits)
    }
}

fn take_next(state: &mut State, fits: impl Fn(&Mutation) -> bool) -> Option<Mutation> {
    while let Some(slot) = state.queue.front().cloned() {
        let mut slot = lock(&slot);
        if slot.as_ref().is_some_and(|mutation| !fits(mutation)) {
            return None;
        }
        state.queue.pop_front();
        if let Some(mutation) = slot.take() {
            return Some(mutation);
        }
    }
    None
}

/// A lock whose content is consistent at any time, even if its holder panics.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The place of a queued mutation, which is cancelled when this is dropped.
struct QueuePlace(Arc<Slot>);

impl QueuePlace {
    /// Cancels the mutation; returns whether it had not begun.
    fn leave(&self) -> bool {
        let left = lock(&self.0).take();
        left.is_some()
    }
}

impl Drop for QueuePlace {
    fn drop(&mut self) {
        self.leave();
    }
}

/// The use of the connection by one thread, until nothing is queued.
struct Turn {
    writer: Arc<Writer>,
    connection: Option<SqliteConnection>,
    is_over: bool,
}

impl Turn {
    fn run(mut self, first: Mutation) {
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
        let next = take_next(&mut state, |_| true);
        if next.is_none() {
            state.is_running = false;
            state.idle = self.connection.take();
            self.is_over = true;
        }
        next
    }

    /// Runs a transaction with `first` and those that are queued. Returns whether the connection is still in order.
    fn run_group(&self, connection: &mut SqliteConnection, first: Mutation) -> bool {
        if let Err(error) = AnsiTransactionManager::begin_transaction_sql(connection, "BEGIN IMMEDIATE") {
            let is_usable = is_locked(&error);
            first.refuse(error.into());
            return is_usable;
        }
        if first.weight == Weight::Bulk {
            return run_alone(connection, first, &self.writer.reserve);
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
                answer_lost(group);
                return false;
            }
            let is_open = group.len() < MAX_GROUP && Instant::now() < closes_at;
            next = is_open.then(|| self.writer.next_if(|queued| queued.weight == Weight::Light)).flatten();
        }
        commit(connection, group, &self.writer.reserve);
        true
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
            abandoned.iter().for_each(|slot| drop(lock(slot).take()));
        }
    }
}

impl Mutation {
    /// Answers with `error` instead of running.
    fn refuse(self, error: SqlError) {
        self.execute(Err(error)).answer(Ok(()));
    }

    fn execute(self, connection: Result<&mut SqliteConnection, SqlError>) -> Executed {
        record_wait(self.queued_at.elapsed());
        (self.run)(connection)
    }

    /// Runs in the current transaction, of which an error undoes only its own changes; also returns whether the
    /// transaction still exists.
    fn run_in_savepoint(self, connection: &mut SqliteConnection) -> (Executed, Result<(), DieselError>) {
        if let Err(error) = connection.batch_execute("SAVEPOINT mutation") {
            return (self.execute(Err(lost_transaction())), Err(error));
        }
        let executed = self.execute(Ok(&mut *connection));
        let end = if executed.succeeded { "RELEASE mutation" } else { "ROLLBACK TO mutation; RELEASE mutation" };
        (executed, connection.batch_execute(end))
    }
}

impl Executed {
    fn answer(self, transaction: Result<(), SqlError>) {
        (self.answer)(transaction);
    }
}

/// Creates the mutation that does `work`, and the receiver of its answer.
fn mutation<T: Send + 'static>(
    reserve: Arc<DiskReserve>,
    demand: Demand,
    weight: Weight,
    work: impl FnOnce(&mut SqliteConnection) -> Result<T, SqlError> + Send + 'static,
    permits: (FairPermit, Option<FairPermit>),
) -> (Mutation, oneshot::Receiver<Result<T, SqlError>>) {
    let (sender, receiver) = oneshot::channel();
    let span = Span::current();
    let run = move |connection: Result<&mut SqliteConnection, SqlError>| {
        let outcome = span.in_scope(|| {
            let connection = connection?;
            reserve.admit(demand)?;
            let outcome = catch_unwind(AssertUnwindSafe(|| work(connection)));
            outcome.unwrap_or_else(|_| Err(Error::internal("database", "a mutation panicked").into()))
        });
        reserve.release_if_full(&outcome);
        let succeeded = outcome.is_ok();
        let failed_in_database = matches!(outcome, Err(SqlError::Database(_)));
        let answer = move |transaction: Result<(), SqlError>| {
            // The caller may be gone.
            let _ = sender.send(transaction.and(outcome));
            drop(permits);
        };
        Executed { succeeded, failed_in_database, answer: Box::new(answer) }
    };
    (Mutation { weight, queued_at: Instant::now(), run: Box::new(run) }, receiver)
}

/// Runs `mutation` as the only one of the current transaction. Returns whether the connection is still in order.
fn run_alone(connection: &mut SqliteConnection, mutation: Mutation, reserve: &DiskReserve) -> bool {
    let executed = mutation.execute(Ok(&mut *connection));
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
    let committed = AnsiTransactionManager::commit_transaction(connection);
    if let Err(error) = &committed {
        tracing::warn!(%error, mutations = group.len(), "a group of mutations was not committed");
    }
    let committed = committed.map_err(SqlError::Database);
    reserve.release_if_full(&committed);
    for executed in group {
        executed.answer(match &committed {
            Ok(()) => Ok(()),
            Err(error) => Err(same_error(error)),
        });
    }
}

/// Answers a group whose transaction SQLite has rolled back. Errors may rest on changes that are gone with it; only that
/// of the last one is told, if the database failed it.
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

fn lost_transaction() -> SqlError {
    Error::unavailable("database", "SQLite rolled back the transaction because of another mutation").into()
}

/// The error of a commit, for each mutation of its group.
fn same_error(error: &SqlError) -> SqlError {
    let text = match error {
        SqlError::Database(DieselError::DatabaseError(_, info)) => info.message().to_owned(),
        SqlError::Database(error) => error.to_string(),
        other => format!("{other:?}"),
    };
    SqlError::Database(DieselError::DatabaseError(DatabaseErrorKind::Unknown, Box::new(text)))
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::task::{Context, Poll, Waker};

    use clouddrive_domain::Result;
    use clouddrive_domain::caller::{Caller, on_behalf_of};
    use clouddrive_domain::model::UserId;
    use clouddrive_domain::uuid::Uuid;
    use diesel::sql_types::Text;
    use diesel::{Connection, QueryableByName, RunQueryDsl};
    use tempfile::TempDir;

    use super::*;
    use crate::{Database, Options};

    type Work = Box<dyn FnOnce(&mut SqliteConnection) -> Result<(), SqlError> + Send>;

    /// A database with a table of notes, which another connection can read and lock.
    struct Fixture {
        database: Database,
        other: SqliteConnection,
        _dir: TempDir,
    }

    #[derive(QueryableByName)]
    struct Note {
        #[diesel(sql_type = Text)]
        text: String,
    }

    impl Fixture {
        async fn new() -> Self {
            Self::with(Options::default()).await
        }

        async fn with(options: Options) -> Self {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("clouddrive.db");
            let database = Database::open(&path, options).await.unwrap();
            let mut other = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
            let tables = "PRAGMA busy_timeout = 5000; CREATE TABLE notes (text TEXT UNIQUE);
                CREATE TABLE parents (id INTEGER PRIMARY KEY);
                CREATE TABLE children (parent INTEGER REFERENCES parents DEFERRABLE INITIALLY DEFERRED);";
            other.batch_execute(tables).unwrap();
            Self { database, other, _dir: dir }
        }

        /// Runs all of `works` while they wait for one another.
        async fn together(&mut self, works: Vec<Work>) -> Vec<Result<()>> {
            self.other.batch_execute("BEGIN IMMEDIATE").unwrap();
            let mut writing: Vec<_> = works.into_iter().map(|work| Box::pin(self.database.write(work))).collect();
            for one in &mut writing {
                assert!(is_pending(one.as_mut()));
            }
            assert_eq!(self.database.connections().waiting, writing.len() - 1);
            self.other.batch_execute("COMMIT").unwrap();
            let mut results = Vec::new();
            for one in writing {
                results.push(one.await);
            }
            results
        }

        fn notes(&mut self) -> Vec<String> {
            let rows = diesel::sql_query("SELECT text FROM notes ORDER BY rowid").load::<Note>(&mut self.other);
            rows.unwrap().into_iter().map(|note| note.text).collect()
        }
    }

    /// Polls once.
    fn is_pending(future: Pin<&mut impl Future>) -> bool {
        matches!(future.poll(&mut Context::from_waker(Waker::noop())), Poll::Pending)
    }

    fn run(sql: impl Into<String>) -> Work {
        let sql = sql.into();
        Box::new(move |connection| Ok(connection.batch_execute(&sql)?))
    }

    fn note(text: &str) -> Work {
        run(format!("INSERT INTO notes VALUES ('{text}')"))
    }

    #[tokio::test]
    async fn a_mutation_that_fails_or_panics_undoes_only_its_own_changes() {
        let mut fixture = Fixture::new().await;
        let failing: Work = Box::new(|connection| {
            connection.batch_execute("INSERT INTO notes VALUES ('of the failed one')")?;
            Err(Error::NotFound.into())
        });
        let panicking: Work = Box::new(|connection| {
            connection.batch_execute("INSERT INTO notes VALUES ('of the panicked one'); SAVEPOINT within")?;
            panic!("a bug")
        });
        let works = vec![note("first"), failing, note("second"), panicking, note("first"), note("third")];
        let results = fixture.together(works).await;
        assert!(matches!(
            &results[..],
            [Ok(()), Err(Error::NotFound), Ok(()), Err(Error::Internal { .. }), Err(Error::Internal { .. }), Ok(())]
        ));
        assert_eq!(fixture.notes(), ["first", "second", "third"]);
        fixture.database.write(note("fourth")).await.unwrap();
        assert_eq!(fixture.notes().len(), 4);
    }

    #[tokio::test]
    async fn a_failed_commit_fails_all_mutations_of_its_group() {
        let mut fixture = Fixture::new().await;
        let violation = run("INSERT INTO children VALUES (1)");
        let failing: Work = Box::new(|_| Err(Error::NotFound.into()));
        let results = fixture.together(vec![violation, note("lost"), failing]).await;
        assert!(results.iter().all(|result| matches!(result, Err(Error::Internal { .. }))), "{results:?}");
        assert_eq!(fixture.notes(), Vec::<String>::new());
        fixture.database.write(note("next")).await.unwrap();
        assert_eq!(fixture.notes(), ["next"]);
    }

    #[tokio::test]
    async fn no_mutation_of_a_lost_transaction_is_taken_for_done() {
        let mut fixture = Fixture::new().await;
        // What it says may rest on what is lost.
        let refused: Work = Box::new(|_| Err(Error::NotFound.into()));
        let mut results = fixture.together(vec![note("lost"), refused, run("ROLLBACK"), note("next")]).await;
        assert!(matches!(results.pop(), Some(Ok(()))));
        assert!(results.iter().all(|result| matches!(result, Err(Error::Unavailable { .. }))), "{results:?}");
        assert_eq!(fixture.notes(), ["next"]);
    }

    #[tokio::test]
    async fn bulk_work_that_fails_leaves_nothing() {
        let mut fixture = Fixture::new().await;
        let failing: Work = Box::new(|connection| {
            connection.batch_execute("INSERT INTO notes VALUES ('of the failed one')")?;
            Err(Error::NotFound.into())
        });
        assert!(matches!(fixture.database.write_bulk(failing).await, Err(Error::NotFound)));
        fixture.database.write_bulk(note("next")).await.unwrap();
        assert_eq!(fixture.notes(), ["next"]);
    }

    #[tokio::test]
    async fn small_mutations_pass_between_the_bulk_work_of_others() {
        let mut fixture = Fixture::new().await;
        let user = |number| Some(Caller::User(UserId::from_uuid(Uuid::from_u128(number))));
        fixture.other.batch_execute("BEGIN IMMEDIATE").unwrap();
        let mut first = Box::pin(fixture.database.write(note("first")));
        assert!(is_pending(first.as_mut()));
        let database = fixture.database.clone();
        let bulk = ["bulk 1", "bulk 2", "bulk 3"].map(|text| on_behalf_of(user(1), database.write_bulk(note(text))));
        let mut bulk = bulk.map(Box::pin);
        let mut small = Box::pin(on_behalf_of(user(2), database.write(note("small"))));
        assert!(bulk.iter_mut().all(|one| is_pending(one.as_mut())) && is_pending(small.as_mut()));
        fixture.other.batch_execute("COMMIT").unwrap();
        let [one, two, three] = bulk;
        let (first, one, two, three, small) = tokio::join!(first, one, two, three, small);
        first.and(one).and(two).and(three).and(small).unwrap();
        assert_eq!(fixture.notes(), ["first", "bulk 1", "small", "bulk 2", "bulk 3"]);
    }

    #[tokio::test]
    async fn a_mutation_that_is_queued_in_vain_is_refused_as_one_too_many_of_its_user_or_as_an_outage() {
        let mut fixture = Fixture::with(Options { wait: Duration::from_millis(20), ..Options::default() }).await;
        fixture.other.batch_execute("BEGIN IMMEDIATE").unwrap();
        let user = |number| Some(Caller::User(UserId::from_uuid(Uuid::from_u128(number))));
        let mut first = Box::pin(on_behalf_of(user(1), fixture.database.write(note("first"))));
        assert!(is_pending(first.as_mut()));
        let second = on_behalf_of(user(1), fixture.database.write(note("second"))).await;
        assert!(matches!(second, Err(Error::TooManyRunning { .. })), "{second:?}");
        let other = on_behalf_of(user(2), fixture.database.write(note("of another"))).await;
        assert!(matches!(other, Err(Error::Unavailable { .. })), "{other:?}");
        fixture.other.batch_execute("COMMIT").unwrap();
        first.await.unwrap();
        assert_eq!(fixture.notes(), ["first"]);
    }

    #[tokio::test]
    async fn a_queued_mutation_is_cancelled_with_its_caller() {
        let mut fixture = Fixture::new().await;
        fixture.other.batch_execute("BEGIN IMMEDIATE").unwrap();
        let mut first = Box::pin(fixture.database.write(note("first")));
        assert!(is_pending(first.as_mut()));
        let mut second = Box::pin(fixture.database.write(note("second")));
        assert!(is_pending(second.as_mut()));
        drop(second);
        assert_eq!(fixture.database.connections().waiting, 0);
        fixture.other.batch_execute("COMMIT").unwrap();
        first.await.unwrap();
        fixture.database.write(note("third")).await.unwrap();
        assert_eq!(fixture.notes(), ["first", "third"]);
    }
}
