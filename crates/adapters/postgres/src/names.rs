//! Names in a folder: new nodes, existing entries, and free names.

use clouddrive_domain::Error;
use clouddrive_domain::model::{Command, KeepBoth, Name, NodeId, NodeKind};
use clouddrive_sql::error::{Constraint, SqlError};
use clouddrive_sql::names::{self, ExistingEntry, ExistingEntryRow, NameConflict, NewNode, TakenNameRow};
use clouddrive_sql::schema::nodes;
use clouddrive_sql::statement::Statement;
use clouddrive_sql::types::DbId;
use diesel::prelude::{OptionalExtension, QueryDsl};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::error::violated_constraint;
use crate::retry::MAX_ATTEMPTS;

/// Inserts the node, created by the command's actor; the unique index decides whether its name is free.
pub(crate) async fn insert(
    mut connection: &AsyncPgConnection,
    command: &Command,
    node: &NewNode<'_>,
) -> Result<(), SqlError> {
    let row = node.row(command)?;
    let inserted = diesel::insert_into(nodes::table).values(row).execute(&mut connection).await;
    inserted.map_err(|error| name_error(error, node.parent, node.name, node.kind()))?;
    Ok(())
}

/// Converts a failed insert or update of a node's name; a violation of the unique index becomes a name conflict.
pub(crate) fn name_error(error: diesel::result::Error, folder: NodeId, name: &Name, kind: NodeKind) -> SqlError {
    match violated_constraint(&error) {
        Some(Constraint::LiveName) => NameConflict { folder, name: name.clone(), kind, existing: None }.into(),
        _ => error.into(),
    }
}

/// Inserts the node if its name is free, and returns whether it was. The unique index decides.
pub(crate) async fn insert_if_free(
    mut connection: &AsyncPgConnection,
    command: &Command,
    node: &NewNode<'_>,
) -> Result<bool, SqlError> {
    let row = node.row(command)?;
    let insert = diesel::insert_into(nodes::table).values(row).on_conflict_do_nothing();
    Ok(insert.execute(&mut connection).await? > 0)
}

/// Inserts the node under its name or the first free variant, and returns the name. Concurrent calls for one folder are
/// sequential.
pub(crate) async fn insert_beside(
    mut connection: &AsyncPgConnection,
    command: &Command,
    node: &NewNode<'_>,
) -> Result<Name, SqlError> {
    let folder = nodes::table.find(DbId::from(node.parent)).select(nodes::id).for_no_key_update();
    folder.first::<DbId>(&mut connection).await.optional()?;
    let mut name = node.name.clone();
    for _ in 0..MAX_ATTEMPTS {
        if insert_if_free(connection, command, &NewNode { name: &name, ..*node }).await? {
            return Ok(name);
        }
        name = first_free(connection, node.parent, node.name, node.kind()).await?;
    }
    Err(Error::unavailable("database", "free names are taken too fast").into())
}

/// Sets the modification time of `folder` after a live node was added or removed. Skipped while another transaction has
/// the folder's row, since that one sets it: no transaction waits here, so none can deadlock.
pub(crate) async fn touch(
    mut connection: &AsyncPgConnection,
    command: &Command,
    folder: NodeId,
) -> Result<(), SqlError> {
    names::touch(folder, command.at, "FOR NO KEY UPDATE SKIP LOCKED").execute(&mut connection).await?;
    Ok(())
}

/// The live node that has `name` in `folder`.
pub(crate) async fn existing_entry(
    connection: &AsyncPgConnection,
    folder: NodeId,
    name: &Name,
) -> Result<Option<ExistingEntry>, SqlError> {
    existing_entry_by(connection, names::existing_entry(folder, name), name).await
}

/// The live node that has `name` in `folder`, locked against changes.
pub(crate) async fn lock_existing_entry(
    connection: &AsyncPgConnection,
    folder: NodeId,
    name: &Name,
) -> Result<Option<ExistingEntry>, SqlError> {
    existing_entry_by(connection, names::existing_entry(folder, name).before("FOR NO KEY UPDATE"), name).await
}

async fn existing_entry_by(
    mut connection: &AsyncPgConnection,
    statement: Statement,
    name: &Name,
) -> Result<Option<ExistingEntry>, SqlError> {
    let row: Option<ExistingEntryRow> = statement.get_result(&mut connection).await.optional()?;
    Ok(row.map(|row| row.existing_entry(name)).transpose()?)
}

/// The first free variant of the name `wanted` in `folder`, for a node of `kind`.
pub(crate) async fn first_free(
    connection: &AsyncPgConnection,
    folder: NodeId,
    wanted: &Name,
    kind: NodeKind,
) -> Result<Name, SqlError> {
    first_free_ignoring(connection, folder, wanted, kind, None).await
}

/// The same for a node in that folder whose name, `own`, counts as free.
pub(crate) async fn first_free_ignoring(
    mut connection: &AsyncPgConnection,
    folder: NodeId,
    wanted: &Name,
    kind: NodeKind,
    own: Option<&Name>,
) -> Result<Name, SqlError> {
    for batch in KeepBoth::new(wanted, kind) {
        let taken: Vec<TakenNameRow> = names::taken_names(folder, &batch).load(&mut connection).await?;
        if let Some(free) = names::first_free(&batch, taken, own) {
            return Ok(free);
        }
    }
    Err(Error::internal("database", "no free name").into())
}

/// The error for a name that is taken, with the existing entry and a free name; `None` if the name has become free.
pub(crate) async fn conflict_error(
    connection: &AsyncPgConnection,
    conflict: NameConflict,
) -> Result<Option<Error>, SqlError> {
    let existing = match conflict.existing {
        Some(existing) => Some(existing),
        None => existing_entry(connection, conflict.folder, &conflict.name).await?,
    };
    let Some(existing) = existing else {
        return Ok(None);
    };
    let suggested = first_free(connection, conflict.folder, &conflict.name, conflict.kind).await?;
    Ok(Some(NameConflict::error(existing, suggested)))
}
