use std::sync::Arc;
use std::time::Duration;

use super::blob_remover::BlobRemover;
use super::content_limit::{ContentLimit, hide_owner_quota};
use super::store_tags::StoreTags;
use crate::error::{Error, Gone, Refused, Result};
use crate::model::{
    Action, Actor, AuditAction, BlobRef, Command, Entry, FormerContent, Grant, Limit, MAX_FILE_BYTES, MediaType, Node,
    NodeId, NodeKind, Page, Precondition, Scope, Seen, Stored, Timestamp, Version, VersionId, VersionPosition,
};
use crate::port::{
    self, BlobRecordRepository, BlobStores, ByteStream, ContentHeaders, NewContent, NodeRepository, SignedUrl,
    StoreRouter, UrlPresigner, VersionRestore,
};
use crate::service::ServiceContext;
use crate::service::access::Access;

/// The settings of [`VersionService`].
#[derive(Clone, Copy, Debug)]
pub struct VersionSettings {
    /// The most versions of a file, including the current one; at least 1.
    pub max: u32,
    /// The lifetime of signed URLs.
    pub url_lifetime: Duration,
    /// How long a body may take; at most as long as unreferenced blobs are kept.
    pub upload_lifetime: Duration,
}

/// 20 versions, URLs of five minutes, and a day for a body.
impl Default for VersionSettings {
    fn default() -> Self {
        Self { max: 20, url_lifetime: Duration::from_mins(5), upload_lifetime: Duration::from_hours(24) }
    }
}

/// The ports that versions work with.
#[derive(Clone)]
pub struct VersionStores {
    /// The versions.
    pub versions: Arc<dyn port::VersionRepository>,
    /// The blob records.
    pub records: Arc<dyn BlobRecordRepository>,
    /// The bytes.
    pub blobs: BlobStores,
    /// The URL signers.
    pub presigners: StoreRouter<dyn UrlPresigner>,
    /// The tags that stores themselves send with the bytes.
    pub tags: StoreTags,
}

/// One page of a file's versions.
pub type VersionPage = Page<Version, VersionPosition>;

/// The current and former contents of files: lists, adds, restores and deletes them.
pub struct VersionService {
    access: Access,
    drive: Arc<dyn NodeRepository>,
    stores: VersionStores,
    remover: BlobRemover,
    context: ServiceContext,
    settings: VersionSettings,
}

impl VersionService {
    /// Creates the service.
    #[must_use]
    pub fn new(
        drive: Arc<dyn NodeRepository>,
        stores: VersionStores,
        context: ServiceContext,
        settings: VersionSettings,
    ) -> Self {
        let remover = BlobRemover::new(stores.records.clone(), stores.blobs.clone());
        Self { access: Access::new(drive.clone()), drive, stores, remover, context, settings }
    }

    /// The versions of a file, newest first.
    ///
    /// Calls `NodeRepository::find` and `VersionRepository::list`.
    ///
    /// # Errors
    /// `NotFound` for the file.
    pub async fn list(
        &self,
        actor: &Actor,
        file: NodeId,
        after: Option<VersionPosition>,
        limit: Limit,
    ) -> Result<VersionPage> {
        let file = self.grant(actor, file, Action::Read).await?;
        let rows = self.stores.versions.list(&file, after, limit).await?;
        Ok(Page::cut(rows, limit, |row| VersionPosition { revision: row.revision, id: row.content.version }))
    }

    /// A version of a file with a short-lived download URL.
    ///
    /// Calls `NodeRepository::find`, `VersionRepository::find`, `BlobStore::head`, `BlobRecordRepository::record_tag`
    /// and `UrlPresigner::presign_get`.
    ///
    /// # Errors
    /// `NotFound` for the file, and when it has no such version.
    pub async fn download(&self, actor: &Actor, file: NodeId, version: VersionId) -> Result<(Version, SignedUrl)> {
        let file = self.grant(actor, file, Action::Read).await?;
        let mut version = self.stores.versions.find(&file, version).await?.ok_or(Error::NotFound)?;
        self.stores.tags.try_complete(&mut version.content).await;
        let content_headers = ContentHeaders::new(file.node().name.clone(), &version.content);
        let expires_at = self.context.now().plus(self.settings.url_lifetime);
        let blob = &version.content.blob;
        let presigner = self.stores.presigners.get(&blob.store)?;
        let url = presigner.presign_get(&blob.key, &content_headers, expires_at).await?;
        Ok((version, url))
    }

