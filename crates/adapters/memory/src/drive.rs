use async_trait::async_trait;
use clouddrive_domain::model::{
    Change, ChangeKind, Charge, Command, CommandOutcome, ConflictPolicy, Grant, Limit, Located, Name, NodeId, NodeKind,
    NodePath, PathStart, Position, ReadGrant, Revision, Sort, UserId, Viewer, check_depth,
};
use clouddrive_domain::port::{FolderEntry, NodeLocation, NodeRepository, Relocated, Relocation, UserDrive};
use clouddrive_domain::{Error, Result};

use crate::accounts::account;
use crate::changes::{log, state_of};
use crate::idempotency_records::store_response;
use crate::locate::{self, children};
use crate::names::{self, NewNode, touch};
use crate::state::{State, Trashing};
use crate::uploads::end_without_right;
use crate::{Database, quota};

/// The number of folder levels below `folder`, also in the trash.
pub(crate) fn levels(state: &State, folder: NodeId) -> u32 {
    let folders = children(state, folder).filter(|(_, row)| row.kind() == NodeKind::Folder);
    folders.map(|(id, _)| levels(state, id) + 1).max().unwrap_or(0)
}

fn find_user_drive(state: &State, user: UserId) -> Option<UserDrive> {
    let row = state.users.get(&user)?;
    let root = state.drives.get(&row.drive)?.root;
    Some(UserDrive { account: account(state, row)?, root: locate::find(state, root, user)? })
}

fn find_by_path(state: &State, start: PathStart, path: &NodePath, viewer: Viewer) -> Option<Located> {
    let start = match start {
        PathStart::OwnRoot => state.drives.get(&state.users.get(&viewer.user()?)?.drive)?.root,
        PathStart::Folder(folder) => folder,
    };
    if state.nodes.get(&start)?.kind() == NodeKind::File {
        return None;
    }
    let end = path.names().iter().try_fold(start, |folder, name| names::existing_entry(state, folder, name))?;
    locate::find(state, end, viewer)
}

fn list(state: &State, folder: &ReadGrant, sort: Sort, after: Option<&Position>, limit: Limit) -> Vec<FolderEntry> {
    let guest = folder.viewer().user();
    let child = |id: NodeId| {
        let row = state.nodes.get(&id)?;
        let share = guest.and_then(|guest| state.shares.get(&(id, guest))).map(|share| share.permission);
        Some(FolderEntry { node: locate::node(state, id)?, share, order_key: row.order_key.clone() })
    };
    let listed = locate::live_children(state, folder.node().id).filter_map(|(id, _)| child(id));
    let mut listed: Vec<(Position, FolderEntry)> = listed.map(|child| (child.position(sort.by), child)).collect();
    listed.retain(|(position, _)| after.is_none_or(|after| after.compare(position, sort).is_lt()));
    listed.sort_by(|(one, _), (other, _)| one.compare(other, sort));
    listed.into_iter().take(limit.get() + 1).map(|(_, child)| child).collect()
}

fn create_folder(state: &mut State, command: &Command, parent: &Grant, id: NodeId, name: &Name) -> Result<Located> {
    let parent = locate::reauthorize(state, parent)?;
    check_depth(parent.located().depth_of_child_folder(), 0)?;
    let (drive, folder) = (parent.drive(), parent.node().id);
    names::insert(state, command, &NewNode { id, drive, parent: folder, name, version: None })?;
    quota::charge(state, drive, Charge { entries: 1, ..Charge::default() })?;
    touch(state, command, folder);
    log(state, command, Change::for_node(ChangeKind::FolderCreated, drive, id).after(state_of(state, id)));
    let made = locate::found(state, id, parent.actor())?;
    store_response(state, command, CommandOutcome::Made(&made))?;
    Ok(made)
}

