//! Configuration: the environment, `.env` and, in production, one secret. Read once, validated as a whole; every error
//! names its variable.

mod reader;
pub(crate) mod reference;
mod secret;
mod source;
mod stores;
pub(crate) mod variables;

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU64;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use clouddrive_domain::model::StoreName;
use clouddrive_http::body::BodyLimits;
use ipnet::IpNet;

use self::reader::Reader;
pub(crate) use self::secret::SecretKey;
pub(crate) use self::source::Source;
pub(crate) use self::stores::{AwsConfig, BlobsConfig, DatabaseConfig, PostgresAddress, PostgresConfig, S3Config};
use self::variables::Variable;
use crate::connections::ConnectionLimits;

/// Variables with unusable values, each with what it must be. Displays as one line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ConfigError(Vec<(String, String)>);

impl ConfigError {
    pub(crate) fn new(variable: impl Into<String>, message: impl Into<String>) -> Self {
        Self(vec![(variable.into(), message.into())])
    }

    /// The value is not what the variable must be.
    pub(crate) fn invalid(variable: &Variable) -> Self {
        Self::new(variable.name, format!("must be {}", variable.required()))
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let errors: Vec<String> = self.0.iter().map(|(variable, message)| format!("{variable} {message}")).collect();
        f.write_str(&errors.join("; "))
    }
}

impl std::error::Error for ConfigError {}

/// The HMAC algorithm that signs access tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Hs256,
    Hs384,
    Hs512,
}

/// The allowed quotas of a drive, in bytes.
pub(crate) const QUOTAS: RangeInclusive<u64> = 0..=1 << 60;

/// The metrics address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MetricsAddress {
    Off,
    Given(SocketAddr),
    /// The default address.
    Default(SocketAddr),
}

/// The server's configuration.
pub(crate) struct Config {
    pub(crate) bind: SocketAddr,
    pub(crate) metrics: MetricsAddress,
    /// The base of the local store's signed URLs; defaults to the bound address.
    pub(crate) public_url: Option<String>,
    pub(crate) data_dir: PathBuf,
    pub(crate) database: DatabaseConfig,
    pub(crate) blobs: BlobsConfig,
    /// The name of the blob store; that of its kind if not set.
    pub(crate) blob_store: Option<StoreName>,
    pub(crate) aws: AwsConfig,
    pub(crate) secret_key: Option<SecretKey>,
    /// The previous key, still accepted during key rotation.
    pub(crate) previous_secret_key: Option<SecretKey>,
    pub(crate) algorithm: Algorithm,
    pub(crate) token_lifetime: Duration,
    /// The lifetime of a session without refresh.
    pub(crate) session_lifetime: Duration,
    /// How long after its first use a refresh token may be reused.
    pub(crate) refresh_grace: Duration,
    /// Whether to rate-limit guessing and probing.
    pub(crate) rate_limits: bool,
    pub(crate) quota_bytes: u64,
    /// The limit on files and folders of a new drive.
    pub(crate) quota_entries: u64,
    pub(crate) upload_lifetime: Duration,
    pub(crate) url_lifetime: Duration,
    /// The lifetime of streaming URLs.
    pub(crate) watch_url_lifetime: Duration,
    pub(crate) max_open_uploads: u32,
    /// The largest single-part upload, and the part size of larger ones, in bytes.
    pub(crate) part_bytes: NonZeroU64,
    /// The maximum number of versions per file, including the current one.
    pub(crate) max_versions: u32,
    /// How long items stay in the trash.
    pub(crate) trash_retention: Duration,
    pub(crate) changes_retention: Duration,
    pub(crate) collect_interval: Duration,
    pub(crate) collect_grace: Duration,
    pub(crate) cors_origins: Vec<String>,
    /// The proxies whose `X-Forwarded-For` is trusted.
    pub(crate) trusted_proxies: Vec<IpNet>,
    pub(crate) body_limits: BodyLimits,
    /// Limits on client connections.
    pub(crate) connection_limits: ConnectionLimits,
    pub(crate) database_connections: usize,
    /// How long to wait for a free connection.
    pub(crate) database_wait: Duration,
    /// How long to wait at startup for a database or store that is not up yet.
    pub(crate) startup: Duration,
    pub(crate) workers: usize,
    /// The idle timeout of connections. It should exceed the proxy's, so that a proxy does not reuse a connection just
    /// being closed.
    pub(crate) keep_alive: Duration,
    /// How long to keep serving while not ready, before the listener closes.
    pub(crate) drain: Duration,
    /// How long running requests may then take.
    pub(crate) shutdown: Duration,
}

/// The trace exporter's settings.
pub(crate) struct TraceConfig {
    pub(crate) endpoint: String,
    pub(crate) service: String,
}

