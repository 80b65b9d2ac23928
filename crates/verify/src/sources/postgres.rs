use std::sync::Arc;

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use tokio_postgres::{Client, SimpleQueryMessage};

use crate::ports::{CheckError, Dialect, Records, Row, RowStream, Snapshot};

/// A function that connects to the database.
pub type Connect = Arc<dyn Fn() -> BoxFuture<'static, Result<Client, CheckError>> + Send + Sync>;

/// A PostgreSQL database. Each snapshot has its own connection, in a read-only transaction.
pub struct Postgres {
    connect: Connect,
}

impl Postgres {
    /// The database to which `connect` connects.
    #[must_use]
    pub fn new(connect: Connect) -> Self {
        Self { connect }
    }
}

#[async_trait]
impl Records for Postgres {
    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    async fn snapshot(&self) -> Result<Box<dyn Snapshot>, CheckError> {
        let client = (self.connect)().await?;
        // No timeouts, as the check may take long. In one message, so that a pooler uses one server.
        let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY; \
            SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0; SELECT 1";
        client.batch_execute(begin).await.map_err(|error| CheckError::database(&error))?;
        Ok(Box::new(OpenSnapshot { client: Arc::new(client) }))
    }
}

struct OpenSnapshot {
    client: Arc<Client>,
}

#[async_trait]
impl Snapshot for OpenSnapshot {
    async fn rows(&mut self, sql: &str, scan: bool) -> Result<RowStream, CheckError> {
        let way = if scan { "off" } else { "on" };
        let settings = format!(
            "SET LOCAL enable_indexscan = {way}; SET LOCAL enable_indexonlyscan = {way}; \
             SET LOCAL enable_bitmapscan = {way}"
        );
        self.client.batch_execute(&settings).await.map_err(|error| CheckError::database(&error))?;
        // The simple protocol streams rows as text, without prepared statements.
        let messages = self.client.simple_query_raw(sql).await.map_err(|error| CheckError::database(&error))?;
        let client = self.client.clone();
        let rows = messages.filter_map(move |message| {
            // Keep the connection alive while its rows are read.
            let _ = &client;
            std::future::ready(match message {
                Ok(SimpleQueryMessage::Row(row)) => {
                    Some(Ok(Row(["a", "b", "c", "d"].map(|column| row.get(column).map(str::to_owned)))))
                }
                Ok(_) => None,
                Err(error) => Some(Err(CheckError::database(&error))),
            })
        });
        Ok(rows.boxed())
    }
}
