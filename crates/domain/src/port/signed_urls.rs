use async_trait::async_trait;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::ByteStream;
use crate::error::Result;
use crate::model::{
    BlobKey, Content, EntityTag, Expected, MediaType, Name, NodeId, SessionId, Timestamp, Transfer, UserId, VersionId,
};

/// A URL that is leave to do one thing with one blob until a certain time.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedUrl {
    /// The URL. It is a secret while it lives.
    pub url: String,
    /// Header fields that the request must carry.
    pub headers: Vec<(&'static str, String)>,
    /// When it ends.
    pub expires_at: Timestamp,
}

impl std::fmt::Debug for SignedUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignedUrl").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// What the holder of a download URL is told about the bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presentation {
    /// The media type.
    pub media_type: MediaType,
    /// The name under which to save them; none for what may be shown in place.
    pub attachment: Option<Name>,
    /// What is known of the bytes, for a store that does not know it by itself.
    pub content: Option<ContentInfo>,
}

/// What is known of bytes before they are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentInfo {
    /// How many there are, if that is known.
    pub size: Option<u64>,
    /// The tag of just these bytes.
    pub tag: EntityTag,
    /// Since when they are what they are.
    pub modified_at: Timestamp,
    /// When their sender's own copy was last modified, as the sender said.
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

impl Presentation {
    /// A file of that name and type.
    #[must_use]
    pub const fn of_file(name: Name, media_type: MediaType) -> Self {
        Self { media_type, attachment: Some(name), content: None }
    }

    /// Bytes of which nothing is known.
    #[must_use]
    pub fn of_unknown() -> Self {
        Self { media_type: MediaType::octet_stream(), attachment: Name::parse("download").ok(), content: None }
    }

    /// `content`, to be saved under `name`.
    #[must_use]
    pub fn of(name: Name, content: &Content) -> Self {
        Self { media_type: content.media_type.clone(), attachment: Some(name), content: Some(content.into()) }
    }

    /// The value of `Content-Disposition` (RFC 6266): `attachment` with the name, in ASCII for old clients and in full for
    /// all others; `inline` without one.
    #[must_use]
    pub fn content_disposition(&self) -> String {
        self.attachment.as_ref().map_or_else(|| "inline".to_owned(), attachment)
    }
}

/// `attachment` with the name. None can break out of the header.
fn attachment(name: &Name) -> String {
    /// What RFC 8187 lets stand as it is.
    const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
        .remove(b'!')
        .remove(b'#')
        .remove(b'$')
        .remove(b'&')
        .remove(b'+')
        .remove(b'-')
        .remove(b'.')
        .remove(b'^')
        .remove(b'_')
        .remove(b'`')
        .remove(b'|')
        .remove(b'~');
    let plain = |c: char| if c.is_ascii() && !matches!(c, '"' | '\\' | '%') { c } else { '_' };
    let ascii: String = name.as_str().chars().map(plain).collect();
    format!("attachment; filename=\"{ascii}\"; filename*=UTF-8''{}", utf8_percent_encode(name.as_str(), ENCODED))
}

/// Who plays or views a file by a URL that lives longer than others, for as long as that is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watch {
    /// The user.
    pub user: UserId,
    /// The session in which the URL was asked for.
    pub session: SessionId,
    /// The file.
    pub file: NodeId,
    /// The content.
    pub version: VersionId,
}

/// What a URL is leave to GET.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GetTarget {
    /// The blob.
    pub key: BlobKey,
    /// How to present its bytes.
    pub presentation: Presentation,
    /// Whose right is to be looked at anew, where the URL is for watching.
    pub watch: Option<Watch>,
}

/// The ability of a store to let clients fetch bytes themselves. To sign asks nobody: it costs no network.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait UrlSigner: Send + Sync {
    /// A URL by which the blob under `key` can be fetched, whole or in ranges, until `expires_at`.
    async fn sign_get(&self, key: &BlobKey, presentation: &Presentation, expires_at: Timestamp) -> Result<SignedUrl>;

    /// The same for a URL that lives longer. Where it leads back to this server, `watch` is signed with it and told by
    /// [`UrlGate::admit_get`]; a store of its own cannot ask.
    async fn sign_watch(
        &self,
        key: &BlobKey,
        presentation: &Presentation,
        watch: Watch,
        expires_at: Timestamp,
    ) -> Result<SignedUrl>;
}

/// A request on a signed URL, as it arrived.
#[derive(Clone, Copy, Debug)]
pub struct SignedRequest<'a> {
    /// What the path calls the key.
    pub key: &'a str,
    /// The query as it stands in the URL, without the question mark.
    pub query: &'a str,
}

/// What a URL is leave to PUT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PutTarget {
    /// A whole blob.
    Blob(BlobKey),
    /// One part of a transfer.
    Part {
        /// The transfer.
        transfer: Transfer,
        /// The number of the part, from 1.
        number: u32,
    },
}

impl PutTarget {
    /// The blob that the bytes are, or are to become a part of.
    #[must_use]
    pub const fn key(&self) -> &BlobKey {
        match self {
            Self::Blob(key) => key,
            Self::Part { transfer, .. } => &transfer.key,
        }
    }
}

/// The ability of a store whose signed URLs lead back to this very server: to take the parts that come by them.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait PartStore: Send + Sync {
    /// Stores `body` as the part `number` of a transfer, durably, wholly or not at all. A part is written once: of bytes
    /// that did not come whole nothing stays, and they may be sent again.
    ///
    /// # Errors
    /// [`BlobExists`](crate::error::Conflict::BlobExists) when the part is there, or the transfer is finished;
    /// [`UploadClosed`](crate::error::Conflict::UploadClosed) when there is no such transfer, or no more;
    /// [`Refused`](crate::Error::Refused) and the others as [`BlobStore::put`](super::BlobStore::put).
    async fn put_part(&self, transfer: &Transfer, number: u32, body: ByteStream, expected: Expected) -> Result<()>;
}

/// The ability of a store whose signed URLs lead back to this very server: to check them when they come.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
pub trait UrlGate: Send + Sync {
    /// Leave to PUT: what it is for, and what its bytes must be.
    ///
    /// # Errors
    /// [`Forbidden`](crate::Error::Forbidden): `Signature` for whatever this server did not sign just so, `UrlExpired`
    /// for what it did sign and whose time ran out.
    fn admit_put<'a>(&self, request: SignedRequest<'a>, now: Timestamp) -> Result<(PutTarget, Expected)>;

    /// Leave to GET: what, how to present it, and whose right is to be looked at.
    ///
    /// # Errors
    /// As [`admit_put`](Self::admit_put).
    fn admit_get<'a>(&self, request: SignedRequest<'a>, now: Timestamp) -> Result<GetTarget>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_break_out_of_its_header() {
        let name = Name::parse("a\"; filename=evil\u{20ac}%.html").unwrap();
        let presentation =
            |attachment| Presentation { media_type: MediaType::octet_stream(), attachment, content: None };
        assert_eq!(
            presentation(Some(name)).content_disposition(),
            "attachment; filename=\"a_; filename=evil__.html\"; filename*=UTF-8''a%22%3B%20filename%3Devil%E2%82%AC%25.html"
        );
        assert_eq!(presentation(None).content_disposition(), "inline");
    }
}
