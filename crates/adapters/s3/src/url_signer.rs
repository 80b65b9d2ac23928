//! Signs URLs without building a call of the SDK for each, which takes ten times as long as the signature. Endpoints,
//! credentials and signatures still come from the SDK's crates.

use std::time::{Duration, SystemTime};

use aws_sdk_s3::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};
use aws_sdk_s3::config::{Credentials, ProvideCredentials, SharedCredentialsProvider};
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation, SigningParams,
    SigningSettings, UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use clouddrive_domain::model::{BlobKey, MultipartUploadId, Part, Sha256};
use clouddrive_domain::port::ContentHeaders;
use clouddrive_domain::{Error, Result};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::sync::RwLock;

use crate::bucket::{StoredHeaders, content_disposition, content_type, object};
use crate::checksum;
use crate::error::{S3Error, S3ErrorKind};
use crate::settings::Settings;

/// The header for the length, which the HTTP library of a client sets.
pub(crate) const CONTENT_LENGTH: &str = "Content-Length";

const CHECKSUM: &str = "x-amz-checksum-sha256";

/// What is encoded in parameters: all but the unreserved characters of RFC 3986.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// How long credentials without an expiry are used before they are loaded again.
const DEFAULT_CREDENTIALS_LIFETIME: Duration = Duration::from_secs(15 * 60);

