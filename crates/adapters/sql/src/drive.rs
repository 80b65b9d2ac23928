//! Users with their drives, pages of folder entries, and the height of folder trees.

use clouddrive_domain::model::{
    Account, Email, EntryQuota, Limit, Located, Name, Node, NodeBody, NodeId, NodeKind, Order, OrderKey, Position,
    Quota, Revision, Sort, SortBy, SortValue, Step, Timestamp, User, UserId, UserRef, Username, Viewer,
};
use clouddrive_domain::port::{FolderEntry, UserDrive};
use clouddrive_domain::{Error, Result};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Nullable, Text};

use crate::blob_records::blob;
use crate::locate::{NODE_COLUMNS, NODE_JOINS, NodeColumnTypes, NodeRow, guest_parameter};
use crate::schema::drives;
use crate::statement::{Parameter, Statement};
use crate::types::{DbId, Id, bytes, invalid_row, permission, size};

/// A user with the drive and its root.
#[derive(QueryableByName)]
pub struct UserDriveRow {
    #[diesel(embed)]
    user: UserRow,
    #[diesel(sql_type = Id)]
    drive_id: DbId,
    #[diesel(embed)]
    usage: UsageRow,
    #[diesel(sql_type = Id)]
    root_id: DbId,
    #[diesel(sql_type = BigInt)]
    revision: i64,
}

/// The limits and counters of a drive.
#[derive(QueryableByName)]
pub struct UsageRow {
    #[diesel(sql_type = BigInt)]
    quota_bytes: i64,
    #[diesel(sql_type = BigInt)]
    used_bytes: i64,
    #[diesel(sql_type = BigInt)]
    reserved_bytes: i64,
    #[diesel(sql_type = BigInt)]
    quota_entries: i64,
    #[diesel(sql_type = BigInt)]
    used_entries: i64,
}

impl UsageRow {
    /// The quota of bytes.
    #[must_use]
    pub fn quota(&self) -> Quota {
        quota((self.quota_bytes, self.used_bytes, self.reserved_bytes))
    }

    /// The quota of files and folders.
    #[must_use]
    pub fn entries(&self) -> EntryQuota {
        entries((self.quota_entries, self.used_entries))
    }
}

/// Selects the columns of [`UsageRow`] of the drive `d`. `used_entries` is the expression for its number of entries.
#[must_use]
pub fn usage(used_entries: &str) -> String {
    format!("d.quota_bytes, d.used_bytes, d.reserved_bytes, d.quota_entries, {used_entries} AS used_entries")
}

/// Selects the store of the photo of the user `u`.
pub(crate) const PHOTO_STORE: &str = "(SELECT b.store FROM blobs b WHERE b.key = u.photo_blob) AS photo_store";

/// A user.
#[derive(QueryableByName)]
pub struct UserRow {
    #[diesel(sql_type = Id)]
    id: DbId,
    #[diesel(sql_type = Text)]
    username: String,
    #[diesel(sql_type = Text)]
    email: String,
    #[diesel(sql_type = BigInt)]
    created_at: i64,
    #[diesel(sql_type = Nullable<Text>)]
    photo_blob: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    photo_store: Option<String>,
}

impl TryFrom<UserRow> for User {
    type Error = Error;

    fn try_from(row: UserRow) -> Result<Self> {
        let id = UserId::from(row.id);
        let bad = |what| invalid_row("users", id, what);
        let photo = row.photo_blob.as_deref().map(|key| {
            let photo = blob(Some(key), row.photo_store.as_deref());
            photo.ok_or_else(|| bad("photo_blob"))
        });
        Ok(Self {
            id,
            username: Username::parse(&row.username).map_err(|_| bad("username"))?,
            email: Email::parse(&row.email).map_err(|_| bad("email"))?,
            created_at: Timestamp::from_millis(row.created_at),
            photo: photo.transpose()?,
        })
    }
}

