//! Renaming and moving, shared by files and folders.

use crate::error::{Error, Result};
use crate::model::{Action, Command, Entry, Name, NodeId, NodeKind, Precondition, UserId};
use crate::port::{Details, Drive, Relocation};
use crate::service::access::Access;

/// The new name and parent of a file or folder, and new details of a file's content.
#[derive(Clone, Debug, Default)]
pub struct NewPlace {
    /// The new name; `None` to keep it.
    pub name: Option<Name>,
    /// Where to; `None` to stay.
    pub to: Option<Destination>,
    /// The new details of a file's content.
    pub details: Details,
}

/// The destination of a move.
#[derive(Clone, Copy, Debug)]
pub enum Destination {
    /// The root of the item's own drive.
    Root,
    /// A folder.
    Folder(NodeId),
}

pub(in crate::service) async fn relocate(
    access: &Access,
    drive: &dyn Drive,
    command: Command,
    user: UserId,
    (kind, id): (NodeKind, NodeId),
    place: NewPlace,
    wanted: &Precondition,
) -> Result<Entry> {
    let action = match (&place.to, &place.name) {
        (Some(_), _) => Action::Move,
        (None, None) if !place.details.is_empty() => Action::Replace,
        (None, _) => Action::Rename,
    };
    let item = access.of(user, kind, id, action).await?;
    let to = match place.to {
        None => None,
        Some(Destination::Root) => Some(access.move_to(&item, None).await?),
        Some(Destination::Folder(folder)) => Some(access.move_to(&item, Some(folder)).await?),
    };
    let seen = wanted.on(item.node())?;
    let relocation = Relocation { item, to, name: place.name, details: place.details, seen };
    drive.relocate(&command, &relocation).await?.entry().ok_or(Error::NotFound)
}

#[cfg(test)]
mod tests;
