use async_trait::async_trait;
use clouddrive_domain::model::{
    Change, ChangeKind, Command, CommandOutcome, Grant, Limit, Link, LinkChange, LinkId, LinkPosition, Located,
    Timestamp, TokenHash, UserId,
};
use clouddrive_domain::port::{LinkRepository, NewLink};
use clouddrive_domain::{Error, Result};

use crate::Database;
use crate::changes::log;
use crate::idempotency_records::store_response;
use crate::locate;
use crate::page::newest_first;
use crate::state::{LinkRow, State};

/// The link, named after its node.
pub(crate) fn find(state: &State, id: LinkId) -> Option<Link> {
    let row = state.links.get(&id)?;
    Some(Link {
        id,
        item: locate::item(state, row.node)?,
        created_by: row.created_by,
        sealed: row.sealed.clone(),
        password: row.password.clone(),
        expires_at: row.expires_at,
        max_downloads: row.max_downloads,
        downloads: row.downloads,
        last_download_at: row.last_download_at,
        created_at: row.created_at,
    })
}

fn found(state: &State, id: LinkId) -> Result<Link> {
    find(state, id).ok_or(Error::NotFound)
}

/// Removes the link, with the marks of its downloads.
pub(crate) fn remove(state: &mut State, id: LinkId) {
    state.links.remove(&id);
    let marks: Vec<_> = state.downloads.range((id, [0; 32])..=(id, [u8::MAX; 32])).map(|(key, _)| *key).collect();
    for mark in marks {
        state.downloads.remove(&mark);
    }
}

fn create(state: &mut State, command: &Command, item: &Grant, new: &NewLink) -> Result<Link> {
    let item = locate::reauthorize(state, item)?;
    let row = LinkRow {
        node: item.node().id,
        created_by: item.actor(),
        hash: new.hash,
        sealed: new.sealed.clone(),
        password: new.password.clone(),
        expires_at: new.expires_at,
        max_downloads: new.max_downloads,
        downloads: 0,
        last_download_at: None,
        created_at: command.at,
    };
    state.links.put(new.id, row);
    log(state, command, Change::for_item(ChangeKind::LinkCreated, &item));
    let link = found(state, new.id)?;
    store_response(state, command, CommandOutcome::Linked(&link))?;
    Ok(link)
}

fn change(state: &mut State, command: &Command, item: &Grant, id: LinkId, to: &LinkChange) -> Result<Link> {
    let item = locate::reauthorize(state, item)?;
    let row = state.links.get_mut(&id).filter(|row| row.node == item.node().id).ok_or(Error::NotFound)?;
    if let Some(password) = &to.password {
        row.password.clone_from(password);
    }
    row.expires_at = to.expires_at.unwrap_or(row.expires_at);
    row.max_downloads = to.max_downloads.unwrap_or(row.max_downloads);
    log(state, command, Change::for_item(ChangeKind::LinkChanged, &item));
    found(state, id)
}

fn revoke(state: &mut State, command: &Command, item: &Grant, id: LinkId) -> Result<()> {
    let item = locate::reauthorize(state, item)?;
    state.links.get(&id).filter(|row| row.node == item.node().id).ok_or(Error::NotFound)?;
    remove(state, id);
    log(state, command, Change::for_item(ChangeKind::LinkRevoked, &item));
    Ok(())
}

fn list_by_owner(state: &State, owner: UserId, after: Option<LinkPosition>, limit: Limit) -> Vec<(Link, Located)> {
    let own = state.links.iter().filter(|(_, row)| row.created_by == owner);
    let after = after.map(|position| (position.at, position.id));
    let page = newest_first(own, |(id, row)| (row.created_at, **id), after, limit);
    let pair = |(id, row): (&LinkId, &LinkRow)| Some((find(state, *id)?, locate::find(state, row.node, owner)?));
    page.into_iter().filter_map(pair).collect()
}

#[async_trait]
impl LinkRepository for Database {
    async fn create(&self, command: &Command, item: &Grant, link: &NewLink) -> Result<Link> {
        self.write(|state| create(state, command, item, link))
    }

    async fn find(&self, link: LinkId, owner: UserId) -> Result<Option<Link>> {
        self.read(|state| Ok(find(state, link).filter(|link| link.created_by == owner)))
    }

    async fn find_by_token(&self, hash: &TokenHash) -> Result<Option<(Link, Located)>> {
        self.read(|state| {
            let link = state.links.iter().find(|(_, row)| row.hash == *hash).and_then(|(id, _)| find(state, *id));
            let Some(link) = link else { return Ok(None) };
            let node = locate::find(state, link.item.id, link.viewer());
            Ok(node.map(|node| (link, node)))
        })
    }

    async fn list_by_owner(
        &self,
        owner: UserId,
        after: Option<LinkPosition>,
        limit: Limit,
    ) -> Result<Vec<(Link, Located)>> {
        self.read(|state| Ok(list_by_owner(state, owner, after, limit)))
    }

    async fn change(&self, command: &Command, item: &Grant, link: LinkId, to: &LinkChange) -> Result<Link> {
        self.write(|state| change(state, command, item, link, to))
    }

    async fn revoke(&self, command: &Command, item: &Grant, link: LinkId) -> Result<()> {
        self.write(|state| revoke(state, command, item, link))
    }

    async fn prune_expired(&self, before: Timestamp, max: u32) -> Result<u32> {
        self.write(|state| {
            let expired = state.links.keys_where(max, |row| row.expires_at.is_some_and(|end| end < before));
            for id in &expired {
                remove(state, *id);
            }
            Ok(u32::try_from(expired.len()).unwrap_or(max))
        })
    }
}
