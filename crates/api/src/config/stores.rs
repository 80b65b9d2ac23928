//! Configuration of the database and the blob store.

use std::fmt;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clouddrive_domain::model::{MAX_PART_BYTES, MAX_PARTS, MIN_PART_BYTES};

use super::reader::Reader;

/// The default part size, and the largest single-part upload: 64 MiB.
const PART_BYTES: u64 = 64 << 20;

/// The database.
#[derive(Debug)]
pub(crate) enum DatabaseConfig {
    Sqlite(PathBuf),
    Postgres(Box<PostgresConfig>),
}

/// A PostgreSQL database and its connection settings.
#[derive(Debug)]
pub(crate) struct PostgresConfig {
    pub(crate) address: PostgresAddress,
    /// Where migrations run, if elsewhere: bypassing a pooler, or as another role.
    pub(crate) migration_url: Option<Hidden>,
    pub(crate) connect: Duration,
    pub(crate) statement: Duration,
    pub(crate) prepared_statements: bool,
}

/// The address and user of the database.
#[derive(Debug)]
pub(crate) enum PostgresAddress {
    Url(Hidden),
    Parts {
        host: String,
        port: u16,
        database: String,
        user: String,
        password: Option<Hidden>,
        ssl_mode: Option<String>,
        ssl_root_cert: Option<String>,
    },
}

/// The blob store.
#[derive(Debug)]
pub(crate) enum BlobsConfig {
    Disk(PathBuf),
    S3(Box<S3Config>),
}

/// A bucket.
#[derive(Debug)]
pub(crate) struct S3Config {
    pub(crate) bucket: String,
    pub(crate) region: String,
    pub(crate) endpoint: Option<String>,
    pub(crate) public_endpoint: Option<String>,
    pub(crate) path_style: bool,
    /// The maximum number of parts per upload; probed if not set.
    pub(crate) max_parts: Option<u32>,
}

/// AWS region and credentials; the standard chain provides what is not set.
#[derive(Clone, Debug, Default)]
pub(crate) struct AwsConfig {
    pub(crate) region: Option<String>,
    pub(crate) credentials: Option<AwsCredentials>,
}

/// An IAM access key.
#[derive(Clone, Debug)]
pub(crate) struct AwsCredentials {
    pub(crate) key_id: String,
    pub(crate) secret: Hidden,
    pub(crate) session_token: Option<Hidden>,
}

/// A string whose `Debug` output is hidden.
#[derive(Clone)]
pub(crate) struct Hidden(String);

