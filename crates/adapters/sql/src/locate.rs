//! Nodes with their ancestors up to the root, the basis of every access decision, in one recursive query.

use std::collections::HashMap;
use std::sync::LazyLock;

use clouddrive_domain::Error;
use clouddrive_domain::Result;
use clouddrive_domain::model::{
    Content, Located, MAX_TREE_DEPTH, MediaType, Node, NodeBody, NodeId, NodePath, PathStart, Revision, Step,
    Timestamp, UserId, UserRef, Viewer,
};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Bool, Nullable, Text};
use uuid::Uuid;

use crate::blob_records::blob;
use crate::statement::{Parameter, Statement};
use crate::types::{DbId, Id, bytes, entity_tag, invalid_row, name, permission, sha256, size};

/// The columns of a [`NodeRow`], in its order, of a node `n` after [`NODE_JOINS`].
pub(crate) const NODE_COLUMNS: &str = "n.id, n.drive_id, n.parent_id, n.kind, n.name, n.revision, n.created_by, \
     creator.username AS creator_name, n.created_at, n.modified_at, v.id AS version_id, v.blob_key, \
     b.store AS blob_store, v.size_bytes, b.sha256, v.media_type, v.client_modified_at, b.etag, \
     v.created_at AS version_created_at";

/// The types of `NODE_COLUMNS`.
pub type NodeColumnTypes = (
    Id,
    Id,
    Nullable<Id>,
    Text,
    Text,
    BigInt,
    Id,
    Nullable<Text>,
    BigInt,
    BigInt,
    Nullable<Id>,
    Nullable<Text>,
    Nullable<Text>,
    Nullable<BigInt>,
    Nullable<Binary>,
    Nullable<Text>,
    Nullable<BigInt>,
    Nullable<Text>,
    Nullable<BigInt>,
);

/// The joins that a [`NodeRow`] needs besides the node `n`.
pub(crate) const NODE_JOINS: &str = "LEFT JOIN users creator ON creator.id = n.created_by \
     LEFT JOIN versions v ON v.id = n.version_id LEFT JOIN blobs b ON b.key = v.blob_key";

/// A node with its creator's name and its current content.
#[derive(Queryable)]
pub struct NodeRow {
    id: DbId,
    drive_id: DbId,
    parent_id: Option<DbId>,
    kind: String,
    name: String,
    revision: i64,
    created_by: DbId,
    creator_name: Option<String>,
    created_at: i64,
    modified_at: i64,
    version_id: Option<DbId>,
    blob_key: Option<String>,
    blob_store: Option<String>,
    size_bytes: Option<i64>,
    sha256: Option<Vec<u8>>,
    media_type: Option<String>,
    client_modified_at: Option<i64>,
    etag: Option<String>,
    version_created_at: Option<i64>,
}

impl NodeRow {
    fn body(&mut self) -> Result<NodeBody> {
        let id = NodeId::from(self.id);
        let bad = |what: &str| invalid_row("nodes", id, what);
        match self.kind.as_str() {
            "root" => Ok(NodeBody::Root),
            "folder" => Ok(NodeBody::Folder),
            "file" => Ok(NodeBody::File(Content {
                version: self.version_id.ok_or_else(|| bad("version_id"))?.into(),
                blob: blob(self.blob_key.as_deref(), self.blob_store.as_deref()).ok_or_else(|| bad("blob_key"))?,
                size: size(self.size_bytes.ok_or_else(|| bad("size_bytes"))?),
                sha256: self.sha256.take().map(|bytes| sha256("blobs", id, bytes)).transpose()?,
                media_type: self
                    .media_type
                    .as_deref()
                    .and_then(|text| MediaType::parse(text).ok())
                    .ok_or_else(|| bad("media_type"))?,
                client_modified_at: self.client_modified_at.map(Timestamp::from_millis),
                store_tag: self.etag.as_deref().map(|text| entity_tag("blobs", id, text)).transpose()?,
                created_at: self
                    .version_created_at
                    .map(Timestamp::from_millis)
                    .ok_or_else(|| bad("version's created_at"))?,
            })),
            _ => Err(bad("kind")),
        }
    }
}

impl TryFrom<NodeRow> for Node {
    type Error = Error;

