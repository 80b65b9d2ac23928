//! Runs the conformance suites of the ports that this crate implements.

use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use clouddrive_conformance::direct_uploads::{Answer, SignedUrlClient, Subject};
use clouddrive_conformance::signed_urls;
use clouddrive_domain::model::{MediaType, Timestamp};
use clouddrive_domain::port::{Clock, ContentHeaders, SignedUrl, UrlPresigner};

use clouddrive_s3::{S3Store, Settings};

use crate::support::server::{Local, garage};
use crate::support::{MachineClock, MachineRandom, key, open};

/// An HTTP client that uses only the signed URLs.
pub(crate) struct Http(reqwest::Client);

impl Http {
    pub(crate) fn new() -> Self {
        Self(reqwest::Client::new())
    }
}

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

fn soon() -> Timestamp {
    Timestamp::from_millis(MachineClock.now().as_millis() + 240_000)
}

fn urls(store: &S3Store) -> signed_urls::Subject<'_> {
    signed_urls::Subject { presigner: store, direct: store, random: &MachineRandom, expires_at: soon() }
}

/// A store, through all its ports.
pub(crate) fn subject<'a>(store: &'a S3Store, wire: &'a Http) -> Subject<'a, Http> {
    Subject { store, direct: store, presigner: store, random: &MachineRandom, wire, now: MachineClock.now() }
}

async fn in_garage() -> S3Store {
    open(garage()).await
}

/// A store, and its server, which must outlive it.
async fn in_process() -> (Local, S3Store) {
    let local = Local::start().await;
    let store = open(local.settings.clone()).await;
    (local, store)
}

/// In Garage, whose bucket all tests share.
mod garage {
    use super::{Http, MachineRandom, in_garage, subject, urls};

    clouddrive_conformance::blobs! { #[tokio::test] store = in_garage().await => &store, &MachineRandom }
    clouddrive_conformance::signed_urls! { #[tokio::test] store = in_garage().await => &urls(&store) }
    clouddrive_conformance::direct_uploads! {
        #[tokio::test(flavor = "multi_thread")] store = in_garage().await => &subject(&store, &Http::new())
    }
    clouddrive_conformance::probe! { #[tokio::test] store = in_garage().await => &store }
}

/// Where conditions on writes are honoured.
mod local {
    use super::{Http, MachineRandom, in_process, subject, urls};

    clouddrive_conformance::blobs! { #[tokio::test] (_server, store) = in_process().await => &store, &MachineRandom }
    clouddrive_conformance::signed_urls! { #[tokio::test] (_server, store) = in_process().await => &urls(&store) }
    clouddrive_conformance::direct_uploads! {
        #[tokio::test] (_server, store) = in_process().await => &subject(&store, &Http::new())
    }
    clouddrive_conformance::probe! { #[tokio::test] (_server, store) = in_process().await => &store }
}

#[tokio::test]
async fn urls_lead_where_clients_reach_the_store() {
    let local = Local::start().await;
    let settings = Settings { public_endpoint: Some("https://files.example".to_owned()), ..local.settings.clone() };
    let store = open(settings).await;
    signed_urls::suite(&urls(&store)).await;
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
