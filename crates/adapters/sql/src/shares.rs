//! Shares, and access to nodes.

use clouddrive_domain::model::{
    AccessEntry, AccessVia, Command, Grant, ItemRef, Limit, NodeId, Role, Share, ShareId, SharePosition, Timestamp,
    UserId, UserRef,
};
use clouddrive_domain::port::NewShare;
use clouddrive_domain::{Error, Result};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};

use crate::locate::MAX_STEPS;
use crate::page::newest_first;
use crate::schema::shares;
use crate::statement::{Parameter, Statement};
use crate::types::{DbId, Id, bytes, invalid_row, name, permission, permission_word, visible_kind};

/// A share with the names of its node, guest and sharer.
#[derive(QueryableByName)]
pub struct ShareRow {
    #[diesel(sql_type = Id)]
    id: DbId,
    #[diesel(sql_type = Text)]
    permission: String,
    #[diesel(sql_type = Id)]
    node_id: DbId,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Id)]
    guest_id: DbId,
    #[diesel(sql_type = Text)]
    guest_name: String,
    #[diesel(sql_type = Id)]
    shared_by: DbId,
    #[diesel(sql_type = Nullable<Text>)]
    sharer_name: Option<String>,
    #[diesel(sql_type = BigInt)]
    created_at: i64,
}

const SHARES: &str = "SELECT s.id, s.permission, s.node_id, n.kind, n.name, s.guest_id, guest.username AS guest_name,
        s.shared_by, sharer.username AS sharer_name, s.created_at
    FROM shares s JOIN nodes n ON n.id = s.node_id JOIN users guest ON guest.id = s.guest_id
    LEFT JOIN users sharer ON sharer.id = s.shared_by";

impl TryFrom<ShareRow> for Share {
    type Error = Error;

    fn try_from(row: ShareRow) -> Result<Self> {
        let id = ShareId::from(row.id);
        let kind = visible_kind("shares", id, &row.kind)?;
        Ok(Self {
            id,
            permission: permission("shares", id, &row.permission)?,
            item: ItemRef { kind, id: row.node_id.into(), name: name("nodes", id, row.name)? },
            shared_with: UserRef { id: row.guest_id.into(), username: Some(row.guest_name) },
            shared_by: UserRef { id: row.shared_by.into(), username: row.sharer_name },
            shared_at: Timestamp::from_millis(row.created_at),
        })
    }
}

/// Selects the [`ShareRow`] of `share`.
#[must_use]
pub fn find(share: ShareId) -> Statement {
    Statement::new(format!("{SHARES} WHERE s.id = ?"), vec![share.into()])
}

/// Selects the [`ShareRow`] of `share`, if `user` is its guest or has shared it.
#[must_use]
pub fn find_of(share: ShareId, user: UserId) -> Statement {
    let text = format!("{SHARES} WHERE s.id = ? AND (s.guest_id = ? OR s.shared_by = ?)");
    Statement::new(text, vec![share.into(), user.into(), user.into()])
}

/// Selects the [`ShareRow`]s of a page of the shares with `guest`, newest first.
#[must_use]
pub fn received(guest: UserId, after: Option<SharePosition>, limit: Limit) -> Statement {
    page("s.guest_id", guest.into(), after, limit)
}

/// Selects the [`ShareRow`]s of a page of the shares by `owner`, newest first.
#[must_use]
pub fn given(owner: UserId, after: Option<SharePosition>, limit: Limit) -> Statement {
    page("s.shared_by", owner.into(), after, limit)
}

/// Selects the [`ShareRow`]s of a page of the shares of `node` itself, newest first.
#[must_use]
pub fn of_node(node: NodeId, after: Option<SharePosition>, limit: Limit) -> Statement {
    page("s.node_id", node.into(), after, limit)
}

/// A page of the shares whose `column` is `value`, using the index that begins with it.
fn page(column: &str, value: Parameter, after: Option<SharePosition>, limit: Limit) -> Statement {
    newest_first(&format!("{SHARES} WHERE {column} = ?"), vec![value], ["s.created_at", "s.id"], after, limit)
}

/// A row of `shares` to be inserted.
#[derive(Insertable)]
#[diesel(table_name = shares, treat_none_as_default_value = false)]
pub struct NewShareRow {
    id: DbId,
    node_id: DbId,
    guest_id: DbId,
    permission: &'static str,
    shared_by: DbId,
    created_at: i64,
}

