//! What people who answer for a service want to find again: who came in, and who gave what to whom.

use super::{
    DriveId, Link, LinkId, NodeId, NodeKind, Permission, RequestId, SessionId, Share, ShareId, Timestamp, UploadId,
    UserId, VersionId,
};

/// Something that happened, and that is worth remembering for long.
///
/// It never holds a secret, a name or an address: what it speaks of is found by its identifier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEvent {
    /// What happened.
    pub action: AuditAction,
    /// Who did it; none when that is not known.
    pub actor: Option<UserId>,
    /// When.
    pub at: Timestamp,
    /// In which request.
    pub request: RequestId,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuditAction {
    /// The actor made an account.
    AccountRegistered,
    /// The hash of the actor's password was replaced by a stronger one of the same password.
    PasswordRehashed,
    /// The actor chose another password, which ended all sessions of theirs.
    PasswordChanged,
    /// Somebody who is logged in as the actor was asked for the current password, and did not know it.
    PasswordRefused,
    /// The actor took another e-mail address.
    EmailChanged,
    /// The actor deleted the account.
    AccountDeleted,
    /// Those who run the service did something to an account.
    AccountAdministered {
        /// Whose account.
        user: UserId,
        /// What.
        act: Administered,
    },
    /// The actor set a profile photo.
    PhotoSet,
    /// The actor removed the profile photo.
    PhotoRemoved,
    /// The actor logged in.
    LoggedIn {
        /// The session that began.
        session: SessionId,
    },
    /// The actor's session goes on, with another refresh token.
    SessionRefreshed {
        /// The session.
        session: SessionId,
    },
    /// A refresh token came twice, so somebody else has it or had it: the session ended. The actor is the user whose it was.
    SessionReused {
        /// The session.
        session: SessionId,
    },
    /// The actor logged out.
    LoggedOut {
        /// The session that ended.
        session: SessionId,
    },
    /// The actor ended a session by its identifier.
    SessionEnded {
        /// The session.
        session: SessionId,
    },
    /// Somebody was not let in. The actor is the user whose account it was, if there is one.
    LoginRefused {
        /// Why.
        reason: LoginRefusal,
    },
    /// The actor shared something.
    ShareCreated(SharedItem),
    /// The actor gave a share another permission.
    ShareChanged(SharedItem),
    /// The actor took a share away.
    ShareRevoked(SharedItem),
    /// The actor, whom it was given to, gave a share up.
    ShareLeft(SharedItem),
    /// The actor made a public link.
    LinkCreated(LinkedItem),
    /// The actor gave a public link another end, password or limit.
    LinkChanged(LinkedItem),
    /// The actor took a public link back.
    LinkRevoked(LinkedItem),
    /// Somebody who holds a public link downloads a file. Nobody is known to act.
    LinkDownloaded(LinkedItem),
    /// Somebody who holds a public link gave another password than the link's. Nobody is known to act.
    LinkPasswordRefused(LinkedItem),
    /// The actor gave an upload up, and what had arrived of it is gone.
    UploadAborted {
        /// The upload.
        upload: UploadId,
    },
    /// The actor put something into the trash.
    ItemTrashed(TrashItem),
    /// The actor took something back out of the trash.
    ItemRestored(TrashItem),
    /// The actor removed something for good that lay in the trash.
    ItemPurged(TrashItem),
    /// The actor emptied the trash.
    TrashEmptied {
        /// The drive whose trash it was.
        drive: DriveId,
    },
    /// The actor made a former content of a file its current one anew.
    VersionRestored(FormerContent),
    /// The actor deleted a former content of a file.
    VersionDeleted(FormerContent),
}

