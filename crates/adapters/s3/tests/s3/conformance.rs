//! Runs the conformance suites of the ports that this crate implements.

use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use clouddrive_conformance::direct_uploads::{Answer, Case, SignedUrlClient};
use clouddrive_conformance::{blobs, direct_uploads, effects, signed_urls};
use clouddrive_domain::model::{MediaType, Timestamp};
use clouddrive_domain::port::{Clock, ContentHeaders, SignedUrl, UrlPresigner};

use clouddrive_s3::{S3Store, Settings};

use crate::support::server::{Local, garage};
use crate::support::{MachineClock, MachineRandom, key, open};

/// An HTTP client that uses only the signed URLs.
pub(crate) struct Http(pub(crate) reqwest::Client);

impl SignedUrlClient for Http {
    async fn put(&self, signed: &SignedUrl, body: Bytes) -> u16 {
        let request =
            signed.headers.iter().fold(self.0.put(&signed.url), |request, (name, value)| request.header(*name, value));
        request.body(body).send().await.unwrap().status().as_u16()
    }

    async fn get(&self, signed: &SignedUrl, range: Option<Range<u64>>) -> Answer {
        let mut request = self.0.get(&signed.url);
        if let Some(range) = range {
            request = request.header("Range", format!("bytes={}-{}", range.start, range.end - 1));
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let text = |value: &reqwest::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers = answer.headers().iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
        Answer { status, headers, body: answer.bytes().await.unwrap() }
    }
}

async fn run_direct_uploads(store: &S3Store) {
    let wire = &Http(reqwest::Client::new());
    let (random, now) = (&MachineRandom, MachineClock.now());
    direct_uploads::suite(&Case { store, direct: store, presigner: store, random, wire, now }).await;
}

async fn run_signed_urls(store: &S3Store) {
    let soon = Timestamp::from_millis(MachineClock.now().as_millis() + 240_000);
    signed_urls::presigner_suite(store, store, &MachineRandom, soon).await;
}

#[tokio::test]
async fn blobs_in_garage() {
    blobs::suite(&open(garage()).await, &MachineRandom).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn direct_uploads_to_garage() {
    run_direct_uploads(&open(garage()).await).await;
}

#[tokio::test]
async fn urls_of_garage() {
    run_signed_urls(&open(garage()).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn blobs_where_conditions_are_honoured() {
    let local = Local::start().await;
    blobs::suite(&open(local.settings.clone()).await, &MachineRandom).await;
}

#[tokio::test]
async fn direct_uploads_where_conditions_are_honoured() {
    let local = Local::start().await;
    run_direct_uploads(&open(local.settings.clone()).await).await;
}

#[tokio::test]
async fn urls_where_conditions_are_honoured() {
    let local = Local::start().await;
    run_signed_urls(&open(local.settings.clone()).await).await;
}

#[tokio::test]
async fn urls_lead_where_clients_reach_the_store() {
    let local = Local::start().await;
    let settings = Settings { public_endpoint: Some("https://files.example".to_owned()), ..local.settings.clone() };
    let store = open(settings).await;
    run_signed_urls(&store).await;
    let content_headers = ContentHeaders { media_type: MediaType::jpeg(), attachment: None, content: None };
    let (key, now) = (key(), MachineClock.now());
    for (asked, max) in [(300, 300), (30 * 24 * 3600, 7 * 24 * 3600)] {
        let signed = store.presign_get(&key, &content_headers, now.plus(Duration::from_secs(asked))).await.unwrap();
        let path = format!("https://files.example/drive/blobs/{}?", key.as_str());
        assert!(signed.url.starts_with(&path));
        let end = signed.expires_at.as_seconds() - now.as_seconds();
        assert!((max - 1..=max + 1).contains(&end), "{asked} s asked, {end} s given");
    }
}

#[tokio::test]
async fn a_bucket_that_works_says_so() {
    effects::probe_suite(&open(garage()).await).await;
}
