use std::collections::{HashMap, VecDeque};

use async_trait::async_trait;
use clouddrive_domain::error::Refused;
use clouddrive_domain::model::{
    ChangeKind, Charge, Command, CommandOutcome, Content, Grant, MAX_COPY_NODES, NodeId, ReadGrant, Revision, UserId,
    VersionId, check_depth,
};
use clouddrive_domain::port::{CopyRequest, SavedNode, TreeContent, TreeEntry, TreeRepository};
use clouddrive_domain::{Error, Result};

use crate::changes::log;
use crate::idempotency_records::store_response;
use crate::locate::{self, live_children};
use crate::names::{NewNode, touch};
use crate::placement::place;
use crate::state::{Body, NodeRow, State};
use crate::{Database, content, quota};

/// A node of a tree.
struct Member {
    id: NodeId,
    /// The number of levels below the top.
    level: u32,
}

/// The nodes `tops` and all live nodes below them, parents first: at most `max` + 1.
fn members(state: &State, tops: impl Iterator<Item = NodeId>, max: u64) -> Vec<Member> {
    let max = usize::try_from(max).unwrap_or(usize::MAX).saturating_add(1);
    let mut found = Vec::new();
    let mut open: VecDeque<Member> = tops.map(|id| Member { id, level: 0 }).collect();
    while let Some(member) = open.pop_front().filter(|_| found.len() < max) {
        open.extend(live_children(state, member.id).map(|(id, _)| Member { id, level: member.level + 1 }));
        found.push(member);
    }
    found
}

fn list(state: &State, tops: &[ReadGrant], max: u64) -> Vec<TreeEntry> {
    let is_live = |id: &NodeId| state.nodes.get(id).is_some_and(|row| row.trashed.is_none());
    let tops = tops.iter().map(|top| top.node().id).filter(is_live);
    members(state, tops, max).into_iter().filter_map(|member| entry(state, member.id)).collect()
}

fn entry(state: &State, id: NodeId) -> Option<TreeEntry> {
    let node = locate::node(state, id)?;
    let content = node.content().map(|content| TreeContent {
        blob: content.blob.clone(),
        size: content.size,
        crc32: state.blobs.get(&content.blob.key).and_then(|blob| blob.crc32),
        client_modified_at: content.client_modified_at,
    });
    Some(TreeEntry { id, parent: node.parent, modified_at: node.modified_at, name: node.name, content })
}

fn copy(state: &mut State, command: &Command, spec: &CopyRequest) -> Result<SavedNode> {
    let item = locate::reauthorize(state, &spec.item)?;
    let to = locate::reauthorize(state, &spec.to)?;
    let name = spec.place(&item, &to)?;
    let source = item.node();
    let below = match source.content() {
        Some(_) => Vec::new(),
        None => tree_below(state, source.id, to.located().depth_of_child_folder())?,
    };
    let version = source.content().map(|_| spec.ids.id::<VersionId>());
    let new = NewNode { id: spec.ids.id(), drive: to.drive(), parent: to.node().id, name, version };
    let placed = place(state, command, item.actor(), &new, spec.conflict)?;
    let mut stored = 0;
    if let (Some(version), Some(content)) = (version, source.content()) {
        stored += copy_content(state, command, (placed.node, placed.revision), (content, version), item.actor())?;
    }
    stored += copy_below(state, command, spec, (source.id, placed.node), &to, &below)?;
    let released = placed.prune_versions(state, command, &new, spec.max_versions);
    let (is_new, freed) = (placed.is_new(&new), released.credited_bytes);
    let entries = below.len() as u64 + u64::from(is_new);
    quota::charge(state, to.drive(), Charge { stored, freed, entries, ..Charge::default() })?;
    if is_new {
        touch(state, command, to.node().id);
    }
    let kind = if is_new { ChangeKind::NodeCopied } else { ChangeKind::FileReplaced };
    let top = placed.node;
    let change = placed.change(state, kind, to.drive());
    log(state, command, change);
    let located = locate::found(state, top, item.actor())?;
    store_response(state, command, CommandOutcome::Made(&located))?;
    Ok(SavedNode { located, freed: released.freed })
}

/// The live nodes below `folder`, parents first, whose copy gets `depth`.
fn tree_below(state: &State, folder: NodeId, depth: u32) -> Result<Vec<NodeId>> {
    let members = members(state, std::iter::once(folder), MAX_COPY_NODES);
    if members.len() as u64 > MAX_COPY_NODES {
        return Err(Error::Refused(Refused::TooManyEntries { limit: MAX_COPY_NODES, what: "files and folders" }));
    }
    let is_folder = |id: NodeId| state.nodes.get(&id).is_some_and(|row| matches!(row.body, Body::Folder));
    let folders = members.iter().filter(|member| is_folder(member.id));
    check_depth(depth, folders.map(|member| member.level).max().unwrap_or(0))?;
    Ok(members.into_iter().skip(1).map(|member| member.id).collect())
}

/// Copies the nodes `below` a folder into its copy, given as the pair `top`, and returns the bytes of the copied files.
fn copy_below(
    state: &mut State,
    command: &Command,
    spec: &CopyRequest,
    top: (NodeId, NodeId),
    to: &Grant,
    below: &[NodeId],
) -> Result<u64> {
    let by = spec.item.actor();
    let mut copies = HashMap::from([top]);
    let mut stored = 0;
    for id in below {
        let Some(node) = locate::node(state, *id) else { continue };
        let Some(parent) = node.parent.and_then(|parent| copies.get(&parent)).copied() else { continue };
        let copy: NodeId = spec.ids.id();
        let body = match node.content() {
            Some(content) => {
                let version = spec.ids.id();
                stored += copy_content(state, command, (copy, Revision(1)), (content, version), by)?;
                Body::File(version)
            }
            None => Body::Folder,
        };
        state.nodes.put(copy, NodeRow::new(to.drive(), Some(parent), &node.name, body, by, command.at));
        state.children.put((parent, copy), ());
        copies.insert(*id, copy);
    }
    Ok(stored)
}

/// Adds the `version` of `file` with a copied `content`, and returns its size.
fn copy_content(
    state: &mut State,
    command: &Command,
    file: (NodeId, Revision),
    (content, version): (&Content, VersionId),
    by: UserId,
) -> Result<u64> {
    content::refer(state, &content.blob.key)?;
    let copy = Content { version, created_at: command.at, ..content.clone() };
    content::add_version(state, file, &copy, by);
    Ok(copy.size)
}

#[async_trait]
impl TreeRepository for Database {
    async fn copy(&self, command: &Command, spec: &CopyRequest) -> Result<SavedNode> {
        self.write(|state| copy(state, command, spec))
    }

    async fn list(&self, tops: &[ReadGrant], max: u64) -> Result<Vec<TreeEntry>> {
        self.read(|state| Ok(list(state, tops, max)))
    }
}
