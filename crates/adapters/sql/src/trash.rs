//! Trashed nodes and purges.

use clouddrive_domain::Result;
use clouddrive_domain::model::{
    Change, ChangeKind, DriveId, Limit, Located, NodeId, NodeState, Revision, Timestamp, TrashPosition, UserId,
};
use clouddrive_domain::port::Trashed;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable, Text};

use crate::page::{self, newest_first};
use crate::statement::{Parameter, Statement};
use crate::types::{DbId, Id, name, size};
use crate::uploads::without_job;

/// The most versions removed by one step of a purge: more than a file can have.
pub const MAX_VERSIONS: i64 = 5_000;

/// A node that was trashed itself, not only with a folder above it.
#[derive(QueryableByName)]
pub struct TrashedRow {
    #[diesel(sql_type = Id)]
    id: DbId,
    #[diesel(sql_type = BigInt)]
    trashed_at: i64,
}

impl TrashedRow {
    /// The node.
    #[must_use]
    pub fn node(&self) -> NodeId {
        self.id.into()
    }
}

/// The condition for a node that was trashed itself and is not being purged.
const IN_TRASH: &str = "trashed_at IS NOT NULL AND purge_id IS NULL";

/// Selects the [`TrashedRow`]s of a page of the trash of `drive`, newest first.
#[must_use]
pub fn page(drive: DriveId, after: Option<TrashPosition>, limit: Limit) -> Statement {
    let list = format!("SELECT id, trashed_at FROM nodes WHERE drive_id = ? AND {IN_TRASH}");
    newest_first(&list, vec![drive.into()], ["trashed_at", "id"], after, limit)
}

/// Pairs each row with its node, as seen by its owner.
#[must_use]
pub fn pair_with_nodes(rows: Vec<TrashedRow>, nodes: Vec<Located>) -> Vec<Trashed> {
    let trashed = |(row, located): (TrashedRow, _)| Trashed { located, at: Timestamp::from_millis(row.trashed_at) };
    page::pair_with_nodes(rows, TrashedRow::node, nodes).into_iter().map(trashed).collect()
}

/// An identifier.
#[derive(QueryableByName)]
pub struct IdRow {
    /// The identifier.
    #[diesel(sql_type = Id)]
    pub id: DbId,
}

/// Selects the [`IdRow`] of the drive with the oldest trashed node, if it was trashed at `until` or before.
#[must_use]
pub fn due(until: Timestamp) -> Statement {
    let text =
        format!("SELECT drive_id AS id FROM nodes WHERE {IN_TRASH} AND trashed_at <= ? ORDER BY trashed_at LIMIT 1");
    Statement::new(text, vec![Parameter::Integer(until.as_millis())])
}

/// The time when a node was trashed.
#[derive(QueryableByName)]
pub struct TrashedAtRow {
    #[diesel(sql_type = BigInt)]
    trashed_at: i64,
}

impl TrashedAtRow {
    /// The time.
    #[must_use]
    pub const fn time(&self) -> Timestamp {
        Timestamp::from_millis(self.trashed_at)
    }
}

/// Selects the [`TrashedAtRow`] of the oldest trashed node.
#[must_use]
pub fn oldest() -> Statement {
    Statement::new(format!("SELECT trashed_at FROM nodes WHERE {IN_TRASH} ORDER BY trashed_at LIMIT 1"), vec![])
}

/// Begins the purge of `node`, and moves it to the root of its drive.
#[must_use]
pub fn begin_purge(node: NodeId, root: NodeId) -> Statement {
    let text = "UPDATE nodes SET purge_id = id, parent_id = ? WHERE id = ?";
    Statement::new(text, vec![root.into(), node.into()])
}

/// A node in the trash, with its state.
#[derive(QueryableByName)]
pub struct TrashItemRow {
    #[diesel(sql_type = Id)]
    id: DbId,
    #[diesel(sql_type = Nullable<Id>)]
    parent_id: Option<DbId>,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = BigInt)]
    revision: i64,
    #[diesel(sql_type = Nullable<Id>)]
    version_id: Option<DbId>,
}

impl TrashItemRow {
    /// The node.
    #[must_use]
    pub fn node(&self) -> NodeId {
        self.id.into()
    }

    /// The change by which its purge begins, in `drive`.
    ///
    /// # Errors
    /// If the row is invalid.
    pub fn purge_begun(self, drive: DriveId) -> Result<Change> {
        let before = NodeState {
            parent: self.parent_id.map(Into::into),
            name: name("nodes", NodeId::from(self.id), self.name)?,
            revision: Revision(size(self.revision)),
            version: self.version_id.map(Into::into),
        };
        Ok(Change::for_node(ChangeKind::PurgeBegun, drive, self.id.into()).before(before))
    }
}

