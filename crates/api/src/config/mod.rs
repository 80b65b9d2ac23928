//! Configuration: the environment and `.env`, read once, checked whole, and named in every complaint.

mod secret;
mod source;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

pub(crate) use secret::SecretKey;
pub(crate) use source::Source;

use crate::http::BodyLimits;

/// A variable with a value that cannot be used. It prints as one line.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{variable} {message}")]
pub(crate) struct ConfigError {
    pub(crate) variable: String,
    pub(crate) message: String,
}

impl ConfigError {
    pub(crate) fn new(variable: impl Into<String>, message: impl Into<String>) -> Self {
        Self { variable: variable.into(), message: message.into() }
    }
}

/// With which hash function access tokens are signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Hs256,
    Hs384,
    Hs512,
}

/// How the server is to run.
pub(crate) struct Config {
    pub(crate) bind: SocketAddr,
    /// What signed URLs start with; the bound address unless told.
    pub(crate) public_url: Option<String>,
    pub(crate) data_dir: PathBuf,
    pub(crate) database: PathBuf,
    pub(crate) blob_dir: PathBuf,
    pub(crate) secret_key: Option<SecretKey>,
    pub(crate) algorithm: Algorithm,
    pub(crate) token_lifetime: Duration,
    pub(crate) quota_bytes: u64,
    pub(crate) upload_lifetime: Duration,
    pub(crate) url_lifetime: Duration,
    pub(crate) most_open_uploads: u32,
    pub(crate) collect_interval: Duration,
    pub(crate) collect_grace: Duration,
    pub(crate) cors_origins: Vec<String>,
    pub(crate) body_limits: BodyLimits,
    pub(crate) database_connections: usize,
    pub(crate) workers: usize,
    pub(crate) shutdown: Duration,
}

impl Config {
    /// Reads and checks everything.
    pub(crate) fn read(source: &Source) -> Result<Self, ConfigError> {
        let production = is_production(source)?;
        refuse_what_is_not_there_yet(source)?;
        let data_dir = PathBuf::from(source.text(&["DATA_DIR"])?.map_or("./data", |(_, dir)| dir));
        let database = database(source)?;
        let blob_dir = source.text(&["BLOB_DIR"])?.map(|(_, dir)| PathBuf::from(dir));
        let secret_key = match source.text(&["SECRET_KEY"])? {
            Some((name, text)) => {
                Some(SecretKey::parse(text).ok_or_else(|| ConfigError::new(name, "must have at least 32 bytes"))?)
            }
            None => None,
        };
        if production {
            require_by_name(database.is_some(), "DATABASE_URL", "sqlite:PATH")?;
            require_by_name(blob_dir.is_some(), "BLOB_DIR", "PATH")?;
            require_by_name(secret_key.is_some(), "SECRET_KEY", "at least 32 random bytes")?;
        }
        let upload_lifetime = seconds(source, "UPLOAD_LIFETIME_SECONDS", 86_400, 1..=2_592_000)?;
        let url_lifetime = seconds(source, "SIGNED_URL_SECONDS", 300, 1..=300)?;
        let grace = upload_lifetime.as_secs() + 3600;
        let longest = upload_lifetime.max(url_lifetime).as_secs();
        Ok(Self {
            bind: parsed(source, "BIND_ADDR", "an address and a port, such as 127.0.0.1:8000")?
                .unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8000))),
            public_url: public_url(source)?,
            database: database.unwrap_or_else(|| data_dir.join("clouddrive.db")),
            blob_dir: blob_dir.unwrap_or_else(|| data_dir.clone()),
            data_dir,
            secret_key,
            algorithm: algorithm(source)?,
            token_lifetime: Duration::from_secs(60 * number(source, "ACCESS_TOKEN_EXPIRE_MINUTES", 60, 1..=525_600)?),
            quota_bytes: number(source, "DEFAULT_QUOTA_BYTES", 5 << 30, 0..=1 << 60)?,
            upload_lifetime,
            url_lifetime,
            most_open_uploads: narrow(number(source, "MAX_OPEN_UPLOADS", 1000, 1..=100_000)?),
            collect_interval: seconds(source, "COLLECT_INTERVAL_SECONDS", 600, 1..=86_400)?,
            // A blob must outlast every upload that may still refer to it, and every URL by which its bytes may still come.
            collect_grace: seconds(source, "COLLECT_GRACE_SECONDS", grace, longest..=31_536_000)?,
            cors_origins: cors_origins(source)?,
            body_limits: BodyLimits {
                idle: seconds(source, "BODY_IDLE_SECONDS", 30, 1..=3600)?,
                min_rate: number(source, "BODY_MIN_BYTES_PER_SECOND", 1024, 0..=1 << 30)?,
            },
            database_connections: narrow::<u16>(number(source, "DATABASE_CONNECTIONS", 8, 1..=1000)?).into(),
            workers: narrow::<u16>(number(source, "WORKERS", cores(), 1..=1024)?).into(),
            shutdown: seconds(source, "SHUTDOWN_SECONDS", 30, 0..=3600)?,
        })
    }
}