fn relocate(state: &mut State, command: &Command, spec: &Relocation) -> Result<Relocated> {
    let item = locate::reauthorize_at(state, &spec.item, spec.seen)?;
    let to = spec.to.as_ref().map(|to| locate::reauthorize(state, to)).transpose()?;
    let node = item.node();
    let (place, content) = (spec.new_location(&item, to.as_ref())?, spec.metadata.changed_content(node));
    let (place, replaced) = match place {
        Some(place) => resolve_location(state, command, spec, &item, place)?,
        None => (None, None),
    };
    if place.is_none() && content.is_none() {
        return Ok(item.into_located().into());
    }
    if let Some(to) = to.as_ref().filter(|_| place.is_some() && node.kind() == NodeKind::Folder) {
        check_depth(to.located().depth_of_child_folder(), levels(state, node.id))?;
    }
    if let Some((parent, _)) = place {
        names::set_parent(state, node.id, parent);
        for folder in [node.parent, Some(parent)].into_iter().flatten().filter(|_| node.parent != Some(parent)) {
            touch(state, command, folder);
        }
    }
    let row = state.nodes.get_mut(&node.id).ok_or(Error::NotFound)?;
    row.revision = Revision(row.revision.0 + 1);
    row.modified_at = command.at;
    if let Some((_, name)) = &place {
        row.rename(name);
    }
    if let Some(content) = content
        && let Some(version) = state.versions.get_mut(&(node.id, content.version))
    {
        version.media_type = content.media_type;
        version.client_modified_at = content.client_modified_at;
    }
    let after = state_of(state, node.id);
    log(state, command, Change::for_item_with_before(ChangeKind::NodeRelocated, &item).after(after));
    if (to.is_some() || replaced.is_some()) && node.kind() == NodeKind::Folder {
        end_without_right(state, command, item.drive());
    }
    Ok(Relocated { located: locate::found(state, node.id, item.actor())?, replaced })
}

/// A new parent and name, and the node that is replaced there.
type ResolvedLocation = (Option<(NodeId, Name)>, Option<NodeId>);

/// The parent and name that the granted item gets at `place`, unless it has them already, and the node there that it
/// replaces, which is trashed now.
fn resolve_location(
    state: &mut State,
    command: &Command,
    spec: &Relocation,
    item: &Grant,
    NodeLocation { parent, name }: NodeLocation<'_>,
) -> Result<ResolvedLocation> {
    let (node, kind) = (item.node(), item.node().kind());
    let Some(holder) = names::existing_entry(state, parent, name) else {
        return Ok((Some((parent, name.clone())), None));
    };
    match spec.conflict {
        ConflictPolicy::Keep => {
            let own = Some(&node.name).filter(|_| node.parent == Some(parent));
            let free = names::first_free_ignoring(state, parent, name, kind, own)?;
            Ok((Some((parent, free)).filter(|(_, free)| own != Some(free)), None))
        }
        ConflictPolicy::Replace if state.nodes.get(&holder).is_some_and(|row| row.kind() == kind) => {
            let replaced = Relocation::replacing(item, locate::find(state, holder, item.actor()))?;
            trash_node(state, command, &replaced)?;
            Ok((Some((parent, name.clone())), Some(holder)))
        }
        ConflictPolicy::Fail | ConflictPolicy::Replace => Err(names::taken(state, parent, holder, kind)),
    }
}

/// Trashes the granted node. Uploads into a folder that thereby lose their sender's access are still to be ended.
pub(crate) fn trash_node(state: &mut State, command: &Command, item: &Grant) -> Result<()> {
    let node = item.node();
    let row = state.nodes.get_mut(&node.id).ok_or(Error::NotFound)?;
    row.trashed = Some(Trashing { at: command.at, by: command.actor });
    row.revision = Revision(row.revision.0 + 1);
    if let Some(parent) = node.parent {
        touch(state, command, parent);
    }
    let after = state_of(state, node.id);
    log(state, command, Change::for_item_with_before(ChangeKind::NodeTrashed, item).after(after));
    Ok(())
}

#[async_trait]
impl NodeRepository for Database {
    async fn find(&self, node: NodeId, viewer: Viewer) -> Result<Option<Located>> {
        self.read(|state| Ok(locate::find(state, node, viewer)))
    }

    async fn find_many(&self, nodes: &[NodeId], viewer: Viewer) -> Result<Vec<Located>> {
        self.read(|state| Ok(nodes.iter().filter_map(|node| locate::find(state, *node, viewer)).collect()))
    }

    async fn find_by_path(&self, start: PathStart, path: &NodePath, viewer: Viewer) -> Result<Option<Located>> {
        self.read(|state| Ok(find_by_path(state, start, path, viewer)))
    }

    async fn find_user_drive(&self, user: UserId) -> Result<Option<UserDrive>> {
        self.read(|state| Ok(find_user_drive(state, user)))
    }

    async fn list<'a>(
        &self,
        folder: &ReadGrant,
        sort: Sort,
        after: Option<&'a Position>,
        limit: Limit,
    ) -> Result<Vec<FolderEntry>> {
        self.read(|state| Ok(list(state, folder, sort, after, limit)))
    }

    async fn create_folder(&self, command: &Command, parent: &Grant, id: NodeId, name: &Name) -> Result<Located> {
        self.write(|state| create_folder(state, command, parent, id, name))
    }

    async fn relocate(&self, command: &Command, relocation: &Relocation) -> Result<Relocated> {
        self.write(|state| relocate(state, command, relocation))
    }
}
