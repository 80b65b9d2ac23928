mod complete;
mod receive;

use std::collections::BTreeSet;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};

use super::blob_remover::BlobRemover;
use super::content_limit::hide_owner_quota;
use super::ended_uploads::EndedUploads;
use crate::error::{Error, Field, Result};
use crate::model::{
    Action, Actor, AuditAction, BlobRef, FileInfo, Grant, Limit, Located, MAX_FILE_BYTES, MAX_PARTS, MultipartUpload,
    MultipartUploadId, NodeId, NodeKind, Page, Part, PartPlan, Scope, StoreName, Timestamp, Upload, UploadId,
    UploadPosition, UploadState, UserRef,
};
use crate::port::{
    self, BlobRecordRepository, BlobStores, ContentHeaders, DirectUploadStore, NewUpload, NodeRepository, SignedUrl,
    StagedUploadStore, StoreRouter,
};
use crate::service::ServiceContext;
use crate::service::access::Access;

pub use complete::CompletionOptions;
pub use receive::{StreamedFile, UploadPermit};

/// How many parts get a URL when an upload begins.
const FIRST_PARTS: usize = 100;

/// How many uploads of a list are looked up at once.
const CONCURRENT_LOOKUPS: usize = 16;

/// The most parts that get a URL per call.
const MAX_SIGNED: usize = 1000;

/// The settings of [`UploadService`].
#[derive(Clone, Copy, Debug)]
pub struct UploadSettings {
    /// How long an upload stays open.
    pub lifetime: Duration,
    /// The lifetime of part URLs.
    pub url_lifetime: Duration,
    /// The most open uploads per user.
    pub max_open: u32,
    /// The largest upload in a single part, and the usual part size of larger ones; MUST be from
    /// [`MIN_PART_BYTES`](crate::model::MIN_PART_BYTES) to [`MAX_PART_BYTES`](crate::model::MAX_PART_BYTES).
    pub part_bytes: NonZeroU64,
    /// The most parts that the store accepts per upload; at most [`MAX_PARTS`](crate::model::MAX_PARTS).
    pub max_parts: u32,
    /// The most versions of a file, including the current one; at least 1.
    pub max_versions: u32,
}

/// The usual part size: 64 MiB.
const DEFAULT_PART_BYTES: NonZeroU64 = match NonZeroU64::new(64 << 20) {
    Some(bytes) => bytes,
    None => NonZeroU64::MIN,
};

/// A day, URLs of five minutes, 1,000 open uploads, parts of 64 MiB, and 20 versions.
impl Default for UploadSettings {
    fn default() -> Self {
        Self {
            lifetime: Duration::from_hours(24),
            url_lifetime: Duration::from_mins(5),
            max_open: 1000,
            part_bytes: DEFAULT_PART_BYTES,
            max_parts: MAX_PARTS,
            max_versions: 20,
        }
    }
}

/// A part of an upload and the URL to send it to.
#[derive(Debug)]
pub struct PartUrl {
    /// The part number, from 1.
    pub number: u32,
    /// Its size in bytes.
    pub size: u64,
    /// Where to PUT it.
    pub target: SignedUrl,
}

/// An upload and its progress.
#[derive(Debug)]
pub struct UploadProgress {
    /// The upload.
    pub upload: Upload,
    /// Its current state.
    pub state: UploadState,
    /// The parts that have arrived, in order.
    pub received: Vec<Part>,
    /// The sender.
    pub sender: UserRef,
    /// The destination folder, unless it is a root or the caller may not see it.
    pub parent: Option<NodeId>,
}

/// One page of open uploads.
pub type UploadPage = Page<UploadProgress, UploadPosition>;

/// An upload that has begun.
#[derive(Debug)]
pub struct StartedUpload {
    /// The upload, of which nothing has arrived.
    pub progress: UploadProgress,
    /// Its parts.
    pub plan: PartPlan,
    /// The first parts, at most 100, with their URLs.
    pub parts: Vec<PartUrl>,
}

/// The ports of [`UploadService`].
#[derive(Clone)]
pub struct UploadPorts {
    /// The tree.
    pub drive: Arc<dyn NodeRepository>,
    /// The uploads.
    pub uploads: Arc<dyn port::UploadRepository>,
    /// The bytes.
    pub stores: BlobStores,
    /// The blob records.
    pub records: Arc<dyn BlobRecordRepository>,
}

