//! Signed URLs. The store remembers each URL that it signs, with a random signature, and admits no other.

use std::fmt::Write;

use async_trait::async_trait;
use clouddrive_domain::error::Forbidden;
use clouddrive_domain::model::{BlobKey, Expected, Length, MultipartUpload, Timestamp};
use clouddrive_domain::port::{
    ContentHeaders, GetTarget, PutTarget, SignedRequest, SignedUrl, SignedUrlVerifier, UrlPresigner, Watch,
};
use clouddrive_domain::{Error, Result};

use super::MemoryBlobStore;

/// The URLs lead nowhere (RFC 2606): a test passes their key and query to the gate.
const BASE: &str = "http://memory.invalid/blob";

/// What a URL allows, until it expires.
#[derive(Clone)]
pub(super) struct Permit {
    target: Target,
    expires_at: Timestamp,
}

#[derive(Clone)]
enum Target {
    Put(PutTarget, Expected),
    Get(GetTarget),
}

impl MemoryBlobStore {
    /// Signs a URL to PUT the part `number` of the multipart, or its whole blob if it has no multipart_id.
    pub(super) fn sign_upload(
        &self,
        multipart: &MultipartUpload,
        number: u32,
        expected: Expected,
        expires_at: Timestamp,
    ) -> SignedUrl {
        let (part, target) = match multipart.multipart_id {
            Some(_) => (format!("&part={number}"), PutTarget::Part { multipart: multipart.clone(), number }),
            None => (String::new(), PutTarget::Blob(multipart.key.clone())),
        };
        let length = match expected.length {
            Length::Exactly(length) | Length::AtMost(length) => length,
        };
        let query = format!("method=PUT{part}&length={length}");
        let headers = vec![("If-None-Match", "*".to_owned())];
        self.sign(&multipart.key, &query, headers, Permit { target: Target::Put(target, expected), expires_at })
    }

    fn sign_read(
        &self,
        key: &BlobKey,
        content_headers: &ContentHeaders,
        watch: Option<Watch>,
        expires_at: Timestamp,
    ) -> SignedUrl {
        let target = Target::Get(GetTarget { key: key.clone(), content_headers: content_headers.clone(), watch });
        self.sign(key, "method=GET", Vec::new(), Permit { target, expires_at })
    }

    /// Remembers the permit under a URL of its own.
    fn sign(&self, key: &BlobKey, query: &str, headers: Vec<(&'static str, String)>, permit: Permit) -> SignedUrl {
        let (number, signature) = (self.random_text(), self.random_text());
        let expires_at = permit.expires_at;
        let query = format!("{query}&number={number}&expires={}&signature={signature}", expires_at.as_millis());
        let url = format!("{BASE}/{}?{query}", key.as_str());
        self.lock().urls.insert((key.as_str().to_owned(), query), permit);
        SignedUrl { url, headers, expires_at }
    }

    /// 128 random bits.
    fn random_text(&self) -> String {
        let mut bytes = [0; 16];
        self.random.fill(&mut bytes);
        bytes.iter().fold(String::new(), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    /// The target of a request by a URL that was signed for its method, i.e. for which `of_method` has a result.
    fn admit<T>(
        &self,
        request: SignedRequest<'_>,
        now: Timestamp,
        of_method: impl Fn(Target) -> Option<T>,
    ) -> Result<T> {
        let permit = self.lock().urls.get(&(request.key.to_owned(), request.query.to_owned())).cloned();
        let permit = permit.and_then(|permit| Some((of_method(permit.target)?, permit.expires_at)));
        match permit {
            Some((target, expires_at)) if now < expires_at => Ok(target),
            Some(_) => Err(Error::Forbidden(Forbidden::UrlExpired)),
            None => Err(Error::Forbidden(Forbidden::Signature)),
        }
    }
}

#[async_trait]
impl UrlPresigner for MemoryBlobStore {
    async fn presign_get(
        &self,
        key: &BlobKey,
        content_headers: &ContentHeaders,
        expires_at: Timestamp,
    ) -> Result<SignedUrl> {
        Ok(self.sign_read(key, content_headers, None, expires_at))
    }

    async fn presign_watch(
        &self,
        key: &BlobKey,
        content_headers: &ContentHeaders,
        watch: Watch,
        expires_at: Timestamp,
    ) -> Result<SignedUrl> {
        Ok(self.sign_read(key, content_headers, Some(watch), expires_at))
    }
}

impl SignedUrlVerifier for MemoryBlobStore {
    fn verify_put<'a>(&self, request: SignedRequest<'a>, now: Timestamp) -> Result<(PutTarget, Expected)> {
        self.admit(request, now, |target| match target {
            Target::Put(target, expected) => Some((target, expected)),
            Target::Get(_) => None,
        })
    }

    fn verify_get<'a>(&self, request: SignedRequest<'a>, now: Timestamp) -> Result<GetTarget> {
        self.admit(request, now, |target| match target {
            Target::Get(target) => Some(target),
            Target::Put(..) => None,
        })
    }
}