    /// Makes a former content current again, as a new version. Nothing changes if it is current already.
    ///
    /// Calls `NodeRepository::find`, `VersionRepository::restore`, `BlobStore::delete` and
    /// `BlobRecordRepository::remove`.
    ///
    /// # Errors
    /// `NotFound` and `Forbidden` for the file; `NotFound` when it has no such version; `PreconditionFailed`; `Quota`.
    pub async fn restore(&self, actor: &Actor, file: NodeId, from: VersionId, wanted: &Precondition) -> Result<Entry> {
        let grant = self.grant(actor, file, Action::Replace).await?;
        let seen = wanted.on(grant.node())?;
        let spec = VersionRestore { from, version: self.context.id(), seen, max_versions: self.settings.max };
        let restored = self.stores.versions.restore(&self.context.command(actor)?, &grant, &spec).await;
        let restored = restored.map_err(|error| hide_owner_quota(&grant, error))?;
        self.context.audit(actor, AuditAction::VersionRestored(FormerContent { file, version: from }));
        self.remover.remove_freed(restored).await.entry().ok_or(Error::NotFound)
    }

    /// Permanently deletes a former content.
    ///
    /// Calls `NodeRepository::find`, `VersionRepository::delete`, `BlobStore::delete` and
    /// `BlobRecordRepository::remove`.
    ///
    /// # Errors
    /// `NotFound` for the file; `Forbidden` when the caller is not the owner; `NotFound` when the file has no such
    /// version; `VersionInUse`; `PreconditionFailed`.
    pub async fn delete(&self, actor: &Actor, file: NodeId, version: VersionId, wanted: &Precondition) -> Result<()> {
        let grant = self.grant(actor, file, Action::DeleteVersion).await?;
        let seen = wanted.on(grant.node())?;
        let freed = self.stores.versions.delete(&self.context.command(actor)?, &grant, version, seen).await?;
        self.context.audit(actor, AuditAction::VersionDeleted(FormerContent { file, version }));
        self.remover.remove(freed.into_iter().collect()).await;
        Ok(())
    }

    /// Admits new content for a file before the first byte is read; continue with [`receive`](Self::receive).
    ///
    /// Calls `NodeRepository::find`, `BlobStore::head`, `BlobRecordRepository::record_tag` and
    /// `NodeRepository::find_user_drive`.
    ///
    /// # Errors
    /// `NotFound` and `Forbidden` for the file; `PreconditionFailed`; `TooLarge` above [`MAX_FILE_BYTES`]; `Quota` when
    /// `announced` bytes do not fit beside all that is stored.
    pub async fn admit(
        &self,
        actor: &Actor,
        file: NodeId,
        wanted: &Precondition,
        announced: Option<u64>,
    ) -> Result<ContentPermit> {
        let file = self.grant(actor, file, Action::Replace).await?;
        let seen = self.seen(&file, wanted).await?;
        if announced.is_some_and(|size| size > MAX_FILE_BYTES) {
            return Err(Error::Refused(Refused::TooLarge { limit: MAX_FILE_BYTES }));
        }
        // Preliminary: the quota is enforced once the bytes have arrived.
        let user_drive = self.drive.find_user_drive(file.located().owner.id).await?.ok_or(Error::NotFound)?;
        let content_limit = ContentLimit::new(&file, user_drive.account.quota, announced, None)?;
        Ok(ContentPermit { file, seen, content_limit })
    }

