use std::path::{Path, PathBuf};

use async_trait::async_trait;
use diesel::connection::{DefaultLoadingMode, SimpleConnection};
use diesel::sql_types::{Nullable, Text};
use diesel::{Connection, QueryableByName, RunQueryDsl, SqliteConnection};
use futures_util::{StreamExt, stream};
use tokio::sync::mpsc;

use crate::ports::{CheckError, Dialect, Records, Row, RowStream, Snapshot};

/// The maximum number of buffered rows.
const MAX_BUFFERED: usize = 256;

/// An SQLite database, opened read-only. Each snapshot has its own connection on its own thread. While it lives, the
/// write-ahead log is not truncated.
pub struct Sqlite {
    path: PathBuf,
}

impl Sqlite {
    /// The database at `path`.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }
}

/// The URI that opens the file read-only.
fn uri(path: &Path) -> Result<String, CheckError> {
    let not_text = || CheckError { part: "database", cause: "the path is not UTF-8".to_owned() };
    let path = path.to_str().ok_or_else(not_text)?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte);
    let escaped =
        path.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") });
    Ok(format!("file:{}?mode=ro", escaped.collect::<String>()))
}

fn open(path: &Path) -> Result<SqliteConnection, CheckError> {
    let uri = uri(path)?;
    let mut connection = SqliteConnection::establish(&uri).map_err(|error| CheckError::database(&error))?;
    // The snapshot begins with the first read. Large sorts spill to disk.
    let begin = "PRAGMA query_only = ON; PRAGMA busy_timeout = 10000; BEGIN; SELECT 1 FROM nodes LIMIT 1;";
    connection.batch_execute(begin).map_err(|error| CheckError::database(&error))?;
    Ok(connection)
}

type RowSender = mpsc::Sender<Result<Row, CheckError>>;

#[async_trait]
impl Records for Sqlite {
    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    async fn snapshot(&self) -> Result<Box<dyn Snapshot>, CheckError> {
        let path = self.path.clone();
        let (queries, mut received) = mpsc::channel::<(String, RowSender)>(1);
        let (ready, opened) = tokio::sync::oneshot::channel();
        tokio::task::spawn_blocking(move || {
            let mut connection = match open(&path) {
                Ok(connection) => connection,
                Err(error) => return drop(ready.send(Err(error))),
            };
            let _ = ready.send(Ok(()));
            while let Some((sql, answers)) = received.blocking_recv() {
                send_rows(&mut connection, &sql, &answers);
            }
        });
        opened.await.map_err(|error| CheckError::database(&error))??;
        Ok(Box::new(OpenSnapshot { queries }))
    }
}

#[derive(QueryableByName)]
struct TextRow {
    #[diesel(sql_type = Nullable<Text>)]
    a: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    b: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    c: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    d: Option<String>,
}

/// Sends the rows until the receiver is dropped.
fn send_rows(connection: &mut SqliteConnection, sql: &str, answers: &RowSender) {
    let rows = match diesel::sql_query(sql).load_iter::<TextRow, DefaultLoadingMode>(connection) {
        Ok(rows) => rows,
        Err(error) => return drop(answers.blocking_send(Err(CheckError::database(&error)))),
    };
    for row in rows {
        let row = row.map(|row| Row([row.a, row.b, row.c, row.d])).map_err(|error| CheckError::database(&error));
        let failed = row.is_err();
        if answers.blocking_send(row).is_err() || failed {
            return;
        }
    }
}

struct OpenSnapshot {
    queries: mpsc::Sender<(String, RowSender)>,
}

#[async_trait]
impl Snapshot for OpenSnapshot {
    // The statements themselves contain `NOT INDEXED`, so `scan` is ignored.
    async fn rows(&mut self, sql: &str, _: bool) -> Result<RowStream, CheckError> {
        let (answers, rows) = mpsc::channel(MAX_BUFFERED);
        let gone = |_| CheckError { part: "database", cause: "the thread that reads it has ended".to_owned() };
        self.queries.send((sql.to_owned(), answers)).await.map_err(gone)?;
        Ok(stream::unfold(rows, async |mut rows| Some((rows.recv().await?, rows))).boxed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_characters_have_no_special_meaning() {
        assert_eq!(uri(Path::new("/a b/c?d#e%/ü.db")).unwrap(), "file:/a%20b/c%3Fd%23e%25/%C3%BC.db?mode=ro");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_snapshot_stays_as_it_was_and_nothing_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.db");
        let mut writer = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
        writer
            .batch_execute("PRAGMA journal_mode = WAL; CREATE TABLE nodes (id); INSERT INTO nodes VALUES (1)")
            .unwrap();
        let records = Sqlite::new(path);
        let mut snapshot = records.snapshot().await.unwrap();
        writer.batch_execute("INSERT INTO nodes VALUES (2)").unwrap();
        let count = "SELECT CAST(count(*) AS text) AS a, NULL AS b, NULL AS c, NULL AS d FROM nodes";
        let counted = async |snapshot: &mut Box<dyn Snapshot>| {
            let rows: Vec<_> = snapshot.rows(count, false).await.unwrap().collect().await;
            rows.into_iter().next().unwrap().map(|row| row.first().to_owned())
        };
        assert_eq!(counted(&mut snapshot).await.unwrap(), "1");
        assert_eq!(counted(&mut records.snapshot().await.unwrap()).await.unwrap(), "2");
        let deletion = "DELETE FROM nodes RETURNING '' AS a, '' AS b, '' AS c, '' AS d";
        let refused: Vec<_> = snapshot.rows(deletion, false).await.unwrap().collect().await;
        assert!(refused.iter().any(Result::is_err));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_missing_database_is_not_created() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("absent.db");
        assert!(Sqlite::new(path.clone()).snapshot().await.is_err());
        assert!(!path.exists());
    }
}
