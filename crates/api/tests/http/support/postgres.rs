//! PostgreSQL databases for tests.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

use super::server::binary;
use super::stack::production;
use super::{background, unique_name};

/// A database, removed when dropped.
pub struct Postgres {
    name: String,
    url: String,
    /// Its template, kept for further copies.
    _template: Option<Arc<Postgres>>,
}

impl Postgres {
    /// Creates an empty database.
    pub fn empty() -> Self {
        Self::made("TEMPLATE template0", None)
    }

    /// Creates a database with an up-to-date schema.
    pub fn migrated() -> Self {
        // The template is shared while any copy of it exists.
        static TEMPLATE: Mutex<Weak<Postgres>> = Mutex::new(Weak::new());
        let mut kept = TEMPLATE.lock().unwrap_or_else(PoisonError::into_inner);
        let template = kept.upgrade().unwrap_or_else(|| Arc::new(Self::empty().migrate()));
        *kept = Arc::downgrade(&template);
        drop(kept);
        Self::made(&format!("TEMPLATE {}", template.name), Some(template))
    }

    fn made(how: &str, template: Option<Arc<Self>>) -> Self {
        let name = unique_name("clouddrive_test_");
        background::wait(run(production().database_url.clone(), format!("CREATE DATABASE {name} {how}")));
        let server = &production().database_url;
        let (start, query) = server.split_once('?').unwrap_or((server, ""));
        let (base, _) = start.rsplit_once('/').unwrap();
        let url = format!("{base}/{name}?{query}");
        Self { name, url: url.trim_end_matches('?').to_owned(), _template: template }
    }

    fn migrate(self) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let variables = [("DATABASE_URL", self.url()), ("SECRET_KEY", "0123456789abcdef0123456789abcdef")];
        let output = binary(dir.path(), &variables).arg("migrate").output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        self
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// Runs these statements.
    pub fn execute(&self, statements: &str) {
        background::wait(run(self.url.clone(), statements.to_owned()));
    }

    /// Runs these statements in a transaction, which ends when the result is dropped.
    pub fn begin(&self, statements: &str) -> Client {
        let (url, statements) = (self.url.clone(), format!("BEGIN; {statements}"));
        background::wait(async move {
            let client = connect(&url).await;
            client.batch_execute(&statements).await.unwrap();
            client
        })
    }

    /// Evaluates an SQL expression as text.
    pub fn value(&self, expression: &str) -> String {
        let (url, query) = (self.url.clone(), format!("SELECT CAST(({expression}) AS text)"));
        background::wait(async move {
            let messages = connect(&url).await.simple_query(&query).await.unwrap();
            let value = messages.iter().find_map(|message| match message {
                SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
                _ => None,
            });
            value.unwrap()
        })
    }

    /// Terminates every connection to it, as a restart of the database server does.
    pub fn hang_up(&self) {
        let query = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}'", self.name);
        background::wait(run(production().database_url.clone(), query));
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // Only a superuser may use FORCE while autovacuum runs; without it the server cancels autovacuum itself.
        let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        background::wait(async move {
            let url = &production().database_url;
            match connect(url).await.batch_execute(&drop).await {
                Err(error) if error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) => {
                    run(url.clone(), drop.replace(" WITH (FORCE)", "")).await;
                }
                outcome => outcome.unwrap(),
            }
        });
    }
}

async fn run(url: String, statements: String) {
    for _ in 0..50 {
        match connect(&url).await.batch_execute(&statements).await {
            Ok(()) => return,
            // Autovacuum may be connected to a template.
            Err(error) if error.code() == Some(&SqlState::OBJECT_IN_USE) => {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            Err(error) => panic!("{statements}: {error:?}"),
        }
    }
    panic!("{statements}: what it needs stays in use");
}

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}
