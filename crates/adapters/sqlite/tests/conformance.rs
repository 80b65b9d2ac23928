//! The conformance suites of persistence adapters: each case alone with a database.
#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::path::PathBuf;
use std::sync::Arc;

use clouddrive_conformance::{Borrowed, Reuse, blob_records, changes, trash, uploads, users};
use clouddrive_domain::model::UserId;
use clouddrive_domain::port::Repositories;
use clouddrive_sqlite::{Database, Options};
use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use tempfile::TempDir;

async fn database(dir: &TempDir) -> Database {
    Database::open(&path(dir), Options::default()).await.unwrap()
}

async fn open(dir: &TempDir) -> Repositories {
    Repositories::from_store(Arc::new(database(dir).await))
}

fn path(dir: &TempDir) -> PathBuf {
    dir.path().join("clouddrive.db")
}

/// A fresh database, and its directory, which must outlive it.
async fn fresh() -> (TempDir, Repositories) {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir).await;
    (dir, store)
}

/// A migrated database that no other test is using.
async fn reused() -> (Borrowed<'static, TempDir>, Repositories) {
    static DATABASES: Reuse<TempDir> = Reuse::new();
    let dir = DATABASES.borrow(async || tempfile::tempdir().unwrap()).await;
    let store = open(&dir).await;
    (dir, store)
}

mod suites {
    use super::{database, reused};

    clouddrive_conformance::persistence! {
        #[tokio::test(flavor = "multi_thread")]
        (_dir, store) = reused().await => &store
    }
    clouddrive_conformance::probe! { #[tokio::test] dir = tempfile::tempdir().unwrap() => &database(&dir).await }
}

/// Suites do not interfere with each other, in any order.
#[tokio::test(flavor = "multi_thread")]
async fn one_store_for_all() {
    let (_dir, store) = fresh().await;
    blob_records::suite(&store).await;
    uploads::suite(&store).await;
    changes::suite(&store).await;
    users::suite(&store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn drives_whose_owners_are_gone() {
    let (dir, store) = fresh().await;
    let path = path(&dir);
    let remove = async |user: UserId| {
        let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
        connection.batch_execute("PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = ON").unwrap();
        let id = user.as_uuid().simple();
        connection.batch_execute(&format!("DELETE FROM users WHERE id = x'{id}'")).unwrap();
    };
    trash::ownerless_suite(&store, remove).await;
}
