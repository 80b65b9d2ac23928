//! PostgreSQL specifics: the server, its connections, and waiting for locks.

use std::time::Duration;

use crate::support::cluster::Cluster;
use crate::support::fixture::{
    begin, command, create_folder, folder_id, grant, name, new_upload, register, registration,
};
use crate::support::{Fresh, ask, connect, until};
use clouddrive_domain::Error;
use clouddrive_domain::model::{Action, LoginIdentifier, Timestamp};
use clouddrive_domain::port::{Clock, NodeRepository, Probe, UserRepository};
use clouddrive_postgres::{Database, Options, Target};
use futures_util::future::join_all;
use tokio_postgres::SimpleQueryMessage;

const AGES: Duration = Duration::from_secs(3600);

/// Whether any connection waits for a lock.
const WAITING: &str = "SELECT count(*) > 0 FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock' AND pid <> pg_backend_pid()";

async fn open(fresh: &Fresh) -> Database {
    Database::open(&fresh.options()).await.unwrap()
}

fn assert_unavailable<T: std::fmt::Debug>(outcome: clouddrive_domain::Result<T>) {
    assert!(matches!(outcome, Err(Error::Unavailable { part: "database", .. })), "{outcome:?}");
}

/// The message of an internal error.
fn internal<T>(outcome: clouddrive_domain::Result<T>) -> String {
    match outcome.map(drop) {
        Err(Error::Internal { part: "database", source }) => source.to_string(),
        other => unreachable!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stored_data_is_there_after_reopening() {
    let fresh = Fresh::new().await;
    let ann = {
        let database = open(&fresh).await;
        let ann = register(&database, 1).await;
        create_folder(&database, &ann, ann.root, folder_id(1), "a").await.unwrap();
        ann
    };
    let database = Database::open_current(&fresh.options()).await.unwrap();
    assert!(database.find(folder_id(1), ann.user.id.into()).await.unwrap().is_some());
    database.check().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_without_a_schema_is_not_opened_as_it_is() {
    let fresh = Fresh::new().await;
    let refused = internal(Database::open_current(&fresh.options()).await);
    assert!(refused.contains("not up to date"), "{refused}");
    assert!(!Database::migrate(&fresh.options()).await.unwrap().is_empty());
    assert_eq!(Database::migrate(&fresh.options()).await.unwrap(), Vec::<String>::new());
    Database::open_current(&fresh.options()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_schema_is_fine() {
    let fresh = Fresh::new().await;
    open(&fresh).await;
    let newer = "INSERT INTO __diesel_schema_migrations (version) VALUES ('20991231235959')";
    fresh.outsider().await.batch_execute(newer).await.unwrap();
    register(&open(&fresh).await, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_without_schema_rights_gets_advice() {
    let cluster = Cluster::start("");
    let fresh = Fresh::on(&cluster.url()).await;
    let owner = fresh.outsider().await;
    owner.batch_execute("CREATE ROLE plain LOGIN; REVOKE CREATE ON SCHEMA public FROM PUBLIC").await.unwrap();
    let plain: Target = fresh.url.replace("postgres@", "plain@").parse().unwrap();
    let options = Options { target: plain, ..fresh.options() };
    let refused = internal(Database::open(&options).await);
    assert!(refused.contains("clouddrive migrate"), "{refused}");
    // Once another role has migrated, this one needs no right to.
    let with_owner = Options { migration_target: Some(fresh.target()), ..options.clone() };
    assert!(!Database::migrate(&with_owner).await.unwrap().is_empty());
    owner.batch_execute("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO plain").await.unwrap();
    register(&Database::open(&options).await.unwrap(), 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_without_extension_rights_gets_advice() {
    let cluster = Cluster::start("");
    let fresh = Fresh::on(&cluster.url()).await;
    let owner = fresh.outsider().await;
    owner.batch_execute("CREATE ROLE plain LOGIN; GRANT CREATE ON SCHEMA public TO plain").await.unwrap();
    let plain: Target = fresh.url.replace("postgres@", "plain@").parse().unwrap();
    let options = Options { target: plain, ..fresh.options() };
    let refused = internal(Database::open(&options).await);
    assert!(refused.contains("a superuser: CREATE EXTENSION pg_trgm; CREATE EXTENSION btree_gin"), "{refused}");
    owner.batch_execute("CREATE EXTENSION pg_trgm; CREATE EXTENSION btree_gin").await.unwrap();
    Database::open(&options).await.unwrap();
}

/// The index finds names of all scripts, regardless of the letters in the database's locale.
#[tokio::test(flavor = "multi_thread")]
async fn the_grams_of_a_name_do_not_depend_on_the_locale() {
    let mut seen = Vec::new();
    for ctype in ["C", "C.UTF-8"] {
        let fresh = Fresh::made(&crate::support::server(), &format!("ENCODING 'UTF8' LC_CTYPE '{ctype}'")).await;
        open(&fresh).await;
        let outside = fresh.outsider().await;
        let grams = "SELECT search_grams('00000000-0000-0000-0000-000000000001', 'ab \u{436}\u{443}\u{43a} \u{65e5}')";
        let grams: Vec<i64> = outside.query_one(grams, &[]).await.unwrap().get(0);
        seen.push(grams);
    }
    // Seven pairs and four single characters.
    assert_eq!((seen[0].len(), &seen[0]), (11, &seen[1]));
}

/// Two statements in two transactions detect it, before any request fails.
#[tokio::test(flavor = "multi_thread")]
async fn a_pooler_that_loses_prepared_statements_is_named_at_the_start() {
    let mut cluster = Cluster::start("");
    let pooler = cluster.bounce(2);
    let fresh = Fresh::on(&cluster.url()).await;
    let options = Options {
        target: pooler.parse::<Target>().unwrap().with_database(fresh.name()),
        migration_target: Some(fresh.target()),
        ..fresh.options()
    };
    let refused = internal(Database::open(&options).await);
    assert!(refused.contains("DATABASE_PREPARED_STATEMENTS=off"), "{refused}");
    assert!(!Database::examine(&options, &Epoch).await.unwrap().keeps_prepared_statements);
    Database::open(&Options { prepared_statements: false, ..options.clone() }).await.unwrap();
    let refused = internal(Database::open_current(&options).await);
    assert!(refused.contains("DATABASE_PREPARED_STATEMENTS=off"), "{refused}");
    // It leaves none on the server connections, where the statements of other processes have the same names.
    let clients = [Database::client(&options).await.unwrap(), Database::client(&options).await.unwrap()];
    for client in &clients {
        client.batch_execute("BEGIN").await.unwrap();
    }
    for client in &clients {
        let left = client.simple_query("SELECT name FROM pg_prepared_statements").await.unwrap();
        assert!(!left.iter().any(|message| matches!(message, SimpleQueryMessage::Row(_))), "{left:?}");
    }

    // A single shared connection keeps prepared statements.
    let mut cluster = Cluster::start("");
    let single = cluster.bounce(1).parse::<Target>().unwrap().with_database("postgres");
    assert!(Database::examine(&Options::new(single), &Epoch).await.unwrap().keeps_prepared_statements);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_in_another_encoding_is_refused() {
    let fresh = Fresh::made(&crate::support::server(), "ENCODING 'LATIN1' LOCALE 'C'").await;
    let refused = internal(Database::open(&fresh.options()).await);
    assert!(refused.contains("LATIN1") && refused.contains("UTF8"), "{refused}");
}

struct Epoch;

impl Clock for Epoch {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(0)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_examination_reports_the_database() {
    let fresh = Fresh::new().await;
    let before = Database::examine(&fresh.options(), &Epoch).await.unwrap();
    assert_eq!(before.encoding, "UTF8");
    assert!(before.pending.iter().any(|name| name.contains("drive")), "{before:?}");
    assert!(before.clock_ahead_millis > 1_700_000_000_000 && before.server_version.len() > 1);
    open(&fresh).await;
    assert_eq!(Database::examine(&fresh.options(), &Epoch).await.unwrap().pending, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pool_heals_when_its_connections_are_ended() {
    let fresh = Fresh::new().await;
    let database = open(&fresh).await;
    let ann = register(&database, 1).await;
    let outsider = fresh.outsider().await;
    let end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()";
    for number in 2..12 {
        let found = join_all((0..10).map(|_| database.find_user_drive(ann.user.id))).await;
        assert!(found.into_iter().all(|home| home.unwrap().is_some()));
        assert_ne!(ask(&outsider, end).await, "0");
        if number % 2 == 0 {
            register(&database, number).await;
        } else {
            assert!(database.find_user_drive(ann.user.id).await.unwrap().is_some());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pool_heals_after_the_server_was_down() {
    let mut cluster = Cluster::start("");
    let target: Target = cluster.url().parse().unwrap();
    let database = Database::open(&Options::new(target)).await.unwrap();
    let ann = register(&database, 1).await;
    cluster.down();
    for _ in 0..3 {
        assert_unavailable(database.check().await);
        assert_unavailable(database.register(&command(&ann), &registration(2)).await);
    }
    cluster.up();
    register(&database, 2).await;
    assert!(database.find_user_drive(ann.user.id).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_up_yet_is_waited_for() {
    let mut cluster = Cluster::make("");
    let target: Target = cluster.url().parse().unwrap();
    let options = Options { start_wait: AGES, ..Options::new(target) };
    let starting = tokio::spawn(async move { Database::open(&options).await.unwrap() });
    cluster.up();
    register(&starting.await.unwrap(), 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_does_not_come_up_is_unavailable() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().display().to_string().replace('/', "%2F");
    for place in [socket.as_str(), "127.0.0.1:1"] {
        let target: Target = format!("postgres://ann@{place}/drive").parse().unwrap();
        let options = Options { start_wait: Duration::ZERO, ..Options::new(target) };
        assert_unavailable(Database::open(&options).await.map(drop));
        assert_unavailable(Database::migrate(&options).await);
        assert_unavailable(Database::examine(&options, &Epoch).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_database_fails_at_once() {
    let fresh = Fresh::new().await;
    let options = Options {
        target: fresh.target().with_database("there_is_no_such_database"),
        start_wait: AGES,
        ..fresh.options()
    };
    let refused = internal(Database::open(&options).await);
    assert!(refused.contains("there_is_no_such_database"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_wait_for_a_connection_ends_as_unavailable() {
    let fresh = Fresh::new().await;
    let options = Options { pool_size: 1, wait: Duration::from_millis(20), lock_timeout: AGES, ..fresh.options() };
    let database = Database::open(&options).await.unwrap();
    let outsider = fresh.outsider().await;
    outsider.batch_execute("BEGIN; LOCK TABLE users").await.unwrap();
    let store = database.clone();
    let first = tokio::spawn(async move { register(&store, 1).await });
    until(&outsider, WAITING).await;
    let second = registration(2);
    assert_unavailable(database.register(&command(&second), &second).await);
    assert_unavailable(database.find_user_drive(second.user.id).await);
    outsider.batch_execute("COMMIT").await.unwrap();
    first.await.unwrap();
    assert!(database.find_user_drive(second.user.id).await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_statements_and_lock_waits_time_out() {
    let fresh = Fresh::new().await;
    let short = Duration::from_millis(50);
    let by_statement = Options { statement_timeout: short, ..fresh.options() };
    let by_lock = Options { lock_timeout: short, ..fresh.options() };
    let unprepared = Options { prepared_statements: false, ..by_statement.clone() };
    for (number, options) in [(1, by_statement), (2, by_lock), (3, unprepared)] {
        let database = Database::open(&options).await.unwrap();
        let outsider = fresh.outsider().await;
        outsider.batch_execute("BEGIN; LOCK TABLE users").await.unwrap();
        let new = registration(number);
        assert_unavailable(database.register(&command(&new), &new).await);
        assert_unavailable(database.find_user_drive(new.user.id).await);
        outsider.batch_execute("COMMIT").await.unwrap();
        // The connection is still usable.
        register(&database, number).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadlock_is_retried() {
    let cluster = Cluster::start("deadlock_timeout = 100ms");
    let fresh = Fresh::on(&cluster.url()).await;
    let database = open(&fresh).await;
    let ann = register(&database, 1).await;
    let outsider = fresh.outsider().await;
    // The outsider must not be the one to detect the deadlock.
    outsider.batch_execute("SET deadlock_timeout = '1h'; BEGIN; SELECT 1 FROM drives FOR NO KEY UPDATE").await.unwrap();
    let (store, owner) = (database.clone(), ann.clone());
    let beginning = tokio::spawn(async move { begin(&store, &owner, &new_upload(&owner, 1, "a", 5)).await });
    until(&outsider, WAITING).await;
    outsider.batch_execute("SELECT 1 FROM users FOR NO KEY UPDATE").await.unwrap();
    outsider.batch_execute("COMMIT").await.unwrap();
    assert_eq!(beginning.await.unwrap().unwrap().reserved, 5);
    let deadlocks = "SELECT deadlocks > 0 FROM pg_stat_database WHERE datname = current_database()";
    until(&connect(&fresh.url).await, deadlocks).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_becomes_free_meanwhile_is_taken() {
    let fresh = Fresh::new().await;
    let database = open(&fresh).await;
    let ann = register(&database, 1).await;
    let outsider = fresh.outsider().await;
    // The holder gives the name up while another folder waits for it.
    create_folder(&database, &ann, ann.root, folder_id(1), "a").await.unwrap();
    let root = grant(&database, &ann, ann.root, Action::AddTo).await;
    outsider.batch_execute("BEGIN; DELETE FROM nodes WHERE name = 'a'").await.unwrap();
    let (store, owner) = (database.clone(), ann.clone());
    let making =
        tokio::spawn(async move { store.create_folder(&command(&owner), &root, folder_id(2), &name("a")).await });
    until(&outsider, WAITING).await;
    outsider.batch_execute("COMMIT").await.unwrap();
    assert_eq!(making.await.unwrap().unwrap().node.id, folder_id(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_of_unknown_outcome_is_no_success_and_is_not_repeated() {
    let fresh = Fresh::new().await;
    let database = open(&fresh).await;
    let outsider = fresh.outsider().await;
    // Makes commits wait for the outsider.
    let trap = "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS
            'BEGIN PERFORM pg_advisory_xact_lock(99, 99); RETURN NULL; END';
        CREATE CONSTRAINT TRIGGER wait AFTER INSERT ON changes DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION wait();";
    outsider.batch_execute(trap).await.unwrap();
    outsider.batch_execute("SELECT pg_advisory_lock(99, 99)").await.unwrap();
    let new = registration(1);
    let (store, spec) = (database.clone(), new.clone());
    let registering = tokio::spawn(async move { store.register(&command(&spec), &spec).await });
    until(&outsider, WAITING).await;
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock' AND pid <> pg_backend_pid()";
    assert_eq!(ask(&outsider, end).await, "t");
    assert_unavailable(registering.await.unwrap());
    outsider.batch_execute("DROP TRIGGER wait ON changes; SELECT pg_advisory_unlock(99, 99)").await.unwrap();
    assert!(database.find_user_drive(new.user.id).await.unwrap().is_none());
    register(&database, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_write_is_atomic() {
    let fresh = Fresh::new().await;
    // With one connection writes are sequential: when the last is done, so are those before it.
    let database = Database::open(&Options { pool_size: 1, ..fresh.options() }).await.unwrap();
    for number in 0..60 {
        let (store, new) = (database.clone(), registration(number));
        let writing = tokio::spawn(async move { store.register(&command(&new), &new).await });
        for _ in 0..number % 12 * 10 {
            tokio::task::yield_now().await;
        }
        writing.abort();
        let _ = writing.await;
    }
    register(&database, 60).await;
    for number in 0..60 {
        let new = registration(number);
        let identifier = LoginIdentifier::parse(new.user.username.as_str());
        let person = database.find_user(&identifier).await.unwrap().is_some();
        let home = database.find_user_drive(new.user.id).await.unwrap().is_some();
        let root = database.find(new.root, new.user.id.into()).await.unwrap().is_some();
        assert!(person == home && home == root, "user {number} is there by half");
    }
    // None of them has cost a connection.
    let backends = "SELECT count(*) = 1 FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()";
    until(&fresh.outsider().await, backends).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_pooler_everything_runs_in_transactions() {
    let fresh = Fresh::new().await;
    let options = Options { prepared_statements: false, pool_size: 1, ..fresh.options() };
    let database = Database::open(&options).await.unwrap();
    register(&database, 1).await;
    database.check().await.unwrap();
    let outsider = fresh.outsider().await;
    // The last statement of every session is the end of a transaction.
    let last = "SELECT bool_and(query = 'COMMIT') FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()";
    until(&outsider, last).await;
}
