//! Search in the trees shared with a viewer: walks these trees folder by folder and looks at every entry. The work per
//! page is bounded by numbers of folders and entries, regardless of what else the drives hold.
//!
//! The folders of a tree come in preorder, siblings by identifier; the entries of a folder come by kind, time and
//! identifier. None of these ever changes, so a walk resumes where it stopped, unless a folder on its path has moved:
//! then it resumes after that folder, in the deepest ancestor that is still in place.

mod rows;

use clouddrive_domain::model::{
    Action, ChildPosition, Located, NodeId, NodeKind, SearchPosition, SharePosition, WalkPosition, authorize,
};
use clouddrive_domain::port::SearchCriteria;
use uuid::Uuid;

pub use rows::{EntryRow, FolderRow, PathFolderRow, ShareRow, shares};

use crate::dialect::{Dialect, contains_text, kind};
use crate::statement::{Parameter, Statement};
use crate::types::bytes;

/// The most shares looked at per page.
const MAX_SHARES: usize = 200;

/// The most steps between folders (down, sideways or up) per page.
pub const MAX_MOVES: u64 = 2_000;

/// The most folder entries looked at per page.
pub const MAX_VISITED: u64 = 10_000;

/// The top of a tree that the viewer may see.
struct TreeTop {
    share: Option<SharePosition>,
    id: NodeId,
    is_folder: bool,
    /// Whether the top itself is a hit.
    is_hit: bool,
}

/// Where a walk resumes within the first tree.
struct ResumePoint {
    id: NodeId,
    parent: Option<NodeId>,
    entered: bool,
    path: Vec<NodeId>,
    child: Option<ChildPosition>,
}

/// A walk for one page.
pub struct Walk {
    tops: Vec<TreeTop>,
    /// The last share looked at, if there are more.
    more: Option<SharePosition>,
    /// Where it resumes within the first tree, if it does.
    start: Option<ResumePoint>,
    folders: Vec<FolderRow>,
    entries: Vec<EntryRow>,
}

/// How the position of a node is determined.
#[derive(Clone)]
pub enum NodePosition {
    /// It is known.
    Known(SearchPosition),
    /// By the ancestors of the node, up to the top of the tree with this index in a [`Walk`].
    InTree(usize),
}

/// The result of a walk.
pub struct Walked {
    /// The nodes found, each with the index of its tree's top.
    found: Vec<(NodeId, usize)>,
    end: End,
}

enum End {
    /// There is no more.
    Over,
    /// After the last node found.
    Found,
    /// In that folder, in the tree with that top, after that entry.
    Within(NodeId, usize, Option<ChildPosition>),
    /// After that share.
    Share(SharePosition),
}

impl Walk {
    /// A walk of the trees shared by `rows`, whose `nodes` may be in any order. A tree within another shared tree is
    /// walked as part of that one.
    #[must_use]
    pub fn of_shares(criteria: &SearchCriteria, after: &WalkPosition, rows: &[ShareRow], nodes: &[Located]) -> Self {
        let is_done = |row: &&ShareRow| after.path.is_empty() && Some(row.position()) == after.share;
        let mut rows: Vec<&ShareRow> = rows.iter().filter(|row| !is_done(row)).collect();
        let more = rows.len() > MAX_SHARES;
        rows.truncate(MAX_SHARES);
        let more = rows.last().filter(|_| more).map(|row| row.position());
        let top = |row: &&ShareRow| {
            let located = nodes.iter().find(|found| found.node.id == row.node())?;
            let is_top = located.lineage.iter().skip(1).all(|step| step.share.is_none());
            let node = &authorize(Some(located.clone()).filter(|_| is_top), Action::Read).ok()?.into_located().node;
            let is_hit =
                criteria.kind.is_none_or(|kind| kind == node.kind()) && criteria.text.is_in(&node.name.search_key());
            let is_folder = node.kind() == NodeKind::Folder;
            Some(TreeTop { share: Some(row.position()), id: node.id, is_folder, is_hit })
        };
        Self::new(rows.iter().filter_map(top).collect(), more, after)
    }