/// Uploads into a drive: through URLs that the store itself accepts, or streamed through the API.
pub struct UploadService {
    access: Access,
    drive: Arc<dyn NodeRepository>,
    uploads: Arc<dyn port::UploadRepository>,
    stores: BlobStores,
    direct: Option<StoreRouter<dyn DirectUploadStore>>,
    remover: BlobRemover,
    ended: EndedUploads,
    records: Arc<dyn BlobRecordRepository>,
    staged: Option<StoreRouter<dyn StagedUploadStore>>,
    context: ServiceContext,
    settings: UploadSettings,
}

impl UploadService {
    /// Creates the service, whose uploads are all [streamed](Self::receive).
    #[must_use]
    pub fn new(ports: UploadPorts, context: ServiceContext, settings: UploadSettings) -> Self {
        let UploadPorts { drive, uploads, stores, records } = ports;
        let remover = BlobRemover::new(records.clone(), stores.clone());
        let ended = EndedUploads::new(uploads.clone(), remover.clone());
        let access = Access::new(drive.clone());
        Self { access, drive, uploads, stores, direct: None, remover, ended, records, staged: None, context, settings }
    }

    /// Sets the stores that receive bytes from clients themselves. Without them, what needs one fails with
    /// [`Unavailable`](Error::Unavailable).
    #[must_use]
    pub fn with_direct(self, stores: StoreRouter<dyn DirectUploadStore>) -> Self {
        Self { direct: Some(stores), ..self }
    }

    /// Sets the stores whose uploads may have to be copied; each copy is recorded first.
    #[must_use]
    pub fn with_staging(self, stores: StoreRouter<dyn StagedUploadStore>) -> Self {
        Self { staged: Some(stores), ..self }
    }

    /// Begins an upload of `size` bytes into `folder`, or into the root of the caller's own drive, and reserves them.
    /// The digest of a multi-part upload is stored but not verified.
    ///
    /// Calls `NodeRepository::find`, `NodeRepository::find_user_drive`, `DirectUploadStore::begin`,
    /// `UploadRepository::begin`, `BlobStore::abort` and `DirectUploadStore::presign_put`.
    ///
    /// # Errors
    /// `NotFound` and `Forbidden` for the folder; `Quota`; `NameTaken` and `Entries` when the commit would fail with
    /// them now; `Invalid` above [`MAX_FILE_BYTES`] and with too many open uploads.
    pub async fn begin(
        &self,
        actor: &Actor,
        folder: Option<NodeId>,
        file: FileInfo,
        size: u64,
    ) -> Result<StartedUpload> {
        if size > MAX_FILE_BYTES {
            return Err(Error::invalid(Field::FileSize, "must be at most 5497558138880 (5 TiB)"));
        }
        let folder = self.access.add_to(actor, folder).await?;
        let blob = self.context.new_blob(self.stores.default_name());
        let plan = PartPlan::within(size, self.settings.part_bytes, self.settings.max_parts);
        let (store, direct) = (self.stores.get(&blob.store)?, self.direct(&blob.store)?);
        let multipart_id = direct.begin(&blob.key, plan, &content_headers_of(&file)).await?;
        let upload = match self.open(actor, &folder, file, plan, (blob.clone(), multipart_id.clone())).await {
            Ok(opened) => opened,
            Err(error) => {
                // If it is unknown whether the row was committed, expiry cleans up the multipart upload.
                if multipart_id.is_some() && !matches!(error, Error::Unavailable { .. } | Error::Internal { .. }) {
                    let _ = store.abort(&MultipartUpload { key: blob.key, multipart_id }).await;
                }
                return Err(error);
            }
        };
        let sender = self.sender(actor, Some(folder.located())).await?;
        self.first_parts(upload, sender, parent_of(folder.located())).await
    }

    /// An upload as it was when it began, with fresh URLs, for a repeated request.
    ///
    /// Calls `UploadRepository::find`, `NodeRepository::find`, `NodeRepository::find_user_drive` and
    /// `DirectUploadStore::presign_put`.
    ///
    /// # Errors
    /// `NotFound` when it is not the caller's, ended long ago, or has a blob that is no longer recorded, which the URLs
    /// could create again; `NotFound` and `Forbidden` for its folder: the URLs allow sending, so the caller must still
    /// have that right.
    pub async fn find_started(&self, actor: &Actor, upload: UploadId) -> Result<StartedUpload> {
        let upload = self.find(actor, upload).await?;
        let folder = self.folder_of(actor, &upload).await?;
        let sender = self.sender(actor, Some(folder.located())).await?;
        let upload = Upload { state: UploadState::Open, ..upload };
        self.first_parts(upload, sender, parent_of(folder.located())).await
    }

