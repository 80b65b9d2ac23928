//! Audit events: logins, access changes and other actions that operators need to trace.

use std::net::IpAddr;

use super::{
    DriveId, Link, LinkId, NodeId, NodeKind, Permission, RequestId, SessionId, Share, ShareId, Timestamp, UploadId,
    UserId, VersionId,
};

/// An event for the audit trail.
///
/// It contains identifiers and the client's address: no secrets, no names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEvent {
    /// What happened.
    pub action: AuditAction,
    /// The user who did it, if known.
    pub actor: Option<UserId>,
    /// When it happened.
    pub at: Timestamp,
    /// The request that caused it.
    pub request: RequestId,
    /// The address of the client that sent the request, if known.
    pub address: Option<IpAddr>,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuditAction {
    /// The actor registered an account.
    AccountRegistered,
    /// The actor's password hash was replaced by a stronger hash of the same password.
    PasswordRehashed,
    /// The actor changed the password, which ended all of their sessions.
    PasswordChanged,
    /// A logged-in actor was asked for the current password and gave a wrong one.
    PasswordRefused,
    /// The actor changed the e-mail address.
    EmailChanged,
    /// The actor deleted the account.
    AccountDeleted,
    /// An operator changed an account.
    AccountAdministered {
        /// The account.
        user: UserId,
        /// What was changed.
        act: AdminAction,
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
    /// The actor's session was refreshed.
    SessionRefreshed {
        /// The session.
        session: SessionId,
    },
    /// A refresh token was reused, so it has leaked: the session was ended. The actor is its user.
    SessionReused {
        /// The session.
        session: SessionId,
    },
    /// The actor logged out.
    LoggedOut {
        /// The ended session.
        session: SessionId,
    },
    /// The actor ended a session by its identifier.
    SessionEnded {
        /// The session.
        session: SessionId,
    },
    /// A login was refused. The actor is the user whose account it was, if there is one.
    LoginRefused {
        /// The reason.
        reason: LoginRefusal,
    },
    /// The actor shared something.
    ShareCreated(SharedItem),
    /// The actor changed a share's permission.
    ShareChanged(SharedItem),
    /// The actor revoked a share.
    ShareRevoked(SharedItem),
    /// The actor, the guest, left a share.
    ShareLeft(SharedItem),
    /// The actor created a public link.
    LinkCreated(LinkedItem),
    /// The actor changed a public link's expiry, password or limit.
    LinkChanged(LinkedItem),
    /// The actor revoked a public link.
    LinkRevoked(LinkedItem),
    /// A file was downloaded through a public link. The actor is unknown.
    LinkDownloaded(LinkedItem),
    /// A wrong password was given for a public link. The actor is unknown.
    LinkPasswordRefused(LinkedItem),
    /// The actor aborted an upload, and its received bytes were deleted.
    UploadAborted {
        /// The upload.
        upload: UploadId,
    },
    /// The actor moved something to the trash.
    ItemTrashed(TrashItem),
    /// The actor restored something from the trash.
    ItemRestored(TrashItem),
    /// The actor deleted something in the trash permanently.
    ItemPurged(TrashItem),
    /// The actor emptied the trash.
    TrashEmptied {
        /// The drive whose trash was emptied.
        drive: DriveId,
    },
    /// The actor made a former version of a file its current one.
    VersionRestored(FormerContent),
    /// The actor deleted a former version of a file.
    VersionDeleted(FormerContent),
}

impl AuditAction {
    /// The stable name of the event: the kind of object and what happened to it.
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

/// What an operator did to an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdminAction {
    /// It was created.
    Created,
    /// Its password was set.
    PasswordSet,
    /// Its drive's quota was set.
    QuotaSet,
    /// It was disabled.
    Disabled,
    /// It was enabled again.
    Enabled,
}

impl AdminAction {
    /// The stable name of the event.
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

/// Why a login was refused. Only the audit trail distinguishes these; responses never do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginRefusal {
    /// Unknown user.
    UnknownUser,
    /// Wrong password.
    WrongPassword,
    /// The given text is too long to be a password.
    ImpossiblePassword,
    /// The account is disabled.
    Disabled,
    /// Too many attempts.
    Throttled,
}

impl LoginRefusal {
    /// The stable word for the reason.
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

/// The share of an audit event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedItem {
    /// The share.
    pub share: ShareId,
    /// File or folder.
    pub kind: NodeKind,
    /// The node.
    pub node: NodeId,
    /// The user it was given to.
    pub guest: UserId,
    /// The permission that the guest has, or had until now.
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

/// The public link of an audit event; never its token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkedItem {
    /// The link.
    pub link: LinkId,
    /// File or folder.
    pub kind: NodeKind,
    /// The linked node, or the file below it that is downloaded.
    pub node: NodeId,
}

impl From<&Link> for LinkedItem {
    fn from(link: &Link) -> Self {
        Self { link: link.id, kind: link.item.kind, node: link.item.id }
    }
}

/// The trashed item of an audit event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrashItem {
    /// File or folder.
    pub kind: NodeKind,
    /// The node.
    pub node: NodeId,
}

/// The former version of an audit event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FormerContent {
    /// The file.
    pub file: NodeId,
    /// The version.
    pub version: VersionId,
}
