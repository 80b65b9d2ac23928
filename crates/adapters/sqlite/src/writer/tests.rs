use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use clouddrive_domain::Result;
use clouddrive_domain::caller::{Caller, on_behalf_of};
use clouddrive_domain::model::UserId;
use clouddrive_domain::uuid::Uuid;
use diesel::connection::SimpleConnection;
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
    dir: TempDir,
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
        Self { database, other, dir }
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

/// Breaks a constraint that is checked by the commit.
fn violation() -> Work {
    run("INSERT INTO children VALUES (1)")
}

#[tokio::test]
async fn a_failed_commit_fails_all_mutations_of_its_group_which_may_be_sent_again() {
    let mut fixture = Fixture::new().await;
    let failing: Work = Box::new(|_| Err(Error::NotFound.into()));
    let results = fixture.together(vec![violation(), note("lost"), failing]).await;
    assert!(results.iter().all(|result| matches!(result, Err(Error::Unavailable { .. }))), "{results:?}");
    assert_eq!(fixture.notes(), Vec::<String>::new());
    fixture.database.write(note("next")).await.unwrap();
    assert_eq!(fixture.notes(), ["next"]);
}

#[tokio::test]
async fn a_single_mutation_gets_the_error_of_its_commit() {
    let fixture = Fixture::new().await;
    for failed in [fixture.database.write(violation()).await, fixture.database.write_bulk(violation()).await] {
        assert!(matches!(failed, Err(Error::Internal { .. })), "{failed:?}");
    }
}

#[tokio::test]
async fn a_violation_by_a_mutation_that_fails_does_not_fail_the_commit_of_the_others() {
    let mut fixture = Fixture::new().await;
    let failing: Work = Box::new(|connection| {
        violation()(connection)?;
        Err(Error::NotFound.into())
    });
    let results = fixture.together(vec![note("first"), failing, note("second")]).await;
    assert!(matches!(&results[..], [Ok(()), Err(Error::NotFound), Ok(())]), "{results:?}");
    assert_eq!(fixture.notes(), ["first", "second"]);
}

/// Finds the disk full, but only when its savepoint or its transaction ends: until then the index is in memory.
fn overflow() -> Work {
    let words: Vec<String> = (0..3000).map(|number| format!("w{number}")).collect();
    run(format!("PRAGMA max_page_count = 1; INSERT INTO texts (rowid, text) VALUES (1, '{}')", words.join(" ")))
}

#[tokio::test]
async fn the_reserve_is_given_up_if_the_end_of_a_savepoint_or_transaction_finds_the_disk_full() {
    for weight in [Weight::Light, Weight::Bulk] {
        let mut fixture = Fixture::new().await;
        // Without free pages in the file.
        let table = "CREATE VIRTUAL TABLE texts USING fts5(text, content = '', columnsize = 0); VACUUM";
        fixture.other.batch_execute(table).unwrap();
        let reserve = fixture.dir.path().join("clouddrive.db.reserve");
        assert!(reserve.exists());
        let refused = fixture.database.transact(Demand::Essential, weight, overflow()).await;
        assert!(matches!(refused, Err(Error::Unavailable { .. })), "{weight:?} {refused:?}");
        assert!(!reserve.exists(), "{weight:?}");
    }
}

#[tokio::test]
async fn no_mutation_of_a_lost_transaction_is_taken_for_done() {
    let mut fixture = Fixture::new().await;
    // Its error may rest on what is lost.
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