    async fn first_parts(&self, upload: Upload, sender: UserRef, parent: Option<NodeId>) -> Result<StartedUpload> {
        let plan = upload.plan().ok_or(Error::NotFound)?;
        let parts = self.sign(&upload, plan.parts().take(FIRST_PARTS).collect()).await?;
        let progress = UploadProgress { state: upload.state, received: Vec::new(), upload, sender, parent };
        Ok(StartedUpload { progress, plan, parts })
    }

    /// The caller as the sender into `folder`, with user name.
    async fn sender(&self, actor: &Actor, folder: Option<&Located>) -> Result<UserRef> {
        if let Some(folder) = folder.filter(|folder| folder.owner.id == actor.user) {
            return Ok(folder.owner.clone());
        }
        let user_drive = self.drive.find_user_drive(actor.user).await?;
        let username = user_drive.map(|user_drive| user_drive.account.user.username.as_str().to_owned());
        Ok(UserRef { id: actor.user, username })
    }

    async fn open(
        &self,
        actor: &Actor,
        folder: &Grant,
        file: FileInfo,
        plan: PartPlan,
        (blob, multipart_id): (BlobRef, Option<MultipartUploadId>),
    ) -> Result<Upload> {
        let command = self.context.command(actor)?;
        let upload = Upload {
            id: self.context.id(),
            drive: folder.drive(),
            folder: folder.node().id,
            sender: actor.user,
            file,
            announced: Some(plan.size()),
            part_size: plan.cut(),
            blob: blob.key,
            store: Some(blob.store),
            multipart_id,
            state: UploadState::Open,
            created_at: command.at,
            expires_at: command.at.plus(self.settings.lifetime),
        };
        let new_upload = NewUpload { upload: upload.clone(), max_open: self.settings.max_open };
        self.uploads.begin(&command, folder, &new_upload).await.map_err(|error| hide_owner_quota(folder, error))?;
        Ok(upload)
    }

    /// URLs for these parts, with a common expiry.
    async fn sign(&self, upload: &Upload, parts: Vec<Part>) -> Result<Vec<PartUrl>> {
        let expires_at = self.context.now().plus(self.settings.url_lifetime);
        let (multipart, sha256) = (upload.multipart(), upload.signed_sha256());
        let content_headers = content_headers_of(&upload.file);
        let direct = self.direct(&upload.blob_ref()?.store)?;
        let mut signed = Vec::with_capacity(parts.len());
        for part in parts {
            let target = direct.presign_put(&multipart, part, sha256, &content_headers, expires_at).await?;
            signed.push(PartUrl { number: part.number, size: part.size, target });
        }
        Ok(signed)
    }

    /// The progress of an upload.
    ///
    /// Calls `UploadRepository::find`, `NodeRepository::find`, `NodeRepository::find_user_drive` and
    /// `DirectUploadStore::list_received`.
    ///
    /// # Errors
    /// `NotFound` when it is not the caller's.
    pub async fn progress(&self, actor: &Actor, upload: UploadId) -> Result<UploadProgress> {
        actor.require(Scope::Read)?;
        let upload = self.find(actor, upload).await?;
        let folder = self.drive.find(upload.folder, actor.user.into()).await?;
        let sender = self.sender(actor, folder.as_ref()).await?;
        self.progress_of(upload, sender, folder.as_ref().and_then(parent_of)).await
    }

    async fn progress_of(&self, upload: Upload, sender: UserRef, parent: Option<NodeId>) -> Result<UploadProgress> {
        let state = upload.state_at(self.context.now());
        let received = match (state, upload.plan()) {
            (UploadState::Open, Some(plan)) => {
                let direct = self.direct(&upload.blob_ref()?.store)?;
                direct.list_received(&upload.multipart(), plan).await?
            }
            (UploadState::Complete(_), Some(plan)) => plan.parts().collect(),
            _ => Vec::new(),
        };
        Ok(UploadProgress { upload, state, received, sender, parent })
    }

    /// The open uploads that the caller sends, and all those into the caller's own drive, newest first.
    ///
    /// Calls `UploadRepository::list` and `DirectUploadStore::list_received`.
    pub async fn list(&self, actor: &Actor, after: Option<UploadPosition>, limit: Limit) -> Result<UploadPage> {
        actor.require(Scope::Read)?;
        let rows = self.uploads.list(actor.user, self.context.now(), after, limit).await?;
        let page = Page::cut(rows, limit, |row| UploadPosition { at: row.upload.created_at, id: row.upload.id });
        let looks = page.items.into_iter().map(|row| {
            let parent = row.folder.as_ref().and_then(parent_of);
            self.progress_of(row.upload, row.sender, parent)
        });
        // The store reports received parts per upload: look up several concurrently.
        let items = stream::iter(looks).buffered(CONCURRENT_LOOKUPS).try_collect().await?;
        Ok(Page { items, next: page.next })
    }

