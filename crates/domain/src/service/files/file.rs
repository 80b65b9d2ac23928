use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::contents::Contents;
use super::delivery::Delivery;
use super::relocation::{self, RelocationRequest};
use super::store_tags::StoreTags;
use crate::error::{Error, Result};
use crate::model::{Action, Actor, Content, Entry, NodeBody, NodeId, NodeKind, Precondition, UserId, authorize};
use crate::port::{ByteStream, ContentHeaders, NodeRepository, SignedUrl, StoreRouter, UrlPresigner, Watch};
use crate::service::ServiceContext;
use crate::service::access::Access;

/// A file that the caller may read. Only [`FileService::open`] creates it.
#[derive(Debug)]
pub struct ReadableFile {
    entry: Entry,
    content: Content,
}

impl ReadableFile {
    /// The file.
    #[must_use]
    pub const fn entry(&self) -> &Entry {
        &self.entry
    }

    /// The file with its content.
    fn into_entry(mut self) -> Entry {
        self.entry.node.body = NodeBody::File(self.content);
        self.entry
    }

    /// Its content.
    #[must_use]
    pub const fn content(&self) -> &Content {
        &self.content
    }

    /// The response metadata: media type, file name, validators.
    #[must_use]
    pub fn content_headers(&self) -> ContentHeaders {
        ContentHeaders::new(self.entry.node.name.clone(), &self.content)
    }
}

/// The lifetimes of signed URLs.
#[derive(Clone, Copy, Debug)]
pub struct UrlLifetimes {
    /// For downloads.
    pub download: Duration,
    /// For watching.
    pub watch: Duration,
}

/// Five minutes to download, six hours to watch.
impl Default for UrlLifetimes {
    fn default() -> Self {
        Self { download: Duration::from_mins(5), watch: Duration::from_hours(6) }
    }
}

/// The ports of [`FileService`].
#[derive(Clone)]
pub struct FilePorts {
    /// The tree.
    pub drive: Arc<dyn NodeRepository>,
    /// The bytes.
    pub contents: Contents,
    /// The tags that stores themselves send with the bytes.
    pub tags: StoreTags,
}

/// How URLs of files are signed.
struct Signing {
    presigners: StoreRouter<dyn UrlPresigner>,
    lifetimes: UrlLifetimes,
}

/// Reads, signs, renames and moves files.
pub struct FileService {
    access: Access,
    drive: Arc<dyn NodeRepository>,
    contents: Contents,
    tags: StoreTags,
    signing: Option<Signing>,
    context: ServiceContext,
}

impl FileService {
    /// Creates the service, which signs no URLs.
    #[must_use]
    pub fn new(ports: FilePorts, context: ServiceContext) -> Self {
        let FilePorts { drive, contents, tags } = ports;
        Self { access: Access::new(drive.clone()), drive, contents, tags, signing: None, context }
    }

    /// Sets how URLs are signed. Without it, what needs a URL fails with [`Unavailable`](Error::Unavailable).
    #[must_use]
    pub fn with_signing(self, presigners: StoreRouter<dyn UrlPresigner>, lifetimes: UrlLifetimes) -> Self {
        Self { signing: Some(Signing { presigners, lifetimes }), ..self }
    }

    fn signing(&self) -> Result<&Signing> {
        self.signing.as_ref().ok_or_else(|| Error::unavailable("signing", "no URLs are signed for files"))
    }

