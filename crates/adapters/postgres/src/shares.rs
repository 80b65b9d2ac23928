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
use diesel::prelude::{BoolExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::Database;
use crate::changes::record_change;
use crate::error::{domain_error, violated_constraint};
use crate::idempotency_records::store_response;
use crate::locate;
use crate::transaction::TxMode;
use crate::uploads::abort_without_access;

async fn find(mut connection: &AsyncPgConnection, share: ShareId) -> Result<Option<Share>, SqlError> {
    let row: Option<ShareRow> = rows::find(share).get_result(&mut connection).await.optional()?;
    Ok(row.map(Share::try_from).transpose()?)
}

async fn get(connection: &AsyncPgConnection, share: ShareId) -> Result<Share, SqlError> {
    find(connection, share).await?.ok_or(SqlError::Domain(Error::NotFound))
}

async fn create(
    mut connection: &AsyncPgConnection,
    command: &Command,
    item: &Grant,
    share: &NewShare,
) -> Result<Share, SqlError> {
    let item = locate::reauthorize(connection, item).await?;
    let row = NewShareRow::new(command, &item, share);
    let inserted = diesel::insert_into(shares::table).values(row).execute(&mut connection).await;
    inserted.map_err(|error| match violated_constraint(&error) {
        Some(Constraint::ShareOnce) => SqlError::Domain(Error::Conflict(Conflict::AlreadyShared)),
        Some(Constraint::Reference) => SqlError::Domain(Error::NotFound),
        _ => error.into(),
    })?;
    record_change(connection, command, Change::for_item(ChangeKind::ShareCreated, &item).about(share.guest)).await?;
    let share = get(connection, share.id).await?;
    store_response(connection, command, CommandOutcome::Shared(&share)).await?;
    Ok(share)
}

async fn change(
    mut connection: &AsyncPgConnection,
    command: &Command,
    item: &Grant,
    share: ShareId,
    to: Permission,
) -> Result<Share, SqlError> {
    let item = locate::reauthorize(connection, item).await?;
    let node = item.node().id;
    let row = shares::table.filter(shares::id.eq(DbId::from(share)).and(shares::node_id.eq(DbId::from(node))));
    let to = shares::permission.eq(permission_word(to));
    if update(row).set(to).execute(&mut connection).await? == 0 {
        return Err(Error::NotFound.into());
    }
    let share = get(connection, share).await?;
    let guest = share.shared_with.id;
    record_change(connection, command, Change::for_item(ChangeKind::ShareChanged, &item).about(guest)).await?;
    abort_without_access(connection, command, item.drive(), Senders::Guest(guest)).await?;
    Ok(share)
}

/// The drive of the shared node.
async fn drive_of(mut connection: &AsyncPgConnection, share: ShareId) -> Result<Option<DriveId>, SqlError> {
    let node = shares::table.find(DbId::from(share)).select(shares::node_id);
    let drive = nodes::table.filter(nodes::id.eq_any(node)).select(nodes::drive_id);
    Ok(drive.first::<DbId>(&mut connection).await.optional()?.map(DriveId::from))
}

async fn revoke(
    mut connection: &AsyncPgConnection,
    command: &Command,
    share: ShareId,
    drive: DriveId,
) -> Result<(), SqlError> {
    let row = diesel::delete(shares::table.find(DbId::from(share))).returning((shares::node_id, shares::guest_id));
    let row = row.get_result::<(DbId, DbId)>(&mut connection).await.optional()?;
    let (node, guest) = row.ok_or(Error::NotFound)?;
    let (node, guest) = (NodeId::from(node), UserId::from(guest));
    record_change(connection, command, Change::for_node(ChangeKind::ShareRevoked, drive, node).about(guest)).await?;
    abort_without_access(connection, command, drive, Senders::Guest(guest)).await
}

async fn list(mut connection: &AsyncPgConnection, page: Statement) -> Result<Vec<Share>, SqlError> {
    let rows: Vec<ShareRow> = page.load(&mut connection).await?;
    Ok(rows.into_iter().map(Share::try_from).collect::<Result<_>>()?)
}

/// Lists shares, each with its node as `viewer` sees it.
async fn list_with_nodes(
    connection: &AsyncPgConnection,
    viewer: UserId,
    page: Statement,
) -> Result<Vec<(Share, Located)>, SqlError> {
    let shares = list(connection, page).await?;
    let nodes: Vec<NodeId> = shares.iter().map(|share| share.item.id).collect();
    let nodes = locate::find_many(connection, &nodes, viewer).await?;
    Ok(pair_with_nodes(shares, |share| share.item.id, nodes))
}

#[async_trait]
impl ShareRepository for Database {
    async fn create(&self, command: &Command, item: &Grant, share: &NewShare) -> Result<Share> {
        let (command, item, share) = (command.clone(), item.clone(), *share);
        let mode = TxMode::WriteInTree(item.drive());
        let work = async move |connection: &AsyncPgConnection| create(connection, &command, &item, &share).await;
        self.write(mode, work).await
    }

    async fn find(&self, share: ShareId, user: UserId) -> Result<Option<Share>> {
        let statement = rows::find_of(share, user);
        self.read(async move |connection: &AsyncPgConnection| Ok(list(connection, statement).await?.pop())).await
    }

    async fn list_received(
        &self,
        guest: UserId,
        after: Option<SharePosition>,
        limit: Limit,
    ) -> Result<Vec<(Share, Located)>> {
        let page = rows::received(guest, after, limit);
        // Both queries see the same state: a node removed between them would make the page look like the last.
        let work = async move |connection: &AsyncPgConnection| list_with_nodes(connection, guest, page).await;
        self.run(TxMode::Snapshot, work).await.map_err(domain_error)
    }

    async fn list_given(
        &self,
        owner: UserId,
        after: Option<SharePosition>,
        limit: Limit,
    ) -> Result<Vec<(Share, Located)>> {
        let page = rows::given(owner, after, limit);
        let work = async move |connection: &AsyncPgConnection| list_with_nodes(connection, owner, page).await;
        self.run(TxMode::Snapshot, work).await.map_err(domain_error)
    }

    async fn list_by_node(&self, item: &Grant, after: Option<SharePosition>, limit: Limit) -> Result<Vec<Share>> {
        let page = rows::of_node(item.node().id, after, limit);
        self.read(async move |connection: &AsyncPgConnection| list(connection, page).await).await
    }

    async fn list_access(
        &self,
        item: &Grant,
        now: Timestamp,
        after: Option<AccessVia>,
        limit: Limit,
    ) -> Result<Vec<AccessEntry>> {
        let page = rows::access(item.node().id, now, after, limit);
        self.read(async move |mut connection: &AsyncPgConnection| {
            let rows: Vec<AccessRow> = page.load(&mut connection).await?;
            Ok(rows.into_iter().map(AccessEntry::try_from).collect::<Result<_>>()?)
        })
        .await
    }

    async fn change(&self, command: &Command, item: &Grant, share: ShareId, to: Permission) -> Result<Share> {
        let (command, item) = (command.clone(), item.clone());
        // Exclusive: writes begun under the former permission end before this returns.
        let mode = TxMode::ChangeTree(item.drive());
        let work = async move |connection: &AsyncPgConnection| change(connection, &command, &item, share, to).await;
        self.write(mode, work).await
    }

    async fn revoke(&self, command: &Command, share: ShareId) -> Result<()> {
        let command = command.clone();
        let find = async move |connection: &AsyncPgConnection| drive_of(connection, share).await;
        let drive = self.read(find).await?.ok_or(Error::NotFound)?;
        // Exclusive: writes begun under the share end before this returns. Nodes never change drives.
        let work = async move |connection: &AsyncPgConnection| revoke(connection, &command, share, drive).await;
        self.write(TxMode::ChangeTree(drive), work).await
    }
}
