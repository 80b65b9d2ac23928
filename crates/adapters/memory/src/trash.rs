mod purge;

use async_trait::async_trait;
use clouddrive_domain::model::{
    Change, ChangeKind, Command, CommandOutcome, DriveId, Grant, Limit, Located, NodeId, NodeKind, Revision, Timestamp,
    TrashPosition, UserId, check_depth,
};
use clouddrive_domain::port::{CleanupProgress, Purge, PurgeScope, PurgeStep, Restoration, TrashRepository, Trashed};
use clouddrive_domain::{Error, Result};

use crate::Database;
use crate::changes::{log, state_of};
use crate::drive::{levels, trash_node};
use crate::idempotency_records::store_response;
use crate::locate;
use crate::names::{self, touch};
use crate::page::newest_first;
use crate::state::{NodeRow, State};
use crate::uploads::end_without_right;

/// The items of the trashes of all drives, with the time when they were trashed.
fn items(state: &State) -> impl Iterator<Item = (Timestamp, NodeId, &NodeRow)> {
    let items = state.nodes.iter().filter(|(_, row)| row.is_in_trash());
    items.filter_map(|(id, row)| Some((row.trashed?.at, *id, row)))
}

fn put(state: &mut State, command: &Command, item: &Grant, seen: Option<Revision>) -> Result<()> {
    let item = locate::reauthorize_at(state, item, seen)?;
    trash_node(state, command, &item)?;
    if item.node().kind() == NodeKind::Folder {
        end_without_right(state, command, item.drive());
    }
    Ok(())
}

fn list(state: &State, root: &Grant, after: Option<TrashPosition>, limit: Limit) -> Vec<Trashed> {
    let of_drive = items(state).filter(|(_, _, row)| row.drive == root.drive());
    let after = after.map(|position| (position.at, position.id));
    let page = newest_first(of_drive, |(at, id, _)| (*at, *id), after, limit);
    let trashed = |(at, id, _)| Some(Trashed { located: locate::find(state, id, root.actor())?, at });
    page.into_iter().filter_map(trashed).collect()
}

/// Whether `user` trashed the node after `after`, and it is not being purged.
fn is_trashed_by(state: &State, node: NodeId, user: UserId, after: Timestamp) -> bool {
    let row = state.nodes.get(&node).filter(|row| row.purge.is_none());
    row.and_then(|row| row.trashed).is_some_and(|trashed| trashed.by == Some(user) && trashed.at > after)
}

fn restore(state: &mut State, command: &Command, spec: &Restoration) -> Result<Located> {
    let item = locate::reauthorize_at(state, &spec.item, spec.seen)?;
    let (node, actor) = (item.node(), item.actor());
    let is_being_purged = locate::lineage(state, node.id).any(|(_, row)| row.purge.is_some());
    let is_too_late = spec.trashed_after.is_some_and(|after| !is_trashed_by(state, node.id, actor, after));
    if is_being_purged || is_too_late {
        return Err(Error::NotFound);
    }
    let to = spec.to.as_ref().map(|to| locate::reauthorize(state, to)).transpose()?;
    let parent = locate::found(state, Restoration::parent(&item, to.as_ref())?, actor)?;
    if node.kind() == NodeKind::Folder {
        check_depth(parent.depth_of_child_folder(), levels(state, node.id))?;
    }
    let parent = parent.node.id;
    let name = match names::existing_entry(state, parent, &node.name) {
        None => node.name.clone(),
        Some(_) => names::first_free(state, parent, &node.name, node.kind())?,
    };
    names::set_parent(state, node.id, parent);
    let row = state.nodes.get_mut(&node.id).ok_or(Error::NotFound)?;
    row.trashed = None;
    row.revision = Revision(row.revision.0 + 1);
    if node.parent != Some(parent) || name != node.name {
        row.modified_at = command.at;
        row.rename(&name);
    }
    touch(state, command, parent);
    let after = state_of(state, node.id);
    log(state, command, Change::for_item_with_before(ChangeKind::NodeRestored, &item).after(after));
    let restored = locate::found(state, node.id, actor)?;
    store_response(state, command, CommandOutcome::Changed(&restored))?;
    Ok(restored)
}

#[async_trait]
impl TrashRepository for Database {
    async fn put(&self, command: &Command, item: &Grant, seen: Option<Revision>) -> Result<()> {
        self.write(|state| put(state, command, item, seen))
    }

    async fn list(&self, root: &Grant, after: Option<TrashPosition>, limit: Limit) -> Result<Vec<Trashed>> {
        self.read(|state| Ok(list(state, root, after, limit)))
    }

    async fn find_oldest(&self) -> Result<Option<Timestamp>> {
        self.read(|state| Ok(items(state).map(|(at, ..)| at).min()))
    }

    async fn find_trashed_by(&self, node: NodeId, user: UserId, after: Timestamp) -> Result<Option<Located>> {
        self.read(|state| Ok(locate::find(state, node, user).filter(|_| is_trashed_by(state, node, user, after))))
    }

    async fn restore(&self, command: &Command, restoration: &Restoration) -> Result<Located> {
        self.write(|state| restore(state, command, restoration))
    }

    async fn begin_purge(&self, command: &Command, item: &Grant, seen: Option<Revision>) -> Result<()> {
        self.write(|state| purge::begin(state, command, item, seen))
    }

    async fn begin_purges(&self, command: &Command, scope: &PurgeScope, max: u32) -> Result<u32> {
        self.write(|state| purge::begin_some(state, command, scope, max))
    }

    async fn purge(&self, command: &Command, which: Purge, max: u32) -> Result<PurgeStep> {
        self.write(|state| Ok(purge::step(state, command, which, max)))
    }

    async fn delete_orphaned_drives(
        &self,
        command: &Command,
        drive: Option<DriveId>,
        max: u32,
    ) -> Result<CleanupProgress> {
        self.write(|state| Ok(purge::delete_orphaned_drives(state, command, drive, max)))
    }
}