impl AuditAction {
    /// The stable words that name what happened: the kind of thing, and what became of it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::AccountRegistered => "account.registered",
            Self::PasswordRehashed => "account.password_rehashed",
            Self::PasswordChanged => "account.password_changed",
            Self::PasswordRefused => "account.password_refused",
            Self::EmailChanged => "account.email_changed",
            Self::AccountDeleted => "account.deleted",
            Self::AccountAdministered { act, .. } => act.event(),
            Self::PhotoSet => "account.photo_set",
            Self::PhotoRemoved => "account.photo_removed",
            Self::LoggedIn { .. } => "login.succeeded",
            Self::SessionRefreshed { .. } => "session.refreshed",
            Self::SessionReused { .. } => "session.reused",
            Self::LoggedOut { .. } => "session.logged_out",
            Self::SessionEnded { .. } => "session.ended",
            Self::LoginRefused { .. } => "login.refused",
            Self::ShareCreated(_) => "share.created",
            Self::ShareChanged(_) => "share.changed",
            Self::ShareRevoked(_) => "share.revoked",
            Self::ShareLeft(_) => "share.left",
            Self::LinkCreated(_) => "link.created",
            Self::LinkChanged(_) => "link.changed",
            Self::LinkRevoked(_) => "link.revoked",
            Self::LinkDownloaded(_) => "link.downloaded",
            Self::LinkPasswordRefused(_) => "link.password_refused",
            Self::UploadAborted { .. } => "upload.aborted",
            Self::ItemTrashed(_) => "item.trashed",
            Self::ItemRestored(_) => "item.restored",
            Self::ItemPurged(_) => "item.purged",
            Self::TrashEmptied { .. } => "trash.emptied",
            Self::VersionRestored(_) => "version.restored",
            Self::VersionDeleted(_) => "version.deleted",
        }
    }
}

/// What those who run the service did to an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Administered {
    /// It was made.
    Created,
    /// It got another password.
    PasswordSet,
    /// Its drive got another quota.
    QuotaSet,
    /// Nobody is let in any more.
    Disabled,
    /// People are let in again.
    Enabled,
}

impl Administered {
    /// The stable words that name what happened.
    const fn event(self) -> &'static str {
        match self {
            Self::Created => "account.created",
            Self::PasswordSet => "account.password_set",
            Self::QuotaSet => "account.quota_set",
            Self::Disabled => "account.disabled",
            Self::Enabled => "account.enabled",
        }
    }
}

/// Why somebody was not let in. Only the audit trail tells these apart, never an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginRefusal {
    /// There is no such user.
    UnknownUser,
    /// The password is not that of the user.
    WrongPassword,
    /// What was given can be nobody's password.
    ImpossiblePassword,
    /// The account is disabled.
    Disabled,
    /// Too many attempts came before.
    Throttled,
}

impl LoginRefusal {
    /// A stable word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UnknownUser => "unknown_user",
            Self::WrongPassword => "wrong_password",
            Self::ImpossiblePassword => "impossible_password",
            Self::Disabled => "disabled",
            Self::Throttled => "throttled",
        }
    }
}

/// What an event about a share tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedItem {
    /// The share.
    pub share: ShareId,
    /// File or folder.
    pub kind: NodeKind,
    /// The node.
    pub node: NodeId,
    /// Whom it was given to.
    pub guest: UserId,
    /// What the guest may do, or could until now.
    pub permission: Permission,
}

impl From<&Share> for SharedItem {
    fn from(share: &Share) -> Self {
        Self {
            share: share.id,
            kind: share.item.kind,
            node: share.item.id,
            guest: share.shared_with.id,
            permission: share.permission,
        }
    }
}

/// What an event about a public link tells of it: never its token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkedItem {
    /// The link.
    pub link: LinkId,
    /// File or folder.
    pub kind: NodeKind,
    /// The node: the linked one, or the file below it that is downloaded.
    pub node: NodeId,
}

impl From<&Link> for LinkedItem {
    fn from(link: &Link) -> Self {
        Self { link: link.id, kind: link.item.kind, node: link.item.id }
    }
}

/// What an event about something in the trash tells of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrashItem {
    /// File or folder.
    pub kind: NodeKind,
    /// The node.
    pub node: NodeId,
}

/// What an event about a former content of a file tells of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FormerContent {
    /// The file.
    pub file: NodeId,
    /// The version.
    pub version: VersionId,
}
