//! Commands: what every mutation says of itself; and the log of what was changed.

use super::id::uuid_v7;
use super::{DriveId, NodeId, Receipt, Timestamp, UserId};
use crate::port::Random;

/// The identifier of a request, by which log lines and changes belong together: 1–128 visible ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RequestId(String);

impl RequestId {
    /// The identifier of a request that brought none: a UUIDv7.
    #[must_use]
    pub fn generate(now: Timestamp, random: &dyn Random) -> Self {
        Self(uuid_v7(now, random).to_string())
    }

    /// Checks that `text` is sane enough to be logged and repeated in a header.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let sane = (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        sane.then(|| Self(text.to_owned()))
    }

    /// The identifier as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The user on whose behalf a service acts, and the request in which that happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The user.
    pub user: UserId,
    /// The request.
    pub request: RequestId,
    /// What makes the request safe to be sent again, if it is.
    pub receipt: Option<Receipt>,
}

/// What every mutating port method is told: who changes something, when, and in which request.
///
/// The row that the mutation leaves in the change log says the same, and commits with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// The acting user; none when the server itself acts, as its collector does.
    pub actor: Option<UserId>,
    /// When.
    pub at: Timestamp,
    /// In which request.
    pub request: RequestId,
    /// Into which the mutation writes what it came to; none of a command that is read back.
    pub receipt: Option<Receipt>,
}

/// What was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChangeKind {
    /// An account was made, with its drive.
    UserRegistered,
    /// A password's hash was replaced by a stronger one of the same password.
    PasswordRehashed,
    /// A profile photo was set.
    PhotoSet,
    /// A profile photo was removed.
    PhotoRemoved,
    /// Somebody logged in.
    SessionStarted,
    /// A session goes on, with another refresh token.
    SessionRefreshed,
    /// A session was ended before its time.
    SessionEnded,
    /// A user got another password, which ended all sessions of theirs.
    PasswordChanged,
    /// A user got another e-mail address.
    EmailChanged,
    /// An account was deleted; its drive has no owner any more.
    UserDeleted,
    /// An account was disabled, which ended its sessions.
    UserDisabled,
    /// An account was enabled again.
    UserEnabled,
    /// A drive got another quota.
    QuotaSet,
    /// A folder was made.
    FolderCreated,
    /// A file or folder got another name, another place, or both.
    NodeRelocated,
    /// A file or folder was copied, with all below it: the row tells of the copy.
    NodeCopied,
    /// An upload began.
    UploadBegun,
    /// An upload got more time.
    UploadExtended,
    /// A file came to be.
    FileCreated,
    /// A file got another content.
    FileReplaced,
    /// An upload was given up.
    UploadAborted,
    /// An upload's time ran out.
    UploadExpired,
    /// A node was shared.
    ShareCreated,
    /// A share got another permission.
    ShareChanged,
    /// A share ended.
    ShareRevoked,
    /// A public link was made.
    LinkCreated,
    /// A public link got another end, password or limit.
    LinkChanged,
    /// A public link was taken back.
    LinkRevoked,
    /// A download through a public link was counted.
    LinkDownloaded,
    /// A file or folder went into the trash.
    NodeTrashed,
    /// A file or folder came back out of the trash.
    NodeRestored,
    /// A file or folder left the trash for good, and all below it: what it consists of goes by and by.
    PurgeBegun,
    /// Some of what purges had begun with is gone.
    NodesPurged,
    /// A former content of a file became its current one anew.
    VersionRestored,
    /// A former content of a file was deleted.
    VersionDeleted,
    /// A drive that had lost its owner is gone.
    DriveRemoved,
}

impl ChangeKind {
    /// Every kind with the stable word by which it is stored.
    pub const ALL: &'static [(Self, &'static str)] = &[
        (Self::UserRegistered, "user_registered"),
        (Self::PasswordRehashed, "password_rehashed"),
        (Self::PhotoSet, "photo_set"),
        (Self::PhotoRemoved, "photo_removed"),
        (Self::SessionStarted, "session_started"),
        (Self::SessionRefreshed, "session_refreshed"),
        (Self::SessionEnded, "session_ended"),
        (Self::PasswordChanged, "password_changed"),
        (Self::EmailChanged, "email_changed"),
        (Self::UserDeleted, "user_deleted"),
        (Self::UserDisabled, "user_disabled"),
        (Self::UserEnabled, "user_enabled"),
        (Self::QuotaSet, "quota_set"),
        (Self::FolderCreated, "folder_created"),
        (Self::NodeRelocated, "node_relocated"),
        (Self::NodeCopied, "node_copied"),
        (Self::UploadBegun, "upload_begun"),
        (Self::UploadExtended, "upload_extended"),
        (Self::FileCreated, "file_created"),
        (Self::FileReplaced, "file_replaced"),
        (Self::UploadAborted, "upload_aborted"),
        (Self::UploadExpired, "upload_expired"),
        (Self::ShareCreated, "share_created"),
        (Self::ShareChanged, "share_changed"),
        (Self::ShareRevoked, "share_revoked"),
        (Self::LinkCreated, "link_created"),
        (Self::LinkChanged, "link_changed"),
        (Self::LinkRevoked, "link_revoked"),
        (Self::LinkDownloaded, "link_downloaded"),
        (Self::NodeTrashed, "node_trashed"),
        (Self::NodeRestored, "node_restored"),
        (Self::PurgeBegun, "purge_begun"),
        (Self::NodesPurged, "nodes_purged"),
        (Self::VersionRestored, "version_restored"),
        (Self::VersionDeleted, "version_deleted"),
        (Self::DriveRemoved, "drive_removed"),
    ];

    /// The stable word by which the kind is stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(kind, _)| *kind == self).map_or("", |(_, word)| word)
    }

    /// The kind that a stored word names.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == word).map(|(kind, _)| *kind)
    }
}

/// One row of the change log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its place in the log.
    pub sequence: u64,
    /// What was changed.
    pub kind: ChangeKind,
    /// In which drive, if in one.
    pub drive: Option<DriveId>,
    /// Which node, if one.
    pub node: Option<NodeId>,
    /// Who, when and in which request.
    pub command: Command,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_own_word() {
        for &(kind, word) in ChangeKind::ALL {
            assert_eq!(ChangeKind::parse(word), Some(kind));
            assert_eq!(kind.as_str(), word);
        }
    }

    #[test]
    fn request_ids_cannot_break_a_log_line() {
        assert!(RequestId::parse("a-b_c:1").is_some());
        for text in ["", "a b", "a\nb", "é", &"a".repeat(129)] {
            assert!(RequestId::parse(text).is_none(), "{text:?}");
        }
    }

    #[test]
    fn the_id_of_a_request_that_brought_none_is_as_sane_as_one_that_was_brought() {
        struct Ones;
        impl Random for Ones {
            fn fill(&self, bytes: &mut [u8]) {
                bytes.fill(0xFF);
            }
        }
        let made = RequestId::generate(Timestamp::from_millis(0x0123_4567_89AB), &Ones);
        assert_eq!(made.as_str(), "01234567-89ab-7fff-bfff-ffffffffffff");
        assert_eq!(RequestId::parse(made.as_str()), Some(made));
    }
}
