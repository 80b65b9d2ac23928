//! Configuration: the environment, `.env` and, in production, one secret. Read once, validated as a whole; every error
//! names its variable.

mod reader;
mod secret;
mod source;
mod stores;

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU64;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use clouddrive_domain::model::MAX_UPLOAD_LIFETIME;
use clouddrive_http::body::BodyLimits;
use ipnet::IpNet;

use self::reader::Reader;
pub(crate) use self::secret::SecretKey;
pub(crate) use self::source::Source;
pub(crate) use self::stores::{
    AwsConfig, BlobsConfig, DatabaseConfig, Hidden, PostgresAddress, PostgresConfig, S3Config,
};
use crate::connections::ConnectionLimits;

/// Variables with unusable values, each with what it must be. Displays as one line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ConfigError(Vec<(String, String)>);

impl ConfigError {
    pub(crate) fn new(variable: impl Into<String>, message: impl Into<String>) -> Self {
        Self(vec![(variable.into(), message.into())])
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let complaints: Vec<String> =
            self.0.iter().map(|(variable, message)| format!("{variable} {message}")).collect();
        f.write_str(&complaints.join("; "))
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
    Usual(SocketAddr),
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
    pub(crate) most_open_uploads: u32,
    /// The largest single-part upload, and the part size of larger ones, in bytes.
    pub(crate) part_bytes: NonZeroU64,
    /// The maximum number of versions per file, including the current one.
    pub(crate) most_versions: u32,
    /// How long items stay in the trash.
    pub(crate) trash_retention: Duration,
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
        let mut reader = Reader::of(source);
        let endpoint = reader.url("OTEL_EXPORTER_OTLP_ENDPOINT");
        let service = reader.text("OTEL_SERVICE_NAME").unwrap_or("clouddrive").to_owned();
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
        let mut reader = Reader::of(source);
        let name = reader.text("AWS_SECRET_NAME").unwrap_or("CloudDriveEnvVars");
        if !is_production(&mut reader) || name == "none" {
            return reader.finish(None);
        }
        let endpoint = reader.url("AWS_ENDPOINT_URL_SECRETS_MANAGER");
        let aws = stores::aws(&mut reader);
        reader.finish(Some(Self { name: name.to_owned(), endpoint, aws }))
    }
}

