//! The metric of waits for connections. It is recorded for the whole process, so this binary has one test.
#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use clouddrive_domain::model::{LeaseId, Timestamp};
use clouddrive_domain::port::{Lease, TaskLeaseRepository};
use clouddrive_domain::{Error, Result};
use clouddrive_sqlite::{Database, Options};
use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio::task::JoinSet;
use uuid::Uuid;

/// Runs one mutation.
async fn mutate(database: Database) -> Result<()> {
    let lease = Lease { id: LeaseId::from_uuid(Uuid::from_u128(1)), task: "task" };
    database.finish(lease, Timestamp::from_millis(1)).await
}

/// The number of samples.
fn samples(metrics: &PrometheusHandle) -> usize {
    let rendered = metrics.render();
    let count = rendered.lines().find_map(|line| line.strip_prefix("clouddrive_database_wait_seconds_count "));
    count.map_or(0, |count| count.parse().unwrap())
}

fn is_pending(future: std::pin::Pin<&mut impl Future>) -> bool {
    matches!(future.poll(&mut Context::from_waker(Waker::noop())), Poll::Pending)
}

#[tokio::test]
async fn each_mutation_is_one_sample_of_the_wait_even_if_it_never_begins() {
    let metrics = PrometheusBuilder::new().install_recorder().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("clouddrive.db");
    let database = Database::open(&path, Options::default()).await.unwrap();
    // More than can be queued: some first wait for a place in the queue.
    let before = samples(&metrics);
    let mutations: JoinSet<_> = (0..300).map(|_| mutate(database.clone())).collect();
    mutations.join_all().await.into_iter().collect::<Result<()>>().unwrap();
    assert_eq!(samples(&metrics) - before, 300);

    let options = Options { wait: Duration::from_millis(20), ..Options::default() };
    let database = Database::open(&path, options).await.unwrap();
    let before = samples(&metrics);
    let mut other = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    other.batch_execute("PRAGMA busy_timeout = 5000; BEGIN IMMEDIATE").unwrap();
    let mut running = pin!(mutate(database.clone()));
    assert!(is_pending(running.as_mut()));
    let mut cancelled = Box::pin(mutate(database.clone()));
    assert!(is_pending(cancelled.as_mut()));
    drop(cancelled);
    let refused = mutate(database).await;
    assert!(matches!(refused, Err(Error::Unavailable { .. })), "{refused:?}");
    assert_eq!(samples(&metrics) - before, 2);
    other.batch_execute("COMMIT").unwrap();
    running.await.unwrap();
    assert_eq!(samples(&metrics) - before, 3);
}
