//! Nodes with their ancestors up to the root, the basis of every access decision.

use clouddrive_domain::model::{
    BlobRef, Content, Grant, ItemRef, Located, Node, NodeBody, NodeId, Revision, Step, UserId, UserRef, VersionId,
    Viewer,
};
use clouddrive_domain::{Error, Result};
use uuid::Uuid;

use crate::state::{Body, NodeRow, State};

/// The user as shown to others.
pub(crate) fn person(state: &State, id: UserId) -> UserRef {
    let username = state.users.get(&id).map(|row| row.user.username.as_str().to_owned());
    UserRef { id, username }
}

/// The short reference to a node.
pub(crate) fn item(state: &State, id: NodeId) -> Option<ItemRef> {
    state.nodes.get(&id).map(|row| ItemRef { kind: row.kind(), id, name: row.name.clone() })
}

/// The children of `folder`, in the order of their identifiers.
pub(crate) fn children(state: &State, folder: NodeId) -> impl Iterator<Item = (NodeId, &NodeRow)> {
    let first = NodeId::from_uuid(Uuid::nil());
    let last = NodeId::from_uuid(Uuid::max());
    let among = state.children.range((folder, first)..=(folder, last));
    among.filter_map(move |((_, id), ())| state.nodes.get(id).map(|row| (*id, row)))
}

/// The children of `folder` that are not in the trash themselves.
pub(crate) fn live_children(state: &State, folder: NodeId) -> impl Iterator<Item = (NodeId, &NodeRow)> {
    children(state, folder).filter(|(_, row)| row.trashed.is_none())
}

/// The content of a version.
pub(crate) fn content(state: &State, file: NodeId, version: VersionId) -> Option<Content> {
    let row = state.versions.get(&(file, version))?;
    let blob = state.blobs.get(&row.blob)?;
    Some(Content {
        version,
        blob: BlobRef { store: blob.store.clone(), key: row.blob.clone() },
        size: row.size,
        sha256: blob.sha256,
        media_type: row.media_type.clone(),
        client_modified_at: row.client_modified_at,
        store_tag: blob.tag.clone(),
        created_at: row.created_at,
    })
}

/// The node, with the current content of a file.
pub(crate) fn node(state: &State, id: NodeId) -> Option<Node> {
    let row = state.nodes.get(&id)?;
    let body = match row.body {
        Body::Root => NodeBody::Root,
        Body::Folder => NodeBody::Folder,
        Body::File(version) => NodeBody::File(content(state, id, version)?),
    };
    Some(Node {
        id,
        drive: row.drive,
        parent: row.parent,
        name: row.name.clone(),
        body,
        revision: row.revision,
        created_by: person(state, row.created_by),
        created_at: row.created_at,
        modified_at: row.modified_at,
    })
}

/// The node and its ancestors, up to the root.
pub(crate) fn lineage(state: &State, node: NodeId) -> impl Iterator<Item = (NodeId, &NodeRow)> {
    let row = move |id: NodeId| state.nodes.get(&id).map(|row| (id, row));
    std::iter::successors(row(node), move |(_, below)| below.parent.and_then(row))
}

/// Finds the node as `viewer` sees it. Nodes that are being purged and those of a drive without an owner are not found.
pub(crate) fn find(state: &State, id: NodeId, viewer: impl Into<Viewer>) -> Option<Located> {
    let viewer = viewer.into();
    let row = state.nodes.get(&id).filter(|row| row.purge.is_none())?;
    let owner = state.drives.get(&row.drive)?.owner?;
    let share = |id: NodeId| state.shares.get(&(id, viewer.user()?)).map(|share| share.permission);
    let step = |(id, row): (NodeId, &NodeRow)| Step {
        id,
        name: row.name.clone(),
        trashed: row.trashed.is_some(),
        share: share(id),
    };
    let lineage = lineage(state, id).map(step).collect();
    Some(Located { node: node(state, id)?, owner: person(state, owner), viewer, lineage })
}

/// Finds the node as `viewer` sees it. It must exist: the same command has just seen or created it.
pub(crate) fn found(state: &State, id: NodeId, viewer: impl Into<Viewer>) -> Result<Located> {
    find(state, id, viewer).ok_or(Error::NotFound)
}

/// Authorizes `grant` again, by what the command sees.
pub(crate) fn reauthorize(state: &State, grant: &Grant) -> Result<Grant> {
    grant.renew(find(state, grant.node().id, grant.actor()))
}

/// Like [`reauthorize`]; also requires that the node still has the revision `seen`, if that is given.
pub(crate) fn reauthorize_at(state: &State, grant: &Grant, seen: Option<Revision>) -> Result<Grant> {
    let grant = reauthorize(state, grant)?;
    grant.require(seen)?;
    Ok(grant)
}
