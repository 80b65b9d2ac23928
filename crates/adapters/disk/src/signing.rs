use std::fmt;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clouddrive_domain::error::Forbidden;
use clouddrive_domain::model::{BlobKey, EntityTag, Expected, Length, MediaType, Name, Sha256, Timestamp};
use clouddrive_domain::port::{
    ContentHeaders, ContentInfo, GetTarget, PutTarget, SignedRequest, SignedUrl, SignedUrlVerifier, UrlPresigner, Watch,
};
use clouddrive_domain::{Error, Result};
use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::parts::multipart;

/// All but the unreserved characters of RFC 3986, section 2.3, which no proxy has a reason to rewrite.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Signed URLs that point back to this server: `{public_url}/blob/{key}?…`.
///
/// The signature is an HMAC-SHA256 over the operation, the key and the query before the signature, byte for byte. It is
/// verified before any parameter is parsed.
#[derive(Clone)]
pub struct DiskUrls {
    public_url: String,
    mac: Hmac<sha2::Sha256>,
    /// The MAC of the previous key, during a key rotation.
    former: Option<Hmac<sha2::Sha256>>,
}

/// The operation that a URL permits. It is part of the signature, so a URL for one is invalid for the other.
#[derive(Clone, Copy)]
enum Purpose {
    Put,
    Get,
}

impl DiskUrls {
    /// Creates a signer of URLs below `public_url`, e.g. `http://127.0.0.1:8000` (no trailing slash), with `key`.
    ///
    /// The key MUST be secret, used for nothing else, and the same on every instance behind that URL.
    #[must_use]
    pub fn new(public_url: &str, key: [u8; 32]) -> Self {
        Self { public_url: public_url.to_owned(), mac: hmac(key), former: None }
    }

    /// Also accepts URLs signed with the key `former`, for key rotation.
    #[must_use]
    pub fn accepting(mut self, former: [u8; 32]) -> Self {
        self.former = Some(hmac(former));
        self
    }

    fn sign(&self, purpose: Purpose, key: &BlobKey, query: &str, expires_at: Timestamp) -> SignedUrl {
        let signature =
            URL_SAFE_NO_PAD.encode(mac_over(&self.mac, purpose, key.as_str(), query).finalize().into_bytes());
        let url = format!("{}/blob/{}?{query}&signature={signature}", self.public_url, key.as_str());
        let headers = match purpose {
            Purpose::Put => vec![("If-None-Match", "*".to_owned())],
            Purpose::Get => Vec::new(),
        };
        SignedUrl { url, headers, expires_at }
    }

    /// Signs a URL to PUT `length` bytes, with this digest if known, under `key` once: the whole blob or one part.
    pub(crate) fn presign_put(
        &self,
        key: &BlobKey,
        part: Option<u32>,
        length: u64,
        sha256: Option<Sha256>,
        expires_at: Timestamp,
    ) -> SignedUrl {
        let sha256 = sha256.map(|digest| format!("&sha256={digest}")).unwrap_or_default();
        let part = part.map(|number| format!("&part={number}")).unwrap_or_default();
        let query = format!("method=PUT{part}&length={length}{sha256}&expires={}", expires_at.as_millis());
        self.sign(Purpose::Put, key, &query, expires_at)
    }

    /// Verifies the signature; returns the key and the query without the signature.
    fn verify<'a>(&self, purpose: Purpose, request: SignedRequest<'a>) -> Option<(BlobKey, Query<'a>)> {
        let (query, signature) = request.query.rsplit_once("&signature=")?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        let covers = |mac| mac_over(mac, purpose, request.key, query).verify_slice(&signature).is_ok();
        (covers(&self.mac) || self.former.as_ref().is_some_and(covers)).then_some(())?;
        Some((BlobKey::parse(request.key).ok()?, Query(query)))
    }
}

/// Pads the key with zeros to the 64-byte block of SHA-256, as HMAC itself does with short keys.
fn hmac(key: [u8; 32]) -> Hmac<sha2::Sha256> {
    let mut block = [0; 64];
    block.iter_mut().zip(key).for_each(|(byte, key)| *byte = key);
    Hmac::new(&block.into())
}

/// `mac` over the operation, the blob's key and the query.
fn mac_over(mac: &Hmac<sha2::Sha256>, purpose: Purpose, key: &str, query: &str) -> Hmac<sha2::Sha256> {
    let purpose = match purpose {
        Purpose::Put => "put a blob",
        Purpose::Get => "get a blob",
    };
    // Length-prefix each part, so that no two requests have the same encoding.
    [purpose, key, query]
        .into_iter()
        .fold(mac.clone(), |mac, part| mac.chain_update((part.len() as u64).to_be_bytes()).chain_update(part))
}

impl fmt::Debug for DiskUrls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DiskUrls").field("public_url", &self.public_url).finish_non_exhaustive()
    }
}

