//! The suites that every persistence adapter passes, each on a database of its own.
#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::sync::Arc;

use clouddrive_conformance::{
    Persistence, accounts, ambient, blob_records, changes, drive, sessions, shares, throttle, uploads, users,
};
use clouddrive_sqlite::{Database, Options};
use tempfile::TempDir;

/// A fresh database, and the directory that it lives and dies with.
async fn fresh() -> (Persistence, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let database = Database::open(&dir.path().join("clouddrive.db"), Options::default()).await.unwrap();
    (Persistence::of(Arc::new(database)), dir)
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

suites!(users, accounts, sessions, throttle, drive, uploads, shares, blob_records, changes);

/// Suites leave one another alone, in any order.
#[tokio::test(flavor = "multi_thread")]
async fn one_store_for_all() {
    let (store, _dir) = fresh().await;
    blob_records::suite(&store).await;
    uploads::suite(&store).await;
    changes::suite(&store).await;
    users::suite(&store).await;
}

#[tokio::test]
async fn a_database_that_works_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let database = Database::open(&dir.path().join("clouddrive.db"), Options::default()).await.unwrap();
    ambient::probe_suite(&database).await;
}
