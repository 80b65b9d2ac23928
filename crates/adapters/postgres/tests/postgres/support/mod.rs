//! Test databases, and separate servers for tests that would disturb others.

pub(crate) mod cluster;
pub(crate) mod fixture;

use std::sync::atomic::{AtomicU32, Ordering};

use clouddrive_postgres::{Options, Target};
use tokio_postgres::{Client, NoTls};

/// The server that the environment names, with a role that may create databases.
#[expect(clippy::disallowed_methods, reason = "tests get their server from the environment")]
pub(crate) fn server() -> String {
    std::env::var("DATABASE_URL").unwrap_or_else(|_| {
        panic!(
            "these tests need a PostgreSQL server: run `./scripts/test`, or \
             `./scripts/stack cargo test -p clouddrive-postgres`, which set DATABASE_URL"
        )
    })
}

/// A test's own database, dropped with this value.
pub(crate) struct Fresh {
    server: String,
    name: String,
    pub(crate) url: String,
}

impl Fresh {
    /// An empty database on the server that the environment names.
    pub(crate) async fn new() -> Self {
        Self::on(&server()).await
    }

    /// An empty database on `server`.
    pub(crate) async fn on(server: &str) -> Self {
        Self::made(server, "ENCODING 'UTF8'").await
    }

    /// An empty database on `server`, created with the options `words`.
    pub(crate) async fn made(server: &str, words: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("clouddrive_test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let client = connect(server).await;
        client.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await.unwrap();
        let make = format!("CREATE DATABASE {name} TEMPLATE template0 {words}");
        client.batch_execute(&make).await.unwrap();
        let (start, query) = server.split_once('?').unwrap_or((server, ""));
        let (base, _) = start.rsplit_once('/').unwrap();
        let url = format!("{base}/{name}?{query}");
        Self { server: server.to_owned(), name, url }
    }

    pub(crate) fn target(&self) -> Target {
        self.url.parse().unwrap()
    }

    pub(crate) fn options(&self) -> Options {
        Options::new(self.target())
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// A connection outside of the adapter.
    pub(crate) async fn outsider(&self) -> Client {
        connect(&self.url).await
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        let server = self.server.clone();
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                // A test's own server may be gone already.
                if let Ok((client, connection)) = tokio_postgres::connect(&server, NoTls).await {
                    tokio::spawn(connection);
                    let _ = client.batch_execute(&drop).await;
                }
            });
        });
        let _ = dropping.join();
    }
}

/// A connection outside of the adapter.
pub(crate) async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// The first column of the first row of `sql`.
pub(crate) async fn ask(client: &Client, sql: &str) -> String {
    let messages = client.simple_query(sql).await.unwrap();
    let row = messages.iter().find_map(|message| match message {
        tokio_postgres::SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    row.unwrap().get(0).unwrap_or_default().to_owned()
}

/// Waits until `sql` yields `t`.
pub(crate) async fn until(client: &Client, sql: &str) {
    while ask(client, sql).await != "t" {
        // Within a transaction, statistics are cached.
        client.batch_execute("SELECT pg_stat_clear_snapshot()").await.unwrap();
    }
}