impl TraceConfig {
    /// Returns `None` if no endpoint is configured.
    pub(crate) fn read(source: &Source) -> Result<Option<Self>, ConfigError> {
        let mut reader = Reader::new(source);
        let endpoint = reader.url(&variables::OTEL_EXPORTER_OTLP_ENDPOINT);
        let service = reader.text_or_default(&variables::OTEL_SERVICE_NAME).to_owned();
        reader.finish(endpoint.map(|endpoint| Self { endpoint, service }))
    }
}

/// The secret that holds the production values.
pub(crate) struct SecretRequest {
    pub(crate) name: String,
    pub(crate) endpoint: Option<String>,
    pub(crate) aws: AwsConfig,
}

impl SecretRequest {
    /// Returns the secret to read first, if any.
    pub(crate) fn read(source: &Source) -> Result<Option<Self>, ConfigError> {
        let mut reader = Reader::new(source);
        let name = reader.text_or_default(&variables::AWS_SECRET_NAME);
        if !is_production(&mut reader) || name == "none" {
            return reader.finish(None);
        }
        let endpoint = reader.url(&variables::AWS_ENDPOINT_URL_SECRETS_MANAGER);
        let aws = stores::aws(&mut reader);
        reader.finish(Some(Self { name: name.to_owned(), endpoint, aws }))
    }
}

impl Config {
    /// Reads and validates all variables.
    pub(crate) fn read(source: &Source) -> Result<Self, ConfigError> {
        let mut reader = Reader::new(source);
        let production = is_production(&mut reader);
        let data_dir = PathBuf::from(reader.text_or_default(&variables::DATA_DIR));
        let database = stores::database(&mut reader, production, &data_dir);
        let aws = stores::aws(&mut reader);
        let blobs = stores::blobs(&mut reader, production, &data_dir, &aws);
        let shared = matches!(database, DatabaseConfig::Postgres(_));
        let secret_key = secret_key(&mut reader, production || shared);
        let previous_secret_key = reader.parsed(&variables::PREVIOUS_SECRET_KEY, SecretKey::parse);
        let upload_lifetime = reader.seconds(&variables::UPLOAD_LIFETIME_SECONDS);
        let url_lifetime = reader.seconds(&variables::SIGNED_URL_SECONDS);
        let min_rate = reader.number(&variables::BODY_MIN_BYTES_PER_SECOND);
        let watch_url_lifetime = watch_url_lifetime(&mut reader, &blobs);
        let collect_grace = collect_grace(&mut reader, upload_lifetime, url_lifetime);
        let config = Self {
            bind: bind(&mut reader),
            metrics: metrics(&mut reader),
            public_url: reader.url(&variables::PUBLIC_URL),
            data_dir,
            database,
            blobs,
            blob_store: reader.parsed(&variables::BLOB_STORE, |text| StoreName::parse(text).ok()),
            aws,
            secret_key,
            previous_secret_key,
            algorithm: reader.parsed(&variables::ALGORITHM, algorithm).unwrap_or(Algorithm::Hs256),
            token_lifetime: Duration::from_secs(60 * reader.number::<u64>(&variables::ACCESS_TOKEN_EXPIRE_MINUTES)),
            session_lifetime: Duration::from_secs(86_400 * reader.number::<u64>(&variables::REFRESH_TOKEN_EXPIRE_DAYS)),
            refresh_grace: reader.seconds(&variables::REFRESH_GRACE_SECONDS),
            rate_limits: reader.flag(&variables::RATE_LIMITS),
            quota_bytes: reader.number(&variables::DEFAULT_QUOTA_BYTES),
            quota_entries: reader.number(&variables::DEFAULT_QUOTA_ENTRIES),
            upload_lifetime,
            url_lifetime,
            watch_url_lifetime,
            max_open_uploads: reader.number(&variables::MAX_OPEN_UPLOADS),
            part_bytes: stores::part_bytes(&mut reader),
            max_versions: reader.number(&variables::MAX_VERSIONS),
            trash_retention: reader.seconds(&variables::TRASH_RETENTION_SECONDS),
            changes_retention: Duration::from_secs(86_400 * reader.number::<u64>(&variables::CHANGES_RETENTION_DAYS)),
            collect_interval: reader.seconds(&variables::COLLECT_INTERVAL_SECONDS),
            collect_grace,
            cors_origins: reader.parsed(&variables::CORS_ORIGINS, origins).unwrap_or_default(),
            trusted_proxies: reader.parsed(&variables::TRUSTED_PROXIES, networks).unwrap_or_default(),
            body_limits: BodyLimits { idle: reader.seconds(&variables::BODY_IDLE_SECONDS), min_rate },
            connection_limits: ConnectionLimits {
                idle: reader.seconds(&variables::RESPONSE_IDLE_SECONDS),
                min_rate,
                per_address: reader.number(&variables::CONNECTIONS_PER_ADDRESS),
            },
            database_connections: reader.number_or(&variables::DATABASE_CONNECTIONS, if shared { 16 } else { 8 }),
            database_wait: reader.seconds(&variables::DATABASE_WAIT_SECONDS),
            startup: reader.seconds(&variables::STARTUP_SECONDS),
            workers: reader.number_or(&variables::WORKERS, cores()),
            keep_alive: reader.seconds(&variables::KEEP_ALIVE_SECONDS),
            // Load balancers take a while to notice; at a terminal there is no reason to wait.
            drain: reader.seconds_or(&variables::DRAIN_SECONDS, if production { 5 } else { 0 }),
            shutdown: reader.seconds(&variables::SHUTDOWN_SECONDS),
        };
        reader.finish(config)
    }
}

