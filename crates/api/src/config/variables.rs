//! Every configuration variable, declared once: its name, values, default and meaning.

use clouddrive_domain::model::{MAX_PART_BYTES, MAX_PARTS, MAX_UPLOAD_LIFETIME, MIN_PART_BYTES};

use super::QUOTAS;

/// The default of [`RUST_LOG`]. Actix logs an error for each client that sends malformed HTTP, which is not a server
/// error.
pub(crate) const DEFAULT_LOG_FILTER: &str = "info,actix_http::h1=off";

/// A configuration variable.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Variable {
    pub(crate) name: &'static str,
    /// Other names that are accepted.
    pub(super) aliases: &'static [&'static str],
    pub(super) values: Values,
    pub(super) default: Fallback,
    /// What `.env.example` shows where there is no constant default.
    pub(super) example: &'static str,
    /// One sentence, as Markdown.
    pub(super) meaning: &'static str,
}

/// What a variable accepts.
#[derive(Clone, Copy, Debug)]
pub(super) enum Values {
    /// A text; an invalid one "must be" this.
    Text(&'static str),
    /// A whole number from the first to the second.
    Number(u64, u64),
    /// `on` or `off`.
    Switch,
    /// An `http://` or `https://` URL.
    Url,
}

/// What applies where a variable is not set.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fallback {
    /// This value.
    Text(&'static str),
    /// This number.
    Number(u64),
    /// As described, as Markdown.
    Described(&'static str),
}

impl Variable {
    const fn new(values: Values) -> Self {
        Self { name: "", aliases: &[], values, default: Fallback::Described("none"), example: "", meaning: "" }
    }

    const fn or(self, default: &'static str) -> Self {
        Self { default: Fallback::Text(default), example: default, ..self }
    }

    const fn or_number(self, default: u64) -> Self {
        Self { default: Fallback::Number(default), ..self }
    }

    const fn described(self, default: &'static str) -> Self {
        Self { default: Fallback::Described(default), ..self }
    }

    const fn example(self, example: &'static str) -> Self {
        Self { example, ..self }
    }

    const fn aliases(self, aliases: &'static [&'static str]) -> Self {
        Self { aliases, ..self }
    }

    const fn meaning(self, meaning: &'static str) -> Self {
        Self { meaning, ..self }
    }

    /// All names, in order of precedence.
    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.name).chain(self.aliases.iter().copied())
    }

    /// What a value must be; empty if any text is accepted.
    pub(super) fn required(&self) -> String {
        match self.values {
            Values::Text(what) => what.to_owned(),
            Values::Number(least, max) => format!("a number from {least} to {max}"),
            Values::Switch => "on or off".to_owned(),
            Values::Url => "a URL that begins with http:// or https:// and names a host".to_owned(),
        }
    }

    /// The allowed numbers.
    pub(super) fn range(&self) -> (u64, u64) {
        match self.values {
            Values::Number(least, max) => (least, max),
            Values::Text(_) | Values::Switch | Values::Url => (0, u64::MAX),
        }
    }
}

const fn text(what: &'static str) -> Variable {
    Variable::new(Values::Text(what))
}

const fn any() -> Variable {
    text("")
}

const fn number(least: u64, max: u64) -> Variable {
    Variable::new(Values::Number(least, max))
}

const fn flag() -> Variable {
    Variable::new(Values::Switch)
}

const fn url() -> Variable {
    Variable::new(Values::Url)
}

/// Variables that belong together, with a heading.
pub(super) struct Group {
    pub(super) heading: &'static str,
    pub(super) variables: &'static [&'static Variable],
}

macro_rules! variables {
    ($($heading:literal { $($name:ident: $variable:expr;)+ })+) => {
        $($(pub(crate) static $name: Variable = Variable { name: stringify!($name), ..$variable };)+)+

        /// All variables.
        pub(super) static GROUPS: &[Group] = &[$(Group { heading: $heading, variables: &[$(&$name),+] }),+];
    };
}

