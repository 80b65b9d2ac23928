//! The stack that this run tests.

use std::io::Write;
use std::sync::LazyLock;

/// The stores behind a server, chosen by `CLOUDDRIVE_TEST_STACK`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stack {
    /// SQLite and a directory, the default without configuration.
    Embedded,
    /// PostgreSQL and S3.
    Production,
}

/// The production stores; every server gets its own database and bucket on them.
pub struct Production {
    /// Its role must be allowed to create databases.
    pub database_url: String,
    pub s3_endpoint: String,
    pub region: String,
    pub key_id: String,
    pub key_secret: String,
    pub secrets_endpoint: String,
}

/// This run's stack.
pub fn stack() -> Stack {
    static STACK: LazyLock<Stack> = LazyLock::new(|| match std::env::var("CLOUDDRIVE_TEST_STACK").as_deref() {
        Ok("embedded") | Err(_) => Stack::Embedded,
        Ok("production") => Stack::Production,
        Ok(other) => exit_with(&format!("CLOUDDRIVE_TEST_STACK must be embedded or production, not {other:?}")),
    });
    *STACK
}

/// The name of the S3 store that ./scripts/stack has started.
fn store() -> String {
    std::env::var("S3").ok().filter(|name| !name.is_empty()).unwrap_or_else(|| "garage".to_owned())
}

/// Whether this is the default store, on which every change is tested and every status is known.
pub fn is_default_store() -> bool {
    store() == "garage"
}

/// Whether the store itself rejects bytes that do not match the announced SHA-256.
pub fn verifies_checksums() -> bool {
    stack() == Stack::Embedded || !matches!(store().as_str(), "ceph" | "swift")
}

/// Whether the bucket can have CORS rules.
pub fn supports_cors() -> bool {
    store() != "swift"
}

/// How many parts an upload may have.
pub fn max_parts() -> u64 {
    if stack() == Stack::Production && store() == "swift" { 1000 } else { 10_000 }
}

/// Whether the store creates a bucket when it is used.
pub fn creates_buckets() -> bool {
    store() == "seaweedfs"
}

/// The production stores; ends the run if they are not configured.
pub fn production() -> &'static Production {
    static PRODUCTION: LazyLock<Production> = LazyLock::new(|| Production {
        database_url: variable("DATABASE_URL"),
        s3_endpoint: variable("AWS_ENDPOINT_URL_S3"),
        region: variable("AWS_REGION"),
        key_id: variable("AWS_ACCESS_KEY_ID"),
        key_secret: variable("AWS_SECRET_ACCESS_KEY"),
        secrets_endpoint: variable("AWS_ENDPOINT_URL_SECRETS_MANAGER"),
    });
    &PRODUCTION
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        exit_with(&format!(
            "{name} is not set: the tests of the production stack need one, and ./scripts/test starts it"
        ))
    })
}

/// Ends the whole run with one message, since every other test would fail with the same.
fn exit_with(message: &str) -> ! {
    // Bypasses the capture of test output.
    let _ = writeln!(std::io::stderr(), "\n{message}");
    std::process::exit(1)
}
