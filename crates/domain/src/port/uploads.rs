use async_trait::async_trait;

use crate::error::Result;
use crate::model::{
    BlobKey, Command, ConflictPolicy, Content, FileInfo, Grant, Limit, Located, MediaType, NodeId, Person, Quota,
    StoreName, Stored, Timestamp, Upload, UploadId, UploadPosition, UserId, VersionId,
};

/// An upload that begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// The upload, open.
    pub upload: Upload,
    /// The store that will hold its blob.
    pub store: StoreName,
    /// How many uploads its sender may have open, this one included.
    pub most_open: u32,
}

/// What an upload is to become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// The upload.
    pub upload: UploadId,
    /// The blob that has the bytes: the upload's own, or a recorded copy of it. In the latter case the upload's own MUST be
    /// unreferenced from then on.
    pub blob: BlobKey,
    /// What has arrived.
    pub stored: Stored,
    /// What to do when the name is taken.
    pub conflict: ConflictPolicy,
    /// The identifier of the file, if it is a new one.
    pub file: NodeId,
    /// The identifier of the version.
    pub version: VersionId,
    /// How many versions a file that is replaced may have then, this one included; at least 1.
    pub most_versions: u32,
}

/// Bytes in the store that are to become a file, or another content of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewFile {
    /// The identifier of the file, if it is a new one.
    pub file: NodeId,
    /// The identifier of the version.
    pub version: VersionId,
    /// The blob, which has been recorded.
    pub blob: BlobKey,
    /// What lies there.
    pub stored: Stored,
    /// What the sender says of it, and what to do when the name is taken.
    pub info: FileInfo,
    /// How many versions a file that is replaced may have then, this one included; at least 1.
    pub most_versions: u32,
}

impl NewFile {
    /// What `commit` makes of `upload`.
    #[must_use]
    pub fn of(upload: &Upload, commit: &Commit) -> Self {
        Self {
            file: commit.file,
            version: commit.version,
            blob: commit.blob.clone(),
            stored: commit.stored.clone(),
            info: FileInfo { conflict: commit.conflict, ..upload.file.clone() },
            most_versions: commit.most_versions,
        }
    }

    /// The content that a file gets at `at`, given the media type of the one that it replaces.
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

/// An upload that is open, as a user finds it who may end it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenUpload {
    /// The upload.
    pub upload: Upload,
    /// Who sends.
    pub sender: Person,
    /// The folder into which it goes, as the user finds it.
    pub folder: Option<Located>,
}

/// Uploads, from the key of their blob to the file that they become.
///
/// What takes a guest's right to add to a folder ends the guest's open uploads into it, as an abort does, at the command's time
/// and in the same transaction: see [`Shares`](super::Shares), [`Trash::put`](super::Trash::put) and
/// [`Drive::relocate`](super::Drive).
/// [`list_aborted`](Self::list_aborted) tells whose bytes are to be deleted then.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait Uploads: Send + Sync {
    /// Records the upload and its blob's key, and reserves what it announces, which must fit beside all that is there: also
    /// beside a content that it may replace, which stays as a version. Returns the drive's quota as it is then.
    ///
    /// # Errors
    /// [`Quota`](crate::error::Forbidden::Quota), exact however many begin at once;
    /// [`NameTaken`](crate::error::Conflict::NameTaken) and [`Entries`](crate::error::Forbidden::Entries) as a courtesy, when
    /// the commit would fail with them now;
    /// [`Invalid`](crate::Error::Invalid) when the sender has too many open.
    async fn begin(&self, command: &Command, folder: &Grant, opening: &Opening) -> Result<Quota>;

    /// The upload, if it is `sender`'s.
    async fn find(&self, upload: UploadId, sender: UserId) -> Result<Option<Upload>>;

    /// The upload, if `user` may abort it: its sender, and, as long as it is noted as open, the owner of the drive into which
    /// it goes.
    async fn find_abortable(&self, upload: UploadId, user: UserId) -> Result<Option<Upload>>;

    /// The uploads that are open at `now`: those that `user` sends, and all into the user's own drive, newest first, after
    /// `after`: at most one more than `limit`.
    async fn list(
        &self,
        user: UserId,
        now: Timestamp,
        after: Option<UploadPosition>,
        limit: Limit,
    ) -> Result<Vec<OpenUpload>>;

    /// Gives the upload into the granted folder time until `until`, if that is later than it has already.
    ///
    /// # Errors
    /// As [`Upload::require_open`], by what the transaction sees;
    /// [`NotFound`](crate::Error::NotFound) when it is not the actor's, or goes into another folder.
    async fn extend(&self, command: &Command, folder: &Grant, upload: UploadId, until: Timestamp) -> Result<()>;

    /// Turns the upload into a file, or into another content of a file: the name is decided, the quota charged with the
    /// true size, the reservation ended and the upload closed, all in one transaction. A repeat changes nothing and
    /// returns the same file. A former content stays as a version; the oldest beyond the most that the file may have go in
    /// the same transaction, as [`Versions`](super::Versions) has it.
    ///
    /// # Errors
    /// Those of the folder's grant, renewed; as [`Upload::completion`];
    /// [`NameTaken`](crate::error::Conflict::NameTaken), and the upload stays open;
    /// [`Quota`](crate::error::Forbidden::Quota), and the upload stays open; [`Forbidden`](crate::Error::Forbidden) when
    /// the actor may not replace the file of that name.
    async fn commit(&self, command: &Command, folder: &Grant, commit: &Commit) -> Result<Located>;

    /// Makes a file of bytes that came without an upload, or another content of the file of that name, as
    /// [`commit`](Self::commit) does: nothing was reserved for them, so they must fit now.
    ///
    /// # Errors
    /// [`NameTaken`](crate::error::Conflict::NameTaken); [`Quota`](crate::error::Forbidden::Quota), exact however many do so
    /// at once; [`Forbidden`](crate::Error::Forbidden) when the actor may not replace the file of that name;
    /// [`Internal`](crate::Error::Internal) when the blob was never recorded or has been condemned.
    async fn create(&self, command: &Command, folder: &Grant, new: &NewFile) -> Result<Located>;

    /// Ends the upload and its reservation. Its blob MUST be unreferenced from then on.
    ///
    /// # Errors
    /// As [`Upload::abortion`], by what the transaction sees.
    async fn abort(&self, command: &Command, upload: UploadId) -> Result<()>;

    /// Up to `most` of the uploads that were aborted at exactly `at`, by whichever command, in the order of their identifiers, after
    /// `after`.
    async fn list_aborted(&self, at: Timestamp, after: Option<UploadId>, most: u32) -> Result<Vec<Upload>>;

    /// Ends up to `most` uploads whose time ran out at the command's time, as an abort does, and returns them.
    async fn expire_due(&self, command: &Command, most: u32) -> Result<Vec<Upload>>;

    /// Forgets up to `most` uploads that ended before `before`, however they ended, and tells how many. Nothing else
    /// changes by it: files stay, and the change log gets no row.
    async fn forget_ended(&self, before: Timestamp, most: u32) -> Result<u32>;

    /// How many uploads are open, whoever sends them.
    async fn count_open(&self) -> Result<u64>;
}
