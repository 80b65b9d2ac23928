//! Shares, and what a guest has received.

use std::collections::HashMap;

use clouddrive_domain::model::{
    Command, Grant, ItemRef, Limit, Located, NodeId, NodeKind, Person, Share, ShareId, SharePosition, Timestamp, UserId,
};
use clouddrive_domain::port::NewShare;
use clouddrive_domain::{Error, Result};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};

use crate::schema::shares;
use crate::statement::{Parameter, Statement};
use crate::types::{DbId, Id, bad_row, bytes, name, permission, permission_word};

/// A share with the names of its node and of both people.
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
        let kind = match row.kind.as_str() {
            "folder" => NodeKind::Folder,
            "file" => NodeKind::File,
            _ => return Err(bad_row("shares", id, "kind of node")),
        };
        Ok(Self {
            id,
            permission: permission("shares", id, &row.permission)?,
            item: ItemRef { kind, id: row.node_id.into(), name: name("nodes", id, &row.name)? },
            shared_with: Person { id: row.guest_id.into(), username: Some(row.guest_name) },
            shared_by: Person { id: row.shared_by.into(), username: row.sharer_name },
            shared_at: Timestamp::from_millis(row.created_at),
        })
    }
}

/// Asks for the [`ShareRow`] of `share`.
#[must_use]
pub fn find(share: ShareId) -> Statement {
    Statement::new(format!("{SHARES} WHERE s.id = ?"), vec![share.into()])
}

/// Asks for the [`ShareRow`]s of a page of what is shared with `guest`, newest first.
#[must_use]
pub fn received(guest: UserId, after: Option<SharePosition>, limit: Limit) -> Statement {
    let mut parameters = vec![guest.into()];
    let start = after.map_or("", |position| {
        parameters.push(Parameter::Integer(position.at.as_millis()));
        parameters.push(position.id.into());
        "AND (s.created_at, s.id) < (?, ?)"
    });
    parameters.push(Parameter::Integer(bytes(limit.get() as u64 + 1)));
    let text = format!("{SHARES} WHERE s.guest_id = ? {start} ORDER BY s.created_at DESC, s.id DESC LIMIT ?");
    Statement::new(text, parameters)
}

/// Puts each share beside its node as the guest finds it; one whose node is not found is left out.
#[must_use]
pub fn beside_nodes(shares: Vec<Share>, nodes: Vec<Located>) -> Vec<(Share, Located)> {
    let mut nodes: HashMap<NodeId, Located> = nodes.into_iter().map(|found| (found.node.id, found)).collect();
    let pair = |share: Share| {
        let found = nodes.remove(&share.item.id)?;
        Some((share, found))
    };
    shares.into_iter().filter_map(pair).collect()
}

/// A row of `shares` to be inserted.
#[derive(Insertable)]
#[diesel(table_name = shares)]
pub struct NewShareRow {
    id: DbId,
    node_id: DbId,
    guest_id: DbId,
    permission: &'static str,
    shared_by: DbId,
    created_at: i64,
}

impl NewShareRow {
    /// The row of `share`, of the node for which `item` gives leave.
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
