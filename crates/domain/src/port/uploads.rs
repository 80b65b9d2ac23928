use async_trait::async_trait;

use crate::error::Result;
use crate::model::{
    BlobKey, Command, ConflictPolicy, Grant, Located, NodeId, Quota, StoreName, Stored, Timestamp, Upload, UploadId,
    UserId, VersionId,
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

/// Uploads, from the key of their blob to the file that they become.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait Uploads: Send + Sync {
    /// Records the upload and its blob's key, and reserves what it announces, which must fit beside all that is there: also
    /// beside a content that it may replace, which stays as a version. Returns the drive's quota as it is then.
    ///
    /// # Errors
    /// [`Quota`](crate::error::Forbidden::Quota), exact however many begin at once;
    /// [`NameTaken`](crate::error::Conflict::NameTaken) as a courtesy, when the commit would fail with it now;
    /// [`Invalid`](crate::Error::Invalid) when the sender has too many open.
    async fn begin(&self, command: &Command, folder: &Grant, opening: &Opening) -> Result<Quota>;

    /// The upload, if it is `sender`'s.
    async fn find(&self, upload: UploadId, sender: UserId) -> Result<Option<Upload>>;

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
    /// As [`Upload::completion`]; [`NameTaken`](crate::error::Conflict::NameTaken), and the upload stays open;
    /// [`Quota`](crate::error::Forbidden::Quota), and the upload stays open; [`Forbidden`](crate::Error::Forbidden) when
    /// the actor may not replace the file of that name.
    async fn commit(&self, command: &Command, folder: &Grant, commit: &Commit) -> Result<Located>;

    /// Ends the upload and its reservation. Its blob MUST be unreferenced from then on.
    ///
    /// # Errors
    /// As [`Upload::abortion`], by what the transaction sees.
    async fn abort(&self, command: &Command, upload: UploadId) -> Result<()>;

    /// Ends up to `most` uploads whose time ran out at the command's time, as an abort does, and returns them.
    async fn expire_due(&self, command: &Command, most: u32) -> Result<Vec<Upload>>;

    /// Forgets up to `most` uploads that ended before `before`, however they ended, and tells how many. Nothing else
    /// changes by it: files stay, and the change log gets no row.
    async fn forget_ended(&self, before: Timestamp, most: u32) -> Result<u32>;

    /// How many uploads are open, whoever sends them.
    async fn count_open(&self) -> Result<u64>;
}
