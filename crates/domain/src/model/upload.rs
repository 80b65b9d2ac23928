//! Uploads: how bytes come into a drive, and the states that a transfer goes through.

use std::time::Duration;

use super::{
    BlobKey, DriveId, MediaType, Name, NodeId, PartPlan, Sha256, Ticket, Timestamp, Transfer, UploadId, UserId,
};
use crate::error::{Conflict, Error, Gone, Result};

/// The largest file, in bytes: 5 TiB.
pub const MAX_FILE_BYTES: u64 = 5 << 40;

/// How long an upload stays open at the most, however often it is given more time: 30 days. What stores do by themselves
/// with transfers that never end must come later.
pub const MAX_UPLOAD_LIFETIME: Duration = Duration::from_hours(30 * 24);

/// What to do when the name of a new file is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ConflictPolicy {
    /// Refuse.
    #[default]
    Fail,
    /// Give the file of that name the new content; its identifier and its shares stay. A folder is never replaced.
    Replace,
    /// Stand beside it, under the first free name that [`KeepBoth`](super::KeepBoth) makes up.
    Keep,
}

/// What the sender of a file says about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileInfo {
    /// The name that the file is to have.
    pub name: Name,
    /// What kind of bytes they are.
    pub media_type: MediaType,
    /// The digest that the bytes will have.
    pub sha256: Option<Sha256>,
    /// When the sender's own copy was last modified.
    pub client_modified_at: Option<Timestamp>,
    /// What to do when the name is taken.
    pub conflict: ConflictPolicy,
}

/// Where an upload stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UploadState {
    /// Bytes may arrive.
    Open,
    /// Its content became, or replaced, this file.
    Complete(NodeId),
    /// Its sender gave it up.
    Aborted,
    /// Its time ran out.
    Expired,
}

/// A transfer of the bytes of one file into one folder. It is its sender's alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// The identifier.
    pub id: UploadId,
    /// The drive whose quota it counts against.
    pub drive: DriveId,
    /// The folder, or root, into which the file goes.
    pub folder: NodeId,
    /// Who sends.
    pub sender: UserId,
    /// What the sender says of the file.
    pub file: FileInfo,
    /// How many bytes were announced, and are reserved of the quota; none when bytes just stream in.
    pub announced: Option<u64>,
    /// The size in bytes of every part but the last; none when the bytes come in one.
    pub part_size: Option<u64>,
    /// Where the bytes go.
    pub blob: BlobKey,
    /// What the store calls the transfer; none when bytes stream in through the API, or when the store keeps no books.
    pub ticket: Option<Ticket>,
    /// Where it stands.
    pub state: UploadState,
    /// When it began.
    pub created_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Timestamp,
}

/// What completing an upload amounts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completion {
    /// The content is to be committed now.
    Commit,
    /// That has been done already, for this file: the answer is the same.
    Repeat(NodeId),
}

impl Upload {
    /// When it is to end by itself, given `lifetime` more at `now`.
    #[must_use]
    pub fn extended(&self, now: Timestamp, lifetime: Duration) -> Timestamp {
        now.plus(lifetime).min(self.created_at.plus(MAX_UPLOAD_LIFETIME)).max(self.expires_at)
    }

    /// The way of the bytes into the store.
    #[must_use]
    pub fn transfer(&self) -> Transfer {
        Transfer { key: self.blob.clone(), ticket: self.ticket.clone() }
    }

    /// The parts in which its bytes come; none when they just stream in.
    #[must_use]
    pub fn plan(&self) -> Option<PartPlan> {
        let size = self.announced?;
        Some(PartPlan::restore(size, self.part_size).unwrap_or(PartPlan::single(size)))
    }

    /// The digest that the URLs of its parts sign. That of several parts is known to no store: nothing is held against it.
    #[must_use]
    pub fn signed_sha256(&self) -> Option<Sha256> {
        self.file.sha256.filter(|_| self.part_size.is_none())
    }

    /// Where the upload stands at `now`: an open one whose time ran out has expired, whether or not that was noted.
    #[must_use]
    pub fn state_at(&self, now: Timestamp) -> UploadState {
        match self.state {
            UploadState::Open if now >= self.expires_at => UploadState::Expired,
            state => state,
        }
    }

    /// What it means to complete the upload at `now`.
    ///
    /// # Errors
    /// `upload_closed` after an abort, `upload_expired` when its time ran out.
    pub fn completion(&self, now: Timestamp) -> Result<Completion> {
        match self.state_at(now) {
            UploadState::Open => Ok(Completion::Commit),
            UploadState::Complete(file) => Ok(Completion::Repeat(file)),
            UploadState::Aborted => Err(Error::Conflict(Conflict::UploadClosed)),
            UploadState::Expired => Err(Error::Gone(Gone::UploadExpired)),
        }
    }

    /// Checks that more bytes may arrive at `now`.
    ///
    /// # Errors
    /// `upload_closed` when it is complete or aborted, `upload_expired` when its time ran out.
    pub fn require_open(&self, now: Timestamp) -> Result<()> {
        match self.completion(now)? {
            Completion::Commit => Ok(()),
            Completion::Repeat(_) => Err(Error::Conflict(Conflict::UploadClosed)),
        }
    }

    /// Whether aborting the upload at `now` changes anything: an upload that is over already stays as it ended.
    ///
    /// # Errors
    /// `upload_closed` when it is complete: its file is not taken back.
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
