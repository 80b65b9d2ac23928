//! The servers that the tests run against.

use std::time::Duration;

use clouddrive_s3::{Settings, StaticCredentials, Timeouts};
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use tempfile::TempDir;

use super::front::{Front, Upstream};
pub(crate) use super::quirks::Quirks;

const BUCKET: &str = "drive";
const KEY_ID: &str = "test";
const SECRET: &str = "a secret of the tests";
/// The wait between attempts.
const SHORT: Duration = Duration::from_millis(10);

/// The settings for Garage, which ignores conditions on writes and lists all uploads in progress.
pub(crate) fn garage() -> Settings {
    let read = |name: &str| {
        #[expect(clippy::disallowed_methods, reason = "the configuration of these tests is read here")]
        let value = std::env::var(name);
        value.unwrap_or_else(|_| {
            panic!("{name} is not set: run `./scripts/test`, or `./scripts/stack cargo test -p clouddrive-s3`")
        })
    };
    Settings {
        endpoint: Some(read("AWS_ENDPOINT_URL_S3")),
        credentials: Some(StaticCredentials {
            key_id: read("AWS_ACCESS_KEY_ID"),
            secret: read("AWS_SECRET_ACCESS_KEY"),
            session_token: None,
        }),
        part_bytes: 5 << 20,
        ..Settings::new(read("S3_BUCKET_NAME"), read("AWS_REGION"))
    }
}

/// Garage behind a [`Front`].
pub(crate) async fn garage_behind_front() -> (Front, Settings) {
    let settings = garage();
    let server = settings.endpoint.clone().unwrap();
    let server = server.strip_prefix("http://").unwrap().trim_end_matches('/').to_owned();
    let front = Front::start(Upstream::Server(server)).await;
    let settings = Settings { endpoint: Some(front.url()), timeouts: short(), backoff: SHORT, ..settings };
    (front, settings)
}

/// An in-process server with its own directory. It supports conditional writes.
pub(crate) struct Local {
    pub(crate) front: Front,
    pub(crate) settings: Settings,
    _root: TempDir,
}

impl Local {
    pub(crate) async fn start() -> Self {
        Self::start_with(Quirks::default()).await
    }

    pub(crate) async fn start_with(quirks: Quirks) -> Self {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join(BUCKET)).unwrap();
        let mut builder = S3ServiceBuilder::new(s3s_fs::FileSystem::new(root.path()).unwrap());
        builder.set_auth(SimpleAuth::from_single(KEY_ID, SECRET));
        let front = Front::start(Upstream::Service(builder.build(), root.path().to_owned(), quirks)).await;
        let credentials =
            StaticCredentials { key_id: KEY_ID.to_owned(), secret: SECRET.to_owned(), session_token: None };
        let settings = Settings {
            endpoint: Some(front.url()),
            credentials: Some(credentials),
            backoff: SHORT,
            part_bytes: 5 << 20,
            ..Settings::new(BUCKET, "us-east-1")
        };
        Self { front, settings, _root: root }
    }

    /// Settings with short timeouts.
    pub(crate) fn impatient(&self) -> Settings {
        Settings { timeouts: short(), ..self.settings.clone() }
    }
}

fn short() -> Timeouts {
    let (try_once, all) = (Duration::from_secs(2), Duration::from_secs(5));
    Timeouts { connect: try_once, attempt: try_once, call: all, transfer_attempt: try_once, transfer: all }
}
