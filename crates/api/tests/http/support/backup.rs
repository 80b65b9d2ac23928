//! Backups of a running server, by the steps in docs/operations.md: the database first, then the blobs.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use super::stack::{Stack, stack};
use super::{Server, Storage};

/// A backup, in storage on which another server can start.
pub struct Backup {
    place: Arc<Storage>,
    key: String,
}

impl Backup {
    /// Takes a consistent copy of the database, and of the key.
    pub fn of_database(server: &Server) -> Self {
        let key = server.storage().key();
        let place = match stack() {
            Stack::Embedded => {
                let place = Storage::new();
                let data = place.path().join("data");
                std::fs::create_dir(&data).unwrap();
                server.execute(&format!("VACUUM INTO '{}'", data.join("clouddrive.db").display()));
                std::fs::copy(server.data().join("secret.key"), data.join("secret.key")).unwrap();
                place
            }
            Stack::Production => {
                let place = Storage::untouched();
                let dump = place.path().join("clouddrive.dump");
                let dump = format!("--file={}", dump.display());
                run("pg_dump", &["--format=custom", &dump, server.storage().postgres().url()]);
                place
            }
        };
        Self { place: Arc::new(place), key }
    }

    /// Copies the blobs while some are added and deleted.
    pub fn add_blobs(&self, server: &Server) {
        match stack() {
            Stack::Embedded => copy(&server.data().join("blobs"), &self.place.path().join("data")),
            Stack::Production => self.place.bucket().copy_from(server.storage().bucket()),
        }
    }

    /// Starts a server on the backup.
    pub async fn restore(self, variables: &[(&str, &str)]) -> Server {
        let mut variables = variables.to_vec();
        if stack() == Stack::Production {
            let dump = self.place.path().join("clouddrive.dump");
            let database = format!("--dbname={}", self.place.postgres().url());
            let options = ["--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction"];
            run("pg_restore", &[&options[..], &[&database, dump.to_str().unwrap()]].concat());
            std::fs::remove_file(dump).unwrap();
            variables.push(("SECRET_KEY", &self.key));
        }
        Server::at(self.place.clone(), &variables).await
    }
}

fn run(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output().unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Copies a directory into another. If a file vanishes meanwhile, `cp` fails but still copies everything else.
fn copy(from: &Path, into: &Path) {
    let output = Command::new("cp").env("LC_ALL", "C").arg("-R").args([from, into]).output().unwrap();
    let printed = String::from_utf8(output.stderr).unwrap();
    let strange: Vec<_> = printed.lines().filter(|line| !line.contains("No such file or directory")).collect();
    assert!(strange.is_empty() && (output.status.success() || !printed.is_empty()), "{strange:?}");
}
