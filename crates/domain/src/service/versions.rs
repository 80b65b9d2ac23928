use std::sync::Arc;
use std::time::Duration;

use super::Ambient;
use super::access::Access;
use super::blob_remover::BlobRemover;
use super::intake::{Intake, told};
use super::store_tags::StoreTags;
use crate::error::{Error, Gone, Refused, Result};
use crate::model::{
    Action, Actor, AuditAction, BlobKey, Entry, FormerContent, Grant, Limit, Located, MAX_FILE_BYTES, MediaType, Node,
    NodeId, NodeKind, Page, Precondition, Seen, Stored, Timestamp, Version, VersionId, VersionPosition,
};
use crate::port::{
    self, BlobRecords, BlobStore, ByteStream, Drive, NewContent, Presentation, Revival, SignedUrl, UrlSigner,
};

/// What [`Versions`] may be told.
#[derive(Clone, Copy, Debug)]
pub struct VersionSettings {
    /// How many versions a file may have, the current one included; at least 1.
    pub most: u32,
    /// How long signed URLs live.
    pub url_lifetime: Duration,
    /// How long a body may take; not longer than unreferenced blobs are kept.
    pub intake_lifetime: Duration,
}

/// Where the bytes of versions lie, and how they are reached.
#[derive(Clone)]
pub struct VersionStores {
    /// The versions.
    pub versions: Arc<dyn port::Versions>,
    /// The books of the blobs.
    pub records: Arc<dyn BlobRecords>,
    /// The bytes.
    pub store: Arc<dyn BlobStore>,
    /// The way to them.
    pub signer: Arc<dyn UrlSigner>,
    /// The tags that the store itself sends with them.
    pub tags: StoreTags,
}

/// One page of a file's versions.
pub type VersionPage = Page<Version, VersionPosition>;

/// The contents that files have and had: seeing them, adding another, going back to a former one.
pub struct Versions {
    access: Access,
    drive: Arc<dyn Drive>,
    stores: VersionStores,
    ambient: Ambient,
    settings: VersionSettings,
}

impl Versions {
    /// Puts the service together.
    #[must_use]
    pub fn new(drive: Arc<dyn Drive>, stores: VersionStores, ambient: Ambient, settings: VersionSettings) -> Self {
        Self { access: Access::new(drive.clone()), drive, stores, ambient, settings }
    }

    /// The versions of a file, newest first.
    ///
    /// # Errors
    /// `NotFound` of the file.
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

    /// A version of a file and a URL by which its bytes can be fetched for a short while.
    ///
    /// # Errors
    /// `NotFound` of the file, and when it has no such version.
    pub async fn download(&self, actor: &Actor, file: NodeId, version: VersionId) -> Result<(Version, SignedUrl)> {
        let file = self.grant(actor, file, Action::Read).await?;
        let mut version = self.stores.versions.find(&file, version).await?.ok_or(Error::NotFound)?;
        self.stores.tags.try_complete(&mut version.content).await;
        let presentation = Presentation::of(file.node().name.clone(), &version.content);
        let expires_at = self.ambient.now().plus(self.settings.url_lifetime);
        let url = self.stores.signer.sign_get(&version.content.blob, &presentation, expires_at).await?;
        Ok((version, url))
    }

    /// Makes a former content the current one anew, as another version. Nothing changes when it is current already.
    ///
    /// # Errors
    /// `NotFound` and `Forbidden` of the file; `NotFound` when it has no such version; `PreconditionFailed`; `Quota`.
    pub async fn restore(&self, actor: &Actor, file: NodeId, from: VersionId, wanted: &Precondition) -> Result<Entry> {
        let grant = self.grant(actor, file, Action::Replace).await?;
        let seen = wanted.on(grant.node())?;
        let revival = Revival { from, version: self.ambient.id(), seen, most_versions: self.settings.most };
        let restored = self.stores.versions.revive(&self.ambient.command(actor), &grant, &revival).await;
        let restored = restored.map_err(|fault| told(&grant, fault))?;
        self.ambient.audit(actor, AuditAction::VersionRestored(FormerContent { file, version: from }));
        restored.entry().ok_or(Error::NotFound)
    }

    /// Deletes a former content, for good.
    ///
    /// # Errors
    /// `NotFound` of the file; `Forbidden` when the caller is not the owner; `NotFound` when the file has no such version;
    /// `VersionInUse`; `PreconditionFailed`.
    pub async fn delete(&self, actor: &Actor, file: NodeId, version: VersionId, wanted: &Precondition) -> Result<()> {
        let grant = self.grant(actor, file, Action::DeleteVersion).await?;
        let seen = wanted.on(grant.node())?;
        let freed = self.stores.versions.delete(&self.ambient.command(actor), &grant, version, seen).await?;
        self.ambient.audit(actor, AuditAction::VersionDeleted(FormerContent { file, version }));
        let remover = BlobRemover::new(self.stores.records.clone(), self.stores.store.clone());
        remover.remove(freed.into_iter().collect()).await;
        Ok(())
    }

