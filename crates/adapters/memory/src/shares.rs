use async_trait::async_trait;
use clouddrive_domain::error::Conflict;
use clouddrive_domain::model::{
    AccessEntry, AccessVia, Change, ChangeKind, Command, CommandOutcome, Grant, Limit, Located, NodeId, Permission,
    Role, Share, ShareId, SharePosition, Timestamp, UserId,
};
use clouddrive_domain::port::{NewShare, ShareRepository};
use clouddrive_domain::{Error, Result};

use crate::Database;
use crate::changes::log;
use crate::idempotency_records::store_response;
use crate::locate::{self, person};
use crate::page::newest_first;
use crate::state::{ShareRow, State};
use crate::uploads::end_without_right;

/// The node and the guest of a share.
type Key = (NodeId, UserId);

fn share(state: &State, (node, guest): Key, row: &ShareRow) -> Option<Share> {
    Some(Share {
        id: row.id,
        permission: row.permission,
        item: locate::item(state, node)?,
        shared_with: person(state, guest),
        shared_by: person(state, row.shared_by),
        shared_at: row.shared_at,
    })
}

fn key_of(state: &State, id: ShareId) -> Result<Key> {
    state.shares.iter().find(|(_, row)| row.id == id).map(|(key, _)| *key).ok_or(Error::NotFound)
}

fn found(state: &State, key: Key) -> Result<Share> {
    state.shares.get(&key).and_then(|row| share(state, key, row)).ok_or(Error::NotFound)
}

/// A page of the shares for which `is_meant` holds, newest first.
fn list(
    state: &State,
    is_meant: impl Fn(Key, &ShareRow) -> bool,
    after: Option<SharePosition>,
    limit: Limit,
) -> Vec<Share> {
    let meant = state.shares.iter().filter(|(key, row)| is_meant(**key, row));
    let after = after.map(|position| (position.at, position.id));
    let page = newest_first(meant, |(_, row)| (row.shared_at, row.id), after, limit);
    page.into_iter().filter_map(|(key, row)| share(state, *key, row)).collect()
}

/// The shares, each with its node as `viewer` sees it.
fn with_nodes(state: &State, shares: Vec<Share>, viewer: UserId) -> Vec<(Share, Located)> {
    let pair = |share: Share| {
        let node = locate::find(state, share.item.id, viewer)?;
        Some((share, node))
    };
    shares.into_iter().filter_map(pair).collect()
}

fn create(state: &mut State, command: &Command, item: &Grant, new: &NewShare) -> Result<Share> {
    let item = locate::reauthorize(state, item)?;
    let key = (item.node().id, new.guest);
    if state.shares.contains(&key) {
        return Err(Error::Conflict(Conflict::AlreadyShared));
    }
    if !state.users.contains(&new.guest) {
        return Err(Error::NotFound);
    }
    let NewShare { id, permission, .. } = *new;
    state.shares.put(key, ShareRow { id, permission, shared_by: item.actor(), shared_at: command.at });
    log(state, command, Change::for_item(ChangeKind::ShareCreated, &item).about(new.guest));
    let share = found(state, key)?;
    store_response(state, command, CommandOutcome::Shared(&share))?;
    Ok(share)
}

fn change(state: &mut State, command: &Command, item: &Grant, id: ShareId, to: Permission) -> Result<Share> {
    let item = locate::reauthorize(state, item)?;
    let key = key_of(state, id)?;
    let row = state.shares.get_mut(&key).filter(|_| key.0 == item.node().id);
    row.ok_or(Error::NotFound)?.permission = to;
    log(state, command, Change::for_item(ChangeKind::ShareChanged, &item).about(key.1));
    end_without_right(state, command, item.drive());
    found(state, key)
}

fn revoke(state: &mut State, command: &Command, id: ShareId) -> Result<()> {
    let key = key_of(state, id)?;
    state.shares.remove(&key);
    let drive = state.nodes.get(&key.0).map(|row| row.drive);
    log(state, command, Change::for_node(ChangeKind::ShareRevoked, drive, key.0).about(key.1));
    if let Some(drive) = drive {
        end_without_right(state, command, drive);
    }
    Ok(())
}

/// All access to `node` at `now`, through the node itself or a folder above it, in order.
fn access(state: &State, node: NodeId, now: Timestamp) -> Vec<AccessEntry> {
    let mut entries = Vec::new();
    let owner = state.nodes.get(&node).and_then(|row| state.drives.get(&row.drive)?.owner);
    if let (Some(owner), Some(item)) = (owner, locate::item(state, node)) {
        let (person, via) = (Some(person(state, owner)), AccessVia::Owner(owner));
        entries.push(AccessEntry { person, role: Role::Owner, via, item });
    }
    for (id, _) in locate::lineage(state, node) {
        let Some(item) = locate::item(state, id) else { continue };
        let shares = state.shares.iter().filter(|((shared, _), _)| *shared == id);
        entries.extend(shares.map(|((_, guest), row)| AccessEntry {
            person: Some(person(state, *guest)),
            role: row.permission.into(),
            via: AccessVia::Share(row.id),
            item: item.clone(),
        }));
        let links = state.links.iter().filter(|(_, row)| row.node == id && row.expires_at.is_none_or(|end| end > now));
        entries.extend(links.map(|(link, _)| AccessEntry {
            person: None,
            role: Role::View,
            via: AccessVia::Link(*link),
            item: item.clone(),
        }));
    }
    entries.sort_by_key(|entry| entry.via);
    entries
}

#[async_trait]
impl ShareRepository for Database {
    async fn create(&self, command: &Command, item: &Grant, share: &NewShare) -> Result<Share> {
        self.write(|state| create(state, command, item, share))
    }

    async fn find(&self, share: ShareId, user: UserId) -> Result<Option<Share>> {
        self.read(|state| {
            let found = key_of(state, share).and_then(|key| found(state, key)).ok();
            Ok(found.filter(|share| share.shared_with.id == user || share.shared_by.id == user))
        })
    }

    async fn list_received(
        &self,
        guest: UserId,
        after: Option<SharePosition>,
        limit: Limit,
    ) -> Result<Vec<(Share, Located)>> {
        self.read(|state| {
            let shares = list(state, |(_, of), _| of == guest, after, limit);
            Ok(with_nodes(state, shares, guest))
        })
    }

    async fn list_given(
        &self,
        owner: UserId,
        after: Option<SharePosition>,
        limit: Limit,
    ) -> Result<Vec<(Share, Located)>> {
        self.read(|state| {
            let shares = list(state, |_, row| row.shared_by == owner, after, limit);
            Ok(with_nodes(state, shares, owner))
        })
    }

    async fn list_by_node(&self, item: &Grant, after: Option<SharePosition>, limit: Limit) -> Result<Vec<Share>> {
        self.read(|state| Ok(list(state, |(node, _), _| node == item.node().id, after, limit)))
    }

    async fn list_access(
        &self,
        item: &Grant,
        now: Timestamp,
        after: Option<AccessVia>,
        limit: Limit,
    ) -> Result<Vec<AccessEntry>> {
        self.read(|state| {
            let rest = access(state, item.node().id, now).into_iter();
            let rest = rest.filter(|entry| after.is_none_or(|after| entry.via > after));
            Ok(rest.take(limit.get() + 1).collect())
        })
    }

    async fn change(&self, command: &Command, item: &Grant, share: ShareId, to: Permission) -> Result<Share> {
        self.write(|state| change(state, command, item, share, to))
    }

    async fn revoke(&self, command: &Command, share: ShareId) -> Result<()> {
        self.write(|state| revoke(state, command, share))
    }
}