/// Selects the [`UserDriveRow`] of `user`. `used_entries` is the expression for the number of entries of the drive `d`.
#[must_use]
pub fn user_drive(user: UserId, used_entries: &str) -> Statement {
    let usage = usage(used_entries);
    let text = format!(
        "SELECT u.id, u.username, u.email, u.created_at, u.photo_blob, {PHOTO_STORE}, d.id AS drive_id, {usage},
            n.id AS root_id, n.revision
        FROM users u JOIN drives d ON d.owner_id = u.id JOIN nodes n ON n.drive_id = d.id AND n.parent_id IS NULL
        WHERE u.id = ? LIMIT 1"
    );
    Statement::new(text, vec![user.into()])
}

impl TryFrom<UserDriveRow> for UserDrive {
    type Error = Error;

    fn try_from(row: UserDriveRow) -> Result<Self> {
        let user = User::try_from(row.user)?;
        let owner = UserRef { id: user.id, username: Some(user.username.as_str().to_owned()) };
        let id = NodeId::from(row.root_id);
        let root = Node {
            id,
            drive: row.drive_id.into(),
            parent: None,
            name: Name::root(),
            body: NodeBody::Root,
            revision: Revision(size(row.revision)),
            created_by: owner.clone(),
            created_at: user.created_at,
            modified_at: user.created_at,
        };
        let lineage = vec![Step { id, name: Name::root(), trashed: false, share: None }];
        let root = Located { node: root, owner, viewer: user.id.into(), lineage };
        let (quota, entries) = (row.usage.quota(), row.usage.entries());
        Ok(Self { account: Account { user, quota, entries }, root })
    }
}

/// The columns of a drive's quota, in the order of [`quota`].
pub const QUOTA: (drives::quota_bytes, drives::used_bytes, drives::reserved_bytes) =
    (drives::quota_bytes, drives::used_bytes, drives::reserved_bytes);

/// Converts the columns [`QUOTA`].
#[must_use]
pub fn quota((total, used, reserved): (i64, i64, i64)) -> Quota {
    Quota { total: size(total), used: size(used), reserved: size(reserved) }
}

/// The columns of a drive's limit and count of files and folders, in the order of [`entries`].
pub const ENTRIES: (drives::quota_entries, drives::used_entries) = (drives::quota_entries, drives::used_entries);

/// Converts the columns [`ENTRIES`].
#[must_use]
pub fn entries((total, used): (i64, i64)) -> EntryQuota {
    EntryQuota { total: size(total), used: size(used) }
}

/// An entry of a folder, with the permission that a share of this very node gives the viewer.
#[derive(Queryable)]
pub struct FolderEntryRow {
    node: NodeRow,
    permission: Option<String>,
    order_key: Vec<u8>,
}

/// The types of the columns of a [`FolderEntryRow`].
pub type FolderEntryColumnTypes = (NodeColumnTypes, Nullable<Text>, Binary);

impl TryFrom<FolderEntryRow> for FolderEntry {
    type Error = Error;

    fn try_from(row: FolderEntryRow) -> Result<Self> {
        let node = Node::try_from(row.node)?;
        let share = row.permission.as_deref().map(|word| permission("shares", node.id, word)).transpose()?;
        Ok(Self { node, share, order_key: OrderKey::from_bytes(row.order_key) })
    }
}

/// The column of a sort order. Its index has it between the kind and the identifier.
const fn column(by: SortBy) -> &'static str {
    match by {
        SortBy::Name => "order_key",
        SortBy::CreatedAt => "created_at",
        SortBy::ModifiedAt => "modified_at",
        SortBy::Size => "size_bytes",
    }
}

/// The value of a position, as stored in its column.
fn value(position: &Position) -> Parameter {
    match &position.value {
        SortValue::Name(key) => Parameter::Binary(key.as_bytes().to_vec()),
        SortValue::Time(time) => Parameter::Integer(time.as_millis()),
        SortValue::Size(size) => Parameter::Integer(bytes(*size)),
    }
}

/// How files and folders, each ordered by an index, are merged into one list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MergeStrategy {
    /// The database merges both index scans, as SQLite does.
    MergeScans,
    /// One page of each is read and sorted, because PostgreSQL would read all rows.
    SortPages,
}