    /// Leave to give a file another content by [`receive`](Self::receive): decided before the first byte is read.
    ///
    /// # Errors
    /// `NotFound` and `Forbidden` of the file; `PreconditionFailed`; `TooLarge` above [`MAX_FILE_BYTES`]; `Quota`, when
    /// `announced` bytes do not fit beside all that is there.
    pub async fn admit(
        &self,
        actor: &Actor,
        file: NodeId,
        wanted: &Precondition,
        announced: Option<u64>,
    ) -> Result<ContentLeave> {
        let file = self.grant(actor, file, Action::Replace).await?;
        let seen = self.seen(&file, wanted).await?;
        if announced.is_some_and(|size| size > MAX_FILE_BYTES) {
            return Err(Error::Refused(Refused::TooLarge { limit: MAX_FILE_BYTES }));
        }
        // As of now: what counts is decided when the bytes are there.
        let home = self.drive.find_home(file.located().owner.id).await?.ok_or(Error::NotFound)?;
        let intake = Intake::of(&file, home.account.quota, announced, None)?;
        Ok(ContentLeave { file, seen, intake })
    }

    /// Takes the bytes of a file's next content as they stream in. When anything fails, the file stays as it is, and
    /// nothing remains of them but, at worst, a blob to which nothing refers.
    ///
    /// # Errors
    /// `Size`; `Quota`; `PreconditionFailed`, also when the file changes meanwhile; `NotFound` and `Forbidden` likewise;
    /// `UploadExpired` when it took too long; whatever error `body` yields.
    pub async fn receive(
        &self,
        actor: &Actor,
        leave: ContentLeave,
        metadata: ContentMetadata,
        body: ByteStream,
    ) -> Result<Entry> {
        let (key, begun) = (self.ambient.blob_key(), self.ambient.now());
        self.stores.records.record(&key, &self.stores.store.name(), begun).await?;
        let presentation = leave.presentation(&metadata);
        let outcome = match self.stores.store.put(&key, body, leave.intake.expected, &presentation).await {
            Ok(stored) => self.append(actor, &leave, &key, stored, metadata, begun).await,
            Err(fault) => Err(leave.intake.explain(fault)),
        };
        match outcome {
            // Of an answer that was lost nobody knows whether these are the file's bytes now.
            Err(fault @ (Error::Unavailable { .. } | Error::Internal { .. })) => Err(fault),
            Err(fault) => {
                // Bytes that cannot be removed now are the collector's.
                let _ = self.stores.store.delete(&key).await;
                Err(fault)
            }
            // It is done, also where the caller may not see it any more.
            Ok(replaced) => replaced.entry().ok_or(Error::NotFound),
        }
    }

    async fn append(
        &self,
        actor: &Actor,
        leave: &ContentLeave,
        key: &BlobKey,
        stored: Stored,
        metadata: ContentMetadata,
        begun: Timestamp,
    ) -> Result<Located> {
        let command = self.ambient.command(actor);
        // Later than that the blob may have been condemned.
        if command.at >= begun.plus(self.settings.intake_lifetime) {
            return Err(Error::Gone(Gone::UploadExpired));
        }
        let content = NewContent {
            version: self.ambient.id(),
            blob: key.clone(),
            stored,
            media_type: metadata.media_type,
            client_modified_at: metadata.client_modified_at,
            seen: leave.seen,
            most_versions: self.settings.most,
        };
        let appended = self.stores.versions.append(&command, &leave.file, &content).await;
        appended.map_err(|fault| told(&leave.file, fault))
    }

    /// What the caller has seen of the file, if the caller insists on it.
    async fn seen(&self, file: &Grant, wanted: &Precondition) -> Result<Option<Seen>> {
        if wanted.is_none() {
            return Ok(None);
        }
        let mut content = file.node().content().cloned().ok_or(Error::NotFound)?;
        self.stores.tags.complete(&mut content).await?;
        wanted.on_content(file.node(), &content)
    }

    async fn grant(&self, actor: &Actor, file: NodeId, action: Action) -> Result<Grant> {
        self.access.of(actor.user, NodeKind::File, file, action).await
    }
}

/// What the sender of a file's next content says of it.
#[derive(Clone, Debug)]
pub struct ContentMetadata {
    /// What kind of bytes they are; one that says nothing leaves the file its own.
    pub media_type: MediaType,
    /// When the sender's own copy was last modified.
    pub client_modified_at: Option<Timestamp>,
}

/// Leave to give a file another content: only [`Versions::admit`] makes one.
pub struct ContentLeave {
    file: Grant,
    seen: Option<Seen>,
    intake: Intake,
}

impl ContentLeave {
    /// The file as it is now.
    #[must_use]
    pub fn file(&self) -> &Node {
        self.file.node()
    }

    fn presentation(&self, metadata: &ContentMetadata) -> Presentation {
        let (name, current) = (&self.file().name, self.file().content());
        let media_type = metadata.media_type.resolve(current.map(|content| &content.media_type), name);
        Presentation::of_file(name.clone(), media_type)
    }
}
