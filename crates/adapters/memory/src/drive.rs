use async_trait::async_trait;
use clouddrive_domain::model::{
    Answer, ChangeKind, Charge, Command, Grant, Limit, Located, Name, NodeId, NodeKind, Position, ReadGrant, Revision,
    Sort, UserId, Viewer, check_depth,
};
use clouddrive_domain::port::{Child, Drive, Home, Place, Relocation};
use clouddrive_domain::{Error, Result};

use crate::accounts::account;
use crate::changes::log;
use crate::locate::{self, children};
use crate::names::{self, NewNode, touch};
use crate::receipts::keep;
use crate::state::State;
use crate::uploads::end_without_right;
use crate::{Database, quota};

/// The number of folder levels below `folder`, also in the trash.
pub(crate) fn levels(state: &State, folder: NodeId) -> u32 {
    let folders = children(state, folder).filter(|(_, row)| row.kind() == NodeKind::Folder);
    folders.map(|(id, _)| levels(state, id) + 1).max().unwrap_or(0)
}

fn find_home(state: &State, user: UserId) -> Option<Home> {
    let row = state.users.get(&user)?;
    let root = state.drives.get(&row.drive)?.root;
    Some(Home { account: account(state, row)?, root: locate::find(state, root, user)? })
}

fn list(state: &State, folder: &ReadGrant, sort: Sort, after: Option<&Position>, limit: Limit) -> Vec<Child> {
    let guest = folder.viewer().user();
    let child = |id: NodeId| {
        let row = state.nodes.get(&id)?;
        let share = guest.and_then(|guest| state.shares.get(&(id, guest))).map(|share| share.permission);
        Some(Child { node: locate::node(state, id)?, share, order_key: row.order_key.clone() })
    };
    let listed = locate::live_children(state, folder.node().id).filter_map(|(id, _)| child(id));
    let mut listed: Vec<(Position, Child)> = listed.map(|child| (child.position(sort.by), child)).collect();
    listed.retain(|(position, _)| after.is_none_or(|after| after.compare(position, sort).is_lt()));
    listed.sort_by(|(one, _), (other, _)| one.compare(other, sort));
    listed.into_iter().take(limit.get() + 1).map(|(_, child)| child).collect()
}

fn create_folder(state: &mut State, command: &Command, parent: &Grant, id: NodeId, name: &Name) -> Result<Located> {
    let parent = locate::renewed(state, parent)?;
    check_depth(parent.located().depth_of_child_folder(), 0)?;
    let (drive, folder) = (parent.drive(), parent.node().id);
    names::insert(state, command, &NewNode { id, drive, parent: folder, name, version: None })?;
    quota::charge(state, drive, Charge { entries: 1, ..Charge::default() })?;
    touch(state, command, folder);
    log(state, command, ChangeKind::FolderCreated, Some(drive), Some(id));
    let made = locate::found(state, id, parent.actor())?;
    keep(state, command, Answer::Made(&made))?;
    Ok(made)
}

fn relocate(state: &mut State, command: &Command, wish: &Relocation) -> Result<Located> {
    let item = locate::renewed_as(state, &wish.item, wish.seen)?;
    let to = wish.to.as_ref().map(|to| locate::renewed(state, to)).transpose()?;
    let node = item.node();
    let (place, content) = (wish.place(&item, to.as_ref())?, wish.details.applied(node));
    if place.is_none() && content.is_none() {
        return Ok(item.into_located());
    }
    if let Some(to) = to.as_ref().filter(|_| place.is_some() && node.kind() == NodeKind::Folder) {
        check_depth(to.located().depth_of_child_folder(), levels(state, node.id))?;
    }
    if let Some(Place { parent, name }) = place {
        names::require_free(state, parent, name, node.kind())?;
        names::set_parent(state, node.id, parent);
        for folder in [node.parent, Some(parent)].into_iter().flatten().filter(|_| node.parent != Some(parent)) {
            touch(state, command, folder);
        }
    }
    let row = state.nodes.get_mut(&node.id).ok_or(Error::NotFound)?;
    row.revision = Revision(row.revision.0 + 1);
    row.modified_at = command.at;
    if let Some(Place { name, .. }) = place {
        row.rename(name);
    }
    if let Some(content) = content
        && let Some(version) = state.versions.get_mut(&(node.id, content.version))
    {
        version.media_type = content.media_type;
        version.client_modified_at = content.client_modified_at;
    }
    log(state, command, ChangeKind::NodeRelocated, Some(item.drive()), Some(node.id));
    if to.is_some() && node.kind() == NodeKind::Folder {
        end_without_right(state, command, item.drive());
    }
    locate::found(state, node.id, item.actor())
}

#[async_trait]
impl Drive for Database {
    async fn find(&self, node: NodeId, viewer: Viewer) -> Result<Option<Located>> {
        self.read(|state| Ok(locate::find(state, node, viewer)))
    }

    async fn find_many(&self, nodes: &[NodeId], viewer: Viewer) -> Result<Vec<Located>> {
        self.read(|state| Ok(nodes.iter().filter_map(|node| locate::find(state, *node, viewer)).collect()))
    }

    async fn find_home(&self, user: UserId) -> Result<Option<Home>> {
        self.read(|state| Ok(find_home(state, user)))
    }

    async fn list<'a>(
        &self,
        folder: &ReadGrant,
        sort: Sort,
        after: Option<&'a Position>,
        limit: Limit,
    ) -> Result<Vec<Child>> {
        self.read(|state| Ok(list(state, folder, sort, after, limit)))
    }

    async fn create_folder(&self, command: &Command, parent: &Grant, id: NodeId, name: &Name) -> Result<Located> {
        self.write(|state| create_folder(state, command, parent, id, name))
    }

    async fn relocate(&self, command: &Command, relocation: &Relocation) -> Result<Located> {
        self.write(|state| relocate(state, command, relocation))
    }
}
