use async_trait::async_trait;
use clouddrive_domain::model::{
    Answer, Change, ChangeKind, Command, Grant, Limit, Link, LinkChange, LinkId, LinkPosition, Located, NodeId,
    Timestamp, TokenHash, UserId,
};
use clouddrive_domain::port::{Links, NewLink};
use clouddrive_domain::{Error, Result};
use clouddrive_sql::fault::{Fault, Outcome};
use clouddrive_sql::links::{self as rows, LinkChangeset, LinkRow, NewLinkRow};
use clouddrive_sql::page::beside_nodes;
use clouddrive_sql::schema::links;
use clouddrive_sql::statement::Statement;
use clouddrive_sql::types::DbId;
use diesel::prelude::*;

use crate::Database;
use crate::changes::log;
use crate::locate;
use crate::receipts::keep;

fn load(connection: &mut SqliteConnection, statement: Statement) -> Outcome<Vec<Link>> {
    let rows: Vec<LinkRow> = statement.load(connection)?;
    Ok(rows.into_iter().map(Link::try_from).collect::<Result<_>>()?)
}

pub(crate) fn find(connection: &mut SqliteConnection, link: LinkId) -> Outcome<Option<Link>> {
    Ok(load(connection, rows::find(link))?.pop())
}

fn found(connection: &mut SqliteConnection, link: LinkId) -> Outcome<Link> {
    find(connection, link)?.ok_or(Fault::Domain(Error::NotFound))
}

fn find_by_token(connection: &mut SqliteConnection, statement: Statement) -> Outcome<Option<(Link, Located)>> {
    let Some(link) = load(connection, statement)?.pop() else {
        return Ok(None);
    };
    let node = locate::find(connection, link.item.id, link.viewer())?;
    Ok(node.map(|node| (link, node)))
}

fn list_made(connection: &mut SqliteConnection, owner: UserId, page: Statement) -> Outcome<Vec<(Link, Located)>> {
    let links = load(connection, page)?;
    let nodes: Vec<NodeId> = links.iter().map(|link| link.item.id).collect();
    let nodes = locate::find_many(connection, &nodes, owner)?;
    Ok(beside_nodes(links, |link| link.item.id, nodes))
}

#[async_trait]
impl Links for Database {
    async fn create(&self, command: &Command, item: &Grant, link: &NewLink) -> Result<Link> {
        let (command, item, link) = (command.clone(), item.clone(), link.clone());
        self.grow(move |connection| {
            let item = locate::renewed(connection, &item)?;
            let row = NewLinkRow::new(&command, &item, &link);
            diesel::insert_into(links::table).values(row).execute(connection)?;
            log(connection, &command, Change::of_item(ChangeKind::LinkCreated, &item))?;
            let link = found(connection, link.id)?;
            keep(connection, &command, Answer::Linked(&link))?;
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
        self.read(move |connection| connection.transaction(|connection| find_by_token(connection, statement))).await
    }

    async fn list_made(
        &self,
        owner: UserId,
        after: Option<LinkPosition>,
        limit: Limit,
    ) -> Result<Vec<(Link, Located)>> {
        let page = rows::made(owner, after, limit);
        // Both queries see the same state: a node removed between them would make the page look like the last.
        self.read(move |connection| connection.transaction(|connection| list_made(connection, owner, page))).await
    }

    async fn change(&self, command: &Command, item: &Grant, link: LinkId, change: &LinkChange) -> Result<Link> {
        let (command, item, change) = (command.clone(), item.clone(), LinkChangeset::from(change));
        self.write(move |connection| {
            let item = locate::renewed(connection, &item)?;
            let node = item.node().id;
            let row = links::table.filter(links::id.eq(DbId::from(link)).and(links::node_id.eq(DbId::from(node))));
            if diesel::update(row).set(change).execute(connection)? == 0 {
                return Err(Error::NotFound.into());
            }
            log(connection, &command, Change::of_item(ChangeKind::LinkChanged, &item))?;
            found(connection, link)
        })
        .await
    }

    async fn revoke(&self, command: &Command, item: &Grant, link: LinkId) -> Result<()> {
        let (command, item) = (command.clone(), item.clone());
        self.write(move |connection| {
            let item = locate::renewed(connection, &item)?;
            let node = item.node().id;
            let row = links::table.filter(links::id.eq(DbId::from(link)).and(links::node_id.eq(DbId::from(node))));
            if diesel::delete(row).execute(connection)? == 0 {
                return Err(Error::NotFound.into());
            }
            log(connection, &command, Change::of_item(ChangeKind::LinkRevoked, &item))
        })
        .await
    }

    async fn forget_expired(&self, before: Timestamp, most: u32) -> Result<u32> {
        self.write(move |connection| {
            let expired: Vec<DbId> = links::table
                .filter(links::expires_at.lt(before.as_millis()))
                .limit(most.into())
                .select(links::id)
                .load(connection)?;
            let gone = diesel::delete(links::table.filter(links::id.eq_any(expired))).execute(connection)?;
            Ok(u32::try_from(gone).unwrap_or(most))
        })
        .await
    }
}
