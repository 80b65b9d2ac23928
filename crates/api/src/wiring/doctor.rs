//! `clouddrive doctor`: diagnostics of the stores for operators.

use clouddrive_disk::DiskStore;
use clouddrive_domain::port::Probe;
use clouddrive_http::cors::ALLOWED_HEADERS;
use clouddrive_postgres::Examination;
use clouddrive_s3::{CheckStatus, S3Store};

use super::blobs::settings;
use super::database::postgres;
use crate::config::{BlobsConfig, Config, DatabaseConfig, PostgresConfig, S3Config};
use crate::system::{OsRandom, SystemClock};

/// The maximum clock skew between this machine and the database, in milliseconds.
const MAX_SKEW: u64 = 5_000;

/// A finding of the report.
pub(crate) struct Finding {
    pub(crate) subject: String,
    pub(crate) status: CheckStatus,
}

fn finding(subject: impl Into<String>, status: CheckStatus) -> Finding {
    Finding { subject: subject.into(), status }
}

fn outcome<T, E: std::error::Error>(subject: impl Into<String>, outcome: Result<T, E>) -> Finding {
    let status = outcome.map_or_else(|error| CheckStatus::Failed(chain(&error)), |_| CheckStatus::Passed);
    finding(subject, status)
}

/// The error with its causes, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Checks the configured database and store; the configuration itself is already valid.
pub(crate) async fn doctor(config: &Config) -> anyhow::Result<Vec<Finding>> {
    let mut findings = vec![finding("configuration", CheckStatus::Passed)];
    match &config.database {
        DatabaseConfig::Sqlite(path) => {
            let subject = format!("database {}", path.display());
            if path.exists() {
                let opened = super::database::open_current(config).await;
                let checked = match opened {
                    Ok(database) => database.probe.check().await.map_err(anyhow::Error::from),
                    Err(error) => Err(error),
                };
                let status =
                    checked.map_or_else(|error| CheckStatus::Failed(format!("{error:#}")), |()| CheckStatus::Passed);
                findings.push(finding(subject, status));
            } else {
                findings.push(finding(subject, CheckStatus::Advice("it is not there yet: serve makes it".to_owned())));
            }
        }
        DatabaseConfig::Postgres(settings) => findings.extend(check_postgres(config, settings).await?),
    }
    match &config.blobs {
        BlobsConfig::Disk(directory) => {
            let subject = format!("blobs below {}", directory.display());
            findings.push(match DiskStore::open(directory.clone()) {
                Ok(disk) => outcome(subject, disk.check().await),
                Err(error) => outcome(subject, Err::<(), _>(error)),
            });
        }
        BlobsConfig::S3(bucket) => findings.extend(check_bucket(config, bucket).await),
    }
    Ok(findings)
}

async fn check_postgres(config: &Config, database: &PostgresConfig) -> anyhow::Result<Vec<Finding>> {
    let options = postgres(config, database)?;
    let subject = format!("database {}", options.target);
    let found = match clouddrive_postgres::Database::examine(&options, &SystemClock).await {
        Ok(found) => found,
        Err(error) => return Ok(vec![outcome(subject, Err::<(), _>(error))]),
    };
    let Examination { server_version, encoding, messages, keeps_prepared_statements, pending, clock_ahead_millis } =
        found;
    let encoding = match encoding.as_str() {
        "UTF8" => CheckStatus::Passed,
        other => CheckStatus::Failed(format!("it is {other}: make the database anew with ENCODING 'UTF8'")),
    };
    let messages = match messages.as_str() {
        "C" | "POSIX" => CheckStatus::Passed,
        text if text.starts_with("en") || text.starts_with("C.") => CheckStatus::Passed,
        other => CheckStatus::Failed(format!("they are in {other}: ALTER ROLE … SET lc_messages = 'C'")),
    };
    let schema = match pending.as_slice() {
        [] => CheckStatus::Passed,
        some => CheckStatus::Advice(format!("pending: {}; serve or migrate applies them", some.join(", "))),
    };
    let statements = match (keeps_prepared_statements, options.prepared_statements) {
        (false, true) => CheckStatus::Failed(clouddrive_postgres::POOLER_ADVICE.to_owned()),
        _ => CheckStatus::Passed,
    };
    let clock = match clock_ahead_millis.unsigned_abs() {
        0..=MAX_SKEW => CheckStatus::Passed,
        _ => CheckStatus::Failed(format!("it is {clock_ahead_millis} ms ahead of this machine's: set both by NTP")),
    };
    Ok(vec![
        finding(format!("{subject}, PostgreSQL {server_version}"), CheckStatus::Passed),
        finding("database encoding", encoding),
        finding("database messages", messages),
        finding("database prepared statements", statements),
        finding("database schema", schema),
        finding("database clock", clock),
    ])
}

async fn check_bucket(config: &Config, bucket: &S3Config) -> Vec<Finding> {
    let subject = format!("S3 bucket {}", bucket.bucket);
    let settings = settings(config, bucket);
    let opened = S3Store::open(settings, std::sync::Arc::new(SystemClock), std::sync::Arc::new(OsRandom)).await;
    let store = match opened {
        Ok(store) => store,
        Err(error) => return vec![outcome(subject, Err::<(), _>(error))],
    };
    let capabilities = store.capabilities();
    let status = match capabilities.limitations() {
        none if none.is_empty() => CheckStatus::Passed,
        some => CheckStatus::Advice(format!("it works, at a cost: {}", some.join("; "))),
    };
    let mut findings = vec![finding(format!("{subject}: {capabilities}"), status)];
    let mut checks = store.check_permissions().await;
    checks.push(store.check_clock().await);
    checks.push(store.check_lifecycle().await);
    checks.extend(store.check_cors(&config.cors_origins, ALLOWED_HEADERS).await);
    findings.extend(checks.into_iter().map(|check| finding(format!("S3 {}", check.subject), check.status)));
    if config.cors_origins.is_empty() {
        let advice = "CORS_ORIGINS is not set: pages in browsers cannot use the API, nor the bucket";
        findings.push(finding("S3 CORS", CheckStatus::Advice(advice.to_owned())));
    }
    findings
}

impl Finding {
    /// Whether it requires a change.
    pub(crate) const fn is_bad(&self) -> bool {
        matches!(self.status, CheckStatus::Failed(_))
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let subject = &self.subject;
        match &self.status {
            CheckStatus::Passed => write!(f, "good     {subject}"),
            CheckStatus::Advice(text) => write!(f, "advice   {subject}: {text}"),
            CheckStatus::Failed(text) => write!(f, "BAD      {subject}: {text}"),
            CheckStatus::Unknown(text) => write!(f, "unknown  {subject}: {text}"),
        }
    }
}
