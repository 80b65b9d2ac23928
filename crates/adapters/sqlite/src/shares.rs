use std::collections::HashMap;

use async_trait::async_trait;
use clouddrive_domain::error::Conflict;
use clouddrive_domain::model::{
    ChangeKind, Command, DriveId, Grant, ItemRef, Limit, Located, NodeId, NodeKind, Permission, Person, Share, ShareId,
    SharePosition, Timestamp, UserId,
};
use clouddrive_domain::port::{NewShare, Shares};
use clouddrive_domain::{Error, Result};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Nullable, Text};

use crate::Database;
use crate::changes::log;
use crate::fault::{Constraint, Fault, Outcome, violated};
use crate::locate;
use crate::schema::{nodes, shares};
use crate::statement::{Parameter, Statement};
use crate::types::{DbId, bad_row, bytes, name, permission, permission_word};

#[derive(QueryableByName)]
#[diesel(check_for_backend(diesel::sqlite::Sqlite))]
struct ShareRow {
    #[diesel(sql_type = Binary)]
    id: DbId,
    #[diesel(sql_type = Text)]
    permission: String,
    #[diesel(sql_type = Binary)]
    node_id: DbId,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Binary)]
    guest_id: DbId,
    #[diesel(sql_type = Text)]
    guest_name: String,
    #[diesel(sql_type = Binary)]
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

fn find(connection: &mut SqliteConnection, share: ShareId) -> Outcome<Option<Share>> {
    let statement = Statement::new(format!("{SHARES} WHERE s.id = ?"), vec![share.into()]);
    let row: Option<ShareRow> = statement.get_result(connection).optional()?;
    Ok(row.map(Share::try_from).transpose()?)
}

fn found(connection: &mut SqliteConnection, share: ShareId) -> Outcome<Share> {
    find(connection, share)?.ok_or(Fault::Domain(Error::NotFound))
}

/// A page of the shares of `guest`, newest first.
fn received(guest: UserId, after: Option<SharePosition>, limit: Limit) -> Statement {
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

fn list_received(connection: &mut SqliteConnection, guest: UserId, page: Statement) -> Outcome<Vec<(Share, Located)>> {
    let rows: Vec<ShareRow> = page.load(connection)?;
    let shares = rows.into_iter().map(Share::try_from).collect::<Result<Vec<_>>>()?;
    let nodes: Vec<NodeId> = shares.iter().map(|share| share.item.id).collect();
    let mut located: HashMap<NodeId, Located> =
        locate::find_many(connection, &nodes, guest)?.into_iter().map(|found| (found.node.id, found)).collect();
    let pair = |share: Share| {
        let found = located.remove(&share.item.id)?;
        Some((share, found))
    };
    Ok(shares.into_iter().filter_map(pair).collect())
}

#[async_trait]
impl Shares for Database {
    async fn create(&self, command: &Command, item: &Grant, share: &NewShare) -> Result<Share> {
        let (command, item, share) = (command.clone(), item.clone(), *share);
        self.write(move |connection| {
            let item = item.renew(locate::find(connection, item.node().id, item.actor())?)?;
            diesel::insert_into(shares::table)
                .values((
                    shares::id.eq(DbId::from(share.id)),
                    shares::node_id.eq(DbId::from(item.node().id)),
                    shares::guest_id.eq(DbId::from(share.guest)),
                    shares::permission.eq(permission_word(share.permission)),
                    shares::shared_by.eq(DbId::from(item.actor())),
                    shares::created_at.eq(command.at.as_millis()),
                ))
                .execute(connection)
                .map_err(|fault| match violated(&fault) {
                    Some(Constraint::ShareOnce) => Fault::Domain(Error::Conflict(Conflict::AlreadyShared)),
                    Some(Constraint::Reference) => Fault::Domain(Error::NotFound),
                    _ => fault.into(),
                })?;
            log(connection, &command, ChangeKind::ShareCreated, Some(item.drive()), Some(item.node().id))?;
            found(connection, share.id)
        })
        .await
    }

    async fn find(&self, share: ShareId) -> Result<Option<Share>> {
        self.read(move |connection| find(connection, share)).await
    }

    async fn list_received(
        &self,
        guest: UserId,
        after: Option<SharePosition>,
        limit: Limit,
    ) -> Result<Vec<(Share, Located)>> {
        let statement = received(guest, after, limit);
        // Both queries see the same state: a node that goes between them would make the page look like the last.
        self.read(move |connection| connection.transaction(|connection| list_received(connection, guest, statement)))
            .await
    }

    async fn change(&self, command: &Command, item: &Grant, share: ShareId, to: Permission) -> Result<Share> {
        let (command, item) = (command.clone(), item.clone());
        self.write(move |connection| {
            let item = item.renew(locate::find(connection, item.node().id, item.actor())?)?;
            let node = item.node().id;
            let row = shares::table.filter(shares::id.eq(DbId::from(share)).and(shares::node_id.eq(DbId::from(node))));
            let changed = diesel::update(row).set(shares::permission.eq(permission_word(to))).execute(connection)?;
            if changed == 0 {
                return Err(Error::NotFound.into());
            }
            log(connection, &command, ChangeKind::ShareChanged, Some(item.drive()), Some(node))?;
            found(connection, share)
        })
        .await
    }

    async fn revoke(&self, command: &Command, share: ShareId) -> Result<()> {
        let command = command.clone();
        self.write(move |connection| {
            let row = diesel::delete(shares::table.find(DbId::from(share)))
                .returning(shares::node_id)
                .get_result::<DbId>(connection)
                .optional()?;
            let node = row.ok_or(Error::NotFound)?;
            let drive: Option<DbId> = nodes::table.find(node).select(nodes::drive_id).first(connection).optional()?;
            log(connection, &command, ChangeKind::ShareRevoked, drive.map(DriveId::from), Some(node.into()))
        })
        .await
    }
}