    /// Opens a file, to [`read`](Self::read) its bytes or to have them [delivered](Self::content).
    ///
    /// Calls `NodeRepository::find`, `BlobStore::head` and `BlobRecordRepository::record_tag`.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn open(&self, actor: &Actor, file: NodeId) -> Result<ReadableFile> {
        let mut file = self.find(actor, file).await?;
        self.tags.complete(&mut file.content).await?;
        Ok(file)
    }

    async fn find(&self, actor: &Actor, file: NodeId) -> Result<ReadableFile> {
        let grant = self.access.grant(actor, NodeKind::File, file, Action::Read).await?;
        let content = grant.node().content().cloned().ok_or(Error::NotFound)?;
        Ok(ReadableFile { entry: grant.into_located().entry().ok_or(Error::NotFound)?, content })
    }

    /// The bytes of an open file in `range`.
    ///
    /// Calls `BlobStore::get` and `BlobRecordRepository::is_referred_to`.
    ///
    /// # Errors
    /// `Damaged`; `NotFound` when they have been purged since; store errors.
    pub async fn read(&self, file: &ReadableFile, range: Range<u64>) -> Result<ByteStream> {
        self.contents.read(&file.content, range).await
    }

    /// Whether `user`, who has begun reading a file or folder, may continue: while their role on it lasts, even if its
    /// content has been replaced. An owner may continue even if it has been trashed.
    ///
    /// Calls `NodeRepository::find`.
    pub async fn may_still_read(&self, user: UserId, node: NodeId) -> Result<bool> {
        let found = self.drive.find(node, user.into()).await?;
        Ok(found.is_some_and(|found| found.owner.id == user || authorize(Some(found), Action::Read).is_ok()))
    }

    /// A file with a short-lived download URL.
    ///
    /// Calls `NodeRepository::find`, `BlobStore::head`, `BlobRecordRepository::record_tag` and
    /// `UrlPresigner::presign_get`.
    ///
    /// # Errors
    /// `NotFound`.
    #[doc(alias = "presign")]
    pub async fn download(&self, actor: &Actor, file: NodeId) -> Result<(Entry, SignedUrl)> {
        let mut file = self.find(actor, file).await?;
        self.tags.try_complete(&mut file.content).await;
        let url = self.sign(&file).await?;
        Ok((file.into_entry(), url))
    }

    /// A file with a URL for watching (playing or viewing) it, which lives longer than a download URL. One that leads
    /// back to this server works only while the [session](Actor::session) of the caller runs, and the caller may see
    /// the file.
    ///
    /// Calls `NodeRepository::find`, `BlobStore::head`, `BlobRecordRepository::record_tag` and
    /// `UrlPresigner::presign_watch`.
    ///
    /// # Errors
    /// `NotFound`; `Unauthenticated` for callers without a session.
    pub async fn watch(&self, actor: &Actor, file: NodeId) -> Result<(Entry, SignedUrl)> {
        let mut file = self.find(actor, file).await?;
        let session = actor.session()?;
        self.tags.try_complete(&mut file.content).await;
        let watch = Watch { user: actor.user, session, file: file.entry.node.id, version: file.content.version };
        let Signing { presigners, lifetimes } = self.signing()?;
        let expires_at = self.context.now().plus(lifetimes.watch);
        let (blob, content_headers) = (&file.content.blob, file.content_headers());
        let presigner = presigners.get(&blob.store)?;
        let url = presigner.presign_watch(&blob.key, &content_headers, watch, expires_at).await?;
        Ok((file.into_entry(), url))
    }

    /// How a client that can follow a redirect gets the bytes of an open file: from their store, if it serves them
    /// itself. Others [`read`](Self::read) them.
    ///
    /// Calls `UrlPresigner::presign_get`.
    ///
    /// # Errors
    /// Those of the store's [`UrlPresigner`].
    pub async fn content(&self, file: &ReadableFile) -> Result<Delivery> {
        if self.tags.serves_itself(&file.content.blob.store) {
            Ok(Delivery::Redirect(self.sign(file).await?))
        } else {
            Ok(Delivery::Stream)
        }
    }

    /// A short-lived download URL for an open file.
    async fn sign(&self, file: &ReadableFile) -> Result<SignedUrl> {
        let Signing { presigners, lifetimes } = self.signing()?;
        let (blob, expires_at) = (&file.content.blob, self.context.now().plus(lifetimes.download));
        let presigner = presigners.get(&blob.store)?;
        presigner.presign_get(&blob.key, &file.content_headers(), expires_at).await
    }

    /// Renames or moves a file, or changes the metadata of its content. A file that it replaces goes to the trash.
    ///
    /// Calls `NodeRepository::find` and `NodeRepository::relocate`.
    ///
    /// # Errors
    /// See [`NodeRepository::relocate`].
    #[doc(alias = "rename")]
    #[doc(alias = "move")]
    pub async fn relocate(
        &self,
        actor: &Actor,
        file: NodeId,
        place: RelocationRequest,
        wanted: &Precondition,
    ) -> Result<Entry> {
        let item = (NodeKind::File, file);
        let done = relocation::relocate(&self.access, &*self.drive, &self.context, actor, item, place, wanted).await?;
        Ok(done.entry)
    }
}

#[cfg(test)]
mod tests;