    /// Fresh URLs for the parts `numbers`. Extends the upload until the returned time, up to
    /// [`MAX_UPLOAD_LIFETIME`](crate::model::MAX_UPLOAD_LIFETIME) in total.
    ///
    /// Calls `UploadRepository::find`, `NodeRepository::find`, `UploadRepository::extend` and
    /// `DirectUploadStore::presign_put`.
    ///
    /// # Errors
    /// `NotFound` when it is not the caller's; `NotFound` and `Forbidden` for its folder; `Invalid` for an unknown or
    /// repeated part, for none, and for more than 1,000; `UploadClosed`, `UploadExpired`.
    #[doc(alias = "presign")]
    pub async fn sign_parts(
        &self,
        actor: &Actor,
        upload: UploadId,
        numbers: &[u32],
    ) -> Result<(Timestamp, Vec<PartUrl>)> {
        let upload = self.find(actor, upload).await?;
        let command = self.context.command(actor)?;
        let folder = self.folder_of(actor, &upload).await?;
        upload.require_open(command.at)?;
        // Uploads streamed through the API have no parts.
        let parts = select_parts(&upload.plan().ok_or(Error::NotFound)?, numbers)?;
        let until = upload.extended(command.at, self.settings.lifetime);
        self.uploads.extend(&command, &folder, upload.id, until).await?;
        Ok((until, self.sign(&upload, parts).await?))
    }

    async fn folder_of(&self, actor: &Actor, upload: &Upload) -> Result<Grant> {
        let found = self.drive.find(upload.folder, actor.user.into()).await?;
        Access::authorize(actor, found, Action::AddTo)
    }

    /// Aborts an upload: releases its reservation and removes received data; what cannot be removed stays reserved. An
    /// upload that has already been aborted or expired is unchanged. The owner of a drive may abort others' uploads
    /// into it.
    ///
    /// Calls `UploadRepository::find_abortable`, `UploadRepository::abort`, `BlobStore::abort`,
    /// `BlobStore::received_bytes`, `BlobRecordRepository::hold` and `UploadRepository::note_discarded`.
    ///
    /// # Errors
    /// `NotFound` when it is neither the caller's nor an open upload into the caller's drive; `UploadClosed` when it is
    /// complete.
    pub async fn abort(&self, actor: &Actor, upload: UploadId) -> Result<()> {
        let upload = self.uploads.find_abortable(upload, actor.user).await?.ok_or(Error::NotFound)?;
        let command = self.context.command(actor)?;
        if upload.abortion(command.at)? {
            self.uploads.abort(&command, upload.id).await?;
            self.context.audit(actor, AuditAction::UploadAborted { upload: upload.id });
            self.ended.discard_all(command.at, &[upload]).await;
        }
        Ok(())
    }

    /// The store of this name, as one that receives bytes from clients itself.
    fn direct(&self, store: &StoreName) -> Result<&dyn DirectUploadStore> {
        let none = || Error::unavailable("storage", "no store receives bytes from clients itself");
        self.direct.as_ref().ok_or_else(none)?.get(store)
    }

    async fn find(&self, actor: &Actor, upload: UploadId) -> Result<Upload> {
        self.uploads.find(upload, actor.user).await?.ok_or(Error::NotFound)
    }
}

/// What is known of a file before it is sent.
fn content_headers_of(file: &FileInfo) -> ContentHeaders {
    ContentHeaders::with_media_type(file.name.clone(), file.media_type.resolve(None, &file.name))
}

/// The id of the folder `located`, if its viewer may see it.
fn parent_of(located: &Located) -> Option<NodeId> {
    let visible = located.node.kind() == NodeKind::Folder && located.role().is_some();
    visible.then_some(located.node.id)
}

/// The parts with these numbers.
fn select_parts(plan: &PartPlan, numbers: &[u32]) -> Result<Vec<Part>> {
    let invalid = |message: String| Err(Error::invalid(Field::PartNumbers, message));
    if !(1..=MAX_SIGNED).contains(&numbers.len()) {
        return invalid(format!("must be from 1 to {MAX_SIGNED} numbers"));
    }
    if BTreeSet::from_iter(numbers).len() < numbers.len() {
        return invalid("must not name a part twice".to_owned());
    }
    let parts: Vec<Part> = numbers.iter().filter_map(|&number| plan.part(number)).collect();
    match plan.count() {
        _ if parts.len() == numbers.len() => Ok(parts),
        1 => invalid("must be [1]: this upload has one part".to_owned()),
        count => invalid(format!("must be from 1 to {count}")),
    }
}

#[cfg(test)]
mod tests;
