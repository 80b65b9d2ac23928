//! Nodes with the way up to their root: what every decision goes by, in one recursive query.

use std::sync::LazyLock;

use clouddrive_domain::Error;
use clouddrive_domain::model::{Grant, Located, NodeId, Revision, Viewer};
use clouddrive_sql::fault::{Fault, Outcome};
use clouddrive_sql::locate::{StepRow, guest, lineage, lineages, located};
use clouddrive_sql::statement::{Parameter, Statement};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

/// The node as `viewer` finds it.
pub(crate) async fn find(
    connection: &AsyncPgConnection,
    node: NodeId,
    viewer: impl Into<Viewer>,
) -> Outcome<Option<Located>> {
    let viewer = viewer.into();
    Ok(load(connection, lineage(node, viewer), viewer).await?.pop())
}

/// The nodes as `viewer` finds them, in no order. What is being purged is not found.
pub(crate) async fn find_many(
    connection: &AsyncPgConnection,
    nodes: &[NodeId],
    viewer: impl Into<Viewer>,
) -> Outcome<Vec<Located>> {
    let viewer = viewer.into();
    static MANY: LazyLock<String> = LazyLock::new(|| lineages(&format!("{AMONG} AND purge_id IS NULL")));
    load(connection, Statement::new(MANY.as_str(), vec![array(nodes), guest(viewer)]), viewer).await
}

/// What is true of the nodes of an [`array`].
pub(crate) const AMONG: &str = "id = ANY (CAST(? AS uuid[]))";

/// An array, as a text to be cast. The elements are identifiers or keys, which need no quotes.
pub(crate) fn array<T: ToString>(elements: impl IntoIterator<Item = T>) -> Parameter {
    let elements: Vec<String> = elements.into_iter().map(|element| element.to_string()).collect();
    Parameter::Text(format!("{{{}}}", elements.join(",")))
}

async fn load(mut connection: &AsyncPgConnection, statement: Statement, viewer: Viewer) -> Outcome<Vec<Located>> {
    let rows: Vec<StepRow> = statement.load(&mut connection).await?;
    Ok(located(rows, viewer)?)
}

/// The node as `viewer` finds it, which must be there: the same transaction has just seen or made it.
pub(crate) async fn found(connection: &AsyncPgConnection, node: NodeId, viewer: impl Into<Viewer>) -> Outcome<Located> {
    find(connection, node, viewer).await?.ok_or(Fault::Domain(Error::NotFound))
}

/// `grant` as this transaction sees it: decided on again.
pub(crate) async fn renewed(connection: &AsyncPgConnection, grant: &Grant) -> Outcome<Grant> {
    Ok(grant.renew(find(connection, grant.node().id, grant.actor()).await?)?)
}

/// `grant` as this transaction sees it, of a node that still has the revision that the caller has `seen`, if they insist.
pub(crate) async fn renewed_as(
    connection: &AsyncPgConnection,
    grant: &Grant,
    seen: Option<Revision>,
) -> Outcome<Grant> {
    let grant = renewed(connection, grant).await?;
    grant.require(seen)?;
    Ok(grant)
}
