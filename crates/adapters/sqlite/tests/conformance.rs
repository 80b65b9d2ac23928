//! The conformance suites of persistence adapters, each on its own database.
#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::sync::Arc;

use clouddrive_conformance::{
    Persistence, accounts, blob_records, changes, drive, effects, idempotency_records, jobs, link_downloads, links,
    name_keys, search, sessions, shares, task_leases, throttle, trash, trees, uploads, users, versions,
};
use clouddrive_domain::model::UserId;
use clouddrive_sqlite::{Database, Options};
use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use tempfile::TempDir;

/// A fresh database, and its directory, which must outlive it.
async fn fresh() -> (Persistence, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let database = Database::open(&dir.path().join("clouddrive.db"), Options::default()).await.unwrap();
    (Persistence::from_store(Arc::new(database)), dir)
}

macro_rules! suites {
    ($($port:ident),+ $(,)?) => {$(
        #[tokio::test(flavor = "multi_thread")]
        async fn $port() {
            let (store, _dir) = fresh().await;
            $port::suite(&store).await;
        }
    )+};
}

suites!(
    users,
    sessions,
    drive,
    uploads,
    shares,
    blob_records,
    changes,
    idempotency_records,
    task_leases,
    jobs,
    links,
    name_keys,
    link_downloads,
    search,
    trees,
    trash,
    versions,
    accounts,
    throttle
);

/// Suites do not interfere with each other, in any order.
#[tokio::test(flavor = "multi_thread")]
async fn one_store_for_all() {
    let (store, _dir) = fresh().await;
    blob_records::suite(&store).await;
    uploads::suite(&store).await;
    changes::suite(&store).await;
    users::suite(&store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn drives_whose_owners_are_gone() {
    let (store, dir) = fresh().await;
    let path = dir.path().join("clouddrive.db");
    let remove = async |user: UserId| {
        let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
        connection.batch_execute("PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = ON").unwrap();
        let id = user.as_uuid().simple();
        connection.batch_execute(&format!("DELETE FROM users WHERE id = x'{id}'")).unwrap();
    };
    trash::ownerless_suite(&store, remove).await;
}

#[tokio::test]
async fn a_database_that_works_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let database = Database::open(&dir.path().join("clouddrive.db"), Options::default()).await.unwrap();
    effects::probe_suite(&database).await;
}
