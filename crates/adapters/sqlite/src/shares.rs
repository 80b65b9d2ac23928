use async_trait::async_trait;
use clouddrive_domain::error::Conflict;
use clouddrive_domain::model::{
    AccessEntry, AccessVia, Change, ChangeKind, Command, CommandOutcome, DriveId, Grant, Limit, Located, NodeId,
    Permission, Share, ShareId, SharePosition, Timestamp, UserId,
};
use clouddrive_domain::port::{NewShare, ShareRepository};
use clouddrive_domain::{Error, Result};
use clouddrive_sql::error::{Constraint, SqlError};
use clouddrive_sql::page::pair_with_nodes;
use clouddrive_sql::schema::{nodes, shares};
use clouddrive_sql::shares::{self as rows, AccessRow, NewShareRow, ShareRow};
use clouddrive_sql::statement::{Statement, update};
use clouddrive_sql::types::{DbId, permission_word};
use clouddrive_sql::uploads::Senders;
use diesel::prelude::*;

use crate::Database;
use crate::changes::record_change;
use crate::error::violated_constraint;
use crate::idempotency_records::store_response;
use crate::locate;
use crate::uploads::abort_without_access;

fn find(connection: &mut SqliteConnection, share: ShareId) -> Result<Option<Share>, SqlError> {
    let row: Option<ShareRow> = rows::find(share).get_result(connection).optional()?;
    Ok(row.map(Share::try_from).transpose()?)
}

fn get(connection: &mut SqliteConnection, share: ShareId) -> Result<Share, SqlError> {
    find(connection, share)?.ok_or(SqlError::Domain(Error::NotFound))
}

fn list(connection: &mut SqliteConnection, page: Statement) -> Result<Vec<Share>, SqlError> {
    let rows: Vec<ShareRow> = page.load(connection)?;
    Ok(rows.into_iter().map(Share::try_from).collect::<Result<_>>()?)
}

/// Lists shares, each with its node as `viewer` sees it. Both queries must see the same state: a node removed between
/// them would make the page look like the last.
fn list_with_nodes(
    connection: &mut SqliteConnection,
    viewer: UserId,
    page: Statement,
) -> Result<Vec<(Share, Located)>, SqlError> {
    let shares = list(connection, page)?;
    let nodes: Vec<NodeId> = shares.iter().map(|share| share.item.id).collect();
    let nodes = locate::find_many(connection, &nodes, viewer)?;
    Ok(pair_with_nodes(shares, |share| share.item.id, nodes))
}

#[async_trait]
impl ShareRepository for Database {
    async fn create(&self, command: &Command, item: &Grant, share: &NewShare) -> Result<Share> {
        let (command, item, share) = (command.clone(), item.clone(), *share);
        self.write_growing(move |connection| {
            let item = locate::reauthorize(connection, &item)?;
            diesel::insert_into(shares::table)
                .values(NewShareRow::new(&command, &item, &share))
                .execute(connection)
                .map_err(|error| match violated_constraint(&error) {
                    Some(Constraint::ShareOnce) => SqlError::Domain(Error::Conflict(Conflict::AlreadyShared)),
                    Some(Constraint::Reference) => SqlError::Domain(Error::NotFound),
                    _ => error.into(),
                })?;
            record_change(connection, &command, Change::for_item(ChangeKind::ShareCreated, &item).about(share.guest))?;
            let share = get(connection, share.id)?;
            store_response(connection, &command, CommandOutcome::Shared(&share))?;
            Ok(share)
        })
        .await
    }

    async fn find(&self, share: ShareId, user: UserId) -> Result<Option<Share>> {
        let statement = rows::find_of(share, user);
        self.read(move |connection| Ok(list(connection, statement)?.pop())).await
    }

    async fn list_received(
        &self,
        guest: UserId,
        after: Option<SharePosition>,
        limit: Limit,
    ) -> Result<Vec<(Share, Located)>> {
        let page = rows::received(guest, after, limit);
        self.snapshot(move |connection| list_with_nodes(connection, guest, page)).await
    }

    async fn list_given(
        &self,
        owner: UserId,
        after: Option<SharePosition>,
        limit: Limit,
    ) -> Result<Vec<(Share, Located)>> {
        let page = rows::given(owner, after, limit);
        self.snapshot(move |connection| list_with_nodes(connection, owner, page)).await
    }

    async fn list_by_node(&self, item: &Grant, after: Option<SharePosition>, limit: Limit) -> Result<Vec<Share>> {
        let page = rows::of_node(item.node().id, after, limit);
        self.read(move |connection| list(connection, page)).await
    }

