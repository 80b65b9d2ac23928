//! SQLite specifics: the file, its connections, and waiting for them.
#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use clouddrive_domain::error::{Forbidden, Refused};
use clouddrive_domain::model::{
    Action, Command, ConflictPolicy, Email, Grant, Handle, IdSource, Located, MAX_COPY_NODES, Name, NodeId,
    PasswordHash, RequestId, Timestamp, User, Username, authorize,
};
use clouddrive_domain::port::{
    Changes, Copying, Drive, Home, NameKeys, Probe, Purge, Random, Registration, Trash, Trees, Users,
};
use clouddrive_domain::{Error, Result};
use clouddrive_sqlite::{Database, Options};
use diesel::connection::SimpleConnection;
use diesel::{Connection, QueryableByName, RunQueryDsl, SqliteConnection};
use tempfile::TempDir;
use tokio::task::JoinSet;
use uuid::Uuid;

fn place() -> (PathBuf, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    (dir.path().join("clouddrive.db"), dir)
}

async fn open(path: &Path) -> Database {
    Database::open(path, Options::default()).await.unwrap()
}

/// The registration of the user with that number.
fn registration(number: u128) -> Registration {
    let id = |kind: u128| Uuid::from_u128(kind << 64 | number);
    Registration {
        user: User {
            id: clouddrive_domain::model::UserId::from_uuid(id(1)),
            username: Username::parse(&format!("user-{number}")).unwrap(),
            email: Email::parse(&format!("user-{number}@example.com")).unwrap(),
            created_at: Timestamp::from_millis(1_000),
            photo: None,
        },
        hash: PasswordHash::new("$example$".to_owned()),
        drive: clouddrive_domain::model::DriveId::from_uuid(id(2)),
        root: NodeId::from_uuid(id(3)),
        quota_bytes: 1_000,
        quota_entries: 1_000,
    }
}

fn command(of: &Registration) -> Command {
    Command {
        actor: Some(of.user.id),
        at: Timestamp::from_millis(1_000),
        request: RequestId::parse("a-request").unwrap(),
        receipt: None,
    }
}

async fn register(database: &Database, number: u128) -> Registration {
    let new = registration(number);
    database.register(&command(&new), &new).await.unwrap();
    new
}

async fn grant(database: &Database, owner: &Registration, node: NodeId, action: Action) -> Grant {
    authorize(database.find(node, owner.user.id.into()).await.unwrap(), action).unwrap()
}

/// Creates a folder in the root of `owner`.
async fn create_folder(database: &Database, owner: &Registration, id: NodeId, name: &str) {
    let root = grant(database, owner, owner.root, Action::AddTo).await;
    database.create_folder(&command(owner), &root, id, &Name::parse(name).unwrap()).await.unwrap();
}

fn folder_id(number: u128) -> NodeId {
    NodeId::from_uuid(Uuid::from_u128(4 << 64 | number))
}

/// Adds this many folders to a folder of `owner`, as an older server left them: without the keys of their names.
fn fill(path: &Path, owner: &Registration, folder: NodeId, count: u64) {
    let id = |id: Uuid| format!("x'{}'", id.simple());
    let (drive, folder, user) = (id(owner.drive.as_uuid()), id(folder.as_uuid()), id(owner.user.id.as_uuid()));
    let statements = format!(
        "INSERT INTO nodes (id, drive_id, parent_id, kind, name, sort_key, created_by, created_at, modified_at)
            WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < {count})
            SELECT randomblob(16), {drive}, {folder}, 'folder', '{count} ' || n, '', {user}, 0, 0 FROM number;
        UPDATE drives SET used_entries = used_entries + {count} WHERE id = {drive};"
    );
    outsider(path).batch_execute(&statements).unwrap();
}

/// Numbers of which none comes twice.
struct Numbers(AtomicU64);

impl Random for Numbers {
    fn fill(&self, bytes: &mut [u8]) {
        let number = self.0.fetch_add(1, Ordering::Relaxed).to_le_bytes();
        bytes.iter_mut().rev().zip(number).for_each(|(byte, digit)| *byte = digit);
    }
}