impl Config {
    /// Reads and validates all variables.
    pub(crate) fn read(source: &Source) -> Result<Self, ConfigError> {
        let mut reader = Reader::of(source);
        let production = is_production(&mut reader);
        let data_dir = PathBuf::from(reader.text("DATA_DIR").unwrap_or("./data"));
        let database = stores::database(&mut reader, production, &data_dir);
        let aws = stores::aws(&mut reader);
        let blobs = stores::blobs(&mut reader, production, &data_dir, &aws);
        let secret_key = reader.parsed("SECRET_KEY", "at least 32 bytes long", SecretKey::parse);
        let previous_secret_key = reader.parsed("PREVIOUS_SECRET_KEY", "at least 32 bytes long", SecretKey::parse);
        let shared = matches!(database, DatabaseConfig::Postgres(_));
        if (production || shared) && reader.text("SECRET_KEY").is_none() {
            let message = "must be set, to at least 32 random bytes: with ENVIRONMENT=production, and with PostgreSQL, \
                           where every instance needs the same";
            reader.complain("SECRET_KEY", message);
        }
        let upload_lifetime = reader.seconds("UPLOAD_LIFETIME_SECONDS", 86_400, 1..=MAX_UPLOAD_LIFETIME.as_secs());
        let url_lifetime = reader.seconds("SIGNED_URL_SECONDS", 300, 1..=300);
        let min_rate = reader.number("BODY_MIN_BYTES_PER_SECOND", 1024, 0..=1 << 30);
        // Signed URLs of a bucket cannot re-check access.
        let watch = if matches!(blobs, BlobsConfig::Disk(_)) { 6 * 3600 } else { 300 };
        let watch_url_lifetime = reader.seconds("STREAM_URL_SECONDS", watch, 1..=86_400);
        let grace = upload_lifetime.as_secs() + 3600;
        let longest = upload_lifetime.max(url_lifetime).as_secs();
        let config = Self {
            bind: bind(&mut reader),
            metrics: metrics(&mut reader),
            public_url: reader.url("PUBLIC_URL"),
            data_dir,
            database,
            blobs,
            aws,
            secret_key,
            previous_secret_key,
            algorithm: reader.parsed("ALGORITHM", "HS256, HS384 or HS512", algorithm).unwrap_or(Algorithm::Hs256),
            token_lifetime: Duration::from_secs(60 * reader.number("ACCESS_TOKEN_EXPIRE_MINUTES", 60, 1..=525_600)),
            session_lifetime: Duration::from_secs(86_400 * reader.number("REFRESH_TOKEN_EXPIRE_DAYS", 30, 1..=3_650)),
            refresh_grace: reader.seconds("REFRESH_GRACE_SECONDS", 30, 0..=60),
            rate_limits: reader.switch("RATE_LIMITS", true),
            quota_bytes: reader.number("DEFAULT_QUOTA_BYTES", 5 << 30, QUOTAS),
            quota_entries: reader.number("DEFAULT_QUOTA_ENTRIES", 2_000_000, QUOTAS),
            upload_lifetime,
            url_lifetime,
            watch_url_lifetime,
            most_open_uploads: reader.number("MAX_OPEN_UPLOADS", 1000, 1..=100_000),
            part_bytes: stores::part_bytes(&mut reader),
            most_versions: reader.number("MAX_VERSIONS", 20, 1..=1000),
            trash_retention: reader.seconds("TRASH_RETENTION_SECONDS", 2_592_000, 1..=315_360_000),
            collect_interval: reader.seconds("COLLECT_INTERVAL_SECONDS", 600, 1..=86_400),
            // A blob must outlast every upload that may still refer to it, and every URL through which its bytes may
            // still arrive.
            collect_grace: reader.seconds("COLLECT_GRACE_SECONDS", grace, longest..=31_536_000),
            cors_origins: reader.parsed("CORS_ORIGINS", ORIGINS, origins).unwrap_or_default(),
            trusted_proxies: reader.parsed("TRUSTED_PROXIES", PROXIES, networks).unwrap_or_default(),
            body_limits: BodyLimits { idle: reader.seconds("BODY_IDLE_SECONDS", 30, 1..=3600), min_rate },
            connection_limits: ConnectionLimits {
                idle: reader.seconds("RESPONSE_IDLE_SECONDS", 10, 1..=3600),
                min_rate,
                per_address: reader.number("CONNECTIONS_PER_ADDRESS", 1024, 1..=1_000_000),
            },
            database_connections: reader.number("DATABASE_CONNECTIONS", if shared { 16 } else { 8 }, 1..=1000),
            database_wait: reader.seconds("DATABASE_WAIT_SECONDS", 10, 1..=300),
            startup: reader.seconds("STARTUP_SECONDS", 60, 0..=3600),
            workers: reader.number("WORKERS", cores(), 1..=1024),
            keep_alive: reader.seconds("KEEP_ALIVE_SECONDS", 200, 1..=3600),
            // Load balancers take a while to notice; at a terminal there is no reason to wait.
            drain: reader.seconds("DRAIN_SECONDS", if production { 5 } else { 0 }, 0..=3600),
            shutdown: reader.seconds("SHUTDOWN_SECONDS", 30, 0..=3600),
        };
        reader.finish(config)
    }
}

/// Reads only the server's listen address.
pub(crate) fn bind_address(source: &Source) -> Result<SocketAddr, ConfigError> {
    let mut reader = Reader::of(source);
    let address = bind(&mut reader);
    reader.finish(address)
}

fn bind(reader: &mut Reader<'_>) -> SocketAddr {
    let what = "an address and a port, such as 127.0.0.1:8000";
    let address = reader.parsed("BIND_ADDR", what, |text| text.parse().ok());
    address.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8000)))
}

fn metrics(reader: &mut Reader<'_>) -> MetricsAddress {
    let parse = |text: &str| match text {
        "off" => Some(MetricsAddress::Off),
        address => address.parse().ok().map(MetricsAddress::Given),
    };
    let given = reader.parsed("METRICS_ADDR", "off, or an address and a port, such as 127.0.0.1:9464", parse);
    given.unwrap_or_else(|| MetricsAddress::Usual(SocketAddr::from(([127, 0, 0, 1], 9464))))
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
    reader.parsed("ENVIRONMENT", "development or production", parse).unwrap_or(false)
}

fn algorithm(text: &str) -> Option<Algorithm> {
    match text {
        "HS256" => Some(Algorithm::Hs256),
        "HS384" => Some(Algorithm::Hs384),
        "HS512" => Some(Algorithm::Hs512),
        _ => None,
    }
}

const ORIGINS: &str = "origins such as https://app.example.com, parted by commas";

fn origins(text: &str) -> Option<Vec<String>> {
    let origins = text.split(',').map(str::trim).filter(|origin| !origin.is_empty());
    origins
        .map(|origin| {
            let host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://")).unwrap_or("");
            (!host.is_empty() && !host.contains(['/', '*', ' '])).then(|| origin.to_owned())
        })
        .collect()
}

const PROXIES: &str = "addresses and networks such as 10.0.0.0/8, parted by commas";

fn networks(text: &str) -> Option<Vec<IpNet>> {
    let networks = text.split(',').map(str::trim).filter(|network| !network.is_empty());
    networks.map(|network| network.parse().ok().or_else(|| network.parse::<IpAddr>().ok().map(IpNet::from))).collect()
}

#[cfg(test)]
mod tests;
