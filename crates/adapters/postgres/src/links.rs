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
use clouddrive_sql::statement::{Parameter, Statement};
use clouddrive_sql::types::DbId;
use diesel::prelude::{BoolExpressionMethods, ExpressionMethods, QueryDsl};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::Database;
use crate::changes::log;
use crate::fault::error;
use crate::locate;
use crate::receipts::keep;
use crate::unit::Begin;

async fn load(mut connection: &AsyncPgConnection, statement: Statement) -> Outcome<Vec<Link>> {
    let rows: Vec<LinkRow> = statement.load(&mut connection).await?;
    Ok(rows.into_iter().map(Link::try_from).collect::<Result<_>>()?)
}

pub(crate) async fn find(connection: &AsyncPgConnection, link: LinkId) -> Outcome<Option<Link>> {
    Ok(load(connection, rows::find(link)).await?.pop())
}

async fn found(connection: &AsyncPgConnection, link: LinkId) -> Outcome<Link> {
    find(connection, link).await?.ok_or(Fault::Domain(Error::NotFound))
}

async fn find_by_token(connection: &AsyncPgConnection, statement: Statement) -> Outcome<Option<(Link, Located)>> {
    let Some(link) = load(connection, statement).await?.pop() else {
        return Ok(None);
    };
    let node = locate::find(connection, link.item.id, link.viewer()).await?;
    Ok(node.map(|node| (link, node)))
}

async fn list_made(connection: &AsyncPgConnection, owner: UserId, page: Statement) -> Outcome<Vec<(Link, Located)>> {
    let links = load(connection, page).await?;
    let nodes: Vec<NodeId> = links.iter().map(|link| link.item.id).collect();
    let nodes = locate::find_many(connection, &nodes, owner).await?;
    Ok(beside_nodes(links, |link| link.item.id, nodes))
}

async fn create(mut connection: &AsyncPgConnection, command: &Command, item: &Grant, link: &NewLink) -> Outcome<Link> {
    let item = locate::renewed(connection, item).await?;
    let row = NewLinkRow::new(command, &item, link);
    diesel::insert_into(links::table).values(row).execute(&mut connection).await?;
    log(connection, command, Change::of_item(ChangeKind::LinkCreated, &item)).await?;
    let link = found(connection, link.id).await?;
    keep(connection, command, Answer::Linked(&link)).await?;
    Ok(link)
}

async fn change(
    mut connection: &AsyncPgConnection,
    command: &Command,
    item: &Grant,
    link: LinkId,
    change: &LinkChange,
) -> Outcome<Link> {
    let item = locate::renewed(connection, item).await?;
    let node = item.node().id;
    let row = links::table.filter(links::id.eq(DbId::from(link)).and(links::node_id.eq(DbId::from(node))));
    if diesel::update(row).set(LinkChangeset::from(change)).execute(&mut connection).await? == 0 {
        return Err(Error::NotFound.into());
    }
    log(connection, command, Change::of_item(ChangeKind::LinkChanged, &item)).await?;
    found(connection, link).await
}

async fn revoke(mut connection: &AsyncPgConnection, command: &Command, item: &Grant, link: LinkId) -> Outcome<()> {
    let item = locate::renewed(connection, item).await?;
    let node = item.node().id;
    let row = links::table.filter(links::id.eq(DbId::from(link)).and(links::node_id.eq(DbId::from(node))));
    if diesel::delete(row).execute(&mut connection).await? == 0 {
        return Err(Error::NotFound.into());
    }
    log(connection, command, Change::of_item(ChangeKind::LinkRevoked, &item)).await
}

#[async_trait]
impl Links for Database {
    async fn create(&self, command: &Command, item: &Grant, link: &NewLink) -> Result<Link> {
        let (command, item, link) = (command.clone(), item.clone(), link.clone());
        let begin = Begin::Within(item.drive());
        let work = async move |connection: &AsyncPgConnection| create(connection, &command, &item, &link).await;
        self.write(begin, work).await
    }

    async fn find(&self, link: LinkId, owner: UserId) -> Result<Option<Link>> {
        let statement = rows::find_of(link, owner);
        self.read(async move |connection: &AsyncPgConnection| Ok(load(connection, statement).await?.pop())).await
    }

    async fn find_by_token(&self, hash: &TokenHash) -> Result<Option<(Link, Located)>> {
        let statement = rows::find_by_token(hash);
        // Both queries see the same state, in case the node is trashed between them.
        let work = async move |connection: &AsyncPgConnection| find_by_token(connection, statement).await;
        self.run(Begin::Snapshot, work).await.map_err(error)
    }

    async fn list_made(
        &self,
        owner: UserId,
        after: Option<LinkPosition>,
        limit: Limit,
    ) -> Result<Vec<(Link, Located)>> {
        let page = rows::made(owner, after, limit);
        // Both queries see the same state: a node removed between them would make the page look like the last.
        let work = async move |connection: &AsyncPgConnection| list_made(connection, owner, page).await;
        self.run(Begin::Snapshot, work).await.map_err(error)
    }

    async fn change(&self, command: &Command, item: &Grant, link: LinkId, to: &LinkChange) -> Result<Link> {
        let (command, item, to) = (command.clone(), item.clone(), to.clone());
        let begin = Begin::Within(item.drive());
        let work = async move |connection: &AsyncPgConnection| change(connection, &command, &item, link, &to).await;
        self.write(begin, work).await
    }

    async fn revoke(&self, command: &Command, item: &Grant, link: LinkId) -> Result<()> {
        let (command, item) = (command.clone(), item.clone());
        let begin = Begin::Within(item.drive());
        let work = async move |connection: &AsyncPgConnection| revoke(connection, &command, &item, link).await;
        self.write(begin, work).await
    }

    async fn forget_expired(&self, before: Timestamp, most: u32) -> Result<u32> {
        self.write(Begin::Write, async move |mut connection: &AsyncPgConnection| {
            let text = "DELETE FROM links WHERE id = ANY (ARRAY(
                SELECT id FROM links WHERE expires_at < ? LIMIT ? FOR UPDATE SKIP LOCKED))";
            let parameters = vec![Parameter::Integer(before.as_millis()), Parameter::Integer(most.into())];
            let gone = Statement::new(text, parameters).execute(&mut connection).await?;
            Ok(u32::try_from(gone).unwrap_or(most))
        })
        .await
    }
}
