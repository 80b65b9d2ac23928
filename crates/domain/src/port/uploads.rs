use async_trait::async_trait;

use super::SavedNode;
use crate::error::{Error, Field, Result};
use crate::model::{
    BlobRef, Command, ConflictPolicy, Content, FileInfo, Grant, Limit, Located, MediaType, NodeId, Quota, Stored,
    Timestamp, Upload, UploadId, UploadPosition, UserId, UserRef, VersionId,
};

/// A new upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewUpload {
    /// The upload, open.
    pub upload: Upload,
    /// How many uploads its sender may have open, including this one.
    pub max_open: u32,
}

impl NewUpload {
    /// The error if its sender has `open` uploads open already, as many as allowed or more.
    #[must_use]
    pub fn too_many_open(open: impl std::fmt::Display) -> Error {
        let message = format!("{open} uploads are open already: complete or abort one of them");
        Error::invalid(Field::NewUpload, message)
    }
}

/// The commit of an upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// The upload.
    pub upload: UploadId,
    /// The blob with the bytes: the upload's own, or a recorded copy of it. In the latter case the upload's own MUST be
    /// unreferenced from then on.
    pub blob: BlobRef,
    /// The stored bytes.
    pub stored: Stored,
    /// What to do if the name is taken.
    pub conflict: ConflictPolicy,
    /// The identifier of the file, if it is new.
    pub file: NodeId,
    /// The identifier of the version.
    pub version: VersionId,
    /// The maximum number of versions of a replaced file, including this one; at least 1.
    pub max_versions: u32,
}

/// Stored bytes that become a file or a new version of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedFile {
    /// The identifier of the file, if it is new.
    pub file: NodeId,
    /// The identifier of the version.
    pub version: VersionId,
    /// The recorded blob.
    pub blob: BlobRef,
    /// The stored bytes.
    pub stored: Stored,
    /// The sender's metadata, and what to do if the name is taken.
    pub info: FileInfo,
    /// The maximum number of versions of a replaced file, including this one; at least 1.
    pub max_versions: u32,
}

impl ReceivedFile {
    /// The file that `commit` creates from `upload`.
    #[must_use]
    pub fn from_commit(upload: &Upload, commit: &Commit) -> Self {
        Self {
            file: commit.file,
            version: commit.version,
            blob: commit.blob.clone(),
            stored: commit.stored.clone(),
            info: FileInfo { conflict: commit.conflict, ..upload.file.clone() },
            max_versions: commit.max_versions,
        }
    }

    /// The content that a file gets at `at`, given the media type of the replaced content.
    #[must_use]
    pub fn content(&self, replaced: Option<&MediaType>, at: Timestamp) -> Content {
        Content {
            version: self.version,
            blob: self.blob.clone(),
            size: self.stored.size,
            sha256: self.stored.sha256,
            media_type: self.info.media_type.resolve(replaced, &self.info.name),
            client_modified_at: self.info.client_modified_at,
            store_tag: self.stored.tag.clone(),
            created_at: at,
        }
    }
}

/// An open upload, as seen by a user who may abort it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenUpload {
    /// The upload.
    pub upload: Upload,
    /// The sender.
    pub sender: UserRef,
    /// The target folder, as seen by the user.
    pub folder: Option<Located>,
}

