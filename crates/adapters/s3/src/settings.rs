//! Connection settings and clients.

use std::fmt;
use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_sdk_s3::config::interceptors::BeforeTransmitInterceptorContextMut;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    Builder, ConfigBag, Credentials, IdentityCache, Intercept, Region, RequestChecksumCalculation,
    ResponseChecksumValidation, RuntimeComponents, SharedCredentialsProvider,
};
use aws_sdk_s3::error::BoxError;
use aws_sdk_s3::{Client, Config};

/// The default maximum lifetime of URLs.
const URL_LIFETIME: Duration = Duration::from_secs(300);

/// The default size in bytes of the first parts of a large body; see the README for the resulting limits.
const PART_BYTES: usize = 8 << 20;

/// The connection settings of a bucket.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The name of the bucket.
    pub bucket: String,
    /// Its region. Servers other than AWS often accept any.
    pub region: String,
    /// The URL of the server, e.g. `http://127.0.0.1:9000`; defaults to AWS.
    pub endpoint: Option<String>,
    /// The URL by which clients reach the server, if different: signed URLs begin with it.
    pub public_endpoint: Option<String>,
    /// Whether URLs have the bucket's name in the path instead of the host; defaults to true if `endpoint` is set.
    pub path_style: Option<bool>,
    /// The credentials; defaults to AWS's credentials chain: the environment, the profile files, a web identity, the
    /// container's and the machine's role.
    pub credentials: Option<StaticCredentials>,
    /// The timeouts of calls.
    pub timeouts: Timeouts,
    /// The maximum number of attempts of a call, including the first.
    pub attempts: u32,
    /// The longest wait before the second attempt. It doubles for each further one, and actual waits are random.
    pub backoff: Duration,
    /// The size in bytes of the first parts of a large body; at least 5 MiB, or stores refuse the parts.
    pub part_bytes: usize,
    /// The maximum lifetime of URLs. Credentials that expire sooner are not used for signing.
    pub url_lifetime: Duration,
    /// The maximum number of parts of a multipart upload; tested if `None`.
    pub max_parts: Option<u32>,
    /// Additional headers of each call, e.g. for tracing. Headers that S3 does not know are not signed, and it ignores
    /// them.
    pub headers: fn() -> Vec<(&'static str, String)>,
}

impl Settings {
    /// A bucket on AWS, with default settings.
    #[must_use]
    pub fn new(bucket: impl Into<String>, region: impl Into<String>) -> Self {
        Self {
            bucket: bucket.into(),
            region: region.into(),
            endpoint: None,
            public_endpoint: None,
            path_style: None,
            credentials: None,
            timeouts: Timeouts::default(),
            attempts: 3,
            backoff: Duration::from_millis(250),
            part_bytes: PART_BYTES,
            url_lifetime: URL_LIFETIME,
            max_parts: None,
            headers: Vec::new,
        }
    }

    /// Whether URLs have the bucket's name in the path.
    pub(crate) fn forces_path_style(&self) -> bool {
        self.path_style.unwrap_or(self.endpoint.is_some())
    }

    /// The URL of the server as clients reach it; `None` for AWS.
    pub(crate) fn url_endpoint(&self) -> Option<&str> {
        self.public_endpoint.as_deref().or(self.endpoint.as_deref())
    }

    fn retries(&self) -> RetryConfig {
        RetryConfig::standard().with_max_attempts(self.attempts.max(1)).with_initial_backoff(self.backoff)
    }
}

/// A configured access key.
#[derive(Clone)]
pub struct StaticCredentials {
    /// The access key ID.
    pub key_id: String,
    /// The secret access key.
    pub secret: String,
    /// The session token, for temporary credentials.
    pub session_token: Option<String>,
}

impl fmt::Debug for StaticCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StaticCredentials").finish_non_exhaustive()
    }
}

/// The timeouts of calls.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// Connecting.
    pub connect: Duration,
    /// One attempt of a call without a body.
    pub attempt: Duration,
    /// Such a call with all its attempts.
    pub call: Duration,
    /// One attempt of a call that sends bytes, or completes an upload.
    pub transfer_attempt: Duration,
    /// Such a call with all its attempts.
    pub transfer: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(3),
            attempt: Duration::from_secs(5),
            call: Duration::from_secs(15),
            transfer_attempt: Duration::from_secs(60),
            transfer: Duration::from_secs(150),
        }
    }
}

impl Timeouts {
    fn calls(&self) -> TimeoutConfig {
        TimeoutConfig::builder()
            .connect_timeout(self.connect)
            .operation_attempt_timeout(self.attempt)
            .operation_timeout(self.call)
            .build()
    }

    fn transfers(&self) -> TimeoutConfig {
        TimeoutConfig::builder()
            .connect_timeout(self.connect)
            .operation_attempt_timeout(self.transfer_attempt)
            .operation_timeout(self.transfer)
            .build()
    }
}

impl Settings {
    /// Creates a plain S3 client, for direct access to the bucket. Does not call the store yet.
    pub async fn client(&self) -> Client {
        Clients::new(self).await.calls
    }
}

/// The client, with what belongs to it.
pub(crate) struct Clients {
    /// For calls.
    pub(crate) calls: Client,
    /// The configuration overrides of calls that transfer bytes.
    pub(crate) transfers: Builder,
    /// The source of its credentials.
    pub(crate) credentials: SharedCredentialsProvider,
}

impl Clients {
    /// Creates the client, without calling the store yet.
    pub(crate) async fn new(settings: &Settings) -> Self {
        let region = Region::new(settings.region.clone());
        let credentials = credentials(settings, region.clone()).await;
        let mut config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(region)
            .credentials_provider(credentials.clone())
            .identity_cache(IdentityCache::lazy().buffer_time(settings.url_lifetime).build())
            .force_path_style(settings.forces_path_style())
            .retry_config(settings.retries())
            .timeout_config(settings.timeouts.calls())
            // Servers other than AWS refuse checksums sent as trailers.
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
        config.set_endpoint_url(settings.endpoint.clone());
        let calls = Client::from_conf(config.interceptor(ExtraHeaders(settings.headers)).build());
        Self { calls, transfers: Builder::new().timeout_config(settings.timeouts.transfers()), credentials }
    }
}

/// Adds headers to each call before it is sent.
#[derive(Debug)]
struct ExtraHeaders(fn() -> Vec<(&'static str, String)>);

impl Intercept for ExtraHeaders {
    fn name(&self) -> &'static str {
        "extra headers"
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        for (name, value) in (self.0)() {
            context.request_mut().headers_mut().try_insert(name, value)?;
        }
        Ok(())
    }
}

async fn credentials(settings: &Settings, region: Region) -> SharedCredentialsProvider {
    match &settings.credentials {
        Some(StaticCredentials { key_id, secret, session_token }) => {
            SharedCredentialsProvider::new(Credentials::new(key_id, secret, session_token.clone(), None, "settings"))
        }
        None => SharedCredentialsProvider::new(DefaultCredentialsChain::builder().region(region).build().await),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_prints_no_credentials() {
        let credentials = StaticCredentials {
            key_id: "a key".to_owned(),
            secret: "a secret".to_owned(),
            session_token: Some("a token".to_owned()),
        };
        let settings = Settings { credentials: Some(credentials), ..Settings::new("bucket", "region") };
        assert!(format!("{settings:?}").contains("credentials: Some(StaticCredentials { .. })"));
    }
}