/// Selects up to `max` [`TrashItemRow`]s, the oldest nodes in the trash of `drive`, trashed at `until` or before if
/// that is given.
#[must_use]
pub fn due_items(drive: DriveId, until: Option<Timestamp>, max: u32) -> Statement {
    let mut parameters = vec![drive.into()];
    let due = until.map_or("", |until| {
        parameters.push(Parameter::Integer(until.as_millis()));
        "AND trashed_at <= ?"
    });
    parameters.push(Parameter::Integer(max.into()));
    let text = format!(
        "SELECT id, parent_id, name, revision, version_id FROM nodes WHERE drive_id = ? AND {IN_TRASH} {due}
            ORDER BY trashed_at LIMIT ?"
    );
    Statement::new(text, parameters)
}

/// Begins the purges of nodes, and moves them to the roots of their drives; `among` is a condition on `id` with one
/// parameter.
#[must_use]
pub fn begin_purges(among: &str, nodes: Parameter) -> Statement {
    let text = format!(
        "UPDATE nodes SET purge_id = id,
            parent_id = (SELECT r.id FROM nodes r WHERE r.drive_id = nodes.drive_id AND r.parent_id IS NULL)
        WHERE {among}"
    );
    Statement::new(text, vec![nodes])
}

/// A node to be purged next.
#[derive(QueryableByName)]
pub struct PurgeNodeRow {
    /// The node.
    #[diesel(sql_type = Id)]
    pub id: DbId,
    #[diesel(sql_type = Text)]
    kind: String,
}

impl PurgeNodeRow {
    /// Whether it is a file.
    #[must_use]
    pub fn is_file(&self) -> bool {
        self.kind == "file"
    }
}

/// Selects up to `max` [`PurgeNodeRow`]s of the purges in `drive`, or of the purge of one node.
#[must_use]
pub fn nodes_to_purge(drive: DriveId, of: Option<NodeId>, max: u32) -> Statement {
    let (condition, mut parameters) = purge_condition(drive, of);
    parameters.push(Parameter::Integer(max.into()));
    Statement::new(format!("SELECT id, kind FROM nodes WHERE {condition} ORDER BY purge_id, id LIMIT ?"), parameters)
}

fn purge_condition(drive: DriveId, of: Option<NodeId>) -> (&'static str, Vec<Parameter>) {
    match of {
        Some(node) => ("drive_id = ? AND purge_id IS NOT NULL AND purge_id = ?", vec![drive.into(), node.into()]),
        None => ("drive_id = ? AND purge_id IS NOT NULL", vec![drive.into()]),
    }
}

/// Checks, by a [`FlagRow`](crate::statement::FlagRow), whether anything is left to purge.
#[must_use]
pub fn has_more(drive: DriveId, of: Option<NodeId>) -> Statement {
    let (condition, parameters) = purge_condition(drive, of);
    Statement::new(format!("SELECT EXISTS (SELECT 1 FROM nodes WHERE {condition}) AS holds"), parameters)
}

/// Selects the [`IdRow`] of a drive with nodes to purge.
#[must_use]
pub fn drive_to_purge() -> Statement {
    Statement::new("SELECT drive_id AS id FROM nodes WHERE purge_id IS NOT NULL LIMIT 1", vec![])
}

/// An entry of a folder that is being purged.
#[derive(QueryableByName)]
pub struct PurgeEntryRow {
    /// The node.
    #[diesel(sql_type = Id)]
    pub id: DbId,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Bool)]
    trashed: bool,
}

/// What happens to an entry of a folder that is being purged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PurgeAction {
    /// A file: it is removed now.
    Remove,
    /// A folder: it joins the purge.
    Enqueue,
    /// A node that was trashed itself: it stays in the trash.
    Keep,
}

impl PurgeEntryRow {
    /// What happens to the node.
    #[must_use]
    pub fn action(&self) -> PurgeAction {
        match (self.trashed, self.kind.as_str()) {
            (true, _) => PurgeAction::Keep,
            (false, "file") => PurgeAction::Remove,
            _ => PurgeAction::Enqueue,
        }
    }
}

/// Selects up to `max` [`PurgeEntryRow`]s of folders; `among` is a condition on `parent_id` with one parameter.
#[must_use]
pub fn entries_of(among: &str, folders: Parameter, max: u32) -> Statement {
    let text = format!("SELECT id, kind, trashed_at IS NOT NULL AS trashed FROM nodes WHERE {among} LIMIT ?");
    Statement::new(text, vec![folders, Parameter::Integer(max.into())])
}

/// Moves folders to the root and adds them to the purges of their parents; `among` is a condition on `id` with one
/// parameter.
#[must_use]
pub fn enqueue(among: &str, folders: Parameter, root: NodeId, at: Timestamp) -> Statement {
    let text = format!(
        "UPDATE nodes SET purge_id = (SELECT above.purge_id FROM nodes above WHERE above.id = nodes.parent_id),
            parent_id = ?, trashed_at = ? WHERE {among}"
    );
    Statement::new(text, vec![root.into(), Parameter::Integer(at.as_millis()), folders])
}

