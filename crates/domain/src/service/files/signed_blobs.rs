use std::ops::Range;
use std::sync::Arc;

use crate::error::{Conflict, Error, Forbidden, Refused, Result};
use crate::model::{Action, BlobKey, Content, Expected, Length, NodeKind, Timestamp, authorize};
use crate::port::{
    BlobRecords, BlobStore, ByteStream, Drive, GetTarget, PartStore, Presentation, PutTarget, Sessions, SignedRequest,
    UrlGate, Versions, Watch,
};
use crate::service::{Ambient, Contents};

/// Permission to PUT the bytes of one blob, or one part of it, once.
pub struct PutLeave {
    target: PutTarget,
    expected: Expected,
}

impl PutLeave {
    /// What to write.
    #[must_use]
    pub const fn target(&self) -> &PutTarget {
        &self.target
    }
}

/// A blob that the holder of its URL may read. Only [`SignedBlobs::open`] creates it.
pub struct OpenBlob {
    key: BlobKey,
    size: u64,
    presentation: Presentation,
    watch: Option<Watch>,
}

impl OpenBlob {
    /// The blob.
    #[must_use]
    pub const fn key(&self) -> &BlobKey {
        &self.key
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
    pub const fn presentation(&self) -> &Presentation {
        &self.presentation
    }
}

/// Serves signed URLs that lead to this server itself, for a store that cannot serve its own bytes.
pub struct SignedBlobs {
    gate: Arc<dyn UrlGate>,
    store: Arc<dyn BlobStore>,
    parts: Arc<dyn PartStore>,
    records: Arc<dyn BlobRecords>,
    contents: Contents,
    watching: Watching,
    ambient: Ambient,
}

/// Decides whether a file may still be watched through a URL.
#[derive(Clone)]
pub struct Watching {
    /// The tree.
    pub drive: Arc<dyn Drive>,
    /// The contents of files.
    pub versions: Arc<dyn Versions>,
    /// The sessions.
    pub sessions: Arc<dyn Sessions>,
}

impl Watching {
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

impl SignedBlobs {
    /// Creates the service.
    #[must_use]
    pub fn new(
        gate: Arc<dyn UrlGate>,
        store: Arc<dyn BlobStore>,
        parts: Arc<dyn PartStore>,
        records: Arc<dyn BlobRecords>,
        watching: Watching,
        ambient: Ambient,
    ) -> Self {
        let contents = Contents::new(store.clone(), records.clone());
        Self { gate, store, parts, records, contents, watching, ambient }
    }

    /// Admits a PUT of a body of `announced` bytes, if known.
    ///
    /// # Errors
    /// `Signature`, `UrlExpired`; `Size` when the announced length differs from the signed one; `UploadClosed` when the
    /// upload has ended since the URL was signed.
    pub async fn admit(&self, request: SignedRequest<'_>, announced: Option<u64>) -> Result<PutLeave> {
        let (target, expected) = self.gate.admit_put(request, self.ambient.now())?;
        if announced.is_some_and(|length| Length::Exactly(length) != expected.length) {
            return Err(Error::Refused(Refused::Size));
        }
        self.require_wanted(target.key()).await?;
        Ok(PutLeave { target, expected })
    }

    /// Stores the bytes. If the upload ends meanwhile, they are removed again.
    ///
    /// # Errors
    /// As [`BlobStore::put`] and [`PartStore::put_part`]; `UploadClosed`.
    pub async fn put(&self, leave: PutLeave, body: ByteStream) -> Result<()> {
        let PutLeave { target, expected } = leave;
        match &target {
            PutTarget::Blob(key) => {
                // This store's URLs carry the presentation themselves.
                self.store.put(key, body, expected, &Presentation::of_unknown()).await?;
            }
            PutTarget::Part { transfer, number } => self.parts.put_part(transfer, *number, body, expected).await?,
        }
        let wanted = self.require_wanted(target.key()).await;
        if matches!(wanted, Err(Error::Conflict(Conflict::UploadClosed))) {
            match &target {
                PutTarget::Blob(key) => self.store.delete(key).await?,
                PutTarget::Part { transfer, .. } => self.store.discard(transfer).await?,
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
    /// # Errors
    /// `Signature`, `UrlExpired`; `NotFound` when the blob is gone, `Damaged` when it should not be. For a watch URL
    /// also `UrlExpired` when the session it was issued in has ended, and `NotFound` when its user can no longer see
    /// the file, or the content is gone.
    pub async fn open(&self, request: SignedRequest<'_>) -> Result<OpenBlob> {
        let now = self.ambient.now();
        let GetTarget { key, presentation, watch } = self.gate.admit_get(request, now)?;
        if let Some(watch) = &watch {
            let content = self.watching.content(watch, now).await?;
            return Ok(OpenBlob { size: content.size, key: content.blob, presentation, watch: Some(*watch) });
        }
        let size = match presentation.content.as_ref().and_then(|content| content.size) {
            Some(size) => size,
            None => match self.store.head(&key).await? {
                Some(stored) => stored.size,
                None => return Err(self.contents.missing(&key).await),
            },
        };
        Ok(OpenBlob { key, size, presentation, watch: None })
    }

    /// The bytes of an open blob in `range`.
    ///
    /// # Errors
    /// `Damaged`; `NotFound` when they have been purged since; store errors.
    pub async fn read(&self, blob: &OpenBlob, range: Range<u64>) -> Result<ByteStream> {
        self.contents.read_blob(&blob.key, blob.size, range).await
    }
}

#[cfg(test)]
mod tests;