    fn try_from(mut row: NodeRow) -> Result<Self> {
        let id = NodeId::from(row.id);
        Ok(Self {
            id,
            drive: row.drive_id.into(),
            parent: row.parent_id.map(Into::into),
            body: row.body()?,
            name: name("nodes", id, row.name)?,
            revision: Revision(size(row.revision)),
            created_by: UserRef { id: row.created_by.into(), username: row.creator_name },
            created_at: Timestamp::from_millis(row.created_at),
            modified_at: Timestamp::from_millis(row.modified_at),
        })
    }
}

/// One step of a lineage, with the node at that step; the first is the located node.
#[derive(Queryable)]
pub struct StepRow {
    seed: DbId,
    trashed: bool,
    permission: Option<String>,
    owner_id: DbId,
    owner_name: String,
    node: NodeRow,
}

/// The types of the columns of a [`StepRow`].
pub type StepColumnTypes = (Id, Bool, Nullable<Text>, Id, Text, NodeColumnTypes);

impl StepRow {
    fn step(&self) -> Result<Step> {
        let id = NodeId::from(self.node.id);
        let share = self.permission.as_deref().map(|word| permission("shares", id, word)).transpose()?;
        Ok(Step { id, name: name("nodes", id, self.node.name.clone())?, trashed: self.trashed, share })
    }
}

/// The most steps up that are followed. No tree is as deep; the bound ends the query even if a bug creates a cycle.
pub(crate) const MAX_STEPS: u32 = 2 * MAX_TREE_DEPTH;

/// The user whose shares `viewer` has, as a parameter; the nil UUID, which no user has, if the viewer is not a user.
#[must_use]
pub fn guest_parameter(viewer: Viewer) -> Parameter {
    Parameter::Id(guest(viewer))
}

/// The identifier of that user.
#[must_use]
pub fn guest(viewer: Viewer) -> DbId {
    viewer.user().unwrap_or(UserId::from_uuid(Uuid::nil())).into()
}

/// The SQL that selects the [`StepRow`]s of the nodes for which `seeds` holds, each from the node up to its root, with
/// the viewer's shares. Nodes in a drive without an owner are not found, since the drive is being deleted. The
/// parameters are those of `seeds`, then the viewer, by [`guest_parameter`].
#[must_use]
pub fn lineages(seeds: &str) -> String {
    let steps = steps("?");
    format!(
        "WITH RECURSIVE up (seed, id, distance) AS (
            SELECT id, id, 0 FROM nodes WHERE {seeds}
            UNION ALL
            SELECT up.seed, n.parent_id, up.distance + 1 FROM up JOIN nodes n ON n.id = up.id
            WHERE n.parent_id IS NOT NULL AND up.distance < {MAX_STEPS}
        )
        SELECT {steps} ORDER BY up.seed, up.distance"
    )
}

/// The SQL that selects the guests and the [`StepRow`]s of pairs of a node and a viewer, in the form of
/// [`PairColumnTypes`]. The parameters are an array of the nodes and one of the viewers, by [`guest_parameter`]. For
/// PostgreSQL. A node that is being purged is not found.
#[must_use]
pub fn lineages_of_pairs() -> String {
    let steps = steps("up.guest_id");
    format!(
        "WITH RECURSIVE up (seed, guest_id, id, distance) AS (
            SELECT n.id, pair.guest_id, n.id, 0 FROM unnest(CAST(? AS uuid[]), CAST(? AS uuid[]))
                AS pair (node_id, guest_id)
            JOIN nodes n ON n.id = pair.node_id WHERE n.purge_id IS NULL
            UNION ALL
            SELECT up.seed, up.guest_id, n.parent_id, up.distance + 1 FROM up JOIN nodes n ON n.id = up.id
            WHERE n.parent_id IS NOT NULL AND up.distance < {MAX_STEPS}
        )
        SELECT up.guest_id, {steps} ORDER BY up.seed, up.guest_id, up.distance"
    )
}

/// The columns of the [`StepRow`]s of `up`, and the joins that they need. `guest` is the user whose shares count.
fn steps(guest: &str) -> String {
    format!(
        "up.seed, n.trashed_at IS NOT NULL AS trashed, s.permission, d.owner_id, owner.username AS owner_name,
            {NODE_COLUMNS}
        FROM up JOIN nodes n ON n.id = up.id {NODE_JOINS}
        JOIN drives d ON d.id = n.drive_id JOIN users owner ON owner.id = d.owner_id
        LEFT JOIN shares s ON s.node_id = n.id AND s.guest_id = {guest}"
    )
}

