use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::UNIX_EPOCH;

use aws_credential_types::credential_fn::provide_credentials_fn;
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_s3::Client;
use aws_sdk_s3::presigning::PresignedRequest;
use clouddrive_domain::model::{MediaType, Name};

use super::*;
use crate::checksum::digest;
use crate::settings::{Clients, StaticCredentials};

const KEY: &str = "0123456789abcdef0123456789abcdef";

/// What a client gets: the URL, and the headers to send, in lower case and sorted.
type Signed = (String, Vec<(String, String)>);

fn credentials(session_token: Option<&str>) -> Option<StaticCredentials> {
    Some(StaticCredentials {
        key_id: "AKIDEXAMPLE".to_owned(),
        secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned(),
        session_token: session_token.map(str::to_owned),
    })
}

/// All ways in which URLs can lead to a bucket.
fn buckets() -> Vec<Settings> {
    let aws = |bucket: &str, region: &str| Settings::new(bucket, region);
    let other = |endpoint: &str| Settings { endpoint: Some(endpoint.to_owned()), ..Settings::new("drive", "garage") };
    vec![
        aws("drive", "eu-central-1"),
        aws("drive", "us-east-1"),
        aws("drive", "cn-north-1"),
        aws("files.drive.example", "eu-central-1"),
        aws("arn:aws:s3:us-west-2:123456789012:accesspoint:drive", "us-west-2"),
        Settings { path_style: Some(true), ..aws("drive", "eu-central-1") },
        other("http://127.0.0.1:3900"),
        other("http://127.0.0.1:3900/"),
        other("https://files.drive.example/s3/"),
        other("https://files.drive.example:443"),
        Settings { path_style: Some(false), ..other("http://files.drive.example:3900") },
        Settings { path_style: Some(false), ..other("https://files.drive.example/s3") },
        Settings { public_endpoint: Some("https://files.drive.example".to_owned()), ..other("http://127.0.0.1:3900") },
        Settings { public_endpoint: Some("https://files.drive.example".to_owned()), ..aws("drive", "eu-central-1") },
    ]
}

/// The SDK's own client, as it would sign the URLs of this bucket.
async fn sdk_client(settings: &Settings) -> Client {
    let url_settings = Settings {
        endpoint: settings.url_endpoint().map(str::to_owned),
        path_style: Some(settings.forces_path_style()),
        ..settings.clone()
    };
    url_settings.client().await
}

fn period(seconds: u64) -> PresigningConfig {
    let start = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    PresigningConfig::builder().start_time(start).expires_in(Duration::from_secs(seconds)).build().unwrap()
}

fn by_sdk(request: &PresignedRequest) -> Signed {
    let headers = request.headers().filter(|(name, _)| *name != "host");
    let mut headers: Vec<_> = headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
    headers.sort();
    (request.uri().to_owned(), headers)
}

async fn by_us(signer: &UrlSigner, call: &PresignedCall, period: &PresigningConfig) -> Signed {
    let url = signer.sign(call, period).await.unwrap();
    let mut headers: Vec<_> = call.headers.iter().map(|(name, value)| (name.to_lowercase(), value.clone())).collect();
    headers.sort();
    (url, headers)
}

async fn signer(settings: &Settings) -> UrlSigner {
    UrlSigner::new(settings, Clients::new(settings).await.credentials).await.unwrap()
}

fn stored_headers() -> StoredHeaders {
    StoredHeaders {
        content_type: "text/plain; charset=\"utf-8\"".to_owned(),
        content_disposition: "attachment; filename=\"a b.txt\"; filename*=UTF-8''a%20%C3%A4.txt".to_owned(),
    }
}

#[tokio::test]
async fn urls_to_get_an_object_are_those_of_the_sdk() {
    let key = BlobKey::parse(KEY).unwrap();
    let attachment = Name::parse("Ä b+c&d=e%20;\"'.txt").unwrap();
    let shown = ContentHeaders { media_type: MediaType::jpeg(), attachment: None, content: None };
    let saved = ContentHeaders { attachment: Some(attachment), ..ContentHeaders::unknown() };
    for settings in buckets() {
        for token in [None, Some("FwoGZXIvYXdzEJr//+a token=")] {
            let settings = Settings { credentials: credentials(token), ..settings.clone() };
            let (sdk, signer) = (sdk_client(&settings).await, signer(&settings).await);
            let case = format!("{settings:?}, {token:?}");
            for (content_headers, seconds) in [(&shown, 1), (&saved, 300), (&shown, 604_800)] {
                let call = sdk
                    .get_object()
                    .bucket(&settings.bucket)
                    .key(object(&key))
                    .response_content_type(content_headers.media_type.as_str())
                    .response_content_disposition(content_headers.content_disposition())
                    .response_cache_control("private, no-cache");
                let expected = by_sdk(&call.presigned(period(seconds)).await.unwrap());
                let call = PresignedCall::get_object(&key, content_headers);
                assert_eq!(by_us(&signer, &call, &period(seconds)).await, expected, "{case}");
            }
        }
    }
}

