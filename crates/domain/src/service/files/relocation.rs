//! Renaming and moving, shared by files and folders.

use crate::error::{Error, Result};
use crate::model::{
    Action, Actor, AuditAction, Command, ConflictPolicy, Entry, Name, NodeId, NodeKind, Precondition, TrashItem,
};
use crate::port::{MetadataUpdate, NodeRepository, Relocation};
use crate::service::ServiceContext;
use crate::service::access::Access;

/// The new name and parent of a file or folder, and new metadata of a file's content.
#[derive(Clone, Debug, Default)]
pub struct RelocationRequest {
    /// The new name; `None` to keep it.
    pub name: Option<Name>,
    /// Where to; `None` to stay.
    pub to: Option<Destination>,
    /// What to do if the name is taken.
    pub conflict: ConflictPolicy,
    /// The new metadata of a file's content.
    pub metadata: MetadataUpdate,
}

/// The destination of a move.
#[derive(Clone, Copy, Debug)]
pub enum Destination {
    /// The root of the item's own drive.
    Root,
    /// A folder.
    Folder(NodeId),
}

/// A file or folder that was relocated.
pub(in crate::service) struct RelocatedEntry {
    /// The file or folder.
    pub(in crate::service) entry: Entry,
    /// The command that did it.
    pub(in crate::service) command: Command,
    /// Whether it replaced another.
    pub(in crate::service) has_replaced: bool,
}

pub(in crate::service) async fn relocate(
    access: &Access,
    drive: &dyn NodeRepository,
    context: &ServiceContext,
    actor: &Actor,
    (kind, id): (NodeKind, NodeId),
    place: RelocationRequest,
    wanted: &Precondition,
) -> Result<RelocatedEntry> {
    let action = match (&place.to, &place.name) {
        (Some(_), _) => Action::Move,
        (None, None) if !place.metadata.is_empty() => Action::Replace,
        (None, _) => Action::Rename,
    };
    let item = access.grant(actor, kind, id, action).await?;
    let to = match place.to {
        None => None,
        Some(Destination::Root) => Some(access.move_to(actor, &item, None).await?),
        Some(Destination::Folder(folder)) => Some(access.move_to(actor, &item, Some(folder)).await?),
    };
    let seen = wanted.on(item.node())?;
    let command = context.command(actor)?;
    let RelocationRequest { name, conflict, metadata, .. } = place;
    let relocation = Relocation { item, to, name, conflict, metadata, seen };
    let relocated = drive.relocate(&command, &relocation).await?;
    if let Some(node) = relocated.replaced {
        context.audit(actor, AuditAction::ItemTrashed(TrashItem { kind, node }));
    }
    let entry = relocated.located.entry().ok_or(Error::NotFound)?;
    Ok(RelocatedEntry { entry, command, has_replaced: relocated.replaced.is_some() })
}

#[cfg(test)]
mod tests;
