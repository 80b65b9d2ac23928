//! Conformance suite for [`UrlPresigner`] and the signing of [`DirectUploadStore`]. It signs keys without blobs.
#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use clouddrive_domain::model::{
    BlobKey, Id, MultipartUpload, NodeId, Part, PartPlan, SessionId, Sha256, Timestamp, UserId, VersionId,
};
use clouddrive_domain::port::{ContentHeaders, DirectUploadStore, Random, SignedUrl, UrlPresigner, Watch};
use futures_util::FutureExt;

use crate::case::suite;
use crate::samples::content_headers;

suite! {
    $ signed_urls(subject: &Subject<'_>) (subject)

    self of "`UrlPresigner`: URLs are absolute, with the scheme `http` or `https`, and printable ASCII." {
        urls_are_absolute,
    }

    self of "`UrlPresigner`: They expire at the given time or less than a second before it" {
        urls_end_when_they_were_to_end,
    }

    self of "`UrlPresigner`: URLs to download need no headers" {
        a_get_needs_no_headers,
    }

    self of "`UrlPresigner`: each key and each purpose has its own" {
        every_key_has_urls_of_its_own,
    }

    self of "`SignedUrl`: It is secret while it is valid" {
        urls_are_not_debugged,
    }
}

/// What the cases test.
pub struct Subject<'a> {
    /// The signer.
    pub presigner: &'a dyn UrlPresigner,
    /// Signs upload URLs.
    pub direct: &'a dyn DirectUploadStore,
    /// Source of keys.
    pub random: &'a dyn Random,
    /// When the URLs expire.
    pub expires_at: Timestamp,
}

impl Subject<'_> {
    pub(super) fn key(&self) -> BlobKey {
        BlobKey::generate(self.random)
    }

    pub(super) async fn presign_put(&self, key: &BlobKey) -> SignedUrl {
        let multipart = MultipartUpload {
            key: key.clone(),
            multipart_id: self.direct.begin(key, PartPlan::single(10), &ContentHeaders::unknown()).await.unwrap(),
        };
        let digest = Some(Sha256::from_bytes([0xA7; 32]));
        self.direct
            .presign_put(&multipart, Part { number: 1, size: 10 }, digest, &ContentHeaders::unknown(), self.expires_at)
            .await
            .unwrap()
    }

    pub(super) async fn presign_get(&self, key: &BlobKey) -> SignedUrl {
        let content_headers = content_headers("text/plain; charset=utf-8", Some("a.txt"));
        self.presigner.presign_get(key, &content_headers, self.expires_at).await.unwrap()
    }

    pub(super) fn watch(&self) -> Watch {
        let at = Timestamp::from_millis(1_700_000_000_000);
        let (user, session) = (UserId::generate(at, self.random), SessionId::generate(at, self.random));
        Watch { user, session, file: NodeId::generate(at, self.random), version: VersionId::generate(at, self.random) }
    }

    pub(super) async fn presign_watch(&self, key: &BlobKey) -> SignedUrl {
        let content_headers = content_headers("video/mp4", Some("a.mp4"));
        self.presigner.presign_watch(key, &content_headers, self.watch(), self.expires_at).await.unwrap()
    }

    pub(super) fn put(&self, key: &BlobKey) -> SignedUrl {
        self.presign_put(key).now_or_never().unwrap()
    }

    pub(super) fn get(&self, key: &BlobKey) -> SignedUrl {
        self.presign_get(key).now_or_never().unwrap()
    }

    pub(super) fn put_of(
        &self,
        key: &BlobKey,
        length: u64,
        sha256: Option<Sha256>,
        expires_at: Timestamp,
    ) -> SignedUrl {
        let multipart = MultipartUpload { key: key.clone(), multipart_id: None };
        self.direct
            .presign_put(&multipart, Part { number: 1, size: length }, sha256, &ContentHeaders::unknown(), expires_at)
            .now_or_never()
            .unwrap()
            .unwrap()
    }

    pub(super) fn get_as(&self, key: &BlobKey, content_headers: &ContentHeaders) -> SignedUrl {
        self.presigner.presign_get(key, content_headers, self.expires_at).now_or_never().unwrap().unwrap()
    }
}

/// URLs are absolute, with the scheme `http` or `https`, and printable ASCII.
async fn urls_are_absolute(subject: &Subject<'_>) {
    for signed in [
        subject.presign_put(&subject.key()).await,
        subject.presign_get(&subject.key()).await,
        subject.presign_watch(&subject.key()).await,
    ] {
        assert!(signed.url.starts_with("http://") || signed.url.starts_with("https://"));
        assert!(signed.url.bytes().all(|byte| byte.is_ascii_graphic()));
    }
}

/// A URL expires at the requested time or less than a second earlier (the resolution of some stores), never later.
async fn urls_end_when_they_were_to_end(subject: &Subject<'_>) {
    for signed in [
        subject.presign_put(&subject.key()).await,
        subject.presign_get(&subject.key()).await,
        subject.presign_watch(&subject.key()).await,
    ] {
        let early = subject.expires_at.as_millis() - signed.expires_at.as_millis();
        assert!((0..1000).contains(&early), "{early} ms early");
    }
}

/// A GET needs no headers, so that a browser can follow its URL.
async fn a_get_needs_no_headers(subject: &Subject<'_>) {
    assert_eq!(subject.presign_get(&subject.key()).await.headers, []);
    assert_eq!(subject.presign_watch(&subject.key()).await.headers, []);
}

/// No two keys, and no two purposes, share a URL.
async fn every_key_has_urls_of_its_own(subject: &Subject<'_>) {
    let mut urls = Vec::new();
    for key in [subject.key(), subject.key()] {
        urls.extend([subject.presign_put(&key).await.url, subject.presign_get(&key).await.url]);
    }
    urls.sort();
    urls.dedup();
    assert_eq!(urls.len(), 4);
}

/// A URL is a secret: `Debug` does not print it.
async fn urls_are_not_debugged(subject: &Subject<'_>) {
    let key = subject.key();
    for signed in [subject.presign_put(&key).await, subject.presign_get(&key).await] {
        assert!(!format!("{signed:?}").contains(key.as_str()));
    }
}
