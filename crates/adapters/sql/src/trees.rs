//! Whole trees: the nodes below a folder, and the rows of its copy.

use std::collections::HashMap;

use clouddrive_domain::error::Refused;
use clouddrive_domain::model::{
    Command, Content, Crc32, DriveId, Grant, MAX_COPY_NODES, NodeId, Revision, Timestamp, VersionId,
};
use clouddrive_domain::port::{CopyRequest, TreeContent, TreeEntry};
use clouddrive_domain::{Error, Result};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};

use crate::blob_records::blob;
use crate::names::NameColumns;
use crate::schema::nodes;
use crate::statement::{Parameter, Statement};
use crate::types::{DbId, Id, bytes, invalid_row, name, size};
use crate::versions::NewVersionRow;

/// The most rows inserted by one statement, so that their columns stay below the databases' limits on parameters
/// (65,535 and 32,766).
pub const BATCH: usize = 1_000;

/// Joins the live children `n` of the rows of `below`, in SQLite.
pub const LIVE_CHILDREN: &str = "JOIN nodes n ON n.parent_id = below.id AND n.trashed_at IS NULL";

/// The same in PostgreSQL, as a lateral join: until the table has been analyzed, a plain join reads all live nodes once
/// for each row.
pub const LIVE_CHILDREN_LATERAL: &str = "CROSS JOIN LATERAL (
        SELECT * FROM nodes child WHERE child.parent_id = below.id AND child.trashed_at IS NULL OFFSET 0
    ) AS n";

/// A node of a tree, with the current content of a file.
#[derive(QueryableByName)]
pub struct TreeRow {
    #[diesel(sql_type = Id)]
    id: DbId,
    #[diesel(sql_type = Nullable<Id>)]
    parent_id: Option<DbId>,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = BigInt)]
    level: i64,
    #[diesel(sql_type = Nullable<Text>)]
    blob_key: Option<String>,
    #[diesel(sql_type = Nullable<BigInt>)]
    size_bytes: Option<i64>,
    #[diesel(sql_type = Nullable<Text>)]
    media_type: Option<String>,
    #[diesel(sql_type = Nullable<BigInt>)]
    client_modified_at: Option<i64>,
}

/// Selects the [`TreeRow`]s of `folder` and all live nodes below it, at most one more than can be copied. `children` is
/// [`LIVE_CHILDREN`] or [`LIVE_CHILDREN_LATERAL`].
#[must_use]
pub fn tree(folder: NodeId, children: &str) -> Statement {
    let text = format!(
        "WITH RECURSIVE below (id, parent_id, kind, name, version_id, level) AS (
            SELECT id, parent_id, kind, name, version_id, 0 FROM nodes WHERE id = ?
            UNION ALL
            SELECT n.id, n.parent_id, n.kind, n.name, n.version_id, below.level + 1 FROM below {children}
        )
        SELECT below.id, below.parent_id, below.kind, below.name, CAST(below.level AS BIGINT) AS level,
            v.blob_key, v.size_bytes, v.media_type, v.client_modified_at
        FROM (SELECT * FROM below LIMIT ?) AS below LEFT JOIN versions v ON v.id = below.version_id"
    );
    Statement::new(text, vec![folder.into(), Parameter::Integer(bytes(MAX_COPY_NODES + 1))])
}

/// A node of a tree, as an archive needs it.
#[derive(QueryableByName)]
pub struct TreeEntryRow {
    #[diesel(sql_type = Id)]
    id: DbId,
    #[diesel(sql_type = Nullable<Id>)]
    parent_id: Option<DbId>,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = BigInt)]
    modified_at: i64,
    #[diesel(sql_type = Nullable<Text>)]
    blob_key: Option<String>,
    #[diesel(sql_type = Nullable<BigInt>)]
    size_bytes: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    crc32: Option<i64>,
    #[diesel(sql_type = Nullable<Text>)]
    blob_store: Option<String>,
    #[diesel(sql_type = Nullable<BigInt>)]
    client_modified_at: Option<i64>,
}

impl TryFrom<TreeEntryRow> for TreeEntry {
    type Error = Error;

    fn try_from(row: TreeEntryRow) -> Result<Self> {
        let id = NodeId::from(row.id);
        let bad = |what: &str| invalid_row("nodes", id, what);
        let content = match row.kind.as_str() {
            "file" => Some(TreeContent {
                blob: blob(row.blob_key.as_deref(), row.blob_store.as_deref()).ok_or_else(|| bad("blob_key"))?,
                size: size(row.size_bytes.ok_or_else(|| bad("size_bytes"))?),
                crc32: row.crc32.map(|sum| sum.try_into().map(Crc32).map_err(|_| bad("crc32"))).transpose()?,
                client_modified_at: row.client_modified_at.map(Timestamp::from_millis),
            }),
            _ => None,
        };
        Ok(Self {
            id,
            parent: row.parent_id.map(Into::into),
            name: name("nodes", id, row.name)?,
            modified_at: Timestamp::from_millis(row.modified_at),
            content,
        })
    }
}