#[tokio::test]
async fn urls_to_put_an_object_are_those_of_the_sdk() {
    let (key, hello, stored) = (BlobKey::parse(KEY).unwrap(), digest(b"hello"), stored_headers());
    for settings in buckets() {
        let settings = Settings { credentials: credentials(Some("a token")), ..settings };
        let (sdk, signer) = (sdk_client(&settings).await, signer(&settings).await);
        for (length, sha256, stored, once) in [
            (Some(5_u64), None, None, false),
            (Some(5), Some(&hello), None, true),
            (Some(u64::from(u32::MAX) + 1), Some(&hello), Some(&stored), true),
            (Some(0), None, Some(&stored), false),
            (None, Some(&hello), None, true),
        ] {
            let call = sdk
                .put_object()
                .bucket(&settings.bucket)
                .key(object(&key))
                .set_content_length(length.map(|length| length.try_into().unwrap()))
                .set_checksum_sha256(sha256.map(checksum::encode))
                .set_content_type(content_type(stored))
                .set_content_disposition(content_disposition(stored))
                .set_if_none_match(once.then(|| "*".to_owned()));
            let expected = by_sdk(&call.presigned(period(300)).await.unwrap());
            let call = PresignedCall::put_object(&key, length, sha256, stored, once);
            assert_eq!(by_us(&signer, &call, &period(300)).await, expected, "{settings:?}, {length:?}, {once}");
        }
    }
}

#[tokio::test]
async fn urls_to_put_a_part_are_those_of_the_sdk() {
    let (key, hello) = (BlobKey::parse(KEY).unwrap(), digest(b"hello"));
    for settings in buckets() {
        let settings = Settings { credentials: credentials(None), ..settings };
        let (sdk, signer) = (sdk_client(&settings).await, signer(&settings).await);
        for id in ["ibZBv_75gd9r8lH_gqXatLdxMVpAlj6ZQjEs.OwyF3953YdwbcQnMA2BLGn8Lx12", "2~a/b+c=d&e%20f?g#h\"i'j*~"] {
            let multipart_id = MultipartUploadId::parse(id).unwrap();
            for (number, sha256) in [(1, None), (10_000, Some(&hello))] {
                let call = sdk
                    .upload_part()
                    .bucket(&settings.bucket)
                    .key(object(&key))
                    .upload_id(id)
                    .part_number(number)
                    .content_length(5)
                    .set_checksum_sha256(sha256.map(checksum::encode));
                let expected = by_sdk(&call.presigned(period(300)).await.unwrap());
                let part = Part { number: number.try_into().unwrap(), size: 5 };
                let call = PresignedCall::upload_part(&key, &multipart_id, part, sha256);
                assert_eq!(by_us(&signer, &call, &period(300)).await, expected, "{settings:?}, {id}, {number}");
            }
        }
    }
}

#[tokio::test]
async fn a_directory_bucket_is_signed_for_without_a_session() {
    let settings =
        Settings { credentials: credentials(None), ..Settings::new("drive--euc1-az1--x-s3", "eu-central-1") };
    let call = PresignedCall::get_object(&BlobKey::parse(KEY).unwrap(), &ContentHeaders::unknown());
    let (url, _) = by_us(&signer(&settings).await, &call, &period(300)).await;
    let bucket_url = "https://drive--euc1-az1--x-s3.s3express-euc1-az1.eu-central-1.amazonaws.com";
    assert!(url.starts_with(&format!("{bucket_url}/blobs/{KEY}?")), "{url}");
    assert!(url.contains("%2Feu-central-1%2Fs3express%2Faws4_request"), "{url}");
}

#[tokio::test]
async fn settings_that_lead_to_no_url_are_refused() {
    for settings in [
        Settings::new("drive", "no region"),
        Settings { endpoint: Some("no URL".to_owned()), ..Settings::new("drive", "garage") },
    ] {
        let settings = Settings { credentials: credentials(None), ..settings };
        let refused = UrlSigner::new(&settings, Clients::new(&settings).await.credentials).await.err().unwrap();
        assert_eq!(refused.kind(), S3ErrorKind::Unreachable, "{settings:?}");
    }
}

/// A cache of credentials that are valid for `lifetime` after 1970, if there are any; and how often it has loaded them.
fn cache(lifetime: Option<Option<Duration>>) -> (CredentialsCache, Arc<AtomicU32>) {
    let loads = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&loads);
    let provider = provide_credentials_fn(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        async move {
            tokio::task::yield_now().await;
            let expiry = lifetime.ok_or_else(|| CredentialsError::not_loaded("no role"))?;
            Ok(Credentials::new("key", "secret", None, expiry.map(|lifetime| UNIX_EPOCH + lifetime), "test"))
        }
    });
    let (buffer, timeout) = (Duration::from_secs(300), Duration::from_secs(5));
    (CredentialsCache::new(SharedCredentialsProvider::new(provider), buffer, timeout), loads)
}

#[tokio::test]
async fn credentials_are_loaded_again_before_they_expire() {
    for (lifetime, last_use) in
        [(Some(Duration::from_secs(3600)), 3299), (None, DEFAULT_CREDENTIALS_LIFETIME.as_secs() - 301)]
    {
        let (cache, loads) = cache(Some(lifetime));
        for (seconds, expected) in [(0, 1), (1, 1), (last_use, 1), (last_use + 1, 2)] {
            cache.get("GetObject", UNIX_EPOCH + Duration::from_secs(seconds)).await.unwrap();
            assert_eq!(loads.load(Ordering::Relaxed), expected, "{lifetime:?}, {seconds}");
        }
    }
}

#[tokio::test]
async fn requests_at_once_load_credentials_once() {
    let (cache, loads) = cache(Some(None));
    let load = || cache.get("GetObject", UNIX_EPOCH);
    let (first, second, third) = tokio::join!(load(), load(), load());
    assert!(first.is_ok() && second.is_ok() && third.is_ok());
    assert_eq!(loads.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn missing_credentials_are_an_error_and_looked_for_again() {
    let (cache, loads) = cache(None);
    for attempt in 1..=2 {
        let error = cache.get("GetObject", UNIX_EPOCH).await.err().unwrap();
        assert_eq!(error.kind(), S3ErrorKind::NoCredentials);
        assert_eq!(loads.load(Ordering::Relaxed), attempt);
    }
}
