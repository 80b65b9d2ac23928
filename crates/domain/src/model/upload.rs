//! Uploads and their states.

use std::time::Duration;

use super::{
    BlobKey, BlobRef, DriveId, MediaType, MultipartUpload, MultipartUploadId, Name, NodeId, NodeKind, PartPlan, Sha256,
    StoreName, Timestamp, UploadId, UserId,
};
use crate::error::{Conflict, Error, Gone, Result};

/// The maximum total lifetime of an upload, including extensions: 30 days. Stores must not clean up unfinished
/// multipart uploads earlier.
pub const MAX_UPLOAD_LIFETIME: Duration = Duration::from_hours(30 * 24);

/// What to do if the name of a new, copied, renamed or moved node is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ConflictPolicy {
    /// Fail.
    #[default]
    Fail,
    /// Replace the node of that name. A new or copied file becomes the content of an existing one, which keeps its
    /// identifier and shares; new and copied folders replace nothing. A renamed or moved node sends one of its own kind
    /// to the trash.
    Replace,
    /// Keep both: use the first free name from [`KeepBoth`](super::KeepBoth).
    Keep,
}

/// How a new file or folder gets its place under the wanted name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Placement {
    /// Under that name, which is free.
    Free,
    /// Under the first free alternative.
    Beside,
    /// As the new content of the file that has the name.
    Replacing,
    /// Not at all: the name is taken.
    Refused,
}

impl ConflictPolicy {
    /// How a new node of the kind `new` is placed, given the kind of the live node that has its name, if any.
    #[must_use]
    pub const fn placement(self, new: NodeKind, holder: Option<NodeKind>) -> Placement {
        match (self, new, holder) {
            (_, _, None) => Placement::Free,
            (Self::Keep, _, Some(_)) => Placement::Beside,
            (Self::Replace, NodeKind::File, Some(NodeKind::File)) => Placement::Replacing,
            (Self::Replace | Self::Fail, _, Some(_)) => Placement::Refused,
        }
    }
}

/// A file's metadata, as given by its sender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileInfo {
    /// The wanted name.
    pub name: Name,
    /// The media type.
    pub media_type: MediaType,
    /// The expected digest.
    pub sha256: Option<Sha256>,
    /// When the sender's own copy was last modified.
    pub client_modified_at: Option<Timestamp>,
    /// What to do if the name is taken.
    pub conflict: ConflictPolicy,
}

/// The state of an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UploadState {
    /// It accepts bytes.
    Open,
    /// It created this file or replaced its content.
    Complete(NodeId),
    /// It was aborted.
    Aborted,
    /// It expired.
    Expired,
}

/// An upload of one file into one folder. Only its sender may use it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// The identifier.
    pub id: UploadId,
    /// The drive whose quota it uses.
    pub drive: DriveId,
    /// The target folder or root.
    pub folder: NodeId,
    /// The sender.
    pub sender: UserId,
    /// The file's metadata.
    pub file: FileInfo,
    /// The announced size in bytes, reserved from the quota; none for streamed bytes.
    pub announced: Option<u64>,
    /// The size in bytes of every part but the last; none for a single part.
    pub part_size: Option<u64>,
    /// The key of the blob that receives the bytes.
    pub blob: BlobKey,
    /// The store of that blob; none once the blob is no longer recorded, so that no store has its bytes.
    pub store: Option<StoreName>,
    /// The store's identifier of the multipart upload; none for bytes streamed through the API, or if the store does
    /// not track multipart uploads.
    pub multipart_id: Option<MultipartUploadId>,
    /// The state.
    pub state: UploadState,
    /// When it began.
    pub created_at: Timestamp,
    /// When it expires.
    pub expires_at: Timestamp,
}

/// How to complete an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completion {
    /// Commit the content.
    Commit,
    /// Already completed with this file: repeat the same answer.
    Repeat(NodeId),
}

impl Upload {
    /// The new expiry when extended by `lifetime` at `now`.
    #[must_use]
    pub fn extended(&self, now: Timestamp, lifetime: Duration) -> Timestamp {
        now.plus(lifetime).min(self.created_at.plus(MAX_UPLOAD_LIFETIME)).max(self.expires_at)
    }

    /// The blob that receives the bytes, with its store.
    ///
    /// # Errors
    /// [`NotFound`](Error::NotFound) if it is no longer recorded; that of an open upload is.
    pub fn blob_ref(&self) -> Result<BlobRef> {
        Ok(BlobRef { store: self.store.clone().ok_or(Error::NotFound)?, key: self.blob.clone() })
    }

    /// The multipart upload of the bytes into the store.
    #[must_use]
    pub fn multipart(&self) -> MultipartUpload {
        MultipartUpload { key: self.blob.clone(), multipart_id: self.multipart_id.clone() }
    }

    /// The parts of the upload; none for streamed bytes.
    #[must_use]
    pub fn plan(&self) -> Option<PartPlan> {
        let size = self.announced?;
        Some(PartPlan::restore(size, self.part_size).unwrap_or(PartPlan::single(size)))
    }

    /// The digest that the upload URL signs; none for several parts, whose overall digest no store can verify.
    #[must_use]
    pub fn signed_sha256(&self) -> Option<Sha256> {
        self.file.sha256.filter(|_| self.part_size.is_none())
    }

