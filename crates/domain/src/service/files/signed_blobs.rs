use std::ops::Range;
use std::sync::Arc;

use crate::error::{Conflict, Error, Forbidden, Refused, Result};
use crate::model::{Action, BlobKey, BlobRef, Content, Expected, Length, NodeKind, StoreName, Timestamp, authorize};
use crate::port::{
    BlobRecordRepository, BlobStores, ByteStream, ContentHeaders, GetTarget, NodeRepository, PartStore, PutTarget,
    SessionRepository, SignedRequest, SignedUrlVerifier, VersionRepository, Watch,
};
use crate::service::{Contents, ServiceContext};

/// Permission to PUT the bytes of one blob, or one part of it, once.
#[derive(Debug)]
pub struct PutPermit {
    target: PutTarget,
    expected: Expected,
}

impl PutPermit {
    /// What to write.
    #[must_use]
    pub const fn target(&self) -> &PutTarget {
        &self.target
    }
}

/// A blob that the holder of its URL may read. Only [`SignedBlobService::open`] creates it.
#[derive(Debug)]
pub struct ReadableBlob {
    blob: BlobRef,
    size: u64,
    content_headers: ContentHeaders,
    watch: Option<Watch>,
}

impl ReadableBlob {
    /// The key of the blob.
    #[must_use]
    pub const fn key(&self) -> &BlobKey {
        &self.blob.key
    }

    /// Its size in bytes.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The watch that authorizes reading, for a watch URL.
    #[must_use]
    pub const fn watch(&self) -> Option<&Watch> {
        self.watch.as_ref()
    }

    /// The response metadata for the bytes.
    #[must_use]
    pub const fn content_headers(&self) -> &ContentHeaders {
        &self.content_headers
    }
}

/// The ports of [`SignedBlobService`].
#[derive(Clone)]
pub struct SignedBlobPorts {
    /// Verifies the URLs.
    pub verifier: Arc<dyn SignedUrlVerifier>,
    /// The bytes.
    pub stores: BlobStores,
    /// Receives parts.
    pub parts: Arc<dyn PartStore>,
    /// The blob records.
    pub records: Arc<dyn BlobRecordRepository>,
    /// Decides about watching.
    pub watching: WatchPorts,
}

/// Serves signed URLs that lead to this server itself, for a store that cannot serve its own bytes.
pub struct SignedBlobService {
    verifier: Arc<dyn SignedUrlVerifier>,
    local: StoreName,
    stores: BlobStores,
    parts: Arc<dyn PartStore>,
    records: Arc<dyn BlobRecordRepository>,
    contents: Contents,
    watching: WatchPorts,
    context: ServiceContext,
}

/// Decides whether a file may still be watched through a URL.
#[derive(Clone)]
pub struct WatchPorts {
    /// The tree.
    pub drive: Arc<dyn NodeRepository>,
    /// The contents of files.
    pub versions: Arc<dyn VersionRepository>,
    /// The sessions.
    pub sessions: Arc<dyn SessionRepository>,
}

impl WatchPorts {
    /// The content being watched.
    ///
    /// # Errors
    /// `UrlExpired` when the session has ended; `NotFound`.
    async fn content(&self, watch: &Watch, now: Timestamp) -> Result<Content> {
        let running = self.sessions.find_username(watch.session, watch.user, now).await?;
        running.ok_or(Error::Forbidden(Forbidden::UrlExpired))?;
        let found = self.drive.find(watch.file, watch.user.into()).await?;
        // The URL itself is the credential: the caller needed the scope to get it.
        let file = authorize(found.filter(|found| found.node.kind() == NodeKind::File), Action::Read)?;
        match file.node().content() {
            Some(content) if content.version == watch.version => Ok(content.clone()),
            _ => Ok(self.versions.find(&file, watch.version).await?.ok_or(Error::NotFound)?.content),
        }
    }
}

impl SignedBlobService {
    /// Creates the service, for the URLs of the store named `local`.
    #[must_use]
    pub fn new(ports: SignedBlobPorts, local: StoreName, context: ServiceContext) -> Self {
        let SignedBlobPorts { verifier, stores, parts, records, watching } = ports;
        let contents = Contents::new(stores.clone(), records.clone());
        Self { verifier, local, stores, parts, records, contents, watching, context }
    }