impl NewShareRow {
    /// The row of `share` of the granted node `item`.
    #[must_use]
    pub fn new(command: &Command, item: &Grant, share: &NewShare) -> Self {
        Self {
            id: share.id.into(),
            node_id: item.node().id.into(),
            guest_id: share.guest.into(),
            permission: permission_word(share.permission),
            shared_by: item.actor().into(),
            created_at: command.at.as_millis(),
        }
    }
}

/// One way in which a node is accessible, through the node itself or an ancestor.
#[derive(QueryableByName)]
pub struct AccessRow {
    #[diesel(sql_type = BigInt)]
    rank: i64,
    #[diesel(sql_type = Id)]
    via_id: DbId,
    #[diesel(sql_type = Text)]
    permission: String,
    #[diesel(sql_type = Nullable<Id>)]
    user_id: Option<DbId>,
    #[diesel(sql_type = Nullable<Text>)]
    username: Option<String>,
    #[diesel(sql_type = Id)]
    node_id: DbId,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Text)]
    name: String,
}

/// The position of an [`AccessVia`] in the order of ranks and identifiers.
fn rank(via: AccessVia) -> (i64, DbId) {
    match via {
        AccessVia::Owner(owner) => (0, owner.into()),
        AccessVia::Share(share) => (1, share.into()),
        AccessVia::Link(link) => (2, link.into()),
    }
}

impl TryFrom<AccessRow> for AccessEntry {
    type Error = Error;

    fn try_from(row: AccessRow) -> Result<Self> {
        let id = NodeId::from(row.node_id);
        let (via, role) = match row.rank {
            0 => (AccessVia::Owner(row.via_id.into()), Role::Owner),
            1 => {
                let share = ShareId::from(row.via_id);
                (AccessVia::Share(share), permission("shares", share, &row.permission)?.into())
            }
            2 => (AccessVia::Link(row.via_id.into()), Role::View),
            _ => return Err(invalid_row("nodes", id, "rank")),
        };
        Ok(Self {
            person: row.user_id.map(|id| UserRef { id: id.into(), username: row.username }),
            role,
            via,
            item: ItemRef { kind: visible_kind("nodes", id, &row.kind)?, id, name: name("nodes", id, row.name)? },
        })
    }
}

/// Selects the [`AccessRow`]s of a page of all access to `node` at `now`.
///
/// Reads all shares and links of the node and its ancestors, and no others: `CROSS` keeps SQLite from starting with a
/// scan of those tables; to PostgreSQL it is an ordinary join.
#[must_use]
pub fn access(node: NodeId, now: Timestamp, after: Option<AccessVia>, limit: Limit) -> Statement {
    let text = format!(
        "WITH RECURSIVE up (id, parent_id, distance) AS (
            SELECT id, parent_id, 0 FROM nodes WHERE id = ?
            UNION ALL
            SELECT n.id, n.parent_id, up.distance + 1 FROM up JOIN nodes n ON n.id = up.parent_id
            WHERE up.distance < {MAX_STEPS}
        ),
        ways (rank, via_id, permission, user_id, node_id) AS (
            SELECT CAST(0 AS BIGINT), d.owner_id, 'owner', d.owner_id, n.id
            FROM nodes n JOIN drives d ON d.id = n.drive_id WHERE n.id = ? AND d.owner_id IS NOT NULL
            UNION ALL
            SELECT 1, s.id, s.permission, s.guest_id, up.id FROM up CROSS JOIN shares s WHERE s.node_id = up.id
            UNION ALL
            SELECT 2, l.id, 'view', NULL, up.id FROM up CROSS JOIN links l
            WHERE l.node_id = up.id AND (l.expires_at IS NULL OR l.expires_at > ?)
        )
        SELECT w.rank, w.via_id, w.permission, w.user_id, u.username, w.node_id, n.kind, n.name
        FROM ways w CROSS JOIN nodes n LEFT JOIN users u ON u.id = w.user_id
        WHERE n.id = w.node_id AND (w.rank, w.via_id) > (?, ?) ORDER BY w.rank, w.via_id LIMIT ?"
    );
    // -1 is below every rank.
    let (rank, via) = after.map_or((-1, node.into()), rank);
    let parameters = vec![
        node.into(),
        node.into(),
        Parameter::Integer(now.as_millis()),
        Parameter::Integer(rank),
        Parameter::Id(via),
        Parameter::Integer(bytes(limit.get() as u64 + 1)),
    ];
    Statement::new(text, parameters)
}
