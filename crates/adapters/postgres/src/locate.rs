//! Nodes with their ancestors up to the root, the basis of every access decision, in one recursive query.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use clouddrive_domain::Error;
use clouddrive_domain::model::{Grant, Located, NodeId, NodePath, PathStart, Revision, UserRef, Viewer};
use clouddrive_sql::error::SqlError;
use clouddrive_sql::locate::{
    NAMED_CHILD_LATERAL, PairColumnTypes, StepColumnTypes, StepRow, at_path, guest, guest_parameter, lineage, lineages,
    lineages_of_pairs, located, located_pairs,
};
use clouddrive_sql::schema::users;
use clouddrive_sql::statement::{Parameter, Statement};
use clouddrive_sql::types::DbId;
use diesel::prelude::{OptionalExtension, QueryDsl};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::arrays::{ArrayStatement, Values};
use crate::batch::Batched;
use crate::transaction::TxMode;

/// Finds the node as `viewer` sees it.
pub(crate) async fn find(
    connection: &AsyncPgConnection,
    node: NodeId,
    viewer: impl Into<Viewer>,
) -> Result<Option<Located>, SqlError> {
    let viewer = viewer.into();
    Ok(load(connection, lineage(node, viewer), viewer).await?.pop())
}

/// Finds the node at the end of `path` as `viewer` sees it.
pub(crate) async fn find_by_path(
    connection: &AsyncPgConnection,
    start: PathStart,
    path: &NodePath,
    viewer: Viewer,
) -> Result<Option<Located>, SqlError> {
    Ok(load(connection, at_path(start, path, viewer, NAMED_CHILD_LATERAL), viewer).await?.pop())
}

/// Finds the nodes as `viewer` sees them, in no order. Nodes that are being purged are not found.
pub(crate) async fn find_many(
    connection: &AsyncPgConnection,
    nodes: &[NodeId],
    viewer: impl Into<Viewer>,
) -> Result<Vec<Located>, SqlError> {
    let viewer = viewer.into();
    static MANY: LazyLock<String> = LazyLock::new(|| lineages(&format!("{ID_AMONG} AND purge_id IS NULL")));
    load(connection, Statement::new(MANY.as_str(), vec![array(nodes), guest_parameter(viewer)]), viewer).await
}

/// The condition for the nodes of an [`array`].
pub(crate) const ID_AMONG: &str = "id = ANY (CAST(? AS uuid[]))";

/// An array, as text to be cast. The elements are identifiers or keys, which need no quotes.
pub(crate) fn array<T: ToString>(elements: impl IntoIterator<Item = T>) -> Parameter {
    let elements: Vec<String> = elements.into_iter().map(|element| element.to_string()).collect();
    Parameter::Text(format!("{{{}}}", elements.join(",")))
}

/// Finds, for each pair of a node and a viewer, the node as that viewer sees it, in one statement.
pub(crate) async fn find_pairs(
    mut connection: &AsyncPgConnection,
    pairs: &[(NodeId, Viewer)],
) -> Result<Vec<Option<Located>>, SqlError> {
    static PAIRS: LazyLock<String> = LazyLock::new(lineages_of_pairs);
    let distinct: BTreeSet<(DbId, DbId)> =
        pairs.iter().map(|(node, viewer)| ((*node).into(), guest(*viewer))).collect();
    let (nodes, guests): (Vec<DbId>, Vec<DbId>) = distinct.into_iter().unzip();
    let arrays = vec![Values::ids(nodes), Values::ids(guests)];
    let statement = ArrayStatement::with_parameters(PAIRS.as_str(), arrays).rows_by_position::<PairColumnTypes>();
    let rows: Vec<(DbId, StepRow)> = statement.load(&mut connection).await?;
    Ok(located_pairs(rows, pairs)?)
}

/// A node that is to be found as a viewer sees it.
#[derive(Clone, Copy)]
pub(crate) struct Find {
    pub(crate) node: NodeId,
    pub(crate) viewer: Viewer,
}

impl Batched for Find {
    type Output = Option<Located>;

    const MODE: TxMode = TxMode::Read;

    async fn run(connection: &AsyncPgConnection, items: &[Self]) -> Result<Vec<Option<Located>>, SqlError> {
        match items {
            [Self { node, viewer }] => Ok(vec![find(connection, *node, *viewer).await?]),
            _ => {
                let pairs: Vec<_> = items.iter().map(|item| (item.node, item.viewer)).collect();
                find_pairs(connection, &pairs).await
            }
        }
    }
}

async fn load(
    mut connection: &AsyncPgConnection,
    statement: Statement,
    viewer: Viewer,
) -> Result<Vec<Located>, SqlError> {
    let rows: Vec<StepRow> = statement.rows_by_position::<StepColumnTypes>().load(&mut connection).await?;
    Ok(located(rows, viewer)?)
}

/// Finds the node as `viewer` sees it. It must exist: the same transaction has just seen or created it.
pub(crate) async fn get(
    connection: &AsyncPgConnection,
    node: NodeId,
    viewer: impl Into<Viewer>,
) -> Result<Located, SqlError> {
    find(connection, node, viewer).await?.ok_or(SqlError::Domain(Error::NotFound))
}

/// Authorizes `grant` again, by what this transaction sees.
pub(crate) async fn reauthorize(connection: &AsyncPgConnection, grant: &Grant) -> Result<Grant, SqlError> {
    Ok(grant.renew(find(connection, grant.node().id, grant.actor()).await?)?)
}

/// Like [`reauthorize`]; also requires that the node still has the revision `seen`, if that is given.
pub(crate) async fn reauthorize_at(
    connection: &AsyncPgConnection,
    grant: &Grant,
    seen: Option<Revision>,
) -> Result<Grant, SqlError> {
    let grant = reauthorize(connection, grant).await?;
    grant.require(seen)?;
    Ok(grant)
}

/// The actor of `grant`, with the user name.
pub(crate) async fn actor(mut connection: &AsyncPgConnection, grant: &Grant) -> Result<UserRef, SqlError> {
    let (owner, id) = (&grant.located().owner, grant.actor());
    if owner.id == id {
        return Ok(owner.clone());
    }
    let row = users::table.find(DbId::from(id)).select(users::username);
    Ok(UserRef { id, username: row.first(&mut connection).await.optional()? })
}