    /// The state at `now`: an open upload past its expiry has expired, whether or not that was recorded.
    #[must_use]
    pub fn state_at(&self, now: Timestamp) -> UploadState {
        match self.state {
            UploadState::Open if now >= self.expires_at => UploadState::Expired,
            state => state,
        }
    }

    /// Whether it is recorded as ended without becoming a file. It stays so.
    #[must_use]
    pub const fn ended_without_file(&self) -> bool {
        matches!(self.state, UploadState::Aborted | UploadState::Expired)
    }

    /// What completing the upload at `now` requires.
    ///
    /// # Errors
    /// `upload_closed` after an abort, `upload_expired` after expiry.
    pub fn completion(&self, now: Timestamp) -> Result<Completion> {
        match self.state_at(now) {
            UploadState::Open => Ok(Completion::Commit),
            UploadState::Complete(file) => Ok(Completion::Repeat(file)),
            UploadState::Aborted => Err(Error::Conflict(Conflict::UploadClosed)),
            UploadState::Expired => Err(Error::Gone(Gone::UploadExpired)),
        }
    }

    /// Checks that the upload accepts bytes at `now`.
    ///
    /// # Errors
    /// `upload_closed` if it is complete or aborted, `upload_expired` if it has expired.
    pub fn require_open(&self, now: Timestamp) -> Result<()> {
        match self.completion(now)? {
            Completion::Commit => Ok(()),
            Completion::Repeat(_) => Err(Error::Conflict(Conflict::UploadClosed)),
        }
    }

    /// Whether aborting the upload at `now` has an effect: an upload that has ended stays as it is.
    ///
    /// # Errors
    /// `upload_closed` if it is complete: its file is kept.
    pub fn abortion(&self, now: Timestamp) -> Result<bool> {
        match self.state_at(now) {
            UploadState::Open => Ok(true),
            UploadState::Aborted | UploadState::Expired => Ok(false),
            UploadState::Complete(_) => Err(Error::Conflict(Conflict::UploadClosed)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::upload;

    #[test]
    fn only_a_file_replaces_and_only_a_file() {
        use NodeKind::{File, Folder};
        use Placement::{Beside, Free, Refused, Replacing};
        for policy in [ConflictPolicy::Fail, ConflictPolicy::Replace, ConflictPolicy::Keep] {
            assert_eq!(policy.placement(File, None), Free);
        }
        for (new, holder, replaced) in
            [(File, File, Replacing), (File, Folder, Refused), (Folder, File, Refused), (Folder, Folder, Refused)]
        {
            assert_eq!(ConflictPolicy::Fail.placement(new, Some(holder)), Refused);
            assert_eq!(ConflictPolicy::Replace.placement(new, Some(holder)), replaced);
            assert_eq!(ConflictPolicy::Keep.placement(new, Some(holder)), Beside);
        }
    }

    #[derive(Clone, Copy, Debug)]
    enum Event {
        Complete,
        Abort,
        Extend,
        Wait(i64),
    }

    fn event() -> impl Strategy<Value = Event> {
        prop_oneof![
            Just(Event::Complete),
            Just(Event::Abort),
            Just(Event::Extend),
            (0_i64..60_000).prop_map(Event::Wait)
        ]
    }

    proptest! {
        #[test]
        fn an_upload_ends_once_and_stays_as_it_ended(events in proptest::collection::vec(event(), 1..40)) {
            let file = upload().folder;
            let mut upload = upload();
            let mut now = upload.created_at;
            let mut ended = None;
            for event in events {
                match event {
                    Event::Wait(millis) => now = Timestamp::from_millis(now.as_millis() + millis),
                    Event::Complete => match upload.completion(now) {
                        Ok(Completion::Commit) => {
                            prop_assert_eq!(ended, None);
                            upload.state = UploadState::Complete(file);
                        }
                        Ok(Completion::Repeat(done)) => {
                            prop_assert_eq!(done, file);
                            prop_assert_eq!(ended, Some(UploadState::Complete(file)));
                        }
                        Err(_) => prop_assert!(matches!(ended, Some(UploadState::Aborted | UploadState::Expired))
                            || now >= upload.expires_at),
                    },
                    Event::Abort => match upload.abortion(now) {
                        Ok(true) => {
                            prop_assert_eq!(ended, None);
                            upload.state = UploadState::Aborted;
                        }
                        Ok(false) => prop_assert!(upload.state_at(now) != UploadState::Open),
                        Err(_) => prop_assert_eq!(ended, Some(UploadState::Complete(file))),
                    },
                    Event::Extend => if upload.require_open(now).is_ok() {
                        prop_assert_eq!(ended, None);
                        upload.expires_at = now.plus(Duration::from_secs(30));
                    },
                }
                let state = upload.state_at(now);
                if let Some(end) = ended {
                    prop_assert_eq!(state, end);
                }
                if state != UploadState::Open {
                    ended = Some(state);
                }
            }
        }
    }

    #[test]
    fn an_upload_expires_at_its_very_time() {
        let upload = upload();
        let before = Timestamp::from_millis(upload.expires_at.as_millis() - 1);
        assert_eq!(upload.state_at(before), UploadState::Open);
        assert_eq!(upload.state_at(upload.expires_at), UploadState::Expired);
        assert!(matches!(upload.completion(upload.expires_at), Err(Error::Gone(Gone::UploadExpired))));
    }
}