/// The SQL that selects the [`TreeEntryRow`]s of the live nodes for which `tops` holds and all live nodes below them.
/// The parameters are those of `tops`, then the most rows. `children` is [`LIVE_CHILDREN`] or
/// [`LIVE_CHILDREN_LATERAL`].
#[must_use]
pub fn entries(tops: &str, children: &str) -> String {
    format!(
        "WITH RECURSIVE below (id, parent_id, kind, name, modified_at, version_id) AS (
            SELECT id, parent_id, kind, name, modified_at, version_id FROM nodes
            WHERE {tops} AND trashed_at IS NULL
            UNION ALL
            SELECT n.id, n.parent_id, n.kind, n.name, n.modified_at, n.version_id FROM below {children}
        )
        SELECT below.id, below.parent_id, below.kind, below.name, below.modified_at, v.blob_key, v.size_bytes, b.crc32,
            b.store AS blob_store, v.client_modified_at
        FROM (SELECT * FROM below LIMIT ?) AS below LEFT JOIN versions v ON v.id = below.version_id
        LEFT JOIN blobs b ON b.key = v.blob_key"
    )
}

/// The row limit that shows whether there are more than `max` [`TreeEntryRow`]s.
#[must_use]
pub fn limit_plus_one(max: u64) -> Parameter {
    Parameter::Integer(bytes(max.saturating_add(1)))
}

/// A row of `nodes` that a copy inserts.
#[derive(Clone, Insertable)]
#[diesel(table_name = nodes, treat_none_as_default_value = false)]
pub struct CopiedNodeRow {
    id: DbId,
    drive_id: DbId,
    parent_id: Option<DbId>,
    kind: &'static str,
    #[diesel(embed)]
    name: NameColumns,
    size_bytes: i64,
    reach: i64,
    version_id: Option<DbId>,
    created_by: DbId,
    created_at: i64,
    modified_at: i64,
}

/// A copy, ready to be inserted.
pub struct TreeCopy {
    /// The identifier of its topmost node. The adapter inserts that row, because its name is not decided yet.
    pub top: NodeId,
    /// The version and size of the topmost node, if that is a file.
    pub content: Option<(VersionId, u64)>,
    /// The rows of all nodes below, parents first.
    pub nodes: Vec<CopiedNodeRow>,
    /// The rows of all versions.
    pub versions: Vec<NewVersionRow>,
    /// The blobs of the versions, sorted, without duplicates.
    pub blobs: Vec<String>,
    /// The total size of the versions, in bytes.
    pub bytes: u64,
    /// The number of folder levels below the topmost node.
    pub height: u32,
}

/// The values common to all rows of a copy.
struct CopyContext<'a> {
    copy_request: &'a CopyRequest,
    drive: DriveId,
    by: DbId,
    at: i64,
}

impl TreeCopy {
    /// The copy of the file with this `content`, in the granted folder `to`.
    ///
    /// # Errors
    /// If the command has no actor.
    pub fn from_file(command: &Command, copy_request: &CopyRequest, to: &Grant, content: &Content) -> Result<Self> {
        let context = CopyContext::new(command, copy_request, to)?;
        let (top, version): (NodeId, VersionId) = (copy_request.ids.id(), copy_request.ids.id());
        let row = NewVersionRow {
            id: version.into(),
            node_id: top.into(),
            blob_key: content.blob.key.as_str().to_owned(),
            size_bytes: bytes(content.size),
            media_type: content.media_type.as_str().to_owned(),
            client_modified_at: content.client_modified_at.map(Timestamp::as_millis),
            created_by: context.by,
            created_at: context.at,
            revision: 1,
        };
        let mut copy = Self::empty(top, Some((version, content.size)));
        copy.versions.push(row);
        Ok(copy.with_totals())
    }