/// Removes empty folders; `among` is a condition on `id` with one parameter.
#[must_use]
pub fn remove_empty(among: &str, folders: Parameter) -> Statement {
    let text = format!(
        "DELETE FROM nodes WHERE {among} AND NOT EXISTS (SELECT 1 FROM nodes child WHERE child.parent_id = nodes.id)"
    );
    Statement::new(text, vec![folders])
}

/// Selects the [`IdRow`] of a drive without an owner, of `drive` if it is given, that needs work other than purges and
/// the jobs of its uploads.
#[must_use]
pub fn ownerless(drive: Option<DriveId>) -> Statement {
    let condition = if drive.is_some() { "AND d.id = ?" } else { "" };
    let text = format!(
        "SELECT d.id FROM drives d JOIN nodes r ON r.drive_id = d.id AND r.parent_id IS NULL
        WHERE d.owner_id IS NULL {condition} AND (
            EXISTS (SELECT 1 FROM uploads u WHERE u.drive_id = d.id AND {})
            OR EXISTS (SELECT 1 FROM nodes n WHERE n.parent_id = r.id AND n.purge_id IS NULL)
            OR NOT EXISTS (SELECT 1 FROM nodes n WHERE n.parent_id = r.id)
                AND NOT EXISTS (SELECT 1 FROM uploads u WHERE u.drive_id = d.id))
        LIMIT 1",
        without_job("u")
    );
    Statement::new(text, drive.map(Parameter::from).into_iter().collect())
}

/// Begins the purges of up to `max` nodes directly in `root`, trashed or not.
#[must_use]
pub fn begin_purges_of_all(root: NodeId, at: Timestamp, max: u32) -> Statement {
    let text = "UPDATE nodes SET purge_id = id, trashed_at = coalesce(trashed_at, ?)
        WHERE id IN (SELECT id FROM nodes WHERE parent_id = ? AND purge_id IS NULL LIMIT ?)";
    let parameters = vec![Parameter::Integer(at.as_millis()), root.into(), Parameter::Integer(max.into())];
    Statement::new(text, parameters)
}

/// Returns the files whose versions are all in `found`, and these versions. `found` is ordered by file and holds the
/// versions of all `files`, unless it was cut off at `max`.
#[must_use]
pub fn complete_files<T>(files: Vec<DbId>, found: Vec<(DbId, T)>, max: usize) -> (Vec<DbId>, Vec<T>) {
    let last = found.last().map(|(file, _)| *file).filter(|_| found.len() >= max);
    let Some(last) = last else {
        return (files, found.into_iter().map(|(_, version)| version).collect());
    };
    let whole: Vec<(DbId, T)> = found.into_iter().filter(|(file, _)| *file != last).collect();
    let mut kept: Vec<DbId> = whole.iter().map(|(file, _)| *file).collect();
    kept.dedup();
    (kept, whole.into_iter().map(|(_, version)| version).collect())
}

/// Selects the [`IdRow`] of `node`, if `user` trashed it itself after `after`, and it is not being purged.
#[must_use]
pub fn trashed_by(node: NodeId, user: UserId, after: Timestamp) -> Statement {
    let text = format!("SELECT id FROM nodes WHERE id = ? AND {IN_TRASH} AND trashed_by = ? AND trashed_at > ?");
    Statement::new(text, vec![node.into(), user.into(), Parameter::Integer(after.as_millis())])
}

/// Checks, by a [`FlagRow`](crate::statement::FlagRow), whether `node` or an ancestor is being purged.
#[must_use]
pub fn being_purged(node: NodeId) -> Statement {
    let text = "WITH RECURSIVE up (id, parent_id, purge_id) AS (
            SELECT id, parent_id, purge_id FROM nodes WHERE id = ?
            UNION ALL
            SELECT n.id, n.parent_id, n.purge_id FROM up JOIN nodes n ON n.id = up.parent_id
        )
        SELECT EXISTS (SELECT 1 FROM up WHERE purge_id IS NOT NULL) AS holds";
    Statement::new(text, vec![node.into()])
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_file_is_kept_unless_all_its_versions_were_found() {
        let [a, b, c] = [1, 2, 3].map(|id| DbId::from(NodeId::from_uuid(Uuid::from_u128(id))));
        let found = vec![(a, 1), (a, 2), (b, 3), (b, 4)];
        assert_eq!(complete_files(vec![a, b], found.clone(), 5), (vec![a, b], vec![1, 2, 3, 4]));
        // The last file, and those after it, may have more versions.
        assert_eq!(complete_files(vec![a, b, c], found, 4), (vec![a], vec![1, 2]));
        assert_eq!(complete_files(vec![a], Vec::<(DbId, ())>::new(), 4), (vec![a], vec![]));
    }
}
