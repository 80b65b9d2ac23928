//! Another name, another place: the same for files and folders.

use super::access::Access;
use crate::error::{Error, Result};
use crate::model::{Action, Command, Entry, Name, NodeId, NodeKind, Precondition, UserId};
use crate::port::{Drive, Relocation};

/// What a file or folder is to be called, and where it is to stand.
#[derive(Clone, Debug, Default)]
pub struct NewPlace {
    /// The new name; none to keep it.
    pub name: Option<Name>,
    /// Where to; none to stay.
    pub to: Option<Destination>,
}

/// Where something is moved to.
#[derive(Clone, Copy, Debug)]
pub enum Destination {
    /// The root of the item's own drive.
    Root,
    /// A folder.
    Folder(NodeId),
}

pub(super) async fn relocate(
    access: &Access,
    drive: &dyn Drive,
    command: Command,
    user: UserId,
    (kind, id): (NodeKind, NodeId),
    place: NewPlace,
    wanted: &Precondition,
) -> Result<Entry> {
    let action = if place.to.is_some() { Action::Move } else { Action::Rename };
    let item = access.of(user, kind, id, action).await?;
    let to = match place.to {
        None => None,
        Some(Destination::Root) => Some(access.move_to(&item, None).await?),
        Some(Destination::Folder(folder)) => Some(access.move_to(&item, Some(folder)).await?),
    };
    let seen = wanted.on(item.node())?;
    let relocation = Relocation { item, to, name: place.name, seen };
    drive.relocate(&command, &relocation).await?.entry().ok_or(Error::NotFound)
}