/// Selects the [`StepRow`]s of `node` as `viewer` sees it. A node that is being purged is not found.
#[must_use]
pub fn lineage(node: NodeId, viewer: Viewer) -> Statement {
    static ONE: LazyLock<String> = LazyLock::new(|| lineages("id = ? AND purge_id IS NULL"));
    Statement::new(ONE.as_str(), vec![node.into(), guest_parameter(viewer)])
}

/// Joins the live child `n` of the row of `down` that has the next name of the path, in SQLite.
pub const NAMED_CHILD: &str =
    "JOIN nodes n ON n.parent_id = down.id AND n.name = (? ->> down.place) AND n.trashed_at IS NULL";

/// The same in PostgreSQL, for the reason of [`LIVE_CHILDREN_LATERAL`](crate::trees::LIVE_CHILDREN_LATERAL).
pub const NAMED_CHILD_LATERAL: &str = "CROSS JOIN LATERAL (
        SELECT id FROM nodes child
        WHERE child.parent_id = down.id AND child.name = (CAST(? AS json) ->> down.place) AND child.trashed_at IS NULL
        OFFSET 0
    ) AS n";

/// Selects the [`StepRow`]s of the node at the end of `path`, as `viewer` sees it. `child` is [`NAMED_CHILD`] or
/// [`NAMED_CHILD_LATERAL`].
#[must_use]
pub fn at_path(start: PathStart, path: &NodePath, viewer: Viewer, child: &str) -> Statement {
    let (start, id) = match start {
        PathStart::OwnRoot => (
            "SELECT r.id, 0 FROM nodes r JOIN drives d ON d.id = r.drive_id
                WHERE d.owner_id = ? AND r.parent_id IS NULL",
            guest_parameter(viewer),
        ),
        PathStart::Folder(folder) => ("SELECT id, 0 FROM nodes WHERE id = ? AND kind <> 'file'", folder.into()),
    };
    let end = format!(
        "purge_id IS NULL AND id = (
            WITH RECURSIVE down (id, place) AS (
                {start}
                UNION ALL
                SELECT n.id, down.place + 1 FROM down {child}
            )
            SELECT down.id FROM down WHERE down.place = ?
        )"
    );
    let place = Parameter::Integer(bytes(path.names().len() as u64));
    Statement::new(lineages(&end), vec![id, json(path), place, guest_parameter(viewer)])
}

/// The names of `path` as a JSON array. Names contain neither backslashes nor control characters.
fn json(path: &NodePath) -> Parameter {
    let quoted = path.names().iter().map(|name| format!("\"{}\"", name.as_str().replace('"', "\\\"")));
    Parameter::Text(format!("[{}]", quoted.collect::<Vec<_>>().join(",")))
}

/// The types of the columns of the rows of pairs: the guest, then a [`StepRow`].
pub type PairColumnTypes = (Id, StepColumnTypes);

/// Converts the rows of pairs of a node and a viewer to one result per pair, in the order of `pairs`.
///
/// # Errors
/// If a row is invalid.
pub fn located_pairs(rows: Vec<(DbId, StepRow)>, pairs: &[(NodeId, Viewer)]) -> Result<Vec<Option<Located>>> {
    let mut by_pair: HashMap<(DbId, DbId), Vec<StepRow>> = HashMap::new();
    for (guest, row) in rows {
        by_pair.entry((row.seed, guest)).or_default().push(row);
    }
    let mut found = HashMap::with_capacity(by_pair.len());
    for (pair, rows) in by_pair {
        // The viewer is that of each pair, below.
        found.insert(pair, located(rows, Viewer::User(UserId::from(pair.1)))?.pop());
    }
    let of_pair = |(node, viewer): &(NodeId, Viewer)| {
        let located = found.get(&(DbId::from(*node), guest(*viewer)))?.clone()?;
        Some(Located { viewer: *viewer, ..located })
    };
    Ok(pairs.iter().map(of_pair).collect())
}

/// Converts `rows` to nodes, as `viewer` sees them.
///
/// # Errors
/// If a row is invalid.
pub fn located(rows: Vec<StepRow>, viewer: Viewer) -> Result<Vec<Located>> {
    let mut found: Vec<Located> = Vec::new();
    for row in rows {
        let step = row.step()?;
        match found.last_mut() {
            Some(last) if last.node.id == NodeId::from(row.seed) => last.lineage.push(step),
            _ => found.push(Located {
                owner: UserRef { id: row.owner_id.into(), username: Some(row.owner_name) },
                node: Node::try_from(row.node)?,
                viewer,
                lineage: vec![step],
            }),
        }
    }
    Ok(found)
}