/// How many things the machine can do at once.
pub(crate) fn cores() -> u64 {
    std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64)
}

fn is_production(source: &Source) -> Result<bool, ConfigError> {
    match source.text(&["ENVIRONMENT"])? {
        None | Some((_, "development")) => Ok(false),
        Some((_, "production")) => match source.text(&["AWS_SECRET_NAME"])? {
            Some((_, "none")) => Ok(true),
            _ => Err(ConfigError::new(
                "AWS_SECRET_NAME",
                "must be none with ENVIRONMENT=production: this version takes all values from the environment",
            )),
        },
        Some((name, _)) => Err(ConfigError::new(name, "must be development or production")),
    }
}

/// A variable that would be passed over in silence is worse than one that is refused.
fn refuse_what_is_not_there_yet(source: &Source) -> Result<(), ConfigError> {
    if let Some((name, _)) = source.text(&["DATABASE"])? {
        return Err(ConfigError::new(name, "names a PostgreSQL database, which this version cannot use: unset it"));
    }
    if let Some((name, _)) = source.text(&["S3_BUCKET_NAME", "BUCKET_NAME"])? {
        return Err(ConfigError::new(name, "names an S3 bucket, which this version cannot use: unset it"));
    }
    Ok(())
}

fn require_by_name(given: bool, variable: &str, value: &str) -> Result<(), ConfigError> {
    if given {
        return Ok(());
    }
    Err(ConfigError::new(variable, format!("must be set with ENVIRONMENT=production, to {value}")))
}

fn database(source: &Source) -> Result<Option<PathBuf>, ConfigError> {
    let Some((name, url)) = source.text(&["DATABASE_URL"])? else {
        return Ok(None);
    };
    match url.strip_prefix("sqlite:").map(|path| path.strip_prefix("//").unwrap_or(path)) {
        // SQLite takes some names for something else than a path.
        Some(path) if !path.is_empty() && !path.starts_with([':', '?']) && !path.starts_with("file:") => {
            Ok(Some(PathBuf::from(path)))
        }
        _ => Err(ConfigError::new(name, "must be sqlite:PATH")),
    }
}

fn algorithm(source: &Source) -> Result<Algorithm, ConfigError> {
    match source.text(&["ALGORITHM"])? {
        None | Some((_, "HS256")) => Ok(Algorithm::Hs256),
        Some((_, "HS384")) => Ok(Algorithm::Hs384),
        Some((_, "HS512")) => Ok(Algorithm::Hs512),
        Some((name, _)) => Err(ConfigError::new(name, "must be HS256, HS384 or HS512")),
    }
}

fn public_url(source: &Source) -> Result<Option<String>, ConfigError> {
    let Some((name, url)) = source.text(&["PUBLIC_URL"])? else {
        return Ok(None);
    };
    let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")).unwrap_or("");
    let sane = !host.is_empty() && url.bytes().all(|b| b.is_ascii_graphic()) && !url.contains(['?', '#']);
    if !sane {
        return Err(ConfigError::new(name, "must begin with http:// or https:// and name a host"));
    }
    Ok(Some(url.trim_end_matches('/').to_owned()))
}

fn cors_origins(source: &Source) -> Result<Vec<String>, ConfigError> {
    let Some((name, text)) = source.text(&["CORS_ORIGINS"])? else {
        return Ok(Vec::new());
    };
    let origins = text.split(',').map(str::trim).filter(|origin| !origin.is_empty());
    origins
        .map(|origin| {
            let host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://")).unwrap_or("");
            if host.is_empty() || host.contains(['/', '*', ' ']) {
                return Err(ConfigError::new(
                    name,
                    "must be origins such as https://app.example.com, parted by commas",
                ));
            }
            Ok(origin.to_owned())
        })
        .collect()
}

