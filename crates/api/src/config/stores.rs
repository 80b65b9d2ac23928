//! Configuration of the database and the blob store.

use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clouddrive_domain::model::MAX_PARTS;
use secrecy::SecretString;

use super::reader::Reader;
use super::variables;

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
    pub(crate) migration_url: Option<SecretString>,
    pub(crate) connect: Duration,
    pub(crate) statement: Duration,
    pub(crate) prepared_statements: bool,
}

/// The address and user of the database.
#[derive(Debug)]
pub(crate) enum PostgresAddress {
    Url(SecretString),
    Parts {
        host: String,
        port: u16,
        database: String,
        user: String,
        password: Option<SecretString>,
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
    pub(crate) secret: SecretString,
    pub(crate) session_token: Option<SecretString>,
}

/// The database; in production it must be configured explicitly.
pub(super) fn database(reader: &mut Reader<'_>, production: bool, data_dir: &Path) -> DatabaseConfig {
    let embedded = || DatabaseConfig::Sqlite(data_dir.join("clouddrive.db"));
    let address = match reader.text(&variables::DATABASE_URL) {
        Some(url) if is_postgres(url) => Some(PostgresAddress::Url(SecretString::from(url))),
        Some(url) => match sqlite_path(url) {
            Some(path) => return DatabaseConfig::Sqlite(path),
            None => {
                reader.report(
                    &variables::DATABASE_URL,
                    "must be postgres://USER:PASSWORD@HOST:PORT/DATABASE or sqlite:PATH",
                );
                return embedded();
            }
        },
        None => parts(reader, production),
    };
    let Some(address) = address else {
        if production {
            let message = "must be set with ENVIRONMENT=production, to postgres://… or sqlite:PATH; or DATABASE, HOST, \
                           USER and PASSWORD";
            reader.report(&variables::DATABASE_URL, message);
        }
        return embedded();
    };
    let parse = |url: &str| is_postgres(url).then(|| SecretString::from(url));
    DatabaseConfig::Postgres(Box::new(PostgresConfig {
        address,
        migration_url: reader.parsed(&variables::MIGRATION_DATABASE_URL, parse),
        connect: reader.seconds(&variables::DATABASE_CONNECT_SECONDS),
        statement: reader.seconds(&variables::DATABASE_STATEMENT_SECONDS),
        prepared_statements: reader.flag(&variables::DATABASE_PREPARED_STATEMENTS),
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
    let database = reader.text(&variables::DATABASE)?.to_owned();
    if production {
        for variable in [&variables::HOST, &variables::USER, &variables::PASSWORD] {
            if reader.text(variable).is_none() {
                reader.report(variable, "must be set with DATABASE");
            }
        }
    }
    let host = reader.text_or_default(&variables::HOST).to_owned();
    let user = reader.text_or_default(&variables::USER).to_owned();
    let password = reader.text(&variables::PASSWORD).map(SecretString::from);
    Some(PostgresAddress::Parts {
        host,
        port: reader.number(&variables::PORT),
        database,
        user,
        password,
        ssl_mode: reader.text(&variables::DATABASE_SSLMODE).map(str::to_owned),
        ssl_root_cert: reader.text(&variables::DATABASE_SSLROOTCERT).map(str::to_owned),
    })
}

/// The blob store; in production it must be configured explicitly.
pub(super) fn blobs(reader: &mut Reader<'_>, production: bool, data_dir: &Path, aws: &AwsConfig) -> BlobsConfig {
    let bucket = reader.text(&variables::S3_BUCKET_NAME).map(str::to_owned);
    let directory = reader.text(&variables::BLOB_DIR).map(PathBuf::from);
    let endpoint = reader.url(&variables::AWS_ENDPOINT_URL_S3);
    let public_endpoint = reader.url(&variables::S3_PUBLIC_ENDPOINT);
    let path_style = reader.flag_or(&variables::S3_PATH_STYLE, endpoint.is_some());
    let max_parts = reader.text(&variables::S3_MAX_PARTS).is_some();
    let max_parts = max_parts.then(|| reader.number_or(&variables::S3_MAX_PARTS, MAX_PARTS));
    if let Some(bucket) = bucket {
        // Non-AWS servers accept any region.
        let known = aws.region.clone().or_else(|| endpoint.is_some().then(|| "us-east-1".to_owned()));
        if known.is_none() {
            reader.report(&variables::AWS_REGION, "must be set with S3_BUCKET_NAME, to the region of the bucket");
        }
        let region = known.unwrap_or_default();
        let config = S3Config { bucket, region, endpoint, public_endpoint, path_style, max_parts };
        return BlobsConfig::S3(Box::new(config));
    }
    if production && directory.is_none() {
        reader
            .report(&variables::S3_BUCKET_NAME, "must be set with ENVIRONMENT=production; or BLOB_DIR, to a directory");
    }
    BlobsConfig::Disk(directory.unwrap_or_else(|| data_dir.to_owned()))
}

/// The part size, which is also the largest single-part upload, within S3's limits.
pub(super) fn part_bytes(reader: &mut Reader<'_>) -> NonZeroU64 {
    let bytes = reader.number(&variables::UPLOAD_PART_BYTES);
    NonZeroU64::new(bytes).unwrap_or(NonZeroU64::MIN)
}

/// Region and credentials for AWS.
pub(super) fn aws(reader: &mut Reader<'_>) -> AwsConfig {
    let region = reader.text(&variables::AWS_REGION).map(str::to_owned);
    let (key_id, secret) = (reader.text(&variables::AWS_ACCESS_KEY_ID), reader.text(&variables::AWS_SECRET_ACCESS_KEY));
    let session_token = reader.text(&variables::AWS_SESSION_TOKEN).map(SecretString::from);
    let credentials = match (key_id, secret) {
        (Some(key_id), Some(secret)) => {
            Some(AwsCredentials { key_id: key_id.to_owned(), secret: SecretString::from(secret), session_token })
        }
        (Some(_), None) => {
            reader.report(&variables::AWS_SECRET_ACCESS_KEY, "must be set with AWS_ACCESS_KEY_ID");
            None
        }
        (None, Some(_)) => {
            reader.report(&variables::AWS_ACCESS_KEY_ID, "must be set with AWS_SECRET_ACCESS_KEY");
            None
        }
        (None, None) => None,
    };
    AwsConfig { region, credentials }
}
