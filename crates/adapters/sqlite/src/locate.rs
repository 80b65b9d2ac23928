//! Nodes with the way up to their root: what every decision goes by, in one recursive query.

use std::sync::LazyLock;

use clouddrive_domain::Error;
use clouddrive_domain::model::{Grant, Located, NodeId, Revision, Viewer};
use clouddrive_sql::fault::{Fault, Outcome};
use clouddrive_sql::locate::{StepRow, guest, lineage, lineages, located};
use clouddrive_sql::statement::{Parameter, Statement};
use diesel::prelude::*;

/// The node as `viewer` finds it.
pub(crate) fn find(
    connection: &mut SqliteConnection,
    node: NodeId,
    viewer: impl Into<Viewer>,
) -> Outcome<Option<Located>> {
    let viewer = viewer.into();
    Ok(load(connection, lineage(node, viewer), viewer)?.pop())
}

/// The nodes as `viewer` finds them, in no order. What is being purged is not found.
pub(crate) fn find_many(
    connection: &mut SqliteConnection,
    nodes: &[NodeId],
    viewer: impl Into<Viewer>,
) -> Outcome<Vec<Located>> {
    let viewer = viewer.into();
    static MANY: LazyLock<String> = LazyLock::new(|| lineages(&format!("{AMONG} AND purge_id IS NULL")));
    load(connection, Statement::new(MANY.as_str(), vec![list(nodes), guest(viewer)]), viewer)
}

/// What is true of the nodes of a [`list`].
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

/// The node as `viewer` finds it, which must be there: the same transaction has just seen or made it.
pub(crate) fn found(connection: &mut SqliteConnection, node: NodeId, viewer: impl Into<Viewer>) -> Outcome<Located> {
    find(connection, node, viewer)?.ok_or(Fault::Domain(Error::NotFound))
}

/// `grant` as this transaction sees it: decided on again.
pub(crate) fn renewed(connection: &mut SqliteConnection, grant: &Grant) -> Outcome<Grant> {
    Ok(grant.renew(find(connection, grant.node().id, grant.actor())?)?)
}

/// `grant` as this transaction sees it, of a node that still has the revision that the caller has `seen`, if they insist.
pub(crate) fn renewed_as(connection: &mut SqliteConnection, grant: &Grant, seen: Option<Revision>) -> Outcome<Grant> {
    let grant = renewed(connection, grant)?;
    grant.require(seen)?;
    Ok(grant)
}
