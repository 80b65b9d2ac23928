//! What the servers of this run stand on.

use std::io::Write;
use std::sync::LazyLock;

/// What a server stands on: `CLOUDDRIVE_TEST_STACK` chooses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stack {
    /// SQLite and a directory, as without any configuration.
    Embedded,
    /// PostgreSQL and S3.
    Production,
}

/// The stores of production, on which every server gets a database and a bucket of its own.
pub struct Production {
    /// A database of a role that may make others.
    pub database_url: String,
    pub s3_endpoint: String,
    pub region: String,
    pub key_id: String,
    pub key_secret: String,
    pub secrets_endpoint: String,
}

/// The stack of this run.
pub fn stack() -> Stack {
    static STACK: LazyLock<Stack> = LazyLock::new(|| match std::env::var("CLOUDDRIVE_TEST_STACK").as_deref() {
        Ok("embedded") | Err(_) => Stack::Embedded,
        Ok("production") => Stack::Production,
        Ok(other) => give_up(&format!("CLOUDDRIVE_TEST_STACK must be embedded or production, not {other:?}")),
    });
    *STACK
}

/// The S3 store that ./scripts/stack has started, by the name that it has there.
fn store() -> String {
    std::env::var("S3").ok().filter(|name| !name.is_empty()).unwrap_or_else(|| "garage".to_owned())
}

/// Whether the store is the one on which every change is tested: of it each status is known.
pub fn is_usual_store() -> bool {
    store() == "garage"
}

/// Whether the store refuses other bytes than the announced SHA-256 by itself.
pub fn verifies_checksums() -> bool {
    stack() == Stack::Embedded || !matches!(store().as_str(), "ceph" | "swift")
}

/// The stores of production, without which a run on them ends at once.
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
        give_up(&format!("{name} is not set: the tests of the production stack need one, and ./scripts/test starts it"))
    })
}

/// Ends the whole run, with one message: every other test would say the same.
fn give_up(message: &str) -> ! {
    // Past the capture of the test's output.
    let _ = writeln!(std::io::stderr(), "\n{message}");
    std::process::exit(1)
}
