//! Purges: nodes are removed for good, in steps.

use clouddrive_domain::Result;
use clouddrive_domain::model::{
    Change, ChangeKind, Command, DriveId, Grant, Job, NodeId, NodeKind, Revision, Timestamp, UploadState,
};
use clouddrive_domain::port::{CleanupProgress, Purge, PurgeScope, PurgeStep};

use super::items;
use crate::changes::{log, state_of};
use crate::content::{self, ReleasedContents};
use crate::jobs::{has_discard_job, queue};
use crate::links;
use crate::locate::{self, children};
use crate::names::set_parent;
use crate::state::{DriveRow, State, Trashing, UploadRow};
use crate::uploads::abort_where;

/// Adds the node to the purge of `top`, and moves it to the root of its drive.
fn join(state: &mut State, node: NodeId, top: NodeId, at: Timestamp) {
    let Some(row) = state.nodes.get_mut(&node) else { return };
    row.purge = Some(top);
    row.trashed = row.trashed.or(Some(Trashing { at, by: None }));
    let drive = row.drive;
    if let Some(root) = state.drives.get(&drive).map(|drive| drive.root) {
        set_parent(state, node, root);
    }
}

pub(super) fn begin(state: &mut State, command: &Command, item: &Grant, seen: Option<Revision>) -> Result<()> {
    let item = locate::reauthorize_at(state, item, seen)?;
    let id = item.node().id;
    join(state, id, id, command.at);
    log(state, command, Change::for_item_with_before(ChangeKind::PurgeBegun, &item));
    queue(state, command.at, Job::PurgeTrash(item.drive()));
    Ok(())
}

pub(super) fn begin_some(state: &mut State, command: &Command, scope: &PurgeScope, max: u32) -> Result<u32> {
    let (drive, until) = match scope {
        PurgeScope::All(root) => (Some(locate::reauthorize(state, root)?.drive()), None),
        PurgeScope::Until(until) => {
            let due = items(state).filter(|(at, ..)| at <= until);
            (due.min_by_key(|(at, id, _)| (*at, *id)).map(|(_, _, row)| row.drive), Some(*until))
        }
    };
    let is_due = |at: Timestamp| until.is_none_or(|until| at <= until);
    let due = items(state).filter(|(at, _, row)| Some(row.drive) == drive && is_due(*at));
    let mut due: Vec<(Timestamp, NodeId)> = due.map(|(at, id, _)| (at, id)).collect();
    due.sort_unstable();
    due.truncate(max as usize);
    for (_, id) in &due {
        let before = state_of(state, *id);
        join(state, *id, *id, command.at);
        log(state, command, Change::for_node(ChangeKind::PurgeBegun, drive, *id).before(before));
    }
    // The collector continues those that it begins.
    if let Some(drive) = drive.filter(|_| until.is_none() && !due.is_empty()) {
        queue(state, command.at, Job::PurgeTrash(drive));
    }
    Ok(u32::try_from(due.len()).unwrap_or(max))
}

/// The nodes to be purged next in `drive`, or in the purge of one node, purge by purge.
fn members(state: &State, drive: DriveId, of: Option<NodeId>) -> Vec<NodeId> {
    let nodes = state.nodes.iter().filter(|(_, row)| row.drive == drive);
    let purged = nodes.filter_map(|(id, row)| Some((row.purge?, *id)));
    let mut members: Vec<(NodeId, NodeId)> = purged.filter(|(top, _)| of.is_none_or(|of| of == *top)).collect();
    members.sort_unstable();
    members.into_iter().map(|(_, id)| id).collect()
}

/// What happens to the entries of folders that are being purged.
#[derive(Default)]
struct PurgePlan {
    /// Files are removed now.
    remove: Vec<NodeId>,
    /// Folders join the purge of the second node.
    enqueue: Vec<(NodeId, NodeId)>,
    /// Nodes that were trashed themselves stay in the trash.
    keep: Vec<NodeId>,
}

/// What happens to up to `max` entries of `folders`.
fn purge_plan(state: &State, folders: &[NodeId], max: usize) -> PurgePlan {
    let mut purge_plan = PurgePlan::default();
    let purges = folders.iter().filter_map(|folder| Some((*folder, state.nodes.get(folder)?.purge?)));
    let below = purges.flat_map(|(folder, top)| children(state, folder).map(move |(id, row)| (top, id, row)));
    for (top, id, row) in below.take(max) {
        match row.kind() {
            _ if row.trashed.is_some() => purge_plan.keep.push(id),
            NodeKind::File => purge_plan.remove.push(id),
            NodeKind::Folder | NodeKind::Root => purge_plan.enqueue.push((id, top)),
        }
    }
    purge_plan
}

