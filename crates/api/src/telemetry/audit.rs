//! The audit trail: log events with their own target. See `docs/audit.md` for the schema.

use clouddrive_domain::model::{AuditAction, AuditEvent, NodeKind, Permission};
use clouddrive_domain::port::AuditTrail;
use clouddrive_http::audit::address;

/// The target of audit events.
pub(super) const TARGET: &str = "audit";

/// The audit trail that writes to the log.
pub(crate) struct TracingAuditLog;

impl AuditTrail for TracingAuditLog {
    fn record(&self, event: &AuditEvent) {
        let address = client_address().map(|address| address.to_string());
        let actor = event.actor.map(|actor| actor.to_string());
        let mut fields = AuditFields::default();
        match &event.action {
            AuditAction::AccountRegistered
            | AuditAction::PasswordRehashed
            | AuditAction::PasswordChanged
            | AuditAction::PasswordRefused
            | AuditAction::EmailChanged
            | AuditAction::AccountDeleted
            | AuditAction::PhotoSet
            | AuditAction::PhotoRemoved => {
                fields.object = actor.as_ref().map(|actor| format!("user/{actor}"));
            }
            AuditAction::AccountAdministered { user, .. } => fields.object = Some(format!("user/{user}")),
            AuditAction::LoggedIn { session }
            | AuditAction::SessionRefreshed { session }
            | AuditAction::SessionReused { session }
            | AuditAction::LoggedOut { session }
            | AuditAction::SessionEnded { session } => fields.object = Some(format!("session/{session}")),
            AuditAction::LoginRefused { reason } => {
                fields.object = actor.as_ref().map(|actor| format!("user/{actor}"));
                fields.reason = Some(reason.as_str());
            }
            AuditAction::ShareCreated(item)
            | AuditAction::ShareChanged(item)
            | AuditAction::ShareRevoked(item)
            | AuditAction::ShareLeft(item) => {
                fields.object = Some(format!("{}/{}", kind_name(item.kind), item.node));
                fields.share = Some(item.share.to_string());
                fields.guest = Some(item.guest.to_string());
                fields.permission = Some(match item.permission {
                    Permission::View => "view",
                    Permission::Edit => "edit",
                });
            }
            AuditAction::LinkCreated(item)
            | AuditAction::LinkChanged(item)
            | AuditAction::LinkRevoked(item)
            | AuditAction::LinkDownloaded(item)
            | AuditAction::LinkPasswordRefused(item) => {
                fields.object = Some(format!("{}/{}", kind_name(item.kind), item.node));
                fields.link = Some(item.link.to_string());
            }
            AuditAction::UploadAborted { upload } => fields.object = Some(format!("upload/{upload}")),
            AuditAction::ItemTrashed(item) | AuditAction::ItemRestored(item) | AuditAction::ItemPurged(item) => {
                fields.object = Some(format!("{}/{}", kind_name(item.kind), item.node));
            }
            AuditAction::TrashEmptied { drive } => fields.object = Some(format!("drive/{drive}")),
            AuditAction::VersionRestored(content) | AuditAction::VersionDeleted(content) => {
                fields.object = Some(format!("file/{}", content.file));
                fields.version = Some(content.version.to_string());
            }
        }
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