variables! {
    "Where the server listens, and how clients reach it" {
        BIND_ADDR: text("an address and a port, such as 127.0.0.1:8000").or("127.0.0.1:8000").meaning(
            "where to listen",
        );
        PUBLIC_URL: url().described("`http://` + `BIND_ADDR`").example("http://127.0.0.1:8000").meaning(
            "base of signed URLs, as clients reach the server: set it behind a proxy, and when listening on `0.0.0.0`",
        );
        CORS_ORIGINS: text("origins such as https://app.example.com, separated by commas")
            .example("https://app.example.com")
            .meaning("origins whose pages may use the API");
        TRUSTED_PROXIES: text("addresses and networks such as 10.0.0.0/8, separated by commas")
            .example("10.0.0.0/8")
            .meaning("proxies whose `X-Forwarded-For` is trusted");
    }
    "The environment, and the production secret" {
        ENVIRONMENT: text("development or production").or("development").meaning(
            "`production` reads the secret and allows no defaults for database, bucket (or `BLOB_DIR`) and \
             `SECRET_KEY`: they must be set",
        );
        AWS_SECRET_NAME: any().or("CloudDriveEnvVars").meaning(
            "the production secret in AWS Secrets Manager, a JSON object of these names; `none` if there is none",
        );
        AWS_ENDPOINT_URL_SECRETS_MANAGER: url().described("AWS").meaning("another Secrets Manager");
    }
    "Keys and sessions" {
        SECRET_KEY: text("at least 32 bytes long")
            .described("the file `secret.key` in `DATA_DIR`; none with PostgreSQL")
            .meaning(
                "the same random bytes on every instance, such as the output of `openssl rand -hex 32`; all keys are \
                 derived from it, so it allows signing tokens",
            );
        PREVIOUS_SECRET_KEY: text("at least 32 bytes long").meaning(
            "an additional key whose tokens, signed URLs, cursors and sealed links are accepted during \
             [key rotation](docs/operations.md#secret_key)",
        );
        ALGORITHM: text("HS256, HS384 or HS512").or("HS256").meaning("signature algorithm of access tokens");
        ACCESS_TOKEN_EXPIRE_MINUTES: number(1, 525_600).or_number(60).meaning("lifetime of an access token");
        REFRESH_TOKEN_EXPIRE_DAYS: number(1, 3_650).or_number(30).meaning(
            "lifetime of a session that is not refreshed; at least that of its access tokens",
        );
        REFRESH_GRACE_SECONDS: number(0, 60).or_number(30).meaning(
            "how long after its first use a refresh token may be reused, e.g. by a second tab or after a lost \
             response. Reuse after that ends the session",
        );
        RATE_LIMITS: flag().or("on").meaning(
            "whether [attempts are rate-limited](#rate-limits); `off` for load tests",
        );
    }
    "The database: SQLite, or PostgreSQL by its URL or by the parts of one" {
        DATA_DIR: any().or("./data").meaning("directory for all data without a location of its own");
        DATABASE_URL: any().described("`sqlite:` in `DATA_DIR`").example("sqlite:./data/clouddrive.db").meaning(
            "the database: `sqlite:PATH`, or `postgres://USER:PASSWORD@HOST:PORT/DATABASE`, optionally with \
             `?sslmode=…&sslrootcert=…`; a Unix socket directory is given percent-encoded as the host",
        );
        DATABASE: any().example("clouddrive").meaning("the database's name, if `DATABASE_URL` is not set");
        HOST: any().or("localhost").meaning("the host of `DATABASE`");
        PORT: number(1, 65_535).or_number(5432).meaning("its port");
        USER: any().or("postgres").aliases(&["DB_USER"]).meaning("its user");
        PASSWORD: any().aliases(&["DATABASE_PASSWORD"]).meaning("the user's password");
        DATABASE_SSLMODE: any().or("prefer").meaning(
            "TLS mode of `DATABASE`: `disable`, `prefer`, `require`, `verify-ca` or `verify-full`",
        );
        DATABASE_SSLROOTCERT: any().meaning("its root certificates: a PEM file, or `system`");
        MIGRATION_DATABASE_URL: text("postgres://…").described("the same database").meaning(
            "the database URL for migrations: to bypass a pooler, or to connect as the schema's owner",
        );
        DATABASE_CONNECTIONS: number(1, 1000).described("16; 8 with SQLite").example("16").meaning(
            "maximum connections of this instance; with SQLite, read connections, in addition to one writer",
        );
        DATABASE_PREPARED_STATEMENTS: flag().or("on").meaning("`off` behind PgBouncer in transaction mode");
        DATABASE_WAIT_SECONDS: number(1, 300).or_number(10).meaning(
            "how long a request waits for a connection, or for one of its user's four slots for copies and purges \
             (users take turns); after that it gets [429 or 503](docs/ARCHITECTURE.md#database-connections)",
        );
        DATABASE_CONNECT_SECONDS: number(1, 300).or_number(5).meaning("timeout for connecting");
        DATABASE_STATEMENT_SECONDS: number(1, 3600).or_number(30).meaning("timeout for one statement");
    }
    "The blobs: a directory, or a bucket" {
        BLOB_DIR: any().described("`DATA_DIR`").example("./data").meaning(
            "directory of the blobs, if no bucket is set",
        );
        S3_BUCKET_NAME: any().aliases(&["BUCKET_NAME"]).meaning("the bucket of the blobs");
        BLOB_STORE: text("1 to 64 lower-case letters, digits, hyphens and underscores")
            .described("`disk`, or `s3` with a bucket")
            .example("disk")
            .meaning(
                "name of the store, recorded with each blob. Keep it once there are blobs: those of a store with \
                 another name cannot be read",
            );
        AWS_REGION: any()
            .aliases(&["REGION"])
            .described("none; for the secret, that of the standard chain")
            .example("us-east-1")
            .meaning("the region of the bucket (required on AWS) and of the secret");
        AWS_ACCESS_KEY_ID: any().described("the standard chain").meaning(
            "AWS access key, if no role provides credentials",
        );
        AWS_SECRET_ACCESS_KEY: any().described("the standard chain").meaning("its secret");
        AWS_SESSION_TOKEN: any().described("the standard chain").meaning("the session token of temporary credentials");
        AWS_ENDPOINT_URL_S3: url().described("AWS").meaning("endpoint of another S3 store");
        S3_PUBLIC_ENDPOINT: url().described("`AWS_ENDPOINT_URL_S3`").meaning(
            "base of signed URLs, if clients reach the store at another address",
        );
        S3_PATH_STYLE: flag()
            .described("`on` with `AWS_ENDPOINT_URL_S3`, else `off`")
            .example("off")
            .meaning("whether URLs have the bucket in their path");
        S3_MAX_PARTS: number(1, MAX_PARTS as u64).described("probed at startup").example("10000").meaning(
            "maximum parts per upload that the store accepts; with fewer parts, parts are larger",
        );
    }
    "Quotas, limits and lifetimes" {
        DEFAULT_QUOTA_BYTES: number(*QUOTAS.start(), *QUOTAS.end()).or_number(5 << 30).meaning(
            "quota of a new drive; 5 GiB by default",
        );
        DEFAULT_QUOTA_ENTRIES: number(*QUOTAS.start(), *QUOTAS.end()).or_number(2_000_000).meaning(
            "maximum files and folders of a new drive, including the trash",
        );
        UPLOAD_LIFETIME_SECONDS: number(1, MAX_UPLOAD_LIFETIME.as_secs()).or_number(86_400).meaning(
            "how long an upload stays open, and by how much each `POST /upload/{id}/parts` extends it, up to 30 days \
             in total",
        );
        SIGNED_URL_SECONDS: number(1, 300).or_number(300).meaning("lifetime of signed URLs");
        STREAM_URL_SECONDS: number(1, 86_400)
            .described("21600 (6 h) on disk, 300 with a bucket")
            .example("21600")
            .meaning(
                "lifetime of the URLs of `GET /file/{id}?use=stream`; \
                 [implications with a bucket](docs/operations.md#streaming-urls)",
            );
        MAX_OPEN_UPLOADS: number(1, 100_000).or_number(1000).meaning("maximum open uploads per user");
        UPLOAD_PART_BYTES: number(MIN_PART_BYTES, MAX_PART_BYTES).or_number(64 << 20).meaning(
            "maximum size of a single-part upload, and part size of larger ones; 64 MiB by default; parts are larger \
             where 10,000 are too few",
        );
        MAX_VERSIONS: number(1, 1000).or_number(20).meaning(
            "maximum versions of a file, including the current one. Each replace keeps the old content; all versions \
             count against the quota. Excess versions are thinned: first the middles of bursts, then those that were \
             current most briefly, but never another user's last content. Their bytes are deleted at once, which ends \
             their signed URLs; with 1, this applies to every replaced content. Anyone who may read a file may read \
             its versions, including those from before it was shared",
        );
        TRASH_RETENTION_SECONDS: number(1, 315_360_000).or_number(2_592_000).meaning(
            "how long deleted items stay in the trash, where they count against the quota, before they are purged; 30 \
             days by default",
        );
        CHANGES_RETENTION_DAYS: number(1, 3_650).or_number(90).meaning(
            "how long the change log, the table `changes`, keeps an entry; names of deleted files and folders stay in \
             it that long",
        );
        COLLECT_INTERVAL_SECONDS: number(1, 86_400).or_number(600).meaning("how often the collector runs");
        COLLECT_GRACE_SECONDS: number(1, 31_536_000)
            .described("`UPLOAD_LIFETIME_SECONDS` + 3600")
            .example("90000")
            .meaning(
                "how long bytes that never became a file's content are kept; at least `UPLOAD_LIFETIME_SECONDS` and \
                 `SIGNED_URL_SECONDS`",
            );
    }
    "Connections and requests" {
        BODY_IDLE_SECONDS: number(1, 3600).or_number(30).meaning("idle timeout of a request body");
        BODY_MIN_BYTES_PER_SECOND: number(0, 1 << 30).or_number(1024).meaning(
            "minimum rate of a body, after ten seconds of waiting for it; and of a response, after ten seconds of \
             waiting for its client",
        );
        RESPONSE_IDLE_SECONDS: number(1, 3600).or_number(10).meaning(
            "how long a client may read nothing of a waiting response before it is disconnected",
        );
        CONNECTIONS_PER_ADDRESS: number(1, 1_000_000).or_number(1024).meaning(
            "maximum connections per address (per /64 network for IPv6); one more closes the connection that has been \
             idle longest. Does not apply to `TRUSTED_PROXIES`",
        );
        WORKERS: number(1, 1024).described("the number of cores").example("2").meaning("threads that serve requests");
        KEEP_ALIVE_SECONDS: number(1, 3600).or_number(200).meaning(
            "idle timeout of connections; must exceed that of any proxy in front, or the proxy may send a request on a \
             connection that is being closed",
        );
    }
    "Starting and stopping" {
        STARTUP_SECONDS: number(0, 3600).or_number(60).meaning(
            "how long to wait at startup for a database or a store that is not up yet",
        );
        DRAIN_SECONDS: number(0, 3600).described("5 in production, else 0").example("0").meaning(
            "how long to keep serving after SIGTERM, while `/health/ready` answers 503 and connections are asked to \
             close, so that load balancers stop sending requests; a second signal cuts it short",
        );
        SHUTDOWN_SECONDS: number(0, 3600).or_number(30).meaning(
            "how long running requests may take to finish after that",
        );
    }
    "Logs, metrics and traces" {
        RUST_LOG: text("a filter such as info or clouddrive=debug,info").or(DEFAULT_LOG_FILTER).meaning(
            "what to log, as [a filter]\
             (https://docs.rs/tracing-subscriber/latest/tracing_subscriber/filter/struct.EnvFilter.html)",
        );
        METRICS_ADDR: text("off, or an address and a port, such as 127.0.0.1:9464").or("127.0.0.1:9464").meaning(
            "where to serve [metrics](docs/metrics.md), at `/metrics`; `off` disables them",
        );
        OTEL_EXPORTER_OTLP_ENDPOINT: url().example("http://127.0.0.1:4318").meaning(
            "an OpenTelemetry collector that receives traces by OTLP over HTTP; the SDK reads its other variables, \
             such as `OTEL_TRACES_SAMPLER` and `OTEL_EXPORTER_OTLP_HEADERS`, from the environment",
        );
        OTEL_SERVICE_NAME: any().or("clouddrive").meaning("the service name in traces");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constant_defaults_are_valid_and_every_variable_has_a_meaning() {
        for variable in GROUPS.iter().flat_map(|group| group.variables) {
            assert!(!variable.meaning.is_empty(), "{}", variable.name);
            match (variable.values, variable.default) {
                (Values::Number(least, max), Fallback::Number(default)) => {
                    assert!((least..=max).contains(&default), "{}", variable.name);
                }
                (Values::Switch, Fallback::Text(default)) => assert!(["on", "off"].contains(&default)),
                (Values::Number(..), Fallback::Text(_)) | (Values::Switch, Fallback::Number(_)) => {
                    panic!("{} has a default of another type", variable.name)
                }
                _ => {}
            }
        }
    }
}