pub(super) fn step(state: &mut State, command: &Command, which: Purge, max: u32) -> PurgeStep {
    let (drive, of) = match which {
        Purge::Of(drive, node) => (Some(drive), Some(node)),
        Purge::In(drive) => (Some(drive), None),
        Purge::Any => (state.nodes.values().find(|row| row.purge.is_some()).map(|row| row.drive), None),
    };
    let root = drive.and_then(|drive| Some((drive, state.drives.get(&drive)?.root)));
    let Some((drive, root)) = root else { return PurgeStep::default() };
    let is_file = |id: &NodeId| state.nodes.get(id).is_some_and(|row| row.kind() == NodeKind::File);
    let next = members(state, drive, of).into_iter().take(max as usize);
    let (mut files, folders): (Vec<NodeId>, Vec<NodeId>) = next.partition(is_file);
    let purge_plan = purge_plan(state, &folders, (max as usize).saturating_sub(files.len()));
    files.extend(&purge_plan.remove);
    for id in &purge_plan.keep {
        set_parent(state, *id, root);
    }
    for (id, top) in &purge_plan.enqueue {
        join(state, *id, *top, command.at);
    }
    let released = remove_files(state, command, drive, &files);
    let empty: Vec<NodeId> = folders.into_iter().filter(|id| children(state, *id).next().is_none()).collect();
    for id in &empty {
        remove_node(state, *id);
    }
    let removed = files.len() + empty.len();
    if let Some(drive) = state.drives.get_mut(&drive) {
        drive.quota.used = drive.quota.used.saturating_sub(released.credited_bytes);
        drive.entries.used = drive.entries.used.saturating_sub(removed as u64);
    }
    let count = |count: usize| u32::try_from(count).unwrap_or(max);
    let step = PurgeStep {
        removed: count(removed),
        reached: count(purge_plan.enqueue.len()),
        kept: count(purge_plan.keep.len()),
        more: !members(state, drive, of).is_empty(),
        freed: released.freed,
    };
    if !step.is_idle() {
        log(state, command, Change::for_drive(ChangeKind::NodesPurged, drive).at(of));
    }
    step
}

/// Removes files with all their versions; returns what they release.
fn remove_files(state: &mut State, command: &Command, drive: DriveId, files: &[NodeId]) -> ReleasedContents {
    let mut contents = Vec::new();
    for file in files {
        let versions: Vec<_> = content::versions(state, *file).map(|(id, _)| id).collect();
        let removed = versions.into_iter().filter_map(|version| state.versions.remove(&(*file, version)));
        contents.extend(removed.map(|row| (row.blob, row.size)));
        remove_node(state, *file);
    }
    content::release_contents(state, drive, contents, command.at)
}

/// Removes the node, with its shares and links.
fn remove_node(state: &mut State, id: NodeId) {
    let Some(row) = state.nodes.remove(&id) else { return };
    if let Some(parent) = row.parent {
        state.children.remove(&(parent, id));
    }
    let shares: Vec<_> = state.shares.iter().map(|(key, _)| *key).filter(|(node, _)| *node == id).collect();
    for share in shares {
        state.shares.remove(&share);
    }
    for link in state.links.keys_where(u32::MAX, |link| link.node == id) {
        links::remove(state, link);
    }
}

/// A drive without an owner, that of `which` if given, that needs work other than purges, with its root.
fn ownerless(state: &State, which: Option<DriveId>) -> Option<(DriveId, NodeId)> {
    let needs_work = |id: &DriveId, drive: &DriveRow| {
        let mut uploads = state.uploads.values().filter(|row| row.upload.drive == *id).peekable();
        let mut left = children(state, drive.root).peekable();
        let is_empty = uploads.peek().is_none() && left.peek().is_none();
        is_empty
            || uploads.any(|row| !has_discard_job(&state.jobs, row.upload.id))
            || left.any(|(_, row)| row.purge.is_none())
    };
    let is_meant = |id: &DriveId| which.is_none_or(|which| which == *id);
    let mut drives = state.drives.iter().filter(|(id, drive)| drive.owner.is_none() && is_meant(id));
    drives.find(|(id, drive)| needs_work(id, drive)).map(|(id, drive)| (*id, drive.root))
}

pub(super) fn delete_orphaned_drives(
    state: &mut State,
    command: &Command,
    which: Option<DriveId>,
    max: u32,
) -> CleanupProgress {
    let Some((drive, root)) = ownerless(state, which) else { return CleanupProgress::Nothing };
    let ended = abort_where(state, command, max, |_, upload| upload.drive == drive);
    let State { uploads, jobs, .. } = &mut *state;
    let is_over = |row: &UploadRow| row.upload.drive == drive && row.upload.state != UploadState::Open;
    let forgotten = uploads.remove_where(max, |row| is_over(row) && !has_discard_job(jobs, row.upload.id));
    let left = children(state, root).filter(|(_, row)| row.purge.is_none());
    let left: Vec<NodeId> = left.map(|(id, _)| id).take(max as usize).collect();
    for id in &left {
        join(state, *id, *id, command.at);
    }
    if ended > 0 || forgotten > 0 || !left.is_empty() {
        log(state, command, Change::for_drive(ChangeKind::NodesPurged, drive));
        return CleanupProgress::Step;
    }
    state.nodes.remove(&root);
    state.drives.remove(&drive);
    log(state, command, Change::for_drive(ChangeKind::DriveRemoved, drive));
    CleanupProgress::Drive
}
