//! Names in a folder: new nodes, existing entries, and free names.

use std::collections::HashSet;

use clouddrive_domain::error::{Conflict, NameTaken};
use clouddrive_domain::model::{Command, DriveId, KeepBoth, Name, NodeId, NodeKind, VersionId};
use clouddrive_domain::{Error, Result};

use crate::locate::{item, live_children};
use crate::state::{Body, NodeRow, State};

/// A folder or file to be created.
#[derive(Clone, Copy)]
pub(crate) struct NewNode<'a> {
    pub(crate) id: NodeId,
    pub(crate) drive: DriveId,
    pub(crate) parent: NodeId,
    pub(crate) name: &'a Name,
    /// The version of a file. The caller adds it, in the same command.
    pub(crate) version: Option<VersionId>,
}

impl NewNode<'_> {
    pub(crate) const fn kind(&self) -> NodeKind {
        if self.version.is_some() { NodeKind::File } else { NodeKind::Folder }
    }
}

/// Adds the node, created by the command's actor, if its name is free.
pub(crate) fn insert(state: &mut State, command: &Command, new: &NewNode<'_>) -> Result<()> {
    require_free(state, new.parent, new.name, new.kind())?;
    let maker = command.actor.ok_or_else(|| Error::internal("database", "a node without a maker"))?;
    let body = new.version.map_or(Body::Folder, Body::File);
    let row = NodeRow::new(new.drive, Some(new.parent), new.name, body, maker, command.at);
    state.nodes.put(new.id, row);
    state.children.put((new.parent, new.id), ());
    Ok(())
}

/// Moves the node into another folder.
pub(crate) fn set_parent(state: &mut State, node: NodeId, parent: NodeId) {
    let Some(row) = state.nodes.get_mut(&node) else { return };
    if let Some(former) = row.parent.replace(parent) {
        state.children.remove(&(former, node));
    }
    state.children.put((parent, node), ());
}

/// Sets the modification time of `folder` after a live node was added or removed.
pub(crate) fn touch(state: &mut State, command: &Command, folder: NodeId) {
    if let Some(row) = state.nodes.get_mut(&folder) {
        row.modified_at = row.modified_at.max(command.at);
    }
}

/// The live node that has `name` in `folder`.
pub(crate) fn existing_entry(state: &State, folder: NodeId, name: &Name) -> Option<NodeId> {
    live_children(state, folder).find(|(_, row)| row.name == *name).map(|(id, _)| id)
}

/// The first free variant of the name `wanted` in `folder`, for a node of `kind`.
pub(crate) fn first_free(state: &State, folder: NodeId, wanted: &Name, kind: NodeKind) -> Result<Name> {
    first_free_ignoring(state, folder, wanted, kind, None)
}

/// The same; the name `own` counts as free.
pub(crate) fn first_free_ignoring(
    state: &State,
    folder: NodeId,
    wanted: &Name,
    kind: NodeKind,
    own: Option<&Name>,
) -> Result<Name> {
    let taken = live_children(state, folder).filter(|(_, row)| Some(&row.name) != own);
    let taken: HashSet<String> = taken.map(|(_, row)| row.name.as_str().to_owned()).collect();
    let free = KeepBoth::new(wanted, kind).find_map(|batch| batch.first_free(&taken));
    free.ok_or_else(|| Error::internal("database", "no free name"))
}

/// Fails if a live node has `name` in `folder`, where a node of `kind` was to get it.
pub(crate) fn require_free(state: &State, folder: NodeId, name: &Name, kind: NodeKind) -> Result<()> {
    match existing_entry(state, folder, name) {
        Some(existing) => Err(taken(state, folder, existing, kind)),
        None => Ok(()),
    }
}

/// The error for a node of `kind` that was to get the name of `existing` in `folder`.
pub(crate) fn taken(state: &State, folder: NodeId, existing: NodeId, kind: NodeKind) -> Error {
    let (Some(item), Some(row)) = (item(state, existing), state.nodes.get(&existing)) else {
        return Error::internal("database", "a name without an entry");
    };
    match first_free(state, folder, &row.name, kind) {
        Ok(suggested) => {
            Error::Conflict(Conflict::NameTaken(Box::new(NameTaken { item, revision: row.revision, suggested })))
        }
        Err(error) => error,
    }
}