/// Copies a folder of `owner` into its root.
async fn copy(database: &Database, owner: &Registration, folder: NodeId, name: &str) -> Result<Located> {
    let copying = Copying {
        item: grant(database, owner, folder, Action::Read).await,
        to: grant(database, owner, owner.root, Action::AddTo).await,
        name: Some(Name::parse(name).unwrap()),
        conflict: ConflictPolicy::Fail,
        seen: None,
        most_versions: 1,
        ids: IdSource::new(Timestamp::from_millis(1_000), Arc::new(Numbers(AtomicU64::new(0)))),
    };
    database.copy(&command(owner), &copying).await
}

/// Counts the rows of `nodes` that are inserted, updated or deleted.
struct Count(SqliteConnection);

#[derive(QueryableByName)]
struct Total {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    total: i64,
}

impl Count {
    fn begin(path: &Path) -> Self {
        let mut connection = outsider(path);
        connection
            .batch_execute("CREATE TABLE changed (total INTEGER NOT NULL); INSERT INTO changed VALUES (0);")
            .unwrap();
        for event in ["INSERT", "UPDATE", "DELETE"] {
            let count = "BEGIN UPDATE changed SET total = total + 1; END";
            connection.batch_execute(&format!("CREATE TRIGGER count_{event} AFTER {event} ON nodes {count}")).unwrap();
        }
        Self(connection)
    }

    /// The number since the last call.
    fn take(&mut self) -> i64 {
        let Total { total } = diesel::sql_query("SELECT total FROM changed").get_result(&mut self.0).unwrap();
        self.0.batch_execute("UPDATE changed SET total = 0").unwrap();
        total
    }
}

