//! Where the bucket is, and how it is spoken to.

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

/// How long URLs live at the most, unless told.
const URL_LIFETIME: Duration = Duration::from_secs(300);

/// The size in bytes of the first parts of a large body; see the README for what follows from it.
const PART_BYTES: usize = 8 << 20;

/// Where the bucket is, and how it is spoken to.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The name of the bucket.
    pub bucket: String,
    /// Its region. Servers other than AWS often take any.
    pub region: String,
    /// The URL of the server, such as `http://127.0.0.1:9000`; that of AWS unless told.
    pub endpoint: Option<String>,
    /// The URL by which clients reach the server, where it is another: signed URLs begin with it.
    pub public_endpoint: Option<String>,
    /// Whether the bucket's name stands in the path of URLs and not in their host; unless told, where there is an
    /// endpoint.
    pub path_style: Option<bool>,
    /// What calls are signed with; unless told, what AWS's own chain finds: the environment, the profile files, a web
    /// identity, the container's and the machine's role.
    pub credentials: Option<StaticCredentials>,
    /// How long calls may take.
    pub timeouts: Timeouts,
    /// How often a call is tried at the most, the first time included.
    pub attempts: u32,
    /// The longest wait before the second try. Each further one is twice as long, and each is of random length.
    pub backoff: Duration,
    /// The size of the first parts of a large body, in bytes; at least 5 MiB, or stores refuse the parts.
    pub part_bytes: usize,
    /// How long URLs live at the most. Credentials that end sooner are no longer signed with.
    pub url_lifetime: Duration,
    /// How many parts a multipart upload may have; unless told, that is tried out.
    pub max_parts: Option<u32>,
    /// What else each call bears, such as the trace that it belongs to. Headers that S3 does not know are no part of its
    /// signature, and it passes over them.
    pub headers: fn() -> Vec<(&'static str, String)>,
}

impl Settings {
    /// The bucket of that name on AWS, with everything else as is usual.
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

    fn retries(&self) -> RetryConfig {
        RetryConfig::standard().with_max_attempts(self.attempts.max(1)).with_initial_backoff(self.backoff)
    }
}

/// An access key that was given by hand.
#[derive(Clone)]
pub struct StaticCredentials {
    /// The identifier of the key.
    pub key_id: String,
    /// Its secret.
    pub secret: String,
    /// The token of a session, for a key that is lent.
    pub session_token: Option<String>,
}

impl fmt::Debug for StaticCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StaticCredentials").finish_non_exhaustive()
    }
}

/// How long calls may take.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// To connect.
    pub connect: Duration,
    /// One try of a call without a body of bytes.
    pub attempt: Duration,
    /// Such a call with all its tries.
    pub call: Duration,
    /// One try of a call that sends bytes, or puts parts together.
    pub transfer_attempt: Duration,
    /// Such a call with all its tries.
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
    /// What speaks to the server, past this adapter: for those who look at the bucket by themselves. It asks nobody yet.
    pub async fn client(&self) -> Client {
        Clients::new(self).await.calls
    }
}

/// What speaks to the server, and what signs for clients.
pub(crate) struct Clients {
    /// For calls.
    pub(crate) calls: Client,
    /// What calls that transfer bytes have otherwise.
    pub(crate) transfers: Builder,
    /// For signed URLs.
    pub(crate) urls: Client,
}

impl Clients {
    /// Asks nobody yet.
    pub(crate) async fn new(settings: &Settings) -> Self {
        let region = Region::new(settings.region.clone());
        let mut config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(region.clone())
            .credentials_provider(credentials(settings, region).await)
            .identity_cache(IdentityCache::lazy().buffer_time(settings.url_lifetime).build())
            .force_path_style(settings.path_style.unwrap_or(settings.endpoint.is_some()))
            .retry_config(settings.retries())
            .timeout_config(settings.timeouts.calls())
            .interceptor(MoreHeaders(settings.headers))
            // Others than AWS refuse the checksums that are sent behind a body.
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
        config.set_endpoint_url(settings.endpoint.clone());
        let config = config.build();
        let calls = Client::from_conf(config.clone());
        let urls = match &settings.public_endpoint {
            Some(public) => Client::from_conf(config.to_builder().endpoint_url(public).build()),
            None => calls.clone(),
        };
        Self { calls, transfers: Builder::new().timeout_config(settings.timeouts.transfers()), urls }
    }
}

/// Adds headers to each call as it goes out.
#[derive(Debug)]
struct MoreHeaders(fn() -> Vec<(&'static str, String)>);

impl Intercept for MoreHeaders {
    fn name(&self) -> &'static str {
        "more headers"
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