    async fn list_access(
        &self,
        item: &Grant,
        now: Timestamp,
        after: Option<AccessVia>,
        limit: Limit,
    ) -> Result<Vec<AccessEntry>> {
        let page = rows::access(item.node().id, now, after, limit);
        self.read(move |connection| {
            let rows: Vec<AccessRow> = page.load(connection)?;
            Ok(rows.into_iter().map(AccessEntry::try_from).collect::<Result<_>>()?)
        })
        .await
    }

    async fn change(&self, command: &Command, item: &Grant, share: ShareId, to: Permission) -> Result<Share> {
        let (command, item) = (command.clone(), item.clone());
        self.write(move |connection| {
            let item = locate::reauthorize(connection, &item)?;
            let node = item.node().id;
            let row = shares::table.filter(shares::id.eq(DbId::from(share)).and(shares::node_id.eq(DbId::from(node))));
            let changed = update(row).set(shares::permission.eq(permission_word(to))).execute(connection)?;
            if changed == 0 {
                return Err(Error::NotFound.into());
            }
            let share = get(connection, share)?;
            let guest = share.shared_with.id;
            record_change(connection, &command, Change::for_item(ChangeKind::ShareChanged, &item).about(guest))?;
            abort_without_access(connection, &command, item.drive(), Senders::Guest(guest))?;
            Ok(share)
        })
        .await
    }

    async fn revoke(&self, command: &Command, share: ShareId) -> Result<()> {
        let command = command.clone();
        self.write(move |connection| {
            let row = diesel::delete(shares::table.find(DbId::from(share)))
                .returning((shares::node_id, shares::guest_id))
                .get_result::<(DbId, DbId)>(connection)
                .optional()?;
            let (node, guest) = row.ok_or(Error::NotFound)?;
            let drive: Option<DbId> = nodes::table.find(node).select(nodes::drive_id).first(connection).optional()?;
            let drive = drive.map(DriveId::from);
            let (node, guest) = (NodeId::from(node), UserId::from(guest));
            record_change(connection, &command, Change::for_node(ChangeKind::ShareRevoked, drive, node).about(guest))?;
            match drive {
                Some(drive) => abort_without_access(connection, &command, drive, Senders::Guest(guest)),
                None => Ok(()),
            }
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use clouddrive_domain::model::{LinkId, LinkPosition};
    use clouddrive_sql::links;
    use diesel::connection::SimpleConnection;
    use diesel::sql_types::Text;
    use uuid::Uuid;

    use super::*;

    #[derive(QueryableByName)]
    struct Plan {
        #[diesel(sql_type = Text)]
        detail: String,
    }

    #[test]
    fn given_shares_and_links_use_an_index_without_sorting() {
        let mut connection = SqliteConnection::establish(":memory:").unwrap();
        for migration in [
            include_str!("../../../../migrations/sqlite/2026-11-22-000000_drive/up.sql"),
            include_str!("../../../../migrations/sqlite/2026-11-22-183000_links/up.sql"),
        ] {
            connection.batch_execute(migration).unwrap();
        }
        let node = NodeId::from_uuid(Uuid::from_u128(1));
        let user = UserId::from_uuid(Uuid::from_u128(2));
        let at = Timestamp::from_millis(0);
        let share = SharePosition { at, id: ShareId::from_uuid(Uuid::from_u128(3)) };
        let link = LinkPosition { at, id: LinkId::from_uuid(Uuid::from_u128(4)) };
        let limit = Limit::default();
        let mut plan = |statement: Statement| {
            let plan: Vec<Plan> = statement.after("EXPLAIN QUERY PLAN").load(&mut connection).unwrap();
            plan.into_iter().map(|line| line.detail).collect::<Vec<_>>().join("\n")
        };
        for (index, statement) in [
            ("shares_sharer", rows::given(user, None, limit)),
            ("shares_sharer", rows::given(user, Some(share), limit)),
            ("shares_node ", rows::of_node(node, None, limit)),
            ("shares_node ", rows::of_node(node, Some(share), limit)),
            ("links_maker", links::created_by(user, None, limit)),
            ("links_maker", links::created_by(user, Some(link), limit)),
        ] {
            let plan = plan(statement);
            assert!(plan.contains(index) && !plan.contains("TEMP B-TREE"), "{index}\n{plan}");
        }
        let access = plan(rows::access(node, at, None, limit));
        for line in access.lines().filter(|line| line.starts_with("SCAN")) {
            assert!(
                ["SCAN up", "SCAN ways", "SCAN w", "SCAN CONSTANT"].iter().any(|own| line.starts_with(own)),
                "{access}"
            );
        }
    }
}
