//! Nodes with their ancestors up to the root, the basis of every access decision, in one recursive query.

use std::sync::LazyLock;

use clouddrive_domain::Error;
use clouddrive_domain::model::{Grant, Located, NodeId, NodePath, PathStart, Revision, Viewer};
use clouddrive_sql::fault::{Fault, Outcome};
use clouddrive_sql::locate::{NAMED_CHILD, StepRow, at_path, guest, lineage, lineages, located};
use clouddrive_sql::statement::{Parameter, Statement};
use diesel::prelude::*;

/// Finds the node as `viewer` sees it.
pub(crate) fn find(
    connection: &mut SqliteConnection,
    node: NodeId,
    viewer: impl Into<Viewer>,
) -> Outcome<Option<Located>> {
    let viewer = viewer.into();
    Ok(load(connection, lineage(node, viewer), viewer)?.pop())
}

/// Finds the node at the end of `path` as `viewer` sees it.
pub(crate) fn find_by_path(
    connection: &mut SqliteConnection,
    start: PathStart,
    path: &NodePath,
    viewer: Viewer,
) -> Outcome<Option<Located>> {
    Ok(load(connection, at_path(start, path, viewer, NAMED_CHILD), viewer)?.pop())
}

/// Finds the nodes as `viewer` sees them, in no order. Nodes that are being purged are not found.
pub(crate) fn find_many(
    connection: &mut SqliteConnection,
    nodes: &[NodeId],
    viewer: impl Into<Viewer>,
) -> Outcome<Vec<Located>> {
    let viewer = viewer.into();
    static MANY: LazyLock<String> = LazyLock::new(|| lineages(&format!("{AMONG} AND purge_id IS NULL")));
    load(connection, Statement::new(MANY.as_str(), vec![list(nodes), guest(viewer)]), viewer)
}

/// The condition for the nodes of a [`list`].
pub(crate) const AMONG: &str = "id IN (SELECT unhex(value) FROM json_each(?))";

/// Nodes, as one parameter.
pub(crate) fn list(nodes: &[NodeId]) -> Parameter {
    let hex: Vec<String> = nodes.iter().map(|node| format!("\"{}\"", node.as_uuid().simple())).collect();
    Parameter::Text(format!("[{}]", hex.join(",")))
}

fn load(connection: &mut SqliteConnection, statement: Statement, viewer: Viewer) -> Outcome<Vec<Located>> {
    let rows: Vec<StepRow> = statement.load(connection)?;
    Ok(located(rows, viewer)?)
}

/// Finds the node as `viewer` sees it. It must exist: the same transaction has just seen or created it.
pub(crate) fn found(connection: &mut SqliteConnection, node: NodeId, viewer: impl Into<Viewer>) -> Outcome<Located> {
    find(connection, node, viewer)?.ok_or(Fault::Domain(Error::NotFound))
}

/// Authorizes `grant` again, by what this transaction sees.
pub(crate) fn renewed(connection: &mut SqliteConnection, grant: &Grant) -> Outcome<Grant> {
    Ok(grant.renew(find(connection, grant.node().id, grant.actor())?)?)
}

/// Like [`renewed`]; also requires that the node still has the revision `seen`, if that is given.
pub(crate) fn renewed_as(connection: &mut SqliteConnection, grant: &Grant, seen: Option<Revision>) -> Outcome<Grant> {
    let grant = renewed(connection, grant)?;
    grant.require(seen)?;
    Ok(grant)
}
