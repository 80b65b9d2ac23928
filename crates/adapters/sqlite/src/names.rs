//! Names in a folder: new nodes, existing entries, and free names.

use clouddrive_domain::Error;
use clouddrive_domain::model::{Command, KeepBoth, Name, NodeId, NodeKind};
use clouddrive_sql::error::{Constraint, SqlError};
use clouddrive_sql::names::{self, ExistingEntry, ExistingEntryRow, NameConflict, NewNode, TakenNameRow};
use clouddrive_sql::schema::nodes;
use diesel::prelude::*;

use crate::error::violated_constraint;

/// Inserts the node, created by the command's actor; the unique index decides whether its name is free.
pub(crate) fn insert(connection: &mut SqliteConnection, command: &Command, node: &NewNode<'_>) -> Result<(), SqlError> {
    diesel::insert_into(nodes::table)
        .values(node.row(command)?)
        .execute(connection)
        .map_err(|error| name_error(connection, error, node.parent, node.name, node.kind()))?;
    Ok(())
}

/// Sets the modification time of `folder` after a live node was added or removed.
pub(crate) fn touch(connection: &mut SqliteConnection, command: &Command, folder: NodeId) -> Result<(), SqlError> {
    names::touch(folder, command.at, "").execute(connection)?;
    Ok(())
}

/// The live node that has `name` in `folder`.
pub(crate) fn existing_entry(
    connection: &mut SqliteConnection,
    folder: NodeId,
    name: &Name,
) -> Result<Option<ExistingEntry>, SqlError> {
    let row: Option<ExistingEntryRow> = names::existing_entry(folder, name).get_result(connection).optional()?;
    Ok(row.map(|row| row.existing_entry(name)).transpose()?)
}

/// The first free variant of the name `wanted` in `folder`, for a node of `kind`.
pub(crate) fn first_free(
    connection: &mut SqliteConnection,
    folder: NodeId,
    wanted: &Name,
    kind: NodeKind,
) -> Result<Name, SqlError> {
    first_free_ignoring(connection, folder, wanted, kind, None)
}

/// The same for a node in that folder whose name, `own`, counts as free.
pub(crate) fn first_free_ignoring(
    connection: &mut SqliteConnection,
    folder: NodeId,
    wanted: &Name,
    kind: NodeKind,
    own: Option<&Name>,
) -> Result<Name, SqlError> {
    for batch in KeepBoth::new(wanted, kind) {
        let taken: Vec<TakenNameRow> = names::taken_names(folder, &batch).load(connection)?;
        if let Some(free) = names::first_free(&batch, taken, own) {
            return Ok(free);
        }
    }
    Err(Error::internal("database", "no free name").into())
}

/// The error for a name that is taken, with the existing entry and a free name.
pub(crate) fn conflict_error(connection: &mut SqliteConnection, conflict: NameConflict) -> Result<Error, SqlError> {
    let suggested = first_free(connection, conflict.folder, &conflict.name, conflict.kind)?;
    let existing = conflict.existing.ok_or_else(|| Error::internal("database", "a name conflict without an entry"))?;
    Ok(NameConflict::error(existing, suggested))
}

/// Converts a failed insert or update of a node's name; a violation of the unique index becomes a name conflict.
pub(crate) fn name_error(
    connection: &mut SqliteConnection,
    error: diesel::result::Error,
    folder: NodeId,
    name: &Name,
    kind: NodeKind,
) -> SqlError {
    if violated_constraint(&error) != Some(Constraint::LiveName) {
        return error.into();
    }
    match existing_entry(connection, folder, name) {
        Ok(Some(existing)) => NameConflict { folder, name: name.clone(), kind, existing: Some(existing) }.into(),
        Ok(None) => error.into(),
        Err(other) => other,
    }
}
