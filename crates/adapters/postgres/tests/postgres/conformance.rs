//! The conformance suites of persistence adapters: each case alone with a database.

use std::sync::Arc;

use crate::support::Fresh;
use crate::support::cluster::Cluster;
use clouddrive_conformance::{
    Borrowed, Reuse, accounts, blob_records, changes, drive, idempotency_records, jobs, link_downloads, links,
    name_keys, search, sessions, shares, task_leases, throttle, trash, trees, uploads, users, versions,
};
use clouddrive_domain::model::UserId;
use clouddrive_domain::port::Repositories;
use clouddrive_postgres::{Database, Options};

async fn open(options: &Options) -> Repositories {
    Repositories::from_store(Arc::new(Database::open(options).await.unwrap()))
}

/// A migrated database that no other test is using.
async fn reused() -> (Borrowed<'static, Fresh>, Repositories) {
    static DATABASES: Reuse<Fresh> = Reuse::new();
    let database = DATABASES.borrow(Fresh::new).await;
    let store = open(&database.options()).await;
    (database, store)
}

mod suites {
    use super::{Database, Fresh, reused};

    clouddrive_conformance::persistence! {
        #[tokio::test(flavor = "multi_thread")]
        (_database, store) = reused().await => &store
    }
    clouddrive_conformance::probe! {
        #[tokio::test(flavor = "multi_thread")]
        fresh = Fresh::new().await => &Database::open(&fresh.options()).await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn drives_whose_owners_are_gone() {
    let fresh = Fresh::new().await;
    let store = open(&fresh.options()).await;
    let outsider = fresh.outsider().await;
    let remove = async |user: UserId| {
        outsider.batch_execute(&format!("DELETE FROM users WHERE id = '{user}'")).await.unwrap();
    };
    trash::ownerless_suite(&store, remove).await;
}

async fn all(store: &Repositories) {
    users::suite(store).await;
    accounts::suite(store).await;
    sessions::suite(store).await;
    throttle::suite(store).await;
    drive::suite(store).await;
    trees::suite(store).await;
    uploads::suite(store).await;
    trash::suite(store).await;
    versions::suite(store).await;
    shares::suite(store).await;
    links::suite(store).await;
    link_downloads::suite(store).await;
    search::suite(store).await;
    name_keys::suite(store).await;
    blob_records::suite(store).await;
    changes::suite(store).await;
    task_leases::suite(store).await;
    jobs::suite(store).await;
    idempotency_records::suite(store).await;
}

/// Suites do not interfere with each other, in any order.
#[tokio::test(flavor = "multi_thread")]
async fn one_store_for_all() {
    let fresh = Fresh::new().await;
    let store = open(&fresh.options()).await;
    blob_records::suite(&store).await;
    uploads::suite(&store).await;
    changes::suite(&store).await;
    users::suite(&store).await;
}

/// Names sort by their bytes, regardless of the database's collation.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_the_collation() {
    let words = "ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE 'sv-SE'";
    let fresh = Fresh::made(&crate::support::server(), words).await;
    let store = open(&fresh.options()).await;
    drive::suite(&store).await;
    users::suite(&store).await;
}

/// Behind a pooler that assigns one of two connections per transaction.
#[tokio::test(flavor = "multi_thread")]
async fn behind_pgbouncer() {
    let mut cluster = Cluster::start("");
    let pooler = cluster.bounce(2);
    let fresh = Fresh::on(&cluster.url()).await;
    let options = Options {
        target: pooler.parse::<clouddrive_postgres::Target>().unwrap().with_database(fresh.name()),
        migration_target: Some(fresh.target()),
        prepared_statements: false,
        ..fresh.options()
    };
    all(&open(&options).await).await;
}

/// One connection is enough: no task that has one waits for another.
#[tokio::test(flavor = "multi_thread")]
async fn with_one_connection() {
    let fresh = Fresh::new().await;
    all(&open(&Options { pool_size: 1, ..fresh.options() }).await).await;
}
