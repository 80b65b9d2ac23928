//! What people who answer for a service want to find again: who came in, and who gave what to whom.

use super::{NodeId, NodeKind, Permission, RequestId, SessionId, Share, ShareId, Timestamp, UploadId, UserId};

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
    /// The actor gave an upload up, and what had arrived of it is gone.
    UploadAborted {
        /// The upload.
        upload: UploadId,
    },
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
            Self::UploadAborted { .. } => "upload.aborted",
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
