//! SQLite specifics: the file, its connections, and waiting for them.
#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod bulk;
mod groups;
mod support;

use std::sync::Arc;
use std::time::Duration;

use clouddrive_domain::Error;
use clouddrive_domain::model::{ChangeKind, ChangePosition, LoginIdentifier};
use clouddrive_domain::port::{ChangeRepository, NodeRepository, Probe, UserDrive, UserRepository};
use clouddrive_sqlite::{Database, Options};
use diesel::connection::SimpleConnection;
use diesel::{QueryableByName, RunQueryDsl};
use tokio::task::JoinSet;

use support::{command, create_folder, folder_id, open, outsider, place, register, registration};

#[tokio::test(flavor = "multi_thread")]
async fn stored_data_is_there_after_reopening() {
    let (path, _dir) = place();
    let database = open(&path).await;
    let ann = register(&database, 1).await;
    create_folder(&database, &ann, folder_id(1), "a").await;
    let before = database.find(folder_id(1), ann.user.id.into()).await.unwrap();
    let changes = database.read(None, ChangePosition::default(), 10).await.unwrap();
    assert!(before.is_some() && changes.changes.len() == 2);
    drop(database);
    let database = open(&path).await;
    assert_eq!(database.find(folder_id(1), ann.user.id.into()).await.unwrap(), before);
    assert_eq!(database.read(None, ChangePosition::default(), 10).await.unwrap(), changes);
    create_folder(&database, &ann, folder_id(2), "b").await;
    assert_eq!(database.read(None, changes.end, 10).await.unwrap().changes.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_of_a_kind_that_only_a_newer_version_knows_holds_up_no_reader() {
    let (path, _dir) = place();
    let database = open(&path).await;
    let start = database.end().await.unwrap();
    let text = "INSERT INTO changes (kind, request_id, at) VALUES ('node_coloured', 'a', 1), ('photo_set', 'b', 1)";
    outsider(&path).batch_execute(text).unwrap();
    let first = database.read(None, start, 1).await.unwrap();
    let rest = database.read(None, first.end, 1).await.unwrap();
    let kinds: [Vec<ChangeKind>; 2] =
        [first, rest].map(|batch| batch.changes.into_iter().map(|logged| logged.change.kind).collect());
    assert_eq!(kinds, [vec![ChangeKind::Unknown], vec![ChangeKind::PhotoSet]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn migrating_twice_changes_nothing() {
    let (path, _dir) = place();
    assert!(!Database::migrate(&path).await.unwrap().is_empty());
    register(&open(&path).await, 1).await;
    assert_eq!(Database::migrate(&path).await.unwrap(), Vec::<String>::new());
    let identifier = LoginIdentifier::parse("user-1");
    assert!(open(&path).await.find_user(&identifier).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_many_concurrent_migrations_has_something_to_do() {
    for _ in 0..10 {
        let (path, _dir) = place();
        let mut migrations = JoinSet::new();
        for _ in 0..6 {
            let path = path.clone();
            migrations.spawn(async move { Database::migrate(&path).await.unwrap().len() });
        }
        let applied = migrations.join_all().await;
        assert_eq!(applied.into_iter().filter(|count| *count > 0).count(), 1);
        register(&open(&path).await, 1).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_write_is_atomic() {
    let (path, _dir) = place();
    let database = open(&path).await;
    let mut whole = 0;
    for number in 0..60 {
        let (store, new) = (database.clone(), registration(number));
        let writing = tokio::spawn(async move { store.register(&command(&new), &new).await });
        for _ in 0..number % 12 {
            tokio::task::yield_now().await;
        }
        writing.abort();
        let _ = writing.await;
    }
    // Writes are sequential: when this one is done, so are those before it.
    register(&database, 60).await;
    for number in 0..60 {
        let new = registration(number);
        let identifier = LoginIdentifier::parse(new.user.username.as_str());
        let person = database.find_user(&identifier).await.unwrap().is_some();
        let home = database.find_user_drive(new.user.id).await.unwrap().is_some();
        let root = database.find(new.root, new.user.id.into()).await.unwrap().is_some();
        assert!(person == home && home == root, "user {number} is there by half");
        whole += usize::from(person);
    }
    let rows = database.read(None, ChangePosition::default(), 100).await.unwrap().changes;
    assert_eq!(rows.len(), whole + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_has_begun_completes_when_cancelled() {
    let (path, _dir) = place();
    let database = open(&path).await;
    register(&database, 1).await;
    // The writer answers before it has put its connection back.
    while database.connections().used > 0 {
        tokio::task::yield_now().await;
    }
    let mut other = outsider(&path);
    other.batch_execute("BEGIN IMMEDIATE").unwrap();
    let new = registration(2);
    {
        // After one poll it has its connection and waits for the lock on its own thread.
        let command = command(&new);
        let writing = std::pin::pin!(database.register(&command, &new));
        assert!(polled_once(writing).await.is_none());
    }
    other.batch_execute("COMMIT").unwrap();
    register(&database, 3).await;
    assert!(database.find_user_drive(new.user.id).await.unwrap().is_some());
}

/// Polls `future` once.
async fn polled_once<F: Future>(mut future: std::pin::Pin<&mut F>) -> Option<F::Output> {
    std::future::poll_fn(|context| {
        std::task::Poll::Ready(match future.as_mut().poll(context) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        })
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_go_on_while_a_write_is_under_way() {
    let (path, _dir) = place();
    let database = open(&path).await;
    let ann = register(&database, 1).await;
    let mut other = outsider(&path);
    other.batch_execute("BEGIN IMMEDIATE; UPDATE users SET username = 'stranger'").unwrap();
    let store = database.clone();
    let writing = tokio::spawn(async move { register(&store, 2).await });
    let name = |home: Option<UserDrive>| home.unwrap().account.user.username;
    for _ in 0..20 {
        assert_eq!(name(database.find_user_drive(ann.user.id).await.unwrap()).as_str(), "user-1");
    }
    assert!(!writing.is_finished());
    other.batch_execute("COMMIT").unwrap();
    assert_eq!(name(database.find_user_drive(ann.user.id).await.unwrap()).as_str(), "stranger");
    let bob = writing.await.unwrap();
    assert!(database.find_user_drive(bob.user.id).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn more_readers_than_connections_take_turns() {
    let (path, _dir) = place();
    let options = Options { readers: 2, ..Options::default() };
    let database = Arc::new(Database::open(&path, options).await.unwrap());
    let ann = register(&database, 1).await;
    create_folder(&database, &ann, folder_id(1), "a").await;
    let mut reads = JoinSet::new();
    for _ in 0..200 {
        let (database, user) = (database.clone(), ann.user.id);
        reads.spawn(async move { database.find(folder_id(1), user.into()).await.unwrap() });
    }
    let found = reads.join_all().await;
    assert!(found.len() == 200 && found.iter().all(Option::is_some));
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_always_one_reader() {
    let (path, _dir) = place();
    let database = Database::open(&path, Options { readers: 0, ..Options::default() }).await.unwrap();
    database.check().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_wait_for_the_writer_ends_as_unavailable() {
    let (path, _dir) = place();
    let options = Options { wait: Duration::from_millis(20), ..Options::default() };
    let database = Database::open(&path, options).await.unwrap();
    register(&database, 1).await;
    let mut other = outsider(&path);
    other.batch_execute("BEGIN IMMEDIATE").unwrap();
    let (first, second) = (registration(2), registration(3));
    let command = command(&first);
    let mut writing = std::pin::pin!(database.register(&command, &first));
    assert!(polled_once(writing.as_mut()).await.is_none());
    let refused = database.register(&command, &second).await;
    assert!(matches!(refused, Err(Error::Unavailable { part: "database", .. })), "{refused:?}");
    other.batch_execute("COMMIT").unwrap();
    writing.await.unwrap();
    assert!(database.find_user_drive(second.user.id).await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_cannot_be_opened_is_unavailable() {
    let (path, _dir) = place();
    let nowhere = path.join("nowhere.db");
    let refused = Database::open(&nowhere, Options::default()).await.map(drop);
    assert!(matches!(refused, Err(Error::Unavailable { part: "database", .. })), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_no_database_is_not_changed() {
    let (path, _dir) = place();
    let text = "these are notes, not a database: ".repeat(100);
    std::fs::write(&path, &text).unwrap();
    let refused = Database::open(&path, Options::default()).await.map(drop);
    assert!(matches!(refused, Err(Error::Internal { part: "database", .. })), "{refused:?}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_file_is_sound_and_keeps_a_write_ahead_log() {
    #[derive(QueryableByName)]
    struct Answer {
        #[diesel(sql_type = diesel::sql_types::Text)]
        answer: String,
    }

    let (path, _dir) = place();
    let database = open(&path).await;
    let ann = register(&database, 1).await;
    for number in 0..20 {
        create_folder(&database, &ann, folder_id(number), &format!("{number}")).await;
    }
    let mut other = outsider(&path);
    let mut ask = |pragma: &str| {
        let text = format!("SELECT {pragma} AS answer FROM pragma_{pragma}");
        diesel::sql_query(text).get_result::<Answer>(&mut other).unwrap().answer
    };
    assert_eq!(ask("journal_mode"), "wal");
    assert_eq!(ask("integrity_check"), "ok");
}