    /// Admits a PUT of a body of `announced` bytes, if known.
    ///
    /// Calls `SignedUrlVerifier::verify_put` and `BlobRecordRepository::is_referred_to`.
    ///
    /// # Errors
    /// `Signature`, `UrlExpired`; `Size` when the announced length differs from the signed one; `UploadClosed` when the
    /// upload has ended since the URL was signed.
    pub async fn admit(&self, request: SignedRequest<'_>, announced: Option<u64>) -> Result<PutPermit> {
        let (target, expected) = self.verifier.verify_put(request, self.context.now())?;
        if announced.is_some_and(|length| Length::Exactly(length) != expected.length) {
            return Err(Error::Refused(Refused::Size));
        }
        self.require_wanted(target.key()).await?;
        Ok(PutPermit { target, expected })
    }

    /// Stores the bytes. If the upload ends meanwhile, they are removed again.
    ///
    /// Calls `BlobStore::put`, `PartStore::put_part`, `BlobRecordRepository::is_referred_to`, `BlobStore::delete` and
    /// `BlobStore::abort`.
    ///
    /// # Errors
    /// As [`BlobStore::put`](crate::port::BlobStore::put) and [`PartStore::put_part`]; `UploadClosed`.
    pub async fn put(&self, permit: PutPermit, body: ByteStream) -> Result<()> {
        let PutPermit { target, expected } = permit;
        let store = self.stores.get(&self.local)?;
        match &target {
            PutTarget::Blob(key) => {
                // This store's URLs carry the content headers themselves.
                store.put(key, body, expected, &ContentHeaders::unknown()).await?;
            }
            PutTarget::Part { multipart, number } => self.parts.put_part(multipart, *number, body, expected).await?,
        }
        let wanted = self.require_wanted(target.key()).await;
        if matches!(wanted, Err(Error::Conflict(Conflict::UploadClosed))) {
            match &target {
                PutTarget::Blob(key) => store.delete(key).await?,
                PutTarget::Part { multipart, .. } => store.abort(multipart).await?,
            }
        }
        wanted
    }

    async fn require_wanted(&self, key: &BlobKey) -> Result<()> {
        let wanted = self.records.is_referred_to(key).await?;
        if wanted { Ok(()) } else { Err(Error::Conflict(Conflict::UploadClosed)) }
    }

    /// Opens a blob, to [`read`](Self::read) its bytes.
    ///
    /// Calls `SignedUrlVerifier::verify_get`, `SessionRepository::find_username`, `NodeRepository::find`,
    /// `VersionRepository::find`, `BlobStore::head` and `BlobRecordRepository::is_referred_to`.
    ///
    /// # Errors
    /// `Signature`, `UrlExpired`; `NotFound` when the blob is gone, `Damaged` when it should not be. For a watch URL
    /// also `UrlExpired` when the session it was issued in has ended, and `NotFound` when its user can no longer see
    /// the file, or the content is gone.
    pub async fn open(&self, request: SignedRequest<'_>) -> Result<ReadableBlob> {
        let now = self.context.now();
        let GetTarget { key, content_headers, watch } = self.verifier.verify_get(request, now)?;
        if let Some(watch) = &watch {
            let content = self.watching.content(watch, now).await?;
            return Ok(ReadableBlob { size: content.size, blob: content.blob, content_headers, watch: Some(*watch) });
        }
        let size = match content_headers.content.as_ref().and_then(|content| content.size) {
            Some(size) => size,
            None => match self.stores.get(&self.local)?.head(&key).await? {
                Some(stored) => stored.size,
                None => return Err(self.contents.missing(&key).await),
            },
        };
        Ok(ReadableBlob { blob: BlobRef { store: self.local.clone(), key }, size, content_headers, watch: None })
    }

    /// The bytes of an open blob in `range`.
    ///
    /// Calls `BlobStore::get` and `BlobRecordRepository::is_referred_to`.
    ///
    /// # Errors
    /// `Damaged`; `NotFound` when they have been purged since; store errors.
    pub async fn read(&self, blob: &ReadableBlob, range: Range<u64>) -> Result<ByteStream> {
        self.contents.read_blob(&blob.blob, blob.size, range).await
    }
}

#[cfg(test)]
mod tests;
