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
use clouddrive_sql::statement::{Parameter, Statement, update};
use clouddrive_sql::types::DbId;
use diesel::prelude::{BoolExpressionMethods, ExpressionMethods, QueryDsl};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::Database;
use crate::changes::record_change;
use crate::error::domain_error;
use crate::idempotency_records::store_response;
use crate::locate;
use crate::transaction::TxMode;

async fn load(mut connection: &AsyncPgConnection, statement: Statement) -> Result<Vec<Link>, SqlError> {
    let rows: Vec<LinkRow> = statement.load(&mut connection).await?;
    Ok(rows.into_iter().map(Link::try_from).collect::<Result<_>>()?)
}

pub(crate) async fn find(connection: &AsyncPgConnection, link: LinkId) -> Result<Option<Link>, SqlError> {
    Ok(load(connection, rows::find(link)).await?.pop())
}

async fn get(connection: &AsyncPgConnection, link: LinkId) -> Result<Link, SqlError> {
    find(connection, link).await?.ok_or(SqlError::Domain(Error::NotFound))
}

async fn find_by_token(
    connection: &AsyncPgConnection,
    statement: Statement,
) -> Result<Option<(Link, Located)>, SqlError> {
    let Some(link) = load(connection, statement).await?.pop() else {
        return Ok(None);
    };
    let node = locate::find(connection, link.item.id, link.viewer()).await?;
    Ok(node.map(|node| (link, node)))
}

async fn list_by_owner(
    connection: &AsyncPgConnection,
    owner: UserId,
    page: Statement,
) -> Result<Vec<(Link, Located)>, SqlError> {
    let links = load(connection, page).await?;
    let nodes: Vec<NodeId> = links.iter().map(|link| link.item.id).collect();
    let nodes = locate::find_many(connection, &nodes, owner).await?;
    Ok(pair_with_nodes(links, |link| link.item.id, nodes))
}

async fn create(
    mut connection: &AsyncPgConnection,
    command: &Command,
    item: &Grant,
    link: &NewLink,
) -> Result<Link, SqlError> {
    let item = locate::reauthorize(connection, item).await?;
    let row = NewLinkRow::new(command, &item, link);
    diesel::insert_into(links::table).values(row).execute(&mut connection).await?;
    record_change(connection, command, Change::for_item(ChangeKind::LinkCreated, &item)).await?;
    let link = get(connection, link.id).await?;
    store_response(connection, command, CommandOutcome::Linked(&link)).await?;
    Ok(link)
}

async fn change(
    mut connection: &AsyncPgConnection,
    command: &Command,
    item: &Grant,
    link: LinkId,
    change: &LinkChange,
) -> Result<Link, SqlError> {
    let item = locate::reauthorize(connection, item).await?;
    let node = item.node().id;
    let row = links::table.filter(links::id.eq(DbId::from(link)).and(links::node_id.eq(DbId::from(node))));
    if update(row).set(LinkChangeset::from(change)).execute(&mut connection).await? == 0 {
        return Err(Error::NotFound.into());
    }
    record_change(connection, command, Change::for_item(ChangeKind::LinkChanged, &item)).await?;
    get(connection, link).await
}

async fn revoke(
    mut connection: &AsyncPgConnection,
    command: &Command,
    item: &Grant,
    link: LinkId,
) -> Result<(), SqlError> {
    let item = locate::reauthorize(connection, item).await?;
    let node = item.node().id;
    let row = links::table.filter(links::id.eq(DbId::from(link)).and(links::node_id.eq(DbId::from(node))));
    if diesel::delete(row).execute(&mut connection).await? == 0 {
        return Err(Error::NotFound.into());
    }
    record_change(connection, command, Change::for_item(ChangeKind::LinkRevoked, &item)).await
}

#[async_trait]
impl LinkRepository for Database {
    async fn create(&self, command: &Command, item: &Grant, link: &NewLink) -> Result<Link> {
        let (command, item, link) = (command.clone(), item.clone(), link.clone());
        let mode = TxMode::WriteInTree(item.drive());
        let work = async move |connection: &AsyncPgConnection| create(connection, &command, &item, &link).await;
        self.write(mode, work).await
    }

    async fn find(&self, link: LinkId, owner: UserId) -> Result<Option<Link>> {
        let statement = rows::find_of(link, owner);
        self.read(async move |connection: &AsyncPgConnection| Ok(load(connection, statement).await?.pop())).await
    }

    async fn find_by_token(&self, hash: &TokenHash) -> Result<Option<(Link, Located)>> {
        let statement = rows::find_by_token(hash);
        // Both queries see the same state, in case the node is trashed between them.
        let work = async move |connection: &AsyncPgConnection| find_by_token(connection, statement).await;
        self.run(TxMode::Snapshot, work).await.map_err(domain_error)
    }

    async fn list_by_owner(
        &self,
        owner: UserId,
        after: Option<LinkPosition>,
        limit: Limit,
    ) -> Result<Vec<(Link, Located)>> {
        let page = rows::created_by(owner, after, limit);
        // Both queries see the same state: a node removed between them would make the page look like the last.
        let work = async move |connection: &AsyncPgConnection| list_by_owner(connection, owner, page).await;
        self.run(TxMode::Snapshot, work).await.map_err(domain_error)
    }

    async fn change(&self, command: &Command, item: &Grant, link: LinkId, to: &LinkChange) -> Result<Link> {
        let (command, item, to) = (command.clone(), item.clone(), to.clone());
        let mode = TxMode::WriteInTree(item.drive());
        let work = async move |connection: &AsyncPgConnection| change(connection, &command, &item, link, &to).await;
        self.write(mode, work).await
    }

    async fn revoke(&self, command: &Command, item: &Grant, link: LinkId) -> Result<()> {
        let (command, item) = (command.clone(), item.clone());
        let mode = TxMode::WriteInTree(item.drive());
        let work = async move |connection: &AsyncPgConnection| revoke(connection, &command, &item, link).await;
        self.write(mode, work).await
    }

    async fn prune_expired(&self, before: Timestamp, max: u32) -> Result<u32> {
        self.write(TxMode::Write, async move |mut connection: &AsyncPgConnection| {
            let text = "DELETE FROM links WHERE id = ANY (ARRAY(
                SELECT id FROM links WHERE expires_at < ? LIMIT ? FOR UPDATE SKIP LOCKED))";
            let parameters = vec![Parameter::Integer(before.as_millis()), Parameter::Integer(max.into())];
            let gone = Statement::new(text, parameters).execute(&mut connection).await?;
            Ok(u32::try_from(gone).unwrap_or(max))
        })
        .await
    }
}
