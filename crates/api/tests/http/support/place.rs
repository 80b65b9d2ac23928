//! Where a server keeps what it keeps.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::bucket::Bucket;
use super::postgres::Postgres;
use super::server::binary;
use super::stack::{Stack, production, stack};

/// A place of a test's own for a server, or for several: an empty directory, in which it starts; on the production stack
/// also a database, a bucket and a key. All of it goes when nobody holds it any more.
pub struct Place {
    dir: TempDir,
    stores: Option<Stores>,
}

struct Stores {
    database: Postgres,
    bucket: Bucket,
}

impl Place {
    /// A place on the stack of this run.
    pub fn new() -> Self {
        match stack() {
            Stack::Embedded => Self { dir: tempfile::tempdir().unwrap(), stores: None },
            Stack::Production => Self::with(Postgres::migrated()),
        }
    }

    /// A place of production whose database is as it was made.
    pub fn untouched() -> Self {
        Self::with(Postgres::empty())
    }

    fn with(database: Postgres) -> Self {
        Self { dir: tempfile::tempdir().unwrap(), stores: Some(Stores { database, bucket: Bucket::new() }) }
    }

    /// The directory in which the server starts.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// What standard error goes to where a server logs.
    pub fn log(&self) -> PathBuf {
        self.path().join("log")
    }

    /// The variables that bring a server here.
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

    /// The binary, here, with `variables` before those of the place.
    pub fn command(&self, variables: &[(&str, &str)]) -> Command {
        let mut command = binary(self.path(), &[]);
        command.envs(self.variables()).envs(variables.iter().copied());
        command
    }

    /// The server's secret, from which all its keys come.
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