/// Selects the [`FolderEntryRow`]s of a page of `folder`. The sort indexes keep files and folders apart: concatenated
/// they give the folders-first order, merged the plain one.
#[must_use]
pub fn page(
    viewer: Viewer,
    folder: NodeId,
    sort: Sort,
    after: Option<&Position>,
    limit: Limit,
    merge: MergeStrategy,
) -> Statement {
    let (direction, beyond) = match sort.order {
        Order::Ascending => ("ASC", ">"),
        Order::Descending => ("DESC", "<"),
    };
    let column = column(sort.by);
    let limit = Parameter::Integer(bytes(limit.get() as u64 + 1));
    let mut parameters = Vec::new();
    let mut part = |kind: NodeKind, after: Option<&Position>| {
        let (word, rank) = if kind == NodeKind::Folder { ("folder", 0) } else { ("file", 1) };
        parameters.extend([guest_parameter(viewer), folder.into()]);
        let start = after.map_or_else(String::new, |position| {
            parameters.extend([value(position), position.id.into()]);
            format!("AND (n.{column}, n.id) {beyond} (?, ?)")
        });
        let text = format!(
            "SELECT {NODE_COLUMNS}, s.permission, n.order_key, {rank} AS kind_rank,
                n.{column} AS sort_value, n.id AS sort_id
            FROM nodes n {NODE_JOINS} LEFT JOIN shares s ON s.node_id = n.id AND s.guest_id = ?
            WHERE n.parent_id = ? AND n.kind = '{word}' AND n.trashed_at IS NULL {start}"
        );
        if !sort.folders_first && merge == MergeStrategy::MergeScans {
            return text;
        }
        parameters.push(limit.clone());
        format!("SELECT * FROM ({text} ORDER BY n.{column} {direction}, n.id {direction} LIMIT ?) AS {word}s")
    };
    let folders_are_over = sort.folders_first && after.is_some_and(|position| position.kind == NodeKind::File);
    let parts = if folders_are_over {
        part(NodeKind::File, after)
    } else {
        let of_files = after.filter(|_| !sort.folders_first);
        format!("{} UNION ALL {}", part(NodeKind::Folder, after), part(NodeKind::File, of_files))
    };
    let rank = if sort.folders_first { "kind_rank, " } else { "" };
    parameters.push(limit);
    Statement::new(format!("{parts} ORDER BY {rank}sort_value {direction}, sort_id {direction} LIMIT ?"), parameters)
}

/// The number of folder levels below a folder.
#[derive(QueryableByName)]
pub struct LevelsRow {
    #[diesel(sql_type = BigInt)]
    levels: i64,
}

impl LevelsRow {
    /// The number of levels.
    #[must_use]
    pub fn levels(&self) -> u32 {
        u32::try_from(self.levels).unwrap_or(u32::MAX)
    }
}

/// Joins the subfolders `n` of the rows of `below`, including trashed ones, in SQLite.
pub const FOLDERS: &str = "JOIN nodes n ON n.parent_id = below.id AND n.kind = 'folder'";

/// The same in PostgreSQL, for the reason of [`LIVE_CHILDREN_LATERAL`](crate::trees::LIVE_CHILDREN_LATERAL).
pub const FOLDERS_LATERAL: &str = "CROSS JOIN LATERAL (
        SELECT id FROM nodes child WHERE child.parent_id = below.id AND child.kind = 'folder' OFFSET 0
    ) AS n";

/// Selects the [`LevelsRow`] of `folder`, by walking its subtree. `folders` is [`FOLDERS`] or [`FOLDERS_LATERAL`].
#[must_use]
pub fn levels(folder: NodeId, folders: &str) -> Statement {
    let text = format!(
        "WITH RECURSIVE below (id, level) AS (
            SELECT id, 0 FROM nodes WHERE id = ?
            UNION ALL
            SELECT n.id, below.level + 1 FROM below {folders}
        )
        SELECT CAST(MAX(level) AS BIGINT) AS levels FROM below"
    );
    Statement::new(text, vec![folder.into()])
}