fn parsed<T: FromStr>(source: &Source, name: &'static str, what: &str) -> Result<Option<T>, ConfigError> {
    let Some((name, text)) = source.text(&[name])? else {
        return Ok(None);
    };
    text.parse().map(Some).map_err(|_| ConfigError::new(name, format!("must be {what}")))
}

fn number(
    source: &Source,
    name: &'static str,
    default: u64,
    allowed: std::ops::RangeInclusive<u64>,
) -> Result<u64, ConfigError> {
    let what = format!("a number from {} to {}", allowed.start(), allowed.end());
    let value = parsed(source, name, &what)?.unwrap_or(default);
    if allowed.contains(&value) { Ok(value) } else { Err(ConfigError::new(name, format!("must be {what}"))) }
}

fn seconds(
    source: &Source,
    name: &'static str,
    default: u64,
    allowed: std::ops::RangeInclusive<u64>,
) -> Result<Duration, ConfigError> {
    number(source, name, default, allowed).map(Duration::from_secs)
}

/// A number whose bounds have been checked.
fn narrow<T: TryFrom<u64> + Default>(number: u64) -> T {
    T::try_from(number).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::read(&Source::of(values))
    }

    fn refused(values: &[(&str, &str)]) -> String {
        read(values).map(|_| ()).unwrap_err().variable
    }

    #[test]
    fn nothing_at_all_is_a_configuration() {
        let config = read(&[]).unwrap();
        assert_eq!(config.bind.to_string(), "127.0.0.1:8000");
        assert_eq!(config.database, PathBuf::from("./data/clouddrive.db"));
        assert!(config.collect_grace > config.upload_lifetime);
        assert!(config.cors_origins.is_empty() && config.secret_key.is_none());
    }

    #[test]
    fn every_complaint_names_its_variable() {
        for (name, value) in [
            ("BIND_ADDR", "here"),
            ("PUBLIC_URL", "drive.example.com"),
            ("PUBLIC_URL", "http://"),
            ("DATABASE_URL", "postgres://localhost/drive"),
            ("DATABASE_URL", "sqlite:"),
            ("DATABASE_URL", "sqlite::memory:"),
            ("DATABASE_URL", "sqlite:file:drive.db?mode=memory"),
            ("DATABASE", "drive"),
            ("S3_BUCKET_NAME", "drive"),
            ("BUCKET_NAME", "drive"),
            ("SECRET_KEY", "short"),
            ("ALGORITHM", "none"),
            ("ALGORITHM", "RS256"),
            ("ENVIRONMENT", "prodution"),
            ("ACCESS_TOKEN_EXPIRE_MINUTES", "0"),
            ("DEFAULT_QUOTA_BYTES", "5G"),
            ("SIGNED_URL_SECONDS", "301"),
            ("COLLECT_GRACE_SECONDS", "10"),
            ("CORS_ORIGINS", "*"),
            ("WORKERS", "-1"),
        ] {
            assert_eq!(refused(&[(name, value)]), name, "{value}");
        }
    }

    #[test]
    fn blobs_outlast_uploads_and_urls() {
        let short = [("UPLOAD_LIFETIME_SECONDS", "1"), ("COLLECT_GRACE_SECONDS", "1")];
        assert_eq!(refused(&short), "COLLECT_GRACE_SECONDS");
        assert!(read(&[short[0], short[1], ("SIGNED_URL_SECONDS", "1")]).is_ok());
    }

    #[test]
    fn production_takes_no_default_that_was_not_asked_for() {
        let mut values = vec![("ENVIRONMENT", "production")];
        for (missing, value) in [
            ("AWS_SECRET_NAME", "none"),
            ("DATABASE_URL", "sqlite:/var/lib/clouddrive/clouddrive.db"),
            ("BLOB_DIR", "/var/lib/clouddrive"),
            ("SECRET_KEY", "0123456789abcdef0123456789abcdef"),
        ] {
            assert_eq!(refused(&values), missing);
            values.push((missing, value));
        }
        assert!(read(&values).is_ok());
    }

    #[test]
    fn a_public_url_has_no_slash_at_its_end() {
        let config = read(&[("PUBLIC_URL", "https://drive.example.com/api/")]).unwrap();
        assert_eq!(config.public_url.as_deref(), Some("https://drive.example.com/api"));
    }
}
