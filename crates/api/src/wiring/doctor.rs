//! `clouddrive doctor`: diagnostics of the stores for operators.

use clouddrive_disk::DiskStore;
use clouddrive_domain::port::Probe;
use clouddrive_http::cors::ALLOWED_HEADERS;
use clouddrive_postgres::Examination;
use clouddrive_s3::{S3Store, Verdict};

use super::blobs::settings;
use super::database::postgres;
use crate::config::{BlobsConfig, Config, DatabaseConfig, PostgresConfig, S3Config};
use crate::system::{OsRandom, SystemClock};

/// The maximum clock skew between this machine and the database, in milliseconds.
const MOST_SKEW: u64 = 5_000;

/// A finding of the report.
pub(crate) struct Finding {
    pub(crate) subject: String,
    pub(crate) verdict: Verdict,
}

fn finding(subject: impl Into<String>, verdict: Verdict) -> Finding {
    Finding { subject: subject.into(), verdict }
}

fn outcome<T, E: std::error::Error>(subject: impl Into<String>, outcome: Result<T, E>) -> Finding {
    let verdict = outcome.map_or_else(|fault| Verdict::Bad(chain(&fault)), |_| Verdict::Good);
    finding(subject, verdict)
}

/// The error with its causes, in one line.
fn chain(fault: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(fault), |fault| fault.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Checks the configured database and store; the configuration itself is already valid.
pub(crate) async fn doctor(config: &Config) -> anyhow::Result<Vec<Finding>> {
    let mut findings = vec![finding("configuration", Verdict::Good)];
    match &config.database {
        DatabaseConfig::Sqlite(path) => {
            let subject = format!("database {}", path.display());
            if path.exists() {
                let opened = super::database::open_current(config).await;
                let checked = match opened {
                    Ok(database) => database.probe.check().await.map_err(anyhow::Error::from),
                    Err(fault) => Err(fault),
                };
                let verdict = checked.map_or_else(|fault| Verdict::Bad(format!("{fault:#}")), |()| Verdict::Good);
                findings.push(finding(subject, verdict));
            } else {
                findings.push(finding(subject, Verdict::Advice("it is not there yet: serve makes it".to_owned())));
            }
        }
        DatabaseConfig::Postgres(settings) => findings.extend(examine(config, settings).await?),
    }
    match &config.blobs {
        BlobsConfig::Disk(directory) => {
            let subject = format!("blobs below {}", directory.display());
            findings.push(match DiskStore::open(directory.clone()) {
                Ok(disk) => outcome(subject, disk.check().await),
                Err(fault) => outcome(subject, Err::<(), _>(fault)),
            });
        }
        BlobsConfig::S3(bucket) => findings.extend(try_bucket(config, bucket).await),
    }
    Ok(findings)
}

async fn examine(config: &Config, database: &PostgresConfig) -> anyhow::Result<Vec<Finding>> {
    let options = postgres(config, database)?;
    let subject = format!("database {}", options.target);
    let found = match clouddrive_postgres::Database::examine(&options, &SystemClock).await {
        Ok(found) => found,
        Err(fault) => return Ok(vec![outcome(subject, Err::<(), _>(fault))]),
    };
    let Examination { server_version, encoding, messages, keeps_prepared_statements, pending, clock_ahead_millis } =
        found;
    let encoding = match encoding.as_str() {
        "UTF8" => Verdict::Good,
        other => Verdict::Bad(format!("it is {other}: make the database anew with ENCODING 'UTF8'")),
    };
    let messages = match messages.as_str() {
        "C" | "POSIX" => Verdict::Good,
        text if text.starts_with("en") || text.starts_with("C.") => Verdict::Good,
        other => Verdict::Bad(format!("they are in {other}: ALTER ROLE … SET lc_messages = 'C'")),
    };
    let schema = match pending.as_slice() {
        [] => Verdict::Good,
        some => Verdict::Advice(format!("pending: {}; serve or migrate applies them", some.join(", "))),
    };
    let statements = match (keeps_prepared_statements, options.prepared_statements) {
        (false, true) => Verdict::Bad(clouddrive_postgres::POOLER_ADVICE.to_owned()),
        _ => Verdict::Good,
    };
    let clock = match clock_ahead_millis.unsigned_abs() {
        0..=MOST_SKEW => Verdict::Good,
        _ => Verdict::Bad(format!("it is {clock_ahead_millis} ms ahead of this machine's: set both by NTP")),
    };
    Ok(vec![
        finding(format!("{subject}, PostgreSQL {server_version}"), Verdict::Good),
        finding("database encoding", encoding),
        finding("database messages", messages),
        finding("database prepared statements", statements),
        finding("database schema", schema),
        finding("database clock", clock),
    ])
}

async fn try_bucket(config: &Config, bucket: &S3Config) -> Vec<Finding> {
    let subject = format!("S3 bucket {}", bucket.bucket);
    let settings = settings(config, bucket);
    let opened = S3Store::open(settings, std::sync::Arc::new(SystemClock), std::sync::Arc::new(OsRandom)).await;
    let store = match opened {
        Ok(store) => store,
        Err(trouble) => return vec![outcome(subject, Err::<(), _>(trouble))],
    };
    let abilities = store.abilities();
    let verdict = match abilities.shortcomings() {
        none if none.is_empty() => Verdict::Good,
        some => Verdict::Advice(format!("it works, at a cost: {}", some.join("; "))),
    };
    let mut findings = vec![finding(format!("{subject}: {abilities}"), verdict)];
    let mut checks = store.check_rights().await;
    checks.push(store.check_clock().await);
    checks.push(store.check_lifecycle().await);
    checks.extend(store.check_cors(&config.cors_origins, ALLOWED_HEADERS).await);
    findings.extend(checks.into_iter().map(|check| finding(format!("S3 {}", check.subject), check.verdict)));
    if config.cors_origins.is_empty() {
        let advice = "CORS_ORIGINS is not set: pages in browsers cannot use the API, nor the bucket";
        findings.push(finding("S3 CORS", Verdict::Advice(advice.to_owned())));
    }
    findings
}

impl Finding {
    /// Whether it requires a change.
    pub(crate) const fn is_bad(&self) -> bool {
        matches!(self.verdict, Verdict::Bad(_))
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let subject = &self.subject;
        match &self.verdict {
            Verdict::Good => write!(f, "good     {subject}"),
            Verdict::Advice(text) => write!(f, "advice   {subject}: {text}"),
            Verdict::Bad(text) => write!(f, "BAD      {subject}: {text}"),
            Verdict::Unknown(text) => write!(f, "unknown  {subject}: {text}"),
        }
    }
}
