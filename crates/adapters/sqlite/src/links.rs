use async_trait::async_trait;
use clouddrive_domain::model::{
    Change, ChangeKind, Command, CommandOutcome, Grant, Limit, Link, LinkChange, LinkId, LinkPosition, Located, NodeId,
    Timestamp, TokenHash, UserId,
};
use clouddrive_domain::port::{LinkRepository, NewLink};
use clouddrive_domain::{Error, Result};
use clouddrive_sql::error::SqlError;
use clouddrive_sql::links::{self as rows, LinkChangeset, LinkRow, NewLinkRow};
use clouddrive_sql::page::pair_with_nodes;
use clouddrive_sql::schema::links;
use clouddrive_sql::statement::{Statement, update};
use clouddrive_sql::types::DbId;
use diesel::prelude::*;

use crate::Database;
use crate::changes::record_change;
use crate::idempotency_records::store_response;
use crate::locate;

fn load(connection: &mut SqliteConnection, statement: Statement) -> Result<Vec<Link>, SqlError> {
    let rows: Vec<LinkRow> = statement.load(connection)?;
    Ok(rows.into_iter().map(Link::try_from).collect::<Result<_>>()?)
}

pub(crate) fn find(connection: &mut SqliteConnection, link: LinkId) -> Result<Option<Link>, SqlError> {
    Ok(load(connection, rows::find(link))?.pop())
}

fn get(connection: &mut SqliteConnection, link: LinkId) -> Result<Link, SqlError> {
    find(connection, link)?.ok_or(SqlError::Domain(Error::NotFound))
}

fn find_by_token(connection: &mut SqliteConnection, statement: Statement) -> Result<Option<(Link, Located)>, SqlError> {
    let Some(link) = load(connection, statement)?.pop() else {
        return Ok(None);
    };
    let node = locate::find(connection, link.item.id, link.viewer())?;
    Ok(node.map(|node| (link, node)))
}

fn list_by_owner(
    connection: &mut SqliteConnection,
    owner: UserId,
    page: Statement,
) -> Result<Vec<(Link, Located)>, SqlError> {
    let links = load(connection, page)?;
    let nodes: Vec<NodeId> = links.iter().map(|link| link.item.id).collect();
    let nodes = locate::find_many(connection, &nodes, owner)?;
    Ok(pair_with_nodes(links, |link| link.item.id, nodes))
}

#[async_trait]
impl LinkRepository for Database {
    async fn create(&self, command: &Command, item: &Grant, link: &NewLink) -> Result<Link> {
        let (command, item, link) = (command.clone(), item.clone(), link.clone());
        self.write_growing(move |connection| {
            let item = locate::reauthorize(connection, &item)?;
            let row = NewLinkRow::new(&command, &item, &link);
            diesel::insert_into(links::table).values(row).execute(connection)?;
            record_change(connection, &command, Change::for_item(ChangeKind::LinkCreated, &item))?;
            let link = get(connection, link.id)?;
            store_response(connection, &command, CommandOutcome::Linked(&link))?;
            Ok(link)
        })
        .await
    }

    async fn find(&self, link: LinkId, owner: UserId) -> Result<Option<Link>> {
        let statement = rows::find_of(link, owner);
        self.read(move |connection| Ok(load(connection, statement)?.pop())).await
    }

    async fn find_by_token(&self, hash: &TokenHash) -> Result<Option<(Link, Located)>> {
        let statement = rows::find_by_token(hash);
        // Both queries see the same state, in case the node is trashed between them.
        self.snapshot(move |connection| find_by_token(connection, statement)).await
    }

    async fn list_by_owner(
        &self,
        owner: UserId,
        after: Option<LinkPosition>,
        limit: Limit,
    ) -> Result<Vec<(Link, Located)>> {
        let page = rows::created_by(owner, after, limit);
        // Both queries see the same state: a node removed between them would make the page look like the last.
        self.snapshot(move |connection| list_by_owner(connection, owner, page)).await
    }

    async fn change(&self, command: &Command, item: &Grant, link: LinkId, change: &LinkChange) -> Result<Link> {
        let (command, item, change) = (command.clone(), item.clone(), LinkChangeset::from(change));
        self.write(move |connection| {
            let item = locate::reauthorize(connection, &item)?;
            let node = item.node().id;
            let row = links::table.filter(links::id.eq(DbId::from(link)).and(links::node_id.eq(DbId::from(node))));
            if update(row).set(change).execute(connection)? == 0 {
                return Err(Error::NotFound.into());
            }
            record_change(connection, &command, Change::for_item(ChangeKind::LinkChanged, &item))?;
            get(connection, link)
        })
        .await
    }

    async fn revoke(&self, command: &Command, item: &Grant, link: LinkId) -> Result<()> {
        let (command, item) = (command.clone(), item.clone());
        self.write(move |connection| {
            let item = locate::reauthorize(connection, &item)?;
            let node = item.node().id;
            let row = links::table.filter(links::id.eq(DbId::from(link)).and(links::node_id.eq(DbId::from(node))));
            if diesel::delete(row).execute(connection)? == 0 {
                return Err(Error::NotFound.into());
            }
            record_change(connection, &command, Change::for_item(ChangeKind::LinkRevoked, &item))
        })
        .await
    }

    async fn prune_expired(&self, before: Timestamp, max: u32) -> Result<u32> {
        self.write_bulk(move |connection| {
            let expired: Vec<DbId> = links::table
                .filter(links::expires_at.lt(before.as_millis()))
                .limit(max.into())
                .select(links::id)
                .load(connection)?;
            let gone = diesel::delete(links::table.filter(links::id.eq_any(expired))).execute(connection)?;
            Ok(u32::try_from(gone).unwrap_or(max))
        })
        .await
    }
}
