use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::Ambient;
use super::access::Access;
use super::relocation::{self, NewPlace};
use crate::error::{Error, Result};
use crate::model::{Action, Actor, Content, Entry, NodeId, NodeKind, Revision};
use crate::port::{BlobStore, ByteStream, Drive, Presentation, SignedUrl, UrlSigner};

/// A file whose bytes the caller may read: only [`Files::open`] makes one.
pub struct OpenFile {
    entry: Entry,
    content: Content,
}

impl OpenFile {
    /// The file.
    #[must_use]
    pub const fn entry(&self) -> &Entry {
        &self.entry
    }

    /// Its content.
    #[must_use]
    pub const fn content(&self) -> &Content {
        &self.content
    }

    /// What whoever fetches the bytes is told about them.
    #[must_use]
    pub fn presentation(&self) -> Presentation {
        as_attachment(&self.entry, &self.content)
    }
}

/// What whoever fetches the bytes of a file is told about them.
pub(super) fn as_attachment(file: &Entry, content: &Content) -> Presentation {
    Presentation { media_type: content.media_type.clone(), attachment: Some(file.node.name.clone()) }
}

/// Files: seeing them, fetching their bytes, giving them another name or place.
pub struct Files {
    access: Access,
    drive: Arc<dyn Drive>,
    store: Arc<dyn BlobStore>,
    signer: Arc<dyn UrlSigner>,
    ambient: Ambient,
    url_lifetime: Duration,
}

impl Files {
    /// Puts the service together. Signed URLs live for `url_lifetime`.
    #[must_use]
    pub fn new(
        drive: Arc<dyn Drive>,
        store: Arc<dyn BlobStore>,
        signer: Arc<dyn UrlSigner>,
        ambient: Ambient,
        url_lifetime: Duration,
    ) -> Self {
        Self { access: Access::new(drive.clone()), drive, store, signer, ambient, url_lifetime }
    }

    /// A file and leave to read its bytes by [`read`](Self::read).
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn open(&self, actor: &Actor, file: NodeId) -> Result<OpenFile> {
        let grant = self.access.of(actor.user, NodeKind::File, file, Action::Read).await?;
        let content = grant.node().content().cloned().ok_or(Error::NotFound)?;
        Ok(OpenFile { entry: grant.into_located().entry().ok_or(Error::NotFound)?, content })
    }

    /// The bytes of an open file, from `range.start` up to, not including, `range.end`.
    ///
    /// # Errors
    /// See [`BlobStore::get`].
    pub async fn read(&self, file: &OpenFile, range: Range<u64>) -> Result<ByteStream> {
        self.store.get(&file.content.blob, range).await
    }

    /// A file and a URL by which its bytes can be fetched for a short while.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn download(&self, actor: &Actor, file: NodeId) -> Result<(Entry, SignedUrl)> {
        let file = self.open(actor, file).await?;
        let url = self.sign(&file).await?;
        Ok((file.entry, url))
    }

    /// A URL by which the bytes of an open file can be fetched for a short while.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn sign(&self, file: &OpenFile) -> Result<SignedUrl> {
        let expires_at = self.ambient.now().plus(self.url_lifetime);
        self.signer.sign_get(&file.content.blob, &file.presentation(), expires_at).await
    }

    /// Gives a file another name, another place, or both.
    ///
    /// # Errors
    /// See [`Drive::relocate`].
    pub async fn relocate(
        &self,
        actor: &Actor,
        file: NodeId,
        place: NewPlace,
        seen: Option<Revision>,
    ) -> Result<Entry> {
        let command = self.ambient.command(actor);
        relocation::relocate(&self.access, &*self.drive, command, actor.user, (NodeKind::File, file), place, seen).await
    }
}