    /// The copy of the folder with the [`tree`] `rows`, in the granted folder `to`.
    ///
    /// # Errors
    /// `TooManyEntries`; also if the command has no actor, or a row is invalid.
    pub fn from_folder(
        command: &Command,
        copy_request: &CopyRequest,
        to: &Grant,
        mut rows: Vec<TreeRow>,
    ) -> Result<Self> {
        if rows.len() as u64 > MAX_COPY_NODES {
            return Err(Error::Refused(Refused::TooManyEntries { limit: MAX_COPY_NODES, what: "files and folders" }));
        }
        rows.sort_by_key(|row| row.level);
        let context = CopyContext::new(command, copy_request, to)?;
        let heights = heights(&rows);
        let mut rows = rows.into_iter();
        let folder = rows.next().ok_or(Error::NotFound)?;
        let mut copy = Self::empty(copy_request.ids.id(), None);
        copy.height = heights.get(&folder.id).copied().unwrap_or(0);
        let mut copies = HashMap::from([(folder.id, DbId::from(copy.top))]);
        for row in rows {
            let parent = row.parent_id.and_then(|parent| copies.get(&parent)).copied();
            let parent = parent.ok_or_else(|| invalid_row("nodes", NodeId::from(row.id), "parent_id"))?;
            let reach = heights.get(&row.id).copied().unwrap_or(0);
            let old = row.id;
            let (node, version) = context.rows(row, parent, reach)?;
            copies.insert(old, node.id);
            copy.nodes.push(node);
            copy.versions.extend(version);
        }
        Ok(copy.with_totals())
    }

    const fn empty(top: NodeId, content: Option<(VersionId, u64)>) -> Self {
        Self { top, content, nodes: Vec::new(), versions: Vec::new(), blobs: Vec::new(), bytes: 0, height: 0 }
    }

    fn with_totals(mut self) -> Self {
        self.bytes = self.versions.iter().map(|version| size(version.size_bytes)).sum();
        self.blobs = self.versions.iter().map(|version| version.blob_key.clone()).collect();
        self.blobs.sort_unstable();
        self.blobs.dedup();
        self
    }

    /// Turns the copy of a file into new content of the existing `file`, which then has that `revision`.
    #[must_use]
    pub fn as_version_of(mut self, file: NodeId, revision: Revision) -> Self {
        self.top = file;
        for version in &mut self.versions {
            version.node_id = file.into();
            version.revision = bytes(revision.0);
        }
        self
    }
}

impl<'a> CopyContext<'a> {
    fn new(command: &Command, copy_request: &'a CopyRequest, to: &Grant) -> Result<Self> {
        let by = command.actor.ok_or_else(|| Error::internal("database", "a copy without an actor"))?;
        Ok(Self { copy_request, drive: to.drive(), by: by.into(), at: command.at.as_millis() })
    }

    /// The rows that copy `row` into the folder `parent`.
    fn rows(&self, row: TreeRow, parent: DbId, reach: u32) -> Result<(CopiedNodeRow, Option<NewVersionRow>)> {
        let node: NodeId = self.copy_request.ids.id();
        let bad = |what| invalid_row("nodes", NodeId::from(row.id), what);
        let version = match row.kind.as_str() {
            "folder" => None,
            "file" => Some(NewVersionRow {
                id: DbId::from(self.copy_request.ids.id::<VersionId>()),
                node_id: node.into(),
                blob_key: row.blob_key.ok_or_else(|| bad("version_id"))?,
                size_bytes: row.size_bytes.ok_or_else(|| bad("version_id"))?,
                media_type: row.media_type.ok_or_else(|| bad("version_id"))?,
                client_modified_at: row.client_modified_at,
                created_by: self.by,
                created_at: self.at,
                revision: 1,
            }),
            _ => return Err(bad("kind")),
        };
        let copy = CopiedNodeRow {
            id: node.into(),
            drive_id: self.drive.into(),
            parent_id: Some(parent),
            kind: if version.is_some() { "file" } else { "folder" },
            name: (&name("nodes", NodeId::from(row.id), row.name)?).into(),
            size_bytes: version.as_ref().map_or(0, |version| version.size_bytes),
            reach: reach.into(),
            version_id: version.as_ref().map(|version| version.id),
            created_by: self.by,
            created_at: self.at,
            modified_at: self.at,
        };
        Ok((copy, version))
    }
}

/// The number of folder levels below each folder of `rows`, in which parents come first.
fn heights(rows: &[TreeRow]) -> HashMap<DbId, u32> {
    let mut heights: HashMap<DbId, u32> = HashMap::new();
    for row in rows.iter().rev().filter(|row| row.kind == "folder") {
        let own = *heights.entry(row.id).or_insert(0);
        if let Some(parent) = row.parent_id {
            let of_parent = heights.entry(parent).or_insert(0);
            *of_parent = own.saturating_add(1).max(*of_parent);
        }
    }
    heights
}