/// Reads only the server's listen address.
pub(crate) fn bind_address(source: &Source) -> Result<SocketAddr, ConfigError> {
    let mut reader = Reader::new(source);
    let address = bind(&mut reader);
    reader.finish(address)
}

fn secret_key(reader: &mut Reader<'_>, required: bool) -> Option<SecretKey> {
    let key = reader.parsed(&variables::SECRET_KEY, SecretKey::parse);
    if required && reader.text(&variables::SECRET_KEY).is_none() {
        let message = "must be set, to at least 32 random bytes: with ENVIRONMENT=production, and with PostgreSQL, \
                       where every instance needs the same";
        reader.report(&variables::SECRET_KEY, message);
    }
    key
}

fn watch_url_lifetime(reader: &mut Reader<'_>, blobs: &BlobsConfig) -> Duration {
    // Signed URLs of a bucket cannot re-check access.
    let default = if matches!(blobs, BlobsConfig::Disk(_)) { 6 * 3600 } else { 300 };
    reader.seconds_or(&variables::STREAM_URL_SECONDS, default)
}

/// A blob must outlast every upload that may still refer to it, and every URL through which its bytes may still arrive.
fn collect_grace(reader: &mut Reader<'_>, upload_lifetime: Duration, url_lifetime: Duration) -> Duration {
    let grace = reader.seconds_or(&variables::COLLECT_GRACE_SECONDS, upload_lifetime.as_secs() + 3600);
    if grace < upload_lifetime.max(url_lifetime) {
        let message = "must be at least UPLOAD_LIFETIME_SECONDS and SIGNED_URL_SECONDS";
        reader.report(&variables::COLLECT_GRACE_SECONDS, message);
    }
    grace
}

fn bind(reader: &mut Reader<'_>) -> SocketAddr {
    let address = reader.parsed(&variables::BIND_ADDR, |text| text.parse().ok());
    address.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8000)))
}

fn metrics(reader: &mut Reader<'_>) -> MetricsAddress {
    let parse = |text: &str| match text {
        "off" => Some(MetricsAddress::Off),
        address => address.parse().ok().map(MetricsAddress::Given),
    };
    let given = reader.parsed(&variables::METRICS_ADDR, parse);
    given.unwrap_or_else(|| MetricsAddress::Default(SocketAddr::from(([127, 0, 0, 1], 9464))))
}

/// The number of available CPU cores.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

fn is_production(reader: &mut Reader<'_>) -> bool {
    let parse = |text: &str| match text {
        "development" => Some(false),
        "production" => Some(true),
        _ => None,
    };
    reader.parsed(&variables::ENVIRONMENT, parse).unwrap_or(false)
}

fn algorithm(text: &str) -> Option<Algorithm> {
    match text {
        "HS256" => Some(Algorithm::Hs256),
        "HS384" => Some(Algorithm::Hs384),
        "HS512" => Some(Algorithm::Hs512),
        _ => None,
    }
}

fn origins(text: &str) -> Option<Vec<String>> {
    let origins = text.split(',').map(str::trim).filter(|origin| !origin.is_empty());
    origins
        .map(|origin| {
            let host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://")).unwrap_or("");
            (!host.is_empty() && !host.contains(['/', '*', ' '])).then(|| origin.to_owned())
        })
        .collect()
}

fn networks(text: &str) -> Option<Vec<IpNet>> {
    let networks = text.split(',').map(str::trim).filter(|network| !network.is_empty());
    networks.map(|network| network.parse().ok().or_else(|| network.parse::<IpAddr>().ok().map(IpNet::from))).collect()
}

#[cfg(test)]
mod tests;