/// A connection outside of the adapter, like that of another process.
fn outsider(path: &Path) -> SqliteConnection {
    let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    connection.batch_execute("PRAGMA busy_timeout = 5000;").unwrap();
    connection
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_stored_is_there_after_reopening() {
    let (path, _dir) = place();
    let database = open(&path).await;
    let ann = register(&database, 1).await;
    create_folder(&database, &ann, folder_id(1), "a").await;
    let before = database.find(folder_id(1), ann.user.id.into()).await.unwrap();
    let changes = database.read_after(0, 10).await.unwrap();
    assert!(before.is_some() && changes.len() == 2);
    drop(database);
    let database = open(&path).await;
    assert_eq!(database.find(folder_id(1), ann.user.id.into()).await.unwrap(), before);
    assert_eq!(database.read_after(0, 10).await.unwrap(), changes);
    create_folder(&database, &ann, folder_id(2), "b").await;
    assert_eq!(database.read_after(2, 10).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn migrating_twice_changes_nothing() {
    let (path, _dir) = place();
    assert!(!Database::migrate(&path).await.unwrap().is_empty());
    register(&open(&path).await, 1).await;
    assert_eq!(Database::migrate(&path).await.unwrap(), Vec::<String>::new());
    let handle = Handle::parse("user-1");
    assert!(open(&path).await.find_person(&handle).await.unwrap().is_some());
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
async fn a_cancelled_write_happens_wholly_or_not_at_all() {
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
        let handle = Handle::parse(new.user.username.as_str());
        let person = database.find_person(&handle).await.unwrap().is_some();
        let home = database.find_home(new.user.id).await.unwrap().is_some();
        let root = database.find(new.root, new.user.id.into()).await.unwrap().is_some();
        assert!(person == home && home == root, "user {number} is there by half");
        whole += usize::from(person);
    }
    let rows = database.read_after(0, 100).await.unwrap();
    assert_eq!(rows.len(), whole + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_has_begun_completes_when_cancelled() {
    let (path, _dir) = place();
    let database = open(&path).await;
    register(&database, 1).await;
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
    assert!(database.find_home(new.user.id).await.unwrap().is_some());
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
    other.batch_execute("BEGIN IMMEDIATE; UPDATE users SET username = 'nobody'").unwrap();
    let store = database.clone();
    let writing = tokio::spawn(async move { register(&store, 2).await });
    let name = |home: Option<Home>| home.unwrap().account.user.username;
    for _ in 0..20 {
        assert_eq!(name(database.find_home(ann.user.id).await.unwrap()).as_str(), "user-1");
    }
    assert!(!writing.is_finished());
    other.batch_execute("COMMIT").unwrap();
    assert_eq!(name(database.find_home(ann.user.id).await.unwrap()).as_str(), "nobody");
    let bob = writing.await.unwrap();
    assert!(database.find_home(bob.user.id).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_copy_does_not_use_the_writer() {
    let (path, _dir) = place();
    let database = open(&path).await;
    let ann = register(&database, 1).await;
    create_folder(&database, &ann, folder_id(1), "large").await;
    let mut writer = outsider(&path);
    fill(&path, &ann, folder_id(1), ann.quota_entries / 2);
    writer.batch_execute("BEGIN IMMEDIATE").unwrap();
    let refused = copy(&database, &ann, folder_id(1), "copy").await;
    assert!(matches!(refused, Err(Error::Forbidden(Forbidden::Entries { .. }))), "{refused:?}");
    writer.batch_execute("COMMIT").unwrap();
    fill(&path, &ann, folder_id(1), MAX_COPY_NODES);
    writer.batch_execute("BEGIN IMMEDIATE").unwrap();
    let refused = copy(&database, &ann, folder_id(1), "copy").await;
    assert!(matches!(refused, Err(Error::Refused(Refused::TooManyEntries { .. }))), "{refused:?}");
}

/// So that others, who wait for the one writer, get their turn.
#[tokio::test(flavor = "multi_thread")]
async fn no_transaction_of_bulk_work_changes_more_rows_than_it_may() {
    const MOST: u32 = 100;
    // The item itself, and the folders above it.
    const FEW: i64 = 5;
    let (path, _dir) = place();
    let database = open(&path).await;
    let (ann, ben) = (register(&database, 1).await, register(&database, 2).await);
    let large = folder_id(1);
    create_folder(&database, &ann, large, "large").await;
    fill(&path, &ann, large, 250);
    let mut count = Count::begin(&path);
    let (mut rows, mut steps) = (0, 0);
    while database.refresh(MOST).await.unwrap() > 0 {
        let step = count.take();
        assert!(step <= MOST.into(), "{step} rows get their keys at once");
        (rows, steps) = (rows + step, steps + 1);
        create_folder(&database, &ben, folder_id(100 + steps), &format!("{steps}")).await;
        count.take();
    }
    assert_eq!((rows, steps), (250, 3));

    copy(&database, &ann, large, "copy").await.unwrap();
    let rows = count.take();
    assert!((251..=250 + FEW).contains(&rows), "{rows} rows for a copy");
    let item = grant(&database, &ann, large, Action::Trash).await;
    database.put(&command(&ann), &item, None).await.unwrap();
    let rows = count.take();
    assert!((1..=FEW).contains(&rows), "{rows} rows for a deletion");

    let item = grant(&database, &ann, large, Action::Purge).await;
    database.begin_purge(&command(&ann), &item, None).await.unwrap();
    let rows = count.take();
    assert!((1..=FEW).contains(&rows), "{rows} rows to begin a purge");
    let (mut removed, mut steps) = (0, 0);
    loop {
        let step = database.purge(&command(&ann), Purge::Of(ann.drive, large), MOST).await.unwrap();
        let rows = count.take();
        // As many are removed, and as many reached.
        assert!(rows <= 2 * i64::from(MOST), "{rows} rows are purged at once");
        (removed, steps) = (removed + step.removed, steps + 1);
        create_folder(&database, &ben, folder_id(200 + steps), &format!("purge {steps}")).await;
        count.take();
        if !step.more {
            break;
        }
    }
    assert!(removed == 251 && steps >= 3, "{removed} in {steps} steps");
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
    assert!(database.find_home(second.user.id).await.unwrap().is_none());
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
    let text = "these are somebody's notes, and no database: ".repeat(100);
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