    /// A walk of the tree below `folder`, which the viewer may see.
    #[must_use]
    pub fn below(folder: NodeId, after: &WalkPosition) -> Self {
        Self::new(vec![TreeTop { share: None, id: folder, is_folder: true, is_hit: false }], None, after)
    }

    fn new(tops: Vec<TreeTop>, more: Option<SharePosition>, after: &WalkPosition) -> Self {
        let resumes = tops.first().is_some_and(|top| top.share == after.share && after.path.first() == Some(&top.id));
        let start = after.path.last().filter(|_| resumes).map(|id| ResumePoint {
            id: *id,
            parent: None,
            entered: true,
            path: after.path.clone(),
            child: after.child,
        });
        Self { tops, more, start, folders: Vec::new(), entries: Vec::new() }
    }

    /// Selects the [`PathFolderRow`]s of the path where it resumes, if that is below the top of a tree.
    #[must_use]
    pub fn resumed_path<D: Dialect>(&self) -> Option<Statement> {
        let path = &self.start.as_ref().filter(|start| start.path.len() > 1)?.path;
        let list = D::list(path);
        let text = format!(
            "WITH {} SELECT n.id, n.parent_id, n.trashed_at IS NULL AS live FROM list l JOIN nodes n ON n.id = l.id",
            list.text
        );
        Some(Statement::new(text, list.parameters))
    }

    /// Resumes after the first folder of the path that is not in place any more.
    pub fn check(&mut self, rows: &[PathFolderRow]) {
        let Some(start) = &mut self.start else { return };
        let in_place = |above: NodeId, id: NodeId| {
            rows.iter().any(|row| row.live && row.id == id.into() && row.parent_id == Some(above.into()))
        };
        for pair in start.path.windows(2) {
            let [above, id] = *pair else { continue };
            (start.id, start.parent) = (id, Some(above));
            if !in_place(above, id) {
                start.entered = false;
                start.child = None;
                return;
            }
        }
    }

    /// Selects the [`FolderRow`]s of the folders passed, if there is a tree.
    #[must_use]
    pub fn folders<D: Dialect>(&self) -> Option<Statement> {
        let trees: Vec<NodeId> = self.tops.iter().filter(|top| top.is_folder).map(|top| top.id).collect();
        let first = *trees.first()?;
        let start = self.start.as_ref().filter(|start| start.path.first() == Some(&first));
        let nothing = Parameter::Id(NodeId::from_uuid(Uuid::nil()).into());
        let seed = [
            start.map_or(first, |start| start.id).into(),
            start.and_then(|start| start.parent).map_or(nothing, Parameter::from),
            Parameter::Integer(i64::from(start.is_none_or(|start| start.entered))),
        ];
        let list = D::list(&trees);
        // Folders have size 0, so the index by size orders them by identifier.
        let folders = "c.kind = 'folder' AND c.size_bytes = 0 AND c.trashed_at IS NULL";
        let text = format!(
            "WITH RECURSIVE {},
            walk (step, top, top_id, id, parent_id, entered) AS (
                SELECT CAST(0 AS BIGINT), l.place, l.id, coalesce(?, l.id), coalesce(?, l.id), CAST(? AS BIGINT)
                FROM list l WHERE l.place = 1
                UNION ALL
                SELECT w.step + 1, coalesce(l.place, w.top), coalesce(l.id, w.top_id), n.id, n.parent_id,
                    CAST(CASE WHEN l.id IS NULL AND n.id = (CASE WHEN w.entered = 1 THEN w.id ELSE w.parent_id END)
                        THEN 0 ELSE 1 END AS BIGINT)
                FROM walk w
                LEFT JOIN list l ON w.entered = 0 AND w.id = w.top_id AND l.place = w.top + 1
                JOIN nodes n ON n.id = CASE
                    WHEN w.entered = 1 THEN coalesce((
                        SELECT c.id FROM nodes c WHERE c.parent_id = w.id AND {folders} ORDER BY c.id LIMIT 1
                    ), w.id)
                    WHEN w.id = w.top_id THEN l.id
                    ELSE coalesce((
                        SELECT c.id FROM nodes c WHERE c.parent_id = w.parent_id AND {folders} AND c.id > w.id
                        ORDER BY c.id LIMIT 1
                    ), w.parent_id) END
                WHERE w.step < {MAX_MOVES}
            )
            SELECT step, top, id, entered = 1 AS entered FROM walk ORDER BY step",
            list.text
        );
        Some(Statement::new(text, list.parameters.into_iter().chain(seed).collect()))
    }

