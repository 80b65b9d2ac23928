//! The audit trail: log events with their own target. See `docs/audit.md` for the schema.

use clouddrive_domain::model::{AuditAction, AuditEvent, NodeKind, Permission};
use clouddrive_domain::port::AuditTrail;

/// The target of audit events.
pub(super) const TARGET: &str = "audit";

/// The audit trail that writes to the log.
pub(crate) struct LoggedTrail;

impl AuditTrail for LoggedTrail {
    fn record(&self, event: &AuditEvent) {
        let address = event.address.map(|address| address.to_string());
        let actor = event.actor.map(|actor| actor.to_string());
        let mut told = Told::default();
        match &event.action {
            AuditAction::AccountRegistered
            | AuditAction::PasswordRehashed
            | AuditAction::PasswordChanged
            | AuditAction::PasswordRefused
            | AuditAction::EmailChanged
            | AuditAction::AccountDeleted
            | AuditAction::PhotoSet
            | AuditAction::PhotoRemoved => {
                told.object = actor.as_ref().map(|actor| format!("user/{actor}"));
            }
            AuditAction::AccountAdministered { user, .. } => told.object = Some(format!("user/{user}")),
            AuditAction::LoggedIn { session }
            | AuditAction::SessionRefreshed { session }
            | AuditAction::SessionReused { session }
            | AuditAction::LoggedOut { session }
            | AuditAction::SessionEnded { session } => told.object = Some(format!("session/{session}")),
            AuditAction::LoginRefused { reason } => {
                told.object = actor.as_ref().map(|actor| format!("user/{actor}"));
                told.reason = Some(reason.as_str());
            }
            AuditAction::ShareCreated(item)
            | AuditAction::ShareChanged(item)
            | AuditAction::ShareRevoked(item)
            | AuditAction::ShareLeft(item) => {
                told.object = Some(format!("{}/{}", word_of(item.kind), item.node));
                told.share = Some(item.share.to_string());
                told.guest = Some(item.guest.to_string());
                told.permission = Some(match item.permission {
                    Permission::View => "view",
                    Permission::Edit => "edit",
                });
            }
            AuditAction::LinkCreated(item)
            | AuditAction::LinkChanged(item)
            | AuditAction::LinkRevoked(item)
            | AuditAction::LinkDownloaded(item)
            | AuditAction::LinkPasswordRefused(item) => {
                told.object = Some(format!("{}/{}", word_of(item.kind), item.node));
                told.link = Some(item.link.to_string());
            }
            AuditAction::UploadAborted { upload } => told.object = Some(format!("upload/{upload}")),
            AuditAction::ItemTrashed(item) | AuditAction::ItemRestored(item) | AuditAction::ItemPurged(item) => {
                told.object = Some(format!("{}/{}", word_of(item.kind), item.node));
            }
            AuditAction::TrashEmptied { drive } => told.object = Some(format!("drive/{drive}")),
            AuditAction::VersionRestored(content) | AuditAction::VersionDeleted(content) => {
                told.object = Some(format!("file/{}", content.file));
                told.version = Some(content.version.to_string());
            }
        }
        tracing::info!(
            target: TARGET,
            event = event.action.name(),
            actor,
            object = told.object,
            address,
            request_id = event.request.as_str(),
            share = told.share,
            link = told.link,
            guest = told.guest,
            permission = told.permission,
            reason = told.reason,
            version = told.version,
        );
    }
}

const fn word_of(kind: NodeKind) -> &'static str {
    match kind {
        NodeKind::File => "file",
        NodeKind::Folder | NodeKind::Root => "folder",
    }
}

/// Fields that only some events have.
#[derive(Default)]
struct Told {
    object: Option<String>,
    share: Option<String>,
    link: Option<String>,
    guest: Option<String>,
    permission: Option<&'static str>,
    reason: Option<&'static str>,
    version: Option<String>,
}