/// A call to sign, as the SDK would send it.
pub(crate) struct PresignedCall {
    operation: &'static str,
    method: &'static str,
    object: String,
    parameters: Vec<(&'static str, String)>,
    /// The headers that the client has to send.
    pub(crate) headers: Vec<(&'static str, String)>,
}

impl PresignedCall {
    pub(crate) fn get_object(key: &BlobKey, content_headers: &ContentHeaders) -> Self {
        Self {
            operation: "GetObject",
            method: "GET",
            object: object(key),
            parameters: vec![
                ("response-cache-control", "private, no-cache".to_owned()),
                ("response-content-disposition", content_headers.content_disposition()),
                ("response-content-type", content_headers.media_type.as_str().to_owned()),
            ],
            headers: Vec::new(),
        }
    }

    /// With `once`, the call fails if the object exists.
    pub(crate) fn put_object(
        key: &BlobKey,
        length: Option<u64>,
        sha256: Option<&Sha256>,
        stored_headers: Option<&StoredHeaders>,
        once: bool,
    ) -> Self {
        let headers = [
            ("Content-Disposition", content_disposition(stored_headers)),
            (CONTENT_LENGTH, length.map(|length| length.to_string())),
            ("Content-Type", content_type(stored_headers)),
            ("If-None-Match", once.then(|| "*".to_owned())),
            (CHECKSUM, sha256.map(checksum::encode)),
        ];
        Self {
            operation: "PutObject",
            method: "PUT",
            object: object(key),
            parameters: Vec::new(),
            headers: headers.into_iter().filter_map(|(name, value)| Some((name, value?))).collect(),
        }
    }

    pub(crate) fn upload_part(
        key: &BlobKey,
        multipart_id: &MultipartUploadId,
        part: Part,
        sha256: Option<&Sha256>,
    ) -> Self {
        let checksum = sha256.map(|sha256| (CHECKSUM, checksum::encode(sha256)));
        Self {
            operation: "UploadPart",
            method: "PUT",
            object: object(key),
            parameters: vec![("partNumber", part.number.to_string()), ("uploadId", multipart_id.as_str().to_owned())],
            headers: [(CONTENT_LENGTH, part.size.to_string())].into_iter().chain(checksum).collect(),
        }
    }

    /// The URL without a signature, with the parameters in the SDK's order.
    fn url(&self, bucket_url: &str) -> String {
        // The signature adds about 400 bytes, and the token of temporary credentials up to 2,000.
        let mut url = String::with_capacity(1024);
        // Keys of blobs have no characters that need encoding.
        for piece in [bucket_url, "/", &self.object, "?x-id=", self.operation] {
            url.push_str(piece);
        }
        for (name, value) in &self.parameters {
            push_parameter(&mut url, name, value);
        }
        url
    }
}

fn push_parameter(url: &mut String, name: &str, value: &str) {
    url.push('&');
    url.push_str(name);
    url.push('=');
    url.extend(utf8_percent_encode(value, ENCODED));
}

/// Signs the URLs of one bucket.
pub(crate) struct UrlSigner {
    /// As clients reach the bucket, without a slash at the end.
    bucket_url: String,
    region: String,
    service: String,
    credentials: CredentialsCache,
}

impl UrlSigner {
    /// Finds out the bucket's URL by the SDK's rules, without calling the store.
    ///
    /// # Errors
    /// If the settings lead to no URL, or to one that needs another kind of signature.
    pub(crate) async fn new(settings: &Settings, provider: SharedCredentialsProvider) -> Result<Self, S3Error> {
        let wrong_settings = || S3Error::without_response("GetObject", S3ErrorKind::Unreachable);
        let params = Params::builder()
            .set_bucket(Some(settings.bucket.clone()))
            .set_region(Some(settings.region.clone()))
            .set_endpoint(settings.url_endpoint().map(str::to_owned))
            .set_force_path_style(Some(settings.forces_path_style()))
            // The sessions of directory buckets would end before the URLs.
            .set_disable_s3_express_session_auth(Some(true))
            .build()
            .map_err(|_| wrong_settings())?;
        let resolver = DefaultResolver::new();
        let endpoint = ResolveEndpoint::resolve_endpoint(&resolver, &params).await.map_err(|_| wrong_settings())?;
        let scheme = endpoint.auth_schemes().iter().find(|scheme| scheme.name() == "sigv4");
        let scheme = scheme.ok_or_else(wrong_settings)?;
        let property = |name| scheme.get(name).and_then(|value| value.as_string()).map(str::to_owned);
        let url = endpoint.url();
        Ok(Self {
            bucket_url: url.strip_suffix('/').unwrap_or(url).to_owned(),
            region: property("signingRegion").unwrap_or_else(|| settings.region.clone()),
            service: property("signingName").unwrap_or_else(|| "s3".to_owned()),
            credentials: CredentialsCache::new(provider, settings.url_lifetime, settings.timeouts.call),
        })
    }

    /// The URL by which a client makes the call, with its headers, within this period.
    pub(crate) async fn sign(&self, call: &PresignedCall, period: &PresigningConfig) -> Result<String> {
        let credentials = self.credentials.get(call.operation, period.start_time()).await?;
        if credentials.expiry().is_some_and(|end| end < period.start_time() + period.expires()) {
            tracing::warn!("a signed URL ends early, with the credentials that signed it");
        }
        let identity = credentials.into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(&self.service)
            .time(period.start_time())
            .settings(signing_settings(period.expires()))
            .build()
            .map_err(|error| Error::internal("storage", error))?;
        let params = SigningParams::V4(params);
        let mut url = call.url(&self.bucket_url);
        let headers = call.headers.iter().map(|(name, value)| (*name, value.as_str()));
        let signed = SignableRequest::new(call.method, url.as_str(), headers, SignableBody::UnsignedPayload)
            .and_then(|request| sign(request, &params))
            .map_err(|error| Error::internal("storage", error))?;
        let (instructions, _) = signed.into_parts();
        for (name, value) in instructions.params() {
            push_parameter(&mut url, name, value);
        }
        Ok(url)
    }
}

/// As S3 expects it: paths are encoded once and not normalized.
fn signing_settings(expires_in: Duration) -> SigningSettings {
    let mut settings = SigningSettings::default();
    settings.percent_encoding_mode = PercentEncodingMode::Single;
    settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(expires_in);
    settings
}

/// The credentials that sign URLs. They are loaded again before they expire, by one request, for which others wait.
struct CredentialsCache {
    provider: SharedCredentialsProvider,
    /// How long before their expiry credentials are replaced.
    buffer: Duration,
    timeout: Duration,
    /// The credentials, and until when they are used.
    cached: RwLock<Option<(Credentials, SystemTime)>>,
}

impl CredentialsCache {
    fn new(provider: SharedCredentialsProvider, buffer: Duration, timeout: Duration) -> Self {
        Self { provider, buffer, timeout, cached: RwLock::new(None) }
    }

    /// The credentials at `now`, for this operation.
    async fn get(&self, operation: &'static str, now: SystemTime) -> Result<Credentials, S3Error> {
        let usable = |cached: &Option<(Credentials, SystemTime)>| {
            cached.as_ref().filter(|(_, end)| now < *end).map(|(credentials, _)| credentials.clone())
        };
        if let Some(credentials) = usable(&*self.cached.read().await) {
            return Ok(credentials);
        }
        let mut cached = self.cached.write().await;
        if let Some(credentials) = usable(&cached) {
            return Ok(credentials);
        }
        let credentials = match tokio::time::timeout(self.timeout, self.provider.provide_credentials()).await {
            Ok(loaded) => loaded.map_err(|error| S3Error::without_credentials(operation, &error))?,
            // Former credentials of some providers stay valid when these cannot be reached.
            Err(_) => self
                .provider
                .fallback_on_interrupt()
                .ok_or_else(|| S3Error::without_response(operation, S3ErrorKind::NoCredentials))?,
        };
        let expiry = credentials.expiry().unwrap_or(now + DEFAULT_CREDENTIALS_LIFETIME);
        *cached = expiry.checked_sub(self.buffer).map(|end| (credentials.clone(), end));
        Ok(credentials)
    }
}

#[cfg(test)]
mod tests;
