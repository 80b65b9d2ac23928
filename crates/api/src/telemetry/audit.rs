//! The audit trail: log events with their own target. See `docs/audit.md` for the schema.

use clouddrive_domain::model::{AuditAction, AuditEvent, NodeKind, Permission};
use clouddrive_domain::port::AuditTrail;

/// The target of audit events.
pub(super) const TARGET: &str = "audit";

/// The audit trail that writes to the log.
pub(crate) struct TracingAuditLog;

impl AuditTrail for TracingAuditLog {
    fn record(&self, event: &AuditEvent) {
        let address = event.address.map(|address| address.to_string());
        let actor = event.actor.map(|actor| actor.to_string());
        let fields = AuditFields::new(&event.action, actor.as_deref());
        tracing::info!(
            target: TARGET,
            event = event.action.name(),
            actor,
            object = fields.object,
            address,
            request_id = event.request.as_str(),
            share = fields.share,
            link = fields.link,
            guest = fields.guest,
            permission = fields.permission,
            reason = fields.reason,
            version = fields.version,
        );
    }
}

const fn kind_name(kind: NodeKind) -> &'static str {
    match kind {
        NodeKind::File => "file",
        NodeKind::Folder | NodeKind::Root => "folder",
    }
}

const fn word_of_permission(permission: Permission) -> &'static str {
    match permission {
        Permission::View => "view",
        Permission::Edit => "edit",
    }
}

/// Fields that only some events have.
#[derive(Default)]
struct AuditFields {
    object: Option<String>,
    share: Option<String>,
    link: Option<String>,
    guest: Option<String>,
    permission: Option<&'static str>,
    reason: Option<&'static str>,
    version: Option<String>,
}

impl AuditFields {
    /// The fields of `action` by `actor`.
    fn new(action: &AuditAction, actor: Option<&str>) -> Self {
        let of_object = |object: String| Self { object: Some(object), ..Self::default() };
        let of_actor = || Self { object: actor.map(|actor| format!("user/{actor}")), ..Self::default() };
        match action {
            AuditAction::AccountRegistered
            | AuditAction::PasswordRehashed
            | AuditAction::PasswordChanged
            | AuditAction::PasswordRefused
            | AuditAction::EmailChanged
            | AuditAction::AccountDeleted
            | AuditAction::PhotoSet
            | AuditAction::PhotoRemoved => of_actor(),
            AuditAction::AccountAdministered { user, .. } => of_object(format!("user/{user}")),
            AuditAction::LoggedIn { session }
            | AuditAction::SessionRefreshed { session }
            | AuditAction::SessionReused { session }
            | AuditAction::LoggedOut { session }
            | AuditAction::SessionEnded { session } => of_object(format!("session/{session}")),
            AuditAction::LoginRefused { reason } => Self { reason: Some(reason.as_str()), ..of_actor() },
            AuditAction::ShareCreated(item)
            | AuditAction::ShareChanged(item)
            | AuditAction::ShareRevoked(item)
            | AuditAction::ShareLeft(item) => Self {
                share: Some(item.share.to_string()),
                guest: Some(item.guest.to_string()),
                permission: Some(word_of_permission(item.permission)),
                ..of_object(format!("{}/{}", kind_name(item.kind), item.node))
            },
            AuditAction::LinkCreated(item)
            | AuditAction::LinkChanged(item)
            | AuditAction::LinkRevoked(item)
            | AuditAction::LinkDownloaded(item)
            | AuditAction::LinkPasswordRefused(item) => Self {
                link: Some(item.link.to_string()),
                ..of_object(format!("{}/{}", kind_name(item.kind), item.node))
            },
            AuditAction::UploadAborted { upload } => of_object(format!("upload/{upload}")),
            AuditAction::ItemTrashed(item) | AuditAction::ItemRestored(item) | AuditAction::ItemPurged(item) => {
                of_object(format!("{}/{}", kind_name(item.kind), item.node))
            }
            AuditAction::TrashEmptied { drive } => of_object(format!("drive/{drive}")),
            AuditAction::VersionRestored(content) | AuditAction::VersionDeleted(content) => {
                Self { version: Some(content.version.to_string()), ..of_object(format!("file/{}", content.file)) }
            }
        }
    }
}
