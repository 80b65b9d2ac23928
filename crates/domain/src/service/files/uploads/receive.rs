//! Uploads streamed through the API.

use super::UploadService;
use crate::error::{Error, Gone, Refused, Result};
use crate::model::{
    Action, Actor, BlobRef, Command, Entry, Expected, FileInfo, Grant, Length, MAX_FILE_BYTES, MediaType, Name, NodeId,
    Quota, Scope, Sha256, Stored, Timestamp,
};
use crate::port::{ByteStream, ContentHeaders, ReceivedFile};
use crate::service::access::Access;
use crate::service::files::content_limit::{ContentLimit, hide_owner_quota};

/// Permission to store the bytes of a file. Only [`UploadService::admit`] creates it.
#[derive(Debug)]
pub struct UploadPermit {
    /// The folder named before the bytes; `None` for the root of the caller's own drive.
    folder: Option<NodeId>,
    target: Grant,
    content_limit: ContentLimit,
    content_headers: ContentHeaders,
}

impl UploadPermit {
    /// Sets what is known of the file before its bytes.
    #[must_use]
    pub fn presented_as(self, name: Name, media_type: &MediaType) -> Self {
        let media_type = media_type.resolve(None, &name);
        Self { content_headers: ContentHeaders::with_media_type(name, media_type), ..self }
    }
}

/// What the sender declares about a file, possibly after its bytes.
#[derive(Clone, Debug)]
pub struct StreamedFile {
    /// The destination folder; `None` for the root of the sender's own drive.
    pub folder: Option<NodeId>,
    /// Its metadata.
    pub file: FileInfo,
    /// The announced length, if any.
    pub announced: Option<u64>,
}

impl UploadService {
    /// Admits the bytes of a file, to be stored by [`receive`](Self::receive), with what is known before the first
    /// byte: the destination folder, unless it is given later, and the length.
    ///
    /// Calls `NodeRepository::find` and `NodeRepository::find_user_drive`.
    ///
    /// # Errors
    /// `NotFound` and `Forbidden` for the folder; `TooLarge` above [`MAX_FILE_BYTES`]; `Quota` when `announced` bytes
    /// cannot fit.
    pub async fn admit(
        &self,
        actor: &Actor,
        folder: Option<NodeId>,
        announced: Option<u64>,
        sha256: Option<Sha256>,
    ) -> Result<UploadPermit> {
        if announced.is_some_and(|size| size > MAX_FILE_BYTES) {
            return Err(Error::Refused(Refused::TooLarge { limit: MAX_FILE_BYTES }));
        }
        let found = match folder {
            Some(_) => Some(self.access.add_to(actor, folder).await?),
            None => None,
        };
        let owner = found.as_ref().map_or(actor.user, |found| found.located().owner.id);
        let user_drive = self.drive.find_user_drive(owner).await?.ok_or(Error::NotFound)?;
        let quota = user_drive.account.quota;
        // Preliminary: the quota is enforced once the bytes have arrived. While the target drive is unknown, the total
        // of the caller's own drive is the bound.
        let bound = if found.is_some() { quota } else { Quota { used: 0, reserved: 0, ..quota } };
        let target = match found {
            Some(found) => found,
            None => Access::authorize(actor, Some(user_drive.root), Action::AddTo)?,
        };
        let mut content_limit = ContentLimit::new(&target, bound, announced, sha256)?;
        content_limit.quota = quota;
        Ok(UploadPermit { folder, target, content_limit, content_headers: ContentHeaders::unknown() })
    }

    /// Stores the bytes of a file as they stream in and creates the file from `given`, which is read after them. On
    /// failure nothing remains but, at worst, an unreferenced blob.
    ///
    /// Calls `BlobRecordRepository::record`, `BlobStore::put`, `NodeRepository::find`,
    /// `NodeRepository::find_user_drive`, `UploadRepository::create`, `BlobStore::delete`,
    /// `BlobRecordRepository::remove` and `BlobRecordRepository::hold`.
    ///
    /// # Errors
    /// `NotFound` and `Forbidden` for the folder; `TooLarge` above [`MAX_FILE_BYTES`]; `Checksum`; `Size` when the
    /// length differs from the announced one; `UploadExpired` when it took too long; those of
    /// [`port::UploadRepository::create`](crate::port::UploadRepository::create); any error from `body` or `given`.
    pub async fn receive(
        &self,
        actor: &Actor,
        permit: UploadPermit,
        body: ByteStream,
        given: impl Future<Output = Result<StreamedFile>> + Send,
    ) -> Result<Entry> {
        actor.require(Scope::Write)?;
        let (blob, begun) = (self.context.new_blob(self.stores.default_name()), self.context.now());
        self.records.record(&blob.key, &blob.store, begun).await?;
        let mut arrived = 0;
        let ready = async {
            let store = self.stores.get(&blob.store)?;
            let put = store.put(&blob.key, body, permit.content_limit.expected, &permit.content_headers).await;
            let stored = put.map_err(|error| permit.content_limit.quota_error(error))?;
            arrived = stored.size;
            self.prepare(actor, &permit, &blob, stored, given.await?, begun).await
        };
        let outcome = match ready.await {
            Ok((command, folder, new)) => match self.uploads.create(&command, &folder, &new).await {
                // The outcome is unknown: these may be the file's bytes, so they stay.
                Err(error @ (Error::Unavailable { .. } | Error::Internal { .. })) => return Err(error),
                created => created.map_err(|error| hide_owner_quota(&folder, error)),
            },
            // No commit was tried, whatever failed.
            Err(error) => Err(error),
        };
        match outcome {
            Ok(made) => self.remover.remove_freed(made).await.entry().ok_or(Error::NotFound),
            Err(error) => {
                self.remover.delete(&blob, permit.target.drive(), arrived).await;
                Err(error)
            }
        }
    }

    /// The file to be created from the stored bytes, and the folder that it goes into.
    async fn prepare(
        &self,
        actor: &Actor,
        permit: &UploadPermit,
        blob: &BlobRef,
        stored: Stored,
        given: StreamedFile,
        begun: Timestamp,
    ) -> Result<(Command, Grant, ReceivedFile)> {
        let StreamedFile { folder, file, announced } = given;
        let length = announced.map_or(Length::AtMost(MAX_FILE_BYTES), Length::Exactly);
        Expected { length, sha256: file.sha256 }.check(&stored)?;
        let folder = match folder == permit.folder {
            true => permit.target.clone(),
            false => self.access.add_to(actor, folder).await?,
        };
        let command = self.context.command(actor)?;
        // After that the blob may have been marked for deletion.
        if command.at >= begun.plus(self.settings.lifetime) {
            return Err(Error::Gone(Gone::UploadExpired));
        }
        let new = ReceivedFile {
            file: self.context.id(),
            version: self.context.id(),
            blob: blob.clone(),
            stored,
            info: file,
            max_versions: self.settings.max_versions,
        };
        Ok((command, folder, new))
    }
}
