//! Direct access to the server's database and blobs, as from a shell.

use std::any::Any;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use diesel::connection::SimpleConnection;
use diesel::{Connection, QueryableByName, RunQueryDsl, SqliteConnection, sql_query, sql_types};

use super::Server;
use super::stack::{Stack, stack};

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = sql_types::Text)]
    value: String,
}

impl Server {
    /// Runs these statements, which must be valid in both SQL dialects.
    pub fn execute(&self, statements: &str) {
        match stack() {
            Stack::Embedded => self.sqlite().batch_execute(statements).unwrap(),
            Stack::Production => self.storage().postgres().execute(statements),
        }
    }

    /// Evaluates an SQL expression as text.
    pub fn value(&self, expression: &str) -> String {
        if stack() == Stack::Production {
            return self.storage().postgres().value(expression);
        }
        let query = format!("SELECT CAST(({expression}) AS text) AS value");
        let rows: Vec<Row> = sql_query(query).load(&mut self.sqlite()).unwrap();
        rows.into_iter().next().unwrap().value
    }

    /// Keeps all others from writing accounts, files and folders until the result is dropped. Reads go on.
    #[must_use]
    pub fn occupy(&self) -> Box<dyn Any> {
        match stack() {
            Stack::Embedded => {
                let mut connection = self.sqlite();
                connection.batch_execute("BEGIN IMMEDIATE").unwrap();
                Box::new(connection)
            }
            Stack::Production => Box::new(self.storage().postgres().begin("LOCK TABLE nodes, users IN SHARE MODE")),
        }
    }

    /// A connection to the database, on the embedded stack.
    pub fn sqlite(&self) -> SqliteConnection {
        let path = self.data().join("clouddrive.db");
        let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
        connection.batch_execute("PRAGMA busy_timeout = 10000;").unwrap();
        connection
    }

    /// The keys of the stored blobs.
    pub fn blobs(&self) -> BTreeSet<String> {
        if stack() == Stack::Production {
            return self.storage().bucket().blobs();
        }
        // A blob is a file, or a directory of parts, in its shard's directory.
        self.entries_in("blobs", 1).filter(|name| !name.ends_with(DIGEST)).collect()
    }

    /// Overwrites a blob's bytes.
    pub fn put_blob(&self, key: &str, bytes: &[u8]) {
        match stack() {
            Stack::Embedded => std::fs::write(self.blob_file(key), bytes).unwrap(),
            Stack::Production => self.storage().bucket().put(key, bytes),
        }
    }

    /// Deletes a blob's bytes.
    pub fn remove_blob(&self, key: &str) {
        match stack() {
            Stack::Embedded => std::fs::remove_file(self.blob_file(key)).unwrap(),
            Stack::Production => self.storage().bucket().remove(key),
        }
    }

    /// A blob's path, on the embedded stack.
    pub fn blob_file(&self, key: &str) -> PathBuf {
        self.data().join("blobs").join(&key[..2]).join(key)
    }

    /// Incomplete uploads and other unfinished writes.
    pub fn unfinished(&self) -> BTreeSet<String> {
        if stack() == Stack::Production {
            return self.storage().bucket().unfinished();
        }
        let whole = self.blobs();
        let digests = self.entries_in("blobs", 1).filter(|name| name.ends_with(DIGEST)).collect::<Vec<_>>();
        let alone = digests.into_iter().filter(|name| !whole.contains(name.trim_end_matches(DIGEST)));
        self.entries_in("tmp", 0).chain(self.entries_in("parts", 0)).chain(alone).collect()
    }

    /// The names at this depth below `data/<folder>` that are files, or directories containing files.
    fn entries_in(&self, folder: &str, depth: usize) -> impl Iterator<Item = String> {
        let root = self.data().join(folder);
        let name = move |path: PathBuf| {
            let below = path.strip_prefix(&root).unwrap().components().nth(depth).unwrap();
            below.as_os_str().to_str().unwrap().to_owned()
        };
        self.files_in(folder).into_iter().map(name)
    }

    /// The data directory, on the embedded stack.
    pub fn data(&self) -> PathBuf {
        self.storage().path().join("data")
    }

    /// Every file below `data/<folder>` except lock files.
    pub fn files_in(&self, folder: &str) -> Vec<PathBuf> {
        fn walk(path: &Path, found: &mut Vec<PathBuf>) {
            for entry in std::fs::read_dir(path).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    walk(&path, found);
                } else if path.file_name().is_none_or(|name| name != "lock") {
                    found.push(path);
                }
            }
        }
        let mut found = Vec::new();
        walk(&self.data().join(folder), &mut found);
        found
    }
}

/// The suffix of the digest file beside each blob.
const DIGEST: &str = ".sha256";

/// An identifier as an SQL literal.
pub fn sql_id(id: &str) -> String {
    match stack() {
        Stack::Embedded => format!("x'{}'", id.replace('-', "")),
        Stack::Production => format!("'{id}'::uuid"),
    }
}
