//! Nodes with their ancestors up to the root, the basis of every access decision, in one recursive query.

use std::sync::LazyLock;

use clouddrive_domain::Error;
use clouddrive_domain::model::{Grant, Id, Located, NodeId, NodePath, PathStart, Revision, Viewer};
use clouddrive_sql::error::SqlError;
use clouddrive_sql::locate::{
    NAMED_CHILD, StepColumnTypes, StepRow, at_path, guest_parameter, lineage, lineages, located,
};
use clouddrive_sql::statement::{Parameter, Statement};
use diesel::prelude::*;

/// Finds the node as `viewer` sees it.
pub(crate) fn find(
    connection: &mut SqliteConnection,
    node: NodeId,
    viewer: impl Into<Viewer>,
) -> Result<Option<Located>, SqlError> {
    let viewer = viewer.into();
    Ok(load(connection, lineage(node, viewer), viewer)?.pop())
}

/// Finds the node at the end of `path` as `viewer` sees it.
pub(crate) fn find_by_path(
    connection: &mut SqliteConnection,
    start: PathStart,
    path: &NodePath,
    viewer: Viewer,
) -> Result<Option<Located>, SqlError> {
    Ok(load(connection, at_path(start, path, viewer, NAMED_CHILD), viewer)?.pop())
}

/// Finds the nodes as `viewer` sees them, in no order. Nodes that are being purged are not found.
pub(crate) fn find_many(
    connection: &mut SqliteConnection,
    nodes: &[NodeId],
    viewer: impl Into<Viewer>,
) -> Result<Vec<Located>, SqlError> {
    let viewer = viewer.into();
    static MANY: LazyLock<String> = LazyLock::new(|| lineages(&format!("{ID_AMONG} AND purge_id IS NULL")));
    load(connection, Statement::new(MANY.as_str(), vec![list(nodes), guest_parameter(viewer)]), viewer)
}

/// The condition for the rows of a [`list`].
pub(crate) const ID_AMONG: &str = "id IN (SELECT unhex(value) FROM json_each(?))";

/// Identifiers, as one parameter.
pub(crate) fn list<T: Id + Copy>(ids: &[T]) -> Parameter {
    let hex: Vec<String> = ids.iter().map(|id| format!("\"{}\"", id.as_uuid().simple())).collect();
    Parameter::Text(format!("[{}]", hex.join(",")))
}

fn load(connection: &mut SqliteConnection, statement: Statement, viewer: Viewer) -> Result<Vec<Located>, SqlError> {
    let rows: Vec<StepRow> = statement.rows_by_position::<StepColumnTypes>().load(connection)?;
    Ok(located(rows, viewer)?)
}

/// Finds the node as `viewer` sees it. It must exist: the same transaction has just seen or created it.
pub(crate) fn get(
    connection: &mut SqliteConnection,
    node: NodeId,
    viewer: impl Into<Viewer>,
) -> Result<Located, SqlError> {
    find(connection, node, viewer)?.ok_or(SqlError::Domain(Error::NotFound))
}

/// Authorizes `grant` again, by what this transaction sees.
pub(crate) fn reauthorize(connection: &mut SqliteConnection, grant: &Grant) -> Result<Grant, SqlError> {
    Ok(grant.renew(find(connection, grant.node().id, grant.actor())?)?)
}

/// Like [`reauthorize`]; also requires that the node still has the revision `seen`, if that is given.
pub(crate) fn reauthorize_at(
    connection: &mut SqliteConnection,
    grant: &Grant,
    seen: Option<Revision>,
) -> Result<Grant, SqlError> {
    let grant = reauthorize(connection, grant)?;
    grant.require(seen)?;
    Ok(grant)
}
