//! Commands, which identify every mutation, and the kinds of changes.

use std::sync::Arc;

use super::id::uuid_v7;
use super::{IdempotencyRecord, ParseError, Random, Timestamp, UserId};

/// A request identifier that correlates log lines and changes: 1–128 visible ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RequestId(Arc<str>);

impl RequestId {
    /// Generates an identifier, a UUIDv7, for a request that has none.
    #[must_use]
    pub fn generate(now: Timestamp, random: &dyn Random) -> Self {
        Self(uuid_v7(now, random).to_string().into())
    }

    /// Checks that `text` is safe to log and to echo in a header.
    ///
    /// # Errors
    /// The rule that `text` breaks.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let sane = (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        sane.then(|| Self(text.into())).ok_or(ParseError::new("must be 1 to 128 visible ASCII characters"))
    }

    /// The identifier as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The context of a mutation, passed to every mutating port method: who, when, and in which request.
///
/// The mutation's row in the change log holds the same data and commits with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// The acting user; none if the server itself acts, e.g. its collector.
    pub actor: Option<UserId>,
    /// When it happens.
    pub at: Timestamp,
    /// The request.
    pub request: RequestId,
    /// The idempotency record to which the mutation writes its result, if any; none in commands read from the log.
    pub idempotency_record: Option<IdempotencyRecord>,
}

/// The kind of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ChangeKind {
    /// An account was created, with its drive.
    UserRegistered,
    /// A password hash was replaced by a stronger hash of the same password.
    PasswordRehashed,
    /// A profile photo was set.
    PhotoSet,
    /// A profile photo was removed.
    PhotoRemoved,
    /// A user logged in.
    SessionStarted,
    /// A session was refreshed.
    SessionRefreshed,
    /// A session was ended before it expired.
    SessionEnded,
    /// A user's password was changed, which ended all of their sessions.
    PasswordChanged,
    /// A user's e-mail address was changed.
    EmailChanged,
    /// An account was deleted; its drive no longer has an owner.
    UserDeleted,
    /// An account was disabled, which ended its sessions.
    UserDisabled,
    /// An account was enabled again.
    UserEnabled,
    /// A drive's quota was set.
    QuotaSet,
    /// A folder was created.
    FolderCreated,
    /// A file or folder was renamed, moved, or both.
    NodeRelocated,
    /// A file or folder was copied, with its descendants; the row describes the copy.
    NodeCopied,
    /// An upload was begun.
    UploadBegun,
    /// An upload was extended.
    UploadExtended,
    /// A file was created.
    FileCreated,
    /// A file's content was replaced.
    FileReplaced,
    /// An upload was aborted.
    UploadAborted,
    /// An upload expired.
    UploadExpired,
    /// A node was shared.
    ShareCreated,
    /// A share's permission was changed.
    ShareChanged,
    /// A share was revoked.
    ShareRevoked,
    /// A public link was created.
    LinkCreated,
    /// A public link's expiry, password or limit was changed.
    LinkChanged,
    /// A public link was revoked.
    LinkRevoked,
    /// A download through a public link was counted.
    LinkDownloaded,
    /// A file or folder was moved to the trash.
    NodeTrashed,
    /// A file or folder was restored from the trash.
    NodeRestored,
    /// The purge of a trashed file or folder and its descendants began; they are removed step by step.
    PurgeBegun,
    /// Some of the nodes being purged were removed.
    NodesPurged,
    /// A former version of a file became its current one.
    VersionRestored,
    /// A former version of a file was deleted.
    VersionDeleted,
    /// A drive without an owner was removed.
    DriveRemoved,
    /// A change of a kind that this version does not know: a newer one wrote the entry.
    Unknown,
}

impl ChangeKind {
    /// Every kind with the stable word that is stored for it.
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
        (Self::Unknown, "unknown"),
    ];

    /// The stable word that is stored for the kind.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(kind, _)| *kind == self).map_or("", |(_, word)| word)
    }

    /// The kind that is stored as `word`. During a rollout, a newer version may store words that this one does not
    /// know.
    #[must_use]
    pub fn parse(word: &str) -> Self {
        Self::ALL.iter().find(|(_, known)| *known == word).map_or(Self::Unknown, |(kind, _)| *kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_own_word() {
        for &(kind, word) in ChangeKind::ALL {
            assert_eq!(ChangeKind::parse(word), kind);
            assert_eq!(kind.as_str(), word);
        }
    }

    #[test]
    fn a_word_of_a_newer_version_is_an_unknown_kind() {
        assert_eq!(ChangeKind::parse("node_coloured"), ChangeKind::Unknown);
    }

    #[test]
    fn request_ids_cannot_break_a_log_line() {
        assert!(RequestId::parse("a-b_c:1").is_ok());
        for text in ["", "a b", "a\nb", "é", &"a".repeat(129)] {
            assert!(RequestId::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn generated_request_ids_are_valid() {
        struct Ones;
        impl Random for Ones {
            fn fill(&self, bytes: &mut [u8]) {
                bytes.fill(0xFF);
            }
        }
        let made = RequestId::generate(Timestamp::from_millis(0x0123_4567_89AB), &Ones);
        assert_eq!(made.as_str(), "01234567-89ab-7fff-bfff-ffffffffffff");
        assert_eq!(RequestId::parse(made.as_str()), Ok(made));
    }
}