/// Uploads, from recording the blob to committing the file.
///
/// Every [`Upload`] is returned with the store of its blob while that is recorded, and MUST be without one from then on.
///
/// Operations that remove a guest's right to add to a folder also abort the guest's open uploads into it, at the
/// command's time and in the same transaction: see [`ShareRepository`](super::ShareRepository),
/// [`TrashRepository::put`](super::TrashRepository::put) and [`NodeRepository::relocate`](super::NodeRepository).
/// [`list_aborted`](Self::list_aborted) returns those whose bytes are then to be deleted.
///
/// Whatever ends an upload that did not become a file queues the [job](super::JobRepository)
/// [`DiscardUpload`](crate::model::Job::DiscardUpload) in the same transaction. Until
/// [`note_discarded`](Self::note_discarded) the upload MUST stay recorded, since the job needs it.
///
/// ```
/// use clouddrive_domain::model::{Command, UploadId, UserId};
/// use clouddrive_domain::port::UploadRepository;
/// use clouddrive_domain::{Error, Result};
///
/// async fn abort(uploads: &dyn UploadRepository, user: UserId, command: &Command, upload: UploadId) -> Result<()> {
///     let upload = uploads.find_abortable(upload, user).await?.ok_or(Error::NotFound)?;
///     uploads.abort(command, upload.id).await
/// }
/// ```
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait UploadRepository: Send + Sync {
    /// Records the upload and its blob, and reserves the announced bytes. They must fit beside everything that
    /// exists, including a content that they may replace, which stays as a version. Returns the drive's updated quota.
    ///
    /// # Errors
    /// [`Quota`](crate::error::Forbidden::Quota), exact under any concurrency;
    /// [`NameTaken`](crate::error::Conflict::NameTaken) and [`Entries`](crate::error::Forbidden::Entries) on a
    /// best-effort basis, if the commit would currently fail with them; [`Invalid`](crate::Error::Invalid) if the
    /// sender has too many open.
    async fn begin(&self, command: &Command, folder: &Grant, new_upload: &NewUpload) -> Result<Quota>;

    /// Finds the upload if it is `sender`'s.
    async fn find(&self, upload: UploadId, sender: UserId) -> Result<Option<Upload>>;

    /// Finds the upload if it ended without becoming a file.
    async fn find_ended(&self, upload: UploadId) -> Result<Option<Upload>>;

    /// Finds the upload if `user` may abort it: the sender or, while it is recorded as open, the owner of the target
    /// drive.
    async fn find_abortable(&self, upload: UploadId, user: UserId) -> Result<Option<Upload>>;

    /// Lists the uploads that are open at `now`: those of `user`, and all into the user's own drive, newest first,
    /// after `after`: at most `limit` + 1.
    async fn list(
        &self,
        user: UserId,
        now: Timestamp,
        after: Option<UploadPosition>,
        limit: Limit,
    ) -> Result<Vec<OpenUpload>>;

    /// Extends the upload into the granted folder until `until`, if that is later than its expiry.
    ///
    /// # Errors
    /// As [`Upload::require_open`], checked in the transaction; [`NotFound`](crate::Error::NotFound) if it is not the
    /// actor's, or goes into another folder.
    async fn extend(&self, command: &Command, folder: &Grant, upload: UploadId, until: Timestamp) -> Result<()>;

    /// Commits the upload as a file or a new version of one: resolves the name, charges the true size to the quota,
    /// ends the reservation and closes the upload, all in one transaction. Idempotent: a repeat changes nothing and
    /// returns the same file. A former content stays as a version; excess versions are removed in the same transaction,
    /// as described at [`VersionRepository`](super::VersionRepository).
    ///
    /// # Errors
    /// Those of renewing the folder's grant; as [`Upload::completion`];
    /// [`NameTaken`](crate::error::Conflict::NameTaken) or [`Quota`](crate::error::Forbidden::Quota), and the upload
    /// stays open; [`Forbidden`](crate::Error::Forbidden) if the actor may not replace the file of that name.
    async fn commit(&self, command: &Command, folder: &Grant, commit: &Commit) -> Result<SavedNode>;

    /// Creates a file, or a new version of the file of that name, from bytes that came without an upload, as
    /// [`commit`](Self::commit) does. Nothing was reserved for them, so they must fit now.
    ///
    /// # Errors
    /// [`NameTaken`](crate::error::Conflict::NameTaken); [`Quota`](crate::error::Forbidden::Quota), exact under any
    /// concurrency; [`Forbidden`](crate::Error::Forbidden) if the actor may not replace the file of that name;
    /// [`Internal`](crate::Error::Internal) if the blob was never recorded or has been marked for deletion.
    async fn create(&self, command: &Command, folder: &Grant, new: &ReceivedFile) -> Result<SavedNode>;

    /// Aborts the upload and ends its reservation. Its blob MUST be unreferenced from then on.
    ///
    /// # Errors
    /// As [`Upload::abortion`], checked in the transaction.
    async fn abort(&self, command: &Command, upload: UploadId) -> Result<()>;

    /// Lists up to `max` uploads aborted at exactly `at`, by any command, ordered by identifier, after `after`.
    async fn list_aborted(&self, at: Timestamp, after: Option<UploadId>, max: u32) -> Result<Vec<Upload>>;

    /// Ends up to `max` uploads that have expired at the command's time, like an abort, and returns them.
    async fn expire_due(&self, command: &Command, max: u32) -> Result<Vec<Upload>>;

    /// Records that the received bytes of these uploads, which ended without becoming files, are deleted: removes their
    /// jobs, and gives back to the quota what their blobs [held](super::BlobRecordRepository::hold). The removal of a
    /// drive without an owner waits for its uploads, so its [job](super::JobRepository), too, is queued as of `at`.
    /// Other uploads MUST be left unchanged.
    async fn note_discarded(&self, at: Timestamp, uploads: &[UploadId]) -> Result<()>;

    /// Deletes up to `max` records of uploads that ended in any way before `before`, and returns the number. Those with
    /// a job stay. Nothing else changes: files stay, and the change log gets no row.
    async fn prune_ended(&self, before: Timestamp, max: u32) -> Result<u32>;

    /// The number of open uploads.
    async fn count_open(&self) -> Result<u64>;
}