    /// Sets the folders passed.
    pub fn set_folders(&mut self, rows: Vec<FolderRow>) {
        self.folders = rows;
    }

    fn entered(&self) -> Vec<&FolderRow> {
        self.folders.iter().filter(|row| row.entered).collect()
    }

    /// Selects the [`EntryRow`]s of the folders entered, if there are any.
    #[must_use]
    pub fn entries<D: Dialect>(&self, criteria: &SearchCriteria, limit: usize) -> Option<Statement> {
        let folders: Vec<NodeId> = self.entered().iter().map(|row| row.id.into()).collect();
        let first = *folders.first()?;
        let list = D::list(&folders);
        let mut parameters = list.parameters;
        parameters.push(first.into());
        let child = self.start.as_ref().filter(|start| start.id == first).and_then(|start| start.child);
        let after = child.map_or("", |child| {
            let kind = if child.is_folder { "folder" } else { "file" };
            let [kind, at] = [Parameter::Text(kind.to_owned()), Parameter::Integer(child.at.as_millis())];
            parameters.extend([kind, at, child.id.into()]);
            "AND (n.kind, n.created_at, n.id) > (?, ?, ?)"
        });
        // As parameters: with literals PostgreSQL would read and sort the whole folder.
        let max = Parameter::Integer(bytes(MAX_VISITED));
        let (children, contains_text) = (D::children(MAX_VISITED), contains_text::<D>("n", criteria));
        parameters.push(max.clone());
        parameters.extend(children.parameters);
        parameters.push(max);
        parameters.extend(contains_text.parameters);
        parameters.push(Parameter::Integer(bytes(limit as u64 + 1)));
        let text = format!(
            "WITH {},
            opening AS (
                SELECT CAST(1 AS BIGINT) AS place, n.id, n.kind, n.created_at, n.order_key, n.sort_key, n.search_key
                FROM nodes n WHERE n.parent_id = ? AND n.trashed_at IS NULL {after}
                ORDER BY n.kind, n.created_at, n.id LIMIT ?
            ),
            seen AS MATERIALIZED (
                SELECT * FROM (SELECT * FROM opening UNION ALL {}) AS entry LIMIT ?
            )
            SELECT 'hit' AS what, hit.place, hit.id, hit.kind = 'folder' AS is_folder, hit.created_at,
                CAST(0 AS BIGINT) AS seen
            FROM (
                SELECT n.place, n.id, n.kind, n.created_at FROM seen n WHERE {} AND {}
                ORDER BY n.place, n.kind, n.created_at, n.id LIMIT ?
            ) AS hit
            UNION ALL SELECT 'last', tail.place, tail.id, tail.kind = 'folder', tail.created_at,
                (SELECT count(*) FROM seen)
            FROM (
                SELECT place, id, kind, created_at FROM seen
                ORDER BY place DESC, kind DESC, created_at DESC, id DESC LIMIT 1
            ) AS tail",
            list.text,
            children.text,
            kind(criteria.kind),
            contains_text.text,
        );
        Some(Statement::new(text, parameters))
    }

    /// Sets the entries looked at.
    pub fn set_entries(&mut self, rows: Vec<EntryRow>) {
        self.entries = rows;
    }

