//! Renaming and moving, shared by files and folders.

use super::Ambient;
use super::access::Access;
use crate::error::{Error, Result};
use crate::model::{Action, Actor, Command, Entry, Name, NodeId, NodeKind, Precondition};
use crate::port::{Details, Drive, Relocation};

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

/// What a relocation needs: the services' collaborators and the caller.
pub(super) struct Mover<'a> {
    pub(super) access: &'a Access,
    pub(super) drive: &'a dyn Drive,
    pub(super) ambient: &'a Ambient,
    pub(super) actor: &'a Actor,
}

impl Mover<'_> {
    /// Renames or moves the node; returns the command that did it.
    pub(super) async fn relocate(
        &self,
        (kind, id): (NodeKind, NodeId),
        place: NewPlace,
        wanted: &Precondition,
    ) -> Result<(Command, Entry)> {
        let action = match (&place.to, &place.name) {
            (Some(_), _) => Action::Move,
            (None, None) if !place.details.is_empty() => Action::Replace,
            (None, _) => Action::Rename,
        };
        let item = self.access.of(self.actor, kind, id, action).await?;
        let to = match place.to {
            None => None,
            Some(Destination::Root) => Some(self.access.move_to(self.actor, &item, None).await?),
            Some(Destination::Folder(folder)) => Some(self.access.move_to(self.actor, &item, Some(folder)).await?),
        };
        let seen = wanted.on(item.node())?;
        let command = self.ambient.command(self.actor)?;
        let relocation = Relocation { item, to, name: place.name, details: place.details, seen };
        let entry = self.drive.relocate(&command, &relocation).await?.entry().ok_or(Error::NotFound)?;
        Ok((command, entry))
    }
}
