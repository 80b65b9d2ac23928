use async_trait::async_trait;
use clouddrive_domain::Result;
use clouddrive_domain::model::{
    Action, ChildPosition, Located, NodeId, NodeKind, Page, PageRoom, SearchPosition, ShareId, SharePosition,
    Timestamp, UserId, WalkPosition, authorize,
};
use clouddrive_domain::port::{Hit, SearchCriteria, SearchRepository};

use crate::Database;
use crate::locate::{self, live_children};
use crate::state::{NodeRow, State};

/// A node that may be a hit, with its position.
type Candidate = (SearchPosition, NodeId);

fn matches(criteria: &SearchCriteria, row: &NodeRow) -> bool {
    let is_of_kind = criteria.kind.map_or(row.kind() != NodeKind::Root, |kind| kind == row.kind());
    is_of_kind && criteria.text.is_in(&row.search_key)
}

/// The matching nodes of the viewer's own drive, in order.
fn in_own_drive(state: &State, viewer: UserId, criteria: &SearchCriteria) -> Vec<Candidate> {
    let own = state.users.get(&viewer).map(|user| user.drive);
    let is_own = |row: &NodeRow| own == Some(row.drive) && row.trashed.is_none();
    let found = state.nodes.iter().filter(|(_, row)| is_own(row) && matches(criteria, row));
    let mut found: Vec<(&NodeRow, NodeId)> = found.map(|(id, row)| (row, *id)).collect();
    if let Some(SearchPosition::Own { key, id }) = &criteria.after {
        found.retain(|(row, found)| (&row.order_key, found) > (key, id));
    }
    found.sort_by_key(|(row, id)| (&row.order_key, *id));
    found.into_iter().map(|(row, id)| (SearchPosition::Own { key: row.order_key.clone(), id }, id)).collect()
}

/// The matching nodes, in order, of the trees shared with the viewer or, if that is given, below the folder to search
/// in.
fn in_shares(state: &State, viewer: UserId, criteria: &SearchCriteria, after: &WalkPosition) -> Vec<Candidate> {
    let mut walk = Walk { state, criteria, candidates: Vec::new() };
    if let Some(folder) = &criteria.within {
        walk.below(None, &[folder.node().id]);
    } else {
        let received = state.shares.iter().filter(|((_, guest), _)| *guest == viewer);
        let mut received: Vec<(Timestamp, ShareId, NodeId)> =
            received.map(|((node, _), row)| (row.shared_at, row.id, *node)).collect();
        received.sort_unstable();
        for (at, id, node) in received {
            walk.tree(SharePosition { at, id }, locate::find(state, node, viewer));
        }
    }
    let candidates = walk.candidates.into_iter().filter(|(position, _)| key(position) > key(after));
    candidates.map(|(position, id)| (SearchPosition::Shared(position), id)).collect()
}

/// The order of positions: by share; then by path, so that a folder comes before those in it, and siblings come by
/// identifier; then by entry. It does not depend on what exists, so a walk resumes next to a folder that was moved
/// away.
fn key(position: &WalkPosition) -> (Option<(Timestamp, ShareId)>, &[NodeId], Option<ChildPosition>) {
    (position.share.map(|share| (share.at, share.id)), position.path.as_slice(), position.child)
}

/// A walk of shared trees, folder by folder.
struct Walk<'a> {
    state: &'a State,
    criteria: &'a SearchCriteria,
    candidates: Vec<(WalkPosition, NodeId)>,
}

impl Walk<'_> {
    /// Adds the matching nodes of a shared tree. A tree within another shared tree is walked as part of that one.
    fn tree(&mut self, share: SharePosition, top: Option<Located>) {
        let top = top.filter(|top| top.lineage.iter().skip(1).all(|step| step.share.is_none()));
        let Ok(top) = authorize(top, Action::Read) else { return };
        let id = top.node().id;
        if self.state.nodes.get(&id).is_some_and(|row| matches(self.criteria, row)) {
            self.candidates.push((WalkPosition { share: Some(share), path: vec![id], child: None }, id));
        }
        self.below(Some(share), &[id]);
    }

    /// Adds the matching nodes below the last folder of `path`.
    fn below(&mut self, share: Option<SharePosition>, path: &[NodeId]) {
        let Some(folder) = path.last() else { return };
        let mut entries: Vec<(ChildPosition, &NodeRow)> = live_children(self.state, *folder)
            .map(|(id, row)| {
                let is_folder = row.kind() == NodeKind::Folder;
                (ChildPosition { is_folder, at: row.created_at, id }, row)
            })
            .collect();
        entries.sort_by_key(|(child, _)| *child);
        for (child, _) in entries.iter().filter(|(_, row)| matches(self.criteria, row)) {
            self.candidates.push((WalkPosition { share, path: path.to_vec(), child: Some(*child) }, child.id));
        }
        let mut folders: Vec<NodeId> =
            entries.iter().filter(|(child, _)| child.is_folder).map(|(child, _)| child.id).collect();
        folders.sort_unstable();
        for folder in folders {
            self.below(share, &[path, &[folder]].concat());
        }
    }
}

/// The nodes that may be hits after the position of the previous page, in order.
fn candidates(state: &State, viewer: UserId, criteria: &SearchCriteria) -> Vec<Candidate> {
    if let Some(SearchPosition::Shared(after)) = &criteria.after {
        return in_shares(state, viewer, criteria, after);
    }
    let own = state.users.get(&viewer).map(|user| user.drive);
    let shared = || in_shares(state, viewer, criteria, &WalkPosition::default());
    match &criteria.within {
        Some(folder) if own == Some(folder.drive()) => in_own_drive(state, viewer, criteria),
        Some(_) => shared(),
        None => in_own_drive(state, viewer, criteria).into_iter().chain(shared()).collect(),
    }
}

fn search(state: &State, viewer: UserId, criteria: &SearchCriteria) -> Page<Hit, SearchPosition> {
    let is_below = |found: &Located| {
        let folder = criteria.within.as_ref().map(|folder| folder.node().id);
        folder.is_none_or(|folder| found.node.id != folder && found.is_at_or_below(folder))
    };
    let mut room = PageRoom::default();
    let mut hits: Vec<Hit> = Vec::new();
    for (position, id) in candidates(state, viewer, criteria) {
        let found = locate::find(state, id, viewer).filter(|found| found.role().is_some() && is_below(found));
        let Some(located) = found else { continue };
        if hits.len() == criteria.limit.get() || !room.takes(located.path_bytes()) {
            let next = hits.last().map(|hit| hit.position.clone());
            return Page { items: hits, next };
        }
        hits.push(Hit { located, position });
    }
    Page { items: hits, next: None }
}

#[async_trait]
impl SearchRepository for Database {
    async fn search(&self, viewer: UserId, criteria: &SearchCriteria) -> Result<Page<Hit, SearchPosition>> {
        self.read(|state| Ok(search(state, viewer, criteria)))
    }
}