    /// The result, with up to `limit` nodes.
    #[must_use]
    pub fn result(&self, limit: usize) -> Walked {
        let folders = self.entered();
        let trees: Vec<usize> = self.tops.iter().enumerate().filter(|(_, top)| top.is_folder).map(|(i, _)| i).collect();
        let top_of =
            |folder: &FolderRow| usize::try_from(folder.top - 1).ok().and_then(|tree| trees.get(tree)).copied();
        let folder_of =
            |row: &EntryRow| usize::try_from(row.place - 1).ok().and_then(|place| folders.get(place)).copied();
        let last = self.entries.iter().find(|row| row.what == "last");
        let is_cut = self.folders.last().is_some_and(|row| row.step >= bytes(MAX_MOVES));
        let end = match last {
            Some(last) if size_of(last.seen) >= MAX_VISITED => {
                folder_of(last).map(|folder| (folder, Some(last.position())))
            }
            last if is_cut => folders.last().map(|folder| {
                let within = last.filter(|last| folder_of(last).is_some_and(|of| of.id == folder.id));
                (*folder, within.map(EntryRow::position))
            }),
            _ => None,
        };
        let end = end.and_then(|(folder, child)| Some((NodeId::from(folder.id), top_of(folder)?, child)));
        let reached = end.as_ref().map_or(usize::MAX, |(_, top, _)| *top);
        let skipped = usize::from(self.start.is_some());
        let mut found: Vec<(NodeId, usize)> = Vec::new();
        let mut hits: Vec<&EntryRow> = self.entries.iter().filter(|row| row.what == "hit").collect();
        hits.sort_by_key(|row| (row.place, row.position()));
        let mut hits =
            hits.into_iter().filter_map(|row| Some((row.id.into(), folder_of(row).and_then(top_of)?))).peekable();
        for (place, top) in self.tops.iter().enumerate().take_while(|(place, _)| *place <= reached) {
            if top.is_hit && place >= skipped {
                found.push((top.id, place));
            }
            while let Some(hit) = hits.next_if(|(_, top)| *top == place) {
                found.push(hit);
            }
        }
        let too_many = found.len() > limit;
        found.truncate(limit);
        let end = match (too_many, end, self.more) {
            (true, _, _) => End::Found,
            (false, Some((folder, top, child)), _) => End::Within(folder, top, child),
            (false, None, Some(share)) => End::Share(share),
            (false, None, None) => End::Over,
        };
        Walked { found, end }
    }

    /// The position after which there is more: the `last` one found, or one in the `folder` in which the walk ended.
    #[must_use]
    pub fn next(
        &self,
        walked: &Walked,
        folder: Option<&Located>,
        last: Option<SearchPosition>,
    ) -> Option<SearchPosition> {
        let position = match walked.end {
            End::Over => return None,
            End::Found => return last,
            End::Share(share) => WalkPosition { share: Some(share), ..WalkPosition::default() },
            End::Within(_, top, child) => {
                let top = self.tops.get(top)?;
                let path = folder.map_or_else(|| vec![top.id], |found| path(found, top.id));
                WalkPosition { share: top.share, path, child }
            }
        };
        Some(SearchPosition::Shared(position))
    }

    /// The position of a node found in the tree with that `top`.
    #[must_use]
    pub fn position(&self, found: &Located, top: usize) -> Option<WalkPosition> {
        let top = self.tops.get(top)?;
        let share = top.share;
        if found.node.id == top.id {
            return Some(WalkPosition { share, path: vec![top.id], child: None });
        }
        let is_folder = found.node.kind() == NodeKind::Folder;
        let child = ChildPosition { is_folder, at: found.node.created_at, id: found.node.id };
        let mut path = path(found, top.id);
        path.pop();
        Some(WalkPosition { share, path, child: Some(child) })
    }
}

impl Walked {
    /// The nodes found, with their positions.
    pub fn positions(&self) -> impl Iterator<Item = (NodeId, NodePosition)> + '_ {
        self.found.iter().map(|(id, top)| (*id, NodePosition::InTree(*top)))
    }

    /// Whether there is a result, here or further on.
    #[must_use]
    pub fn has_results(&self) -> bool {
        !self.found.is_empty() || !matches!(self.end, End::Over)
    }

    /// The folder in which the walk ended, to be fetched with its ancestors.
    #[must_use]
    pub const fn end_folder(&self) -> Option<NodeId> {
        match self.end {
            End::Within(folder, ..) => Some(folder),
            _ => None,
        }
    }
}

/// The nodes from `top` down to `found`, inclusive.
fn path(found: &Located, top: NodeId) -> Vec<NodeId> {
    let mut path: Vec<NodeId> = Vec::new();
    for step in &found.lineage {
        path.push(step.id);
        if step.id == top {
            break;
        }
    }
    path.reverse();
    path
}

fn size_of(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}