impl Hidden {
    fn of(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// Exposes the text.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// The database; in production it must be configured explicitly.
pub(super) fn database(reader: &mut Reader<'_>, production: bool, data_dir: &Path) -> DatabaseConfig {
    let embedded = || DatabaseConfig::Sqlite(data_dir.join("clouddrive.db"));
    let address = match reader.text("DATABASE_URL") {
        Some(url) if is_postgres(url) => Some(PostgresAddress::Url(Hidden::of(url))),
        Some(url) => match sqlite_path(url) {
            Some(path) => return DatabaseConfig::Sqlite(path),
            None => {
                reader.complain("DATABASE_URL", "must be postgres://USER:PASSWORD@HOST:PORT/DATABASE or sqlite:PATH");
                return embedded();
            }
        },
        None => parts(reader, production),
    };
    let Some(address) = address else {
        if production {
            let message = "must be set with ENVIRONMENT=production, to postgres://… or sqlite:PATH; or DATABASE, HOST, \
                           USER and PASSWORD";
            reader.complain("DATABASE_URL", message);
        }
        return embedded();
    };
    let parse = |url: &str| is_postgres(url).then(|| Hidden::of(url));
    DatabaseConfig::Postgres(Box::new(PostgresConfig {
        address,
        migration_url: reader.parsed("MIGRATION_DATABASE_URL", "postgres://…", parse),
        connect: reader.seconds("DATABASE_CONNECT_SECONDS", 5, 1..=300),
        statement: reader.seconds("DATABASE_STATEMENT_SECONDS", 30, 1..=3600),
        prepared_statements: reader.switch("DATABASE_PREPARED_STATEMENTS", true),
    }))
}

fn is_postgres(url: &str) -> bool {
    url.starts_with("postgres://") || url.starts_with("postgresql://")
}

fn sqlite_path(url: &str) -> Option<PathBuf> {
    let path = url.strip_prefix("sqlite:").map(|path| path.strip_prefix("//").unwrap_or(path))?;
    // SQLite gives some names a special meaning.
    let sane = !path.is_empty() && !path.starts_with([':', '?']) && !path.starts_with("file:");
    sane.then(|| PathBuf::from(path))
}

/// The address from `DATABASE` and related variables; production requires those that otherwise have defaults.
fn parts(reader: &mut Reader<'_>, production: bool) -> Option<PostgresAddress> {
    let database = reader.text("DATABASE")?.to_owned();
    let mut required = |names: &[&'static str], default: &str| match reader.named(names) {
        Some((_, value)) => value.to_owned(),
        None => {
            if let (true, Some(name)) = (production, names.first()) {
                reader.complain(name, "must be set with DATABASE");
            }
            default.to_owned()
        }
    };
    let host = required(&["HOST"], "localhost");
    let user = required(&["USER", "DB_USER"], "postgres");
    let password = required(&["PASSWORD", "DATABASE_PASSWORD"], "");
    Some(PostgresAddress::Parts {
        host,
        port: reader.number("PORT", 5432, 1..=65_535),
        database,
        user,
        password: (!password.is_empty()).then_some(Hidden(password)),
        ssl_mode: reader.text("DATABASE_SSLMODE").map(str::to_owned),
        ssl_root_cert: reader.text("DATABASE_SSLROOTCERT").map(str::to_owned),
    })
}

/// The blob store; in production it must be configured explicitly.
pub(super) fn blobs(reader: &mut Reader<'_>, production: bool, data_dir: &Path, aws: &AwsConfig) -> BlobsConfig {
    let bucket = reader.named(&["S3_BUCKET_NAME", "BUCKET_NAME"]).map(|(_, bucket)| bucket.to_owned());
    let directory = reader.text("BLOB_DIR").map(PathBuf::from);
    let endpoint = reader.url("AWS_ENDPOINT_URL_S3");
    let public_endpoint = reader.url("S3_PUBLIC_ENDPOINT");
    let path_style = reader.switch("S3_PATH_STYLE", endpoint.is_some());
    let max_parts = reader.text("S3_MAX_PARTS").is_some();
    let max_parts = max_parts.then(|| reader.number("S3_MAX_PARTS", MAX_PARTS, 1..=MAX_PARTS));
    if let Some(bucket) = bucket {
        // Non-AWS servers accept any region.
        let known = aws.region.clone().or_else(|| endpoint.is_some().then(|| "us-east-1".to_owned()));
        if known.is_none() {
            reader.complain("AWS_REGION", "must be set with S3_BUCKET_NAME, to the region of the bucket");
        }
        let region = known.unwrap_or_default();
        let config = S3Config { bucket, region, endpoint, public_endpoint, path_style, max_parts };
        return BlobsConfig::S3(Box::new(config));
    }
    if production && directory.is_none() {
        reader.complain("S3_BUCKET_NAME", "must be set with ENVIRONMENT=production; or BLOB_DIR, to a directory");
    }
    BlobsConfig::Disk(directory.unwrap_or_else(|| data_dir.to_owned()))
}

/// The part size, which is also the largest single-part upload, within S3's limits.
pub(super) fn part_bytes(reader: &mut Reader<'_>) -> NonZeroU64 {
    let bytes = reader.number("UPLOAD_PART_BYTES", PART_BYTES, MIN_PART_BYTES..=MAX_PART_BYTES);
    NonZeroU64::new(bytes).unwrap_or(NonZeroU64::MIN)
}

/// Region and credentials for AWS.
pub(super) fn aws(reader: &mut Reader<'_>) -> AwsConfig {
    let region = reader.named(&["AWS_REGION", "REGION"]).map(|(_, region)| region.to_owned());
    let (key_id, secret) = (reader.text("AWS_ACCESS_KEY_ID"), reader.text("AWS_SECRET_ACCESS_KEY"));
    let session_token = reader.text("AWS_SESSION_TOKEN").map(Hidden::of);
    let credentials = match (key_id, secret) {
        (Some(key_id), Some(secret)) => {
            Some(AwsCredentials { key_id: key_id.to_owned(), secret: Hidden::of(secret), session_token })
        }
        (Some(_), None) => {
            reader.complain("AWS_SECRET_ACCESS_KEY", "must be set with AWS_ACCESS_KEY_ID");
            None
        }
        (None, Some(_)) => {
            reader.complain("AWS_ACCESS_KEY_ID", "must be set with AWS_SECRET_ACCESS_KEY");
            None
        }
        (None, None) => None,
    };
    AwsConfig { region, credentials }
}
