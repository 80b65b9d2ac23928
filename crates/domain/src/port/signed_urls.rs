use async_trait::async_trait;

use crate::error::Result;
use crate::model::{
    BlobKey, Content, EntityTag, Expected, MediaType, MultipartUpload, Name, NodeId, SessionId, Timestamp, UserId,
    VersionId, disposition,
};

/// A signed URL: permission for one operation on one blob until it expires.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedUrl {
    /// The URL. It is secret while it is valid.
    pub url: String,
    /// Headers that the request must carry.
    pub headers: Vec<(&'static str, String)>,
    /// When it expires.
    pub expires_at: Timestamp,
}

impl std::fmt::Debug for SignedUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignedUrl").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// The response metadata of a download.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentHeaders {
    /// The media type.
    pub media_type: MediaType,
    /// The name for saving the file; none to display it inline.
    pub attachment: Option<Name>,
    /// The content's metadata, for stores that do not know it themselves.
    pub content: Option<ContentInfo>,
}

/// Metadata of content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentInfo {
    /// The size in bytes, if known.
    pub size: Option<u64>,
    /// The entity tag of exactly these bytes.
    pub tag: EntityTag,
    /// When the content was created.
    pub modified_at: Timestamp,
    /// When the sender's own copy was last modified, as given by the sender.
    pub client_modified_at: Option<Timestamp>,
}

impl From<&Content> for ContentInfo {
    fn from(content: &Content) -> Self {
        Self {
            size: Some(content.size),
            tag: content.tag(),
            modified_at: content.created_at,
            client_modified_at: content.client_modified_at,
        }
    }
}

impl ContentHeaders {
    /// A file with that name and type.
    #[must_use]
    pub const fn with_media_type(name: Name, media_type: MediaType) -> Self {
        Self { media_type, attachment: Some(name), content: None }
    }

    /// Unknown bytes.
    #[must_use]
    pub fn unknown() -> Self {
        Self { media_type: MediaType::octet_stream(), attachment: Name::parse("download").ok(), content: None }
    }

    /// The given content, to be saved as `name`.
    #[must_use]
    pub fn new(name: Name, content: &Content) -> Self {
        Self { media_type: content.media_type.clone(), attachment: Some(name), content: Some(content.into()) }
    }

    /// The value of `Content-Disposition` (RFC 6266): `attachment` with the name, or `inline` without one.
    #[must_use]
    pub fn content_disposition(&self) -> String {
        self.attachment.as_ref().map_or_else(|| "inline".to_owned(), disposition::attachment)
    }
}

/// The viewer of media by a longer-lived URL, whose access is checked again on use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watch {
    /// The user.
    pub user: UserId,
    /// The session that requested the URL.
    pub session: SessionId,
    /// The file.
    pub file: NodeId,
    /// The version.
    pub version: VersionId,
}

/// What a signed URL allows to GET.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GetTarget {
    /// The blob.
    pub key: BlobKey,
    /// How to present its bytes.
    pub content_headers: ContentHeaders,
    /// The viewer whose access must be checked again, for watch URLs.
    pub watch: Option<Watch>,
}

/// A store's ability to let clients download directly. Signing is local: no network access.
///
/// URLs are absolute, with the scheme `http` or `https`, and printable ASCII. They expire at the given time or less
/// than a second before it, which is the resolution of some stores. URLs to download need no headers, so that a browser
/// can follow them; each key and each purpose has its own. No part of a URL can be changed. The URLs of
/// [`DirectUploadStore`](super::DirectUploadStore) are like that, too, but for the headers.
///
/// ```
/// use std::time::Duration;
///
/// use clouddrive_domain::Result;
/// use clouddrive_domain::model::{Content, Name};
/// use clouddrive_domain::port::{Clock, ContentHeaders, SignedUrl, UrlPresigner};
///
/// /// A URL to download the content within five minutes.
/// async fn link(presigner: &dyn UrlPresigner, clock: &dyn Clock, name: Name, content: &Content) -> Result<SignedUrl> {
///     let expires_at = clock.now().plus(Duration::from_secs(300));
///     presigner.presign_get(&content.blob.key, &ContentHeaders::new(name, content), expires_at).await
/// }
/// ```
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait UrlPresigner: Send + Sync {
    /// Signs a URL to download the blob under `key`, whole or in ranges, until `expires_at`.
    #[doc(alias = "presign")]
    async fn presign_get(
        &self,
        key: &BlobKey,
        content_headers: &ContentHeaders,
        expires_at: Timestamp,
    ) -> Result<SignedUrl>;

    /// The same for a longer-lived URL. If it leads back to this server, it contains `watch`, which
    /// [`SignedUrlVerifier::verify_get`] returns; an external store cannot check it.
    #[doc(alias = "presign")]
    async fn presign_watch(
        &self,
        key: &BlobKey,
        content_headers: &ContentHeaders,
        watch: Watch,
        expires_at: Timestamp,
    ) -> Result<SignedUrl>;
}

/// A request for a signed URL.
#[derive(Clone, Copy, Debug)]
pub struct SignedRequest<'a> {
    /// The key in the path.
    pub key: &'a str,
    /// The raw query without the question mark.
    pub query: &'a str,
}

/// What a signed URL allows to PUT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PutTarget {
    /// A whole blob.
    Blob(BlobKey),
    /// One part of a multipart upload.
    Part {
        /// The multipart upload.
        multipart: MultipartUpload,
        /// The number of the part, from 1.
        number: u32,
    },
}

impl PutTarget {
    /// The key of the blob, or of the multipart upload's blob.
    #[must_use]
    pub const fn key(&self) -> &BlobKey {
        match self {
            Self::Blob(key) => key,
            Self::Part { multipart, .. } => &multipart.key,
        }
    }
}

/// Verifies signed URLs, for a store whose signed URLs lead back to this server.
///
/// ```
/// use clouddrive_domain::Result;
/// use clouddrive_domain::model::Timestamp;
/// use clouddrive_domain::port::{
///     BlobStore, ByteStream, ContentHeaders, PartStore, PutTarget, SignedRequest, SignedUrlVerifier,
/// };
///
/// /// Stores what a client sends to a signed URL.
/// async fn receive(
///     verifier: &dyn SignedUrlVerifier,
///     (store, parts): (&dyn BlobStore, &dyn PartStore),
///     request: SignedRequest<'_>,
///     body: ByteStream,
///     now: Timestamp,
/// ) -> Result<()> {
///     let (target, expected) = verifier.verify_put(request, now)?;
///     match target {
///         PutTarget::Blob(key) => store.put(&key, body, expected, &ContentHeaders::unknown()).await.map(drop),
///         PutTarget::Part { multipart, number } => parts.put_part(&multipart, number, body, expected).await,
///     }
/// }
/// ```
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
pub trait SignedUrlVerifier: Send + Sync {
    /// Verifies a PUT and returns its target and what its bytes must be.
    ///
    /// # Errors
    /// [`Forbidden`](crate::Error::Forbidden): `Signature` for anything that this server did not sign exactly so,
    /// `UrlExpired` for an expired URL that it did sign.
    fn verify_put<'a>(&self, request: SignedRequest<'a>, now: Timestamp) -> Result<(PutTarget, Expected)>;

    /// Verifies a GET and returns its target, with the viewer whose access must be checked, if any.
    ///
    /// # Errors
    /// As [`verify_put`](Self::verify_put).
    fn verify_get<'a>(&self, request: SignedRequest<'a>, now: Timestamp) -> Result<GetTarget>;
}