    /// Stores a file's next content as it streams in. On failure the file is unchanged, and nothing remains but, at
    /// worst, an unreferenced blob, which stays reserved.
    ///
    /// Calls `BlobRecordRepository::record`, `BlobStore::put`, `VersionRepository::append`, `BlobStore::delete`,
    /// `BlobRecordRepository::remove` and `BlobRecordRepository::hold`.
    ///
    /// # Errors
    /// `Size`; `Quota`; `PreconditionFailed`, also when the file changes meanwhile; `NotFound` and `Forbidden`
    /// likewise; `UploadExpired` when it took too long; any error from `body`.
    pub async fn receive(
        &self,
        actor: &Actor,
        permit: ContentPermit,
        metadata: ContentMetadata,
        body: ByteStream,
    ) -> Result<Entry> {
        actor.require(Scope::Write)?;
        let (blob, begun) = (self.context.new_blob(self.stores.blobs.default_name()), self.context.now());
        let store = self.stores.blobs.get(&blob.store)?;
        self.stores.records.record(&blob.key, &blob.store, begun).await?;
        let content_headers = permit.content_headers(&metadata);
        let mut arrived = 0;
        let ready = match store.put(&blob.key, body, permit.content_limit.expected, &content_headers).await {
            Ok(stored) => {
                arrived = stored.size;
                self.prepare(actor, &permit, &blob, stored, metadata, begun)
            }
            Err(error) => Err(permit.content_limit.quota_error(error)),
        };
        let outcome = match ready {
            Ok((command, content)) => match self.stores.versions.append(&command, &permit.file, &content).await {
                // The outcome is unknown: these may be the file's bytes, so they stay.
                Err(error @ (Error::Unavailable { .. } | Error::Internal { .. })) => return Err(error),
                appended => appended.map_err(|error| hide_owner_quota(&permit.file, error)),
            },
            // No commit was tried, whatever failed.
            Err(error) => Err(error),
        };
        match outcome {
            // It is done, even if the caller can no longer see the file.
            Ok(replaced) => self.remover.remove_freed(replaced).await.entry().ok_or(Error::NotFound),
            Err(error) => {
                self.remover.delete(&blob, permit.file.drive(), arrived).await;
                Err(error)
            }
        }
    }

    /// The content to be appended, which has the stored bytes.
    fn prepare(
        &self,
        actor: &Actor,
        permit: &ContentPermit,
        blob: &BlobRef,
        stored: Stored,
        metadata: ContentMetadata,
        begun: Timestamp,
    ) -> Result<(Command, NewContent)> {
        let command = self.context.command(actor)?;
        // After that the blob may have been marked for deletion.
        if command.at >= begun.plus(self.settings.upload_lifetime) {
            return Err(Error::Gone(Gone::UploadExpired));
        }
        let content = NewContent {
            version: self.context.id(),
            blob: blob.clone(),
            stored,
            media_type: metadata.media_type,
            client_modified_at: metadata.client_modified_at,
            seen: permit.seen,
            max_versions: self.settings.max,
        };
        Ok((command, content))
    }

    /// What the caller has seen of the file, if there is a precondition.
    async fn seen(&self, file: &Grant, wanted: &Precondition) -> Result<Option<Seen>> {
        let mut content = file.node().content().cloned().ok_or(Error::NotFound)?;
        let wanted = match self.stores.tags.serves_itself(&content.blob.store) {
            // Such a store sends a time of its own with the bytes, which says nothing of when they were committed.
            true => wanted.clone().unmodified_since(None),
            false => wanted.clone(),
        };
        if wanted.is_none() {
            return Ok(None);
        }
        self.stores.tags.complete(&mut content).await?;
        wanted.on_content(file.node(), &content)
    }

    async fn grant(&self, actor: &Actor, file: NodeId, action: Action) -> Result<Grant> {
        self.access.grant(actor, NodeKind::File, file, action).await
    }
}

/// What the sender declares about a file's next content.
#[derive(Clone, Debug)]
pub struct ContentMetadata {
    /// The media type; an unspecific one keeps the file's current type.
    pub media_type: MediaType,
    /// When the sender's own copy was last modified.
    pub client_modified_at: Option<Timestamp>,
}

/// Permission to replace the content of a file. Only [`VersionService::admit`] creates it.
#[derive(Debug)]
pub struct ContentPermit {
    file: Grant,
    seen: Option<Seen>,
    content_limit: ContentLimit,
}

impl ContentPermit {
    /// The file as it is now.
    #[must_use]
    pub fn file(&self) -> &Node {
        self.file.node()
    }

    fn content_headers(&self, metadata: &ContentMetadata) -> ContentHeaders {
        let (name, current) = (&self.file().name, self.file().content());
        let media_type = metadata.media_type.resolve(current.map(|content| &content.media_type), name);
        ContentHeaders::with_media_type(name.clone(), media_type)
    }
}

#[cfg(test)]
mod tests;
