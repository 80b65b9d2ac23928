//! Names in a folder: new nodes, the holders of names, and free names.

use clouddrive_domain::Error;
use clouddrive_domain::model::{Command, KeepBoth, Name, NodeId, NodeKind};
use clouddrive_sql::fault::{Constraint, Fault, Outcome};
use clouddrive_sql::names::{self, Holder, HolderRow, NewNode, Taken, TakenRow};
use clouddrive_sql::schema::nodes;
use diesel::prelude::*;

use crate::fault::violated;

/// Inserts the node, created by the command's actor; the unique index decides whether its name is free.
pub(crate) fn insert(connection: &mut SqliteConnection, command: &Command, node: &NewNode<'_>) -> Outcome<()> {
    diesel::insert_into(nodes::table)
        .values(node.row(command)?)
        .execute(connection)
        .map_err(|fault| explain(connection, fault, node.parent, node.name, node.kind()))?;
    Ok(())
}

/// Sets the modification time of `folder` after a live node was added or removed.
pub(crate) fn touch(connection: &mut SqliteConnection, command: &Command, folder: NodeId) -> Outcome<()> {
    names::touch(folder, command.at, "").execute(connection)?;
    Ok(())
}

/// The live node that has `name` in `folder`.
pub(crate) fn holder(connection: &mut SqliteConnection, folder: NodeId, name: &Name) -> Outcome<Option<Holder>> {
    let row: Option<HolderRow> = names::holder(folder, name).get_result(connection).optional()?;
    Ok(row.map(|row| row.holder(name)).transpose()?)
}

/// The first free variant of the name `wanted` in `folder`, for a node of `kind`.
pub(crate) fn first_free(
    connection: &mut SqliteConnection,
    folder: NodeId,
    wanted: &Name,
    kind: NodeKind,
) -> Outcome<Name> {
    first_free_but(connection, folder, wanted, kind, None)
}

/// The same for a node in that folder whose name, `own`, counts as free.
pub(crate) fn first_free_but(
    connection: &mut SqliteConnection,
    folder: NodeId,
    wanted: &Name,
    kind: NodeKind,
    own: Option<&Name>,
) -> Outcome<Name> {
    for round in KeepBoth::new(wanted, kind) {
        let taken: Vec<TakenRow> = names::taken(folder, &round).load(connection)?;
        if let Some(free) = names::first_free(&round, taken, own) {
            return Ok(free);
        }
    }
    Err(Error::internal("database", "no free name").into())
}

/// The error for a name that is taken, with the holder and a free name.
pub(crate) fn answer(connection: &mut SqliteConnection, taken: Taken) -> Outcome<Error> {
    let suggested = first_free(connection, taken.folder, &taken.name, taken.kind)?;
    let holder = taken.holder.ok_or_else(|| Error::internal("database", "a name without a holder"))?;
    Ok(Taken::answer(holder, suggested))
}

/// Converts a failed insert or update of a node's name; a violation of the unique index becomes a name conflict.
pub(crate) fn explain(
    connection: &mut SqliteConnection,
    fault: diesel::result::Error,
    folder: NodeId,
    name: &Name,
    kind: NodeKind,
) -> Fault {
    if violated(&fault) != Some(Constraint::LiveName) {
        return fault.into();
    }
    match holder(connection, folder, name) {
        Ok(Some(holder)) => Taken { folder, name: name.clone(), kind, holder: Some(holder) }.into(),
        Ok(None) => fault.into(),
        Err(other) => other,
    }
}
