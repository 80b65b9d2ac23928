//! The reach of folders: the number of folder levels below each, stored as an upper bound.

use std::collections::BTreeMap;

use clouddrive_domain::model::{Located, NodeId, check_depth};
use clouddrive_sql::drive::{FOLDERS_LATERAL, LevelsRow, levels};
use clouddrive_sql::error::SqlError;
use clouddrive_sql::schema::nodes;
use clouddrive_sql::statement::update;
use clouddrive_sql::types::DbId;
use diesel::prelude::{ExpressionMethods, QueryDsl};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::arrays::{ArrayStatement, Values};

/// Raises the stored reach of `folder` to at least `levels`, and that of its ancestors by one more per step. Each
/// ancestor is checked, because its reach may have been lowered by a recount since.
pub(crate) async fn raise_stored_reach(
    connection: &AsyncPgConnection,
    folder: &Located,
    levels: u32,
) -> Result<(), SqlError> {
    raise_reach(connection, folder.lineage.iter().map(|step| step.id).zip(levels..).collect()).await
}

/// Raises the stored reach of nodes to at least these numbers of levels, in the order of the nodes, and before the
/// transaction takes a name, so that two transactions cannot deadlock.
pub(crate) async fn raise_reach(
    mut connection: &AsyncPgConnection,
    needed: BTreeMap<NodeId, u32>,
) -> Result<(), SqlError> {
    if needed.is_empty() {
        return Ok(());
    }
    let text = "UPDATE nodes SET reach = needed.reach FROM unnest(?, ?) AS needed (id, reach)
        WHERE nodes.id = needed.id AND nodes.reach < needed.reach";
    let levels = Values::integers(needed.values().map(|levels| i64::from(*levels)));
    let arrays = vec![Values::ids(needed.into_keys()), levels];
    ArrayStatement::with_parameters(text, arrays).execute(&mut connection).await?;
    Ok(())
}

/// The number of folder levels below `folder`, checked to be allowed at `depth`. The stored reach is an upper bound;
/// only if it is too large are the levels counted and stored again.
pub(crate) async fn reach_within(
    mut connection: &AsyncPgConnection,
    folder: NodeId,
    depth: u32,
) -> Result<u32, SqlError> {
    let row = nodes::table.find(DbId::from(folder));
    let noted: i64 = row.select(nodes::reach).first(&mut connection).await?;
    let noted = u32::try_from(noted).unwrap_or(u32::MAX);
    if check_depth(depth, noted).is_ok() {
        return Ok(noted);
    }
    let counted: LevelsRow = levels(folder, FOLDERS_LATERAL).get_result(&mut connection).await?;
    let counted = counted.levels();
    check_depth(depth, counted)?;
    update(row).set(nodes::reach.eq(i64::from(counted))).execute(&mut connection).await?;
    Ok(counted)
}
