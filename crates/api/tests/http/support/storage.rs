//! Storage for a server.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::bucket::Bucket;
use super::postgres::Postgres;
use super::server::binary;
use super::stack::{Stack, production, stack};

/// A test's own storage for one or more servers: an empty working directory and, on the production stack, a database, a
/// bucket and a key. Removed when dropped.
pub struct Storage {
    dir: TempDir,
    stores: Option<Stores>,
}

struct Stores {
    database: Postgres,
    bucket: Bucket,
}

impl Storage {
    /// Creates storage on this run's stack.
    pub fn new() -> Self {
        match stack() {
            Stack::Embedded => Self { dir: tempfile::tempdir().unwrap(), stores: None },
            Stack::Production => Self::with(Postgres::migrated()),
        }
    }

    /// Production storage with an unmigrated database.
    pub fn untouched() -> Self {
        Self::with(Postgres::empty())
    }

    fn with(database: Postgres) -> Self {
        Self { dir: tempfile::tempdir().unwrap(), stores: Some(Stores { database, bucket: Bucket::new() }) }
    }

    /// The server's working directory.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// The file that receives standard error, if the server logs.
    pub fn log(&self) -> PathBuf {
        self.path().join("log")
    }

    /// The variables that configure a server to use this storage.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        let Some(Stores { database, bucket }) = &self.stores else { return Vec::new() };
        let stores = production();
        vec![
            ("DATABASE_URL", database.url().to_owned()),
            ("S3_BUCKET_NAME", bucket.name().to_owned()),
            ("AWS_ENDPOINT_URL_S3", stores.s3_endpoint.clone()),
            ("AWS_REGION", stores.region.clone()),
            ("AWS_ACCESS_KEY_ID", stores.key_id.clone()),
            ("AWS_SECRET_ACCESS_KEY", stores.key_secret.clone()),
            ("SECRET_KEY", self.key()),
        ]
    }

    /// The binary here; `variables` override those of the storage.
    pub fn command(&self, variables: &[(&str, &str)]) -> Command {
        let mut command = binary(self.path(), &[]);
        command.envs(self.variables()).envs(variables.iter().copied());
        command
    }

    /// The server's secret key, from which all other keys are derived.
    pub fn key(&self) -> String {
        match &self.stores {
            None => std::fs::read_to_string(self.path().join("data/secret.key")).unwrap().trim().to_owned(),
            Some(stores) => super::sha256(stores.database.name().as_bytes()),
        }
    }

    /// The database, on the production stack.
    pub fn postgres(&self) -> &Postgres {
        &self.stores().database
    }

    /// The bucket, on the production stack.
    pub fn bucket(&self) -> &Bucket {
        &self.stores().bucket
    }

    fn stores(&self) -> &Stores {
        self.stores.as_ref().expect("the production stack")
    }
}