#[async_trait]
impl UrlPresigner for DiskUrls {
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

impl DiskUrls {
    fn sign_read(
        &self,
        key: &BlobKey,
        content_headers: &ContentHeaders,
        watch: Option<Watch>,
        expires_at: Timestamp,
    ) -> SignedUrl {
        let media_type = utf8_percent_encode(content_headers.media_type.as_str(), RESERVED);
        let name = content_headers
            .attachment
            .as_ref()
            .map(|name| format!("&name={}", utf8_percent_encode(name.as_str(), RESERVED)))
            .unwrap_or_default();
        let content = content_headers.content.as_ref().map(write_content).unwrap_or_default();
        let watch = watch.map(write_watch).unwrap_or_default();
        let query = format!("method=GET&type={media_type}{name}{content}{watch}&expires={}", expires_at.as_millis());
        self.sign(Purpose::Get, key, &query, expires_at)
    }
}

impl SignedUrlVerifier for DiskUrls {
    fn verify_put<'a>(&self, request: SignedRequest<'a>, now: Timestamp) -> Result<(PutTarget, Expected)> {
        let (key, query) = self.verify(Purpose::Put, request).ok_or_else(signature_error)?;
        let (part, expected, expires_at) = query.read_put().ok_or_else(signature_error)?;
        require_unexpired(expires_at, now)?;
        let target = match part {
            Some(number) => PutTarget::Part { multipart: multipart(key), number },
            None => PutTarget::Blob(key),
        };
        Ok((target, expected))
    }

    fn verify_get<'a>(&self, request: SignedRequest<'a>, now: Timestamp) -> Result<GetTarget> {
        let (key, query) = self.verify(Purpose::Get, request).ok_or_else(signature_error)?;
        let (content_headers, watch, expires_at) = query.read_get().ok_or_else(signature_error)?;
        require_unexpired(expires_at, now)?;
        Ok(GetTarget { key, content_headers, watch })
    }
}

/// The parameters that describe the content; [`Query::read_content`] reads them.
fn write_content(content: &ContentInfo) -> String {
    let tag = utf8_percent_encode(content.tag.as_str(), RESERVED);
    let size = content.size.map(|size| format!("&size={size}")).unwrap_or_default();
    let client =
        content.client_modified_at.map(|at| format!("&client_modified={}", at.as_millis())).unwrap_or_default();
    format!("{size}&etag={tag}&modified={}{client}", content.modified_at.as_millis())
}

/// The parameters of a watch: user, session, file and version; [`Query::read_watch`] reads them.
fn write_watch(Watch { user, session, file, version }: Watch) -> String {
    format!("&user={user}&session={session}&file={file}&version={version}")
}

fn signature_error() -> Error {
    Error::Forbidden(Forbidden::Signature)
}

fn require_unexpired(expires_at: Timestamp, now: Timestamp) -> Result<()> {
    if now < expires_at { Ok(()) } else { Err(Error::Forbidden(Forbidden::UrlExpired)) }
}

/// A query with a verified signature: its parameters are in the order in which they were signed.
struct Query<'a>(&'a str);

impl<'a> Query<'a> {
    fn read_put(mut self) -> Option<(Option<u32>, Expected, Timestamp)> {
        (self.take("method")? == "PUT").then_some(())?;
        let part = match self.take("part") {
            Some(number) => Some(number.parse().ok()?),
            None => None,
        };
        let length = Length::Exactly(self.take("length")?.parse().ok()?);
        let sha256 = match self.take("sha256") {
            Some(digest) => Some(Sha256::parse(digest).ok()?),
            None => None,
        };
        Some((part, Expected { length, sha256 }, self.take_expiry()?))
    }

    fn read_get(mut self) -> Option<(ContentHeaders, Option<Watch>, Timestamp)> {
        (self.take("method")? == "GET").then_some(())?;
        let media_type = MediaType::parse(&percent_decode_str(self.take("type")?).decode_utf8().ok()?).ok()?;
        let attachment = match self.take("name") {
            Some(name) => Some(Name::parse(&percent_decode_str(name).decode_utf8().ok()?).ok()?),
            None => None,
        };
        let content = self.read_content()?;
        let watch = self.read_watch()?;
        Some((ContentHeaders { media_type, attachment, content }, watch, self.take_expiry()?))
    }

    /// The watch, if the URL has one; `None` if it is malformed.
    fn read_watch(&mut self) -> Option<Option<Watch>> {
        let Some(user) = self.take("user") else {
            return Some(None);
        };
        Some(Some(Watch {
            user: user.parse().ok()?,
            session: self.take("session")?.parse().ok()?,
            file: self.take("file")?.parse().ok()?,
            version: self.take("version")?.parse().ok()?,
        }))
    }

    /// The content description, if the URL has one; `None` if it is malformed.
    fn read_content(&mut self) -> Option<Option<ContentInfo>> {
        let size = match self.take("size") {
            Some(size) => Some(size.parse().ok()?),
            None => None,
        };
        let Some(tag) = self.take("etag") else {
            return Some(None);
        };
        let tag = EntityTag::parse(&percent_decode_str(tag).decode_utf8().ok()?).ok()?;
        let modified_at = Timestamp::from_millis(self.take("modified")?.parse().ok()?);
        let client_modified_at = match self.take("client_modified") {
            Some(millis) => Some(Timestamp::from_millis(millis.parse().ok()?)),
            None => None,
        };
        Some(Some(ContentInfo { size, tag, modified_at, client_modified_at }))
    }

    /// Takes the next parameter's value, if its name is `name`.
    fn take(&mut self, name: &str) -> Option<&'a str> {
        let (parameter, rest) = self.0.split_once('&').unwrap_or((self.0, ""));
        let value = parameter.strip_prefix(name)?.strip_prefix('=')?;
        self.0 = rest;
        Some(value)
    }

    /// The expiry time, which must be the last parameter.
    fn take_expiry(mut self) -> Option<Timestamp> {
        let millis = self.take("expires")?.parse().ok()?;
        self.0.is_empty().then(|| Timestamp::from_millis(millis))
    }
}

#[cfg(test)]
mod tests;
