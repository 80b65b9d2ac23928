//! Searching in what is shared with a viewer: by walking the trees that the viewer may see, folder by folder, and looking at
//! all that stands in each. So many folders and so many entries make a page, whatever lies beside these trees.
//!
//! The folders of a tree come in preorder, those that stand side by side by their identifiers; what stands in a folder comes
//! by kind, time and identifier. None of these ever changes, so a walk goes on where it was, unless what it has come to is
//! moved away: then it goes on beside the last of the folders above that still stand.

mod rows;

use clouddrive_domain::model::{
    Action, ChildPosition, Located, NodeId, NodeKind, SearchPosition, SharePosition, WalkPosition, authorize,
};
use clouddrive_domain::port::Sought;
use uuid::Uuid;

pub use rows::{EntryRow, FolderRow, ShareRow, StandingRow, shares};

use crate::search::{Dialect, Spot, holds, kind};
use crate::statement::{Parameter, Statement};
use crate::types::bytes;

/// How many shares one page looks at.
const MOST_SHARES: usize = 200;

/// How many steps through folders, each down, aside or up, one page takes.
pub const MOST_MOVES: u64 = 2_000;

/// How many entries of folders one page looks at.
pub const MOST_SEEN: u64 = 10_000;

/// The top of a tree that the viewer may see.
struct Top {
    share: Option<SharePosition>,
    id: NodeId,
    is_folder: bool,
    /// Whether it has the text itself.
    is_hit: bool,
}

/// Where a walk begins within the first tree.
struct Start {
    id: NodeId,
    parent: Option<NodeId>,
    entered: bool,
    path: Vec<NodeId>,
    child: Option<ChildPosition>,
}

/// A walk for one page.
pub struct Walk {
    tops: Vec<Top>,
    /// The last share that was looked at, if there are more.
    more: Option<SharePosition>,
    /// Where it goes on within the first tree, if it does.
    start: Option<Start>,
    folders: Vec<FolderRow>,
    entries: Vec<EntryRow>,
}

/// What a walk came upon.
pub struct Walked {
    /// What it found, each with the top of its tree.
    found: Vec<(NodeId, usize)>,
    end: End,
}

enum End {
    /// There is no more.
    Over,
    /// Behind the last of what was found.
    Found,
    /// In that folder, behind that entry of it.
    Within(NodeId, usize, Option<ChildPosition>),
    /// Behind that share.
    Share(SharePosition),
}

impl Walk {
    /// The walk of the trees that are shared, by these `rows` of which the `nodes` are shared, in no order. A tree that lies
    /// within another one is walked with that.
    #[must_use]
    pub fn of_shares(sought: &Sought, after: &WalkPosition, rows: &[ShareRow], nodes: &[Located]) -> Self {
        let is_done = |row: &&ShareRow| after.path.is_empty() && Some(row.position()) == after.share;
        let mut rows: Vec<&ShareRow> = rows.iter().filter(|row| !is_done(row)).collect();
        let more = rows.len() > MOST_SHARES;
        rows.truncate(MOST_SHARES);
        let more = rows.last().filter(|_| more).map(|row| row.position());
        let top = |row: &&ShareRow| {
            let located = nodes.iter().find(|found| found.node.id == row.node())?;
            let is_top = located.lineage.iter().skip(1).all(|step| step.share.is_none());
            let node = &authorize(Some(located.clone()).filter(|_| is_top), Action::Read).ok()?.into_located().node;
            let is_hit =
                sought.kind.is_none_or(|kind| kind == node.kind()) && sought.text.is_in(&node.name.search_key());
            let is_folder = node.kind() == NodeKind::Folder;
            Some(Top { share: Some(row.position()), id: node.id, is_folder, is_hit })
        };
        Self::new(rows.iter().filter_map(top).collect(), more, after)
    }

    /// The walk of the tree below `folder`, which the viewer may see.
    #[must_use]
    pub fn below(folder: NodeId, after: &WalkPosition) -> Self {
        Self::new(vec![Top { share: None, id: folder, is_folder: true, is_hit: false }], None, after)
    }

    fn new(tops: Vec<Top>, more: Option<SharePosition>, after: &WalkPosition) -> Self {
        let goes_on = tops.first().is_some_and(|top| top.share == after.share && after.path.first() == Some(&top.id));
        let start = after.path.last().filter(|_| goes_on).map(|id| Start {
            id: *id,
            parent: None,
            entered: true,
            path: after.path.clone(),
            child: after.child,
        });
        Self { tops, more, start, folders: Vec::new(), entries: Vec::new() }
    }

    /// Asks for the [`StandingRow`]s of the folders in which it goes on, if it does so below the top of a tree.
    #[must_use]
    pub fn standing<D: Dialect>(&self) -> Option<Statement> {
        let path = &self.start.as_ref().filter(|start| start.path.len() > 1)?.path;
        let list = D::list(path);
        let text = format!(
            "WITH {} SELECT n.id, n.parent_id, n.trashed_at IS NULL AS live FROM list l JOIN nodes n ON n.id = l.id",
            list.text
        );
        Some(Statement::new(text, list.parameters))
    }

    /// Goes on beside the first folder that does not stand where it stood.
    pub fn check(&mut self, rows: &[StandingRow]) {
        let Some(start) = &mut self.start else { return };
        let stands = |above: NodeId, id: NodeId| {
            rows.iter().any(|row| row.live && row.id == id.into() && row.parent_id == Some(above.into()))
        };
        for pair in start.path.windows(2) {
            let [above, id] = *pair else { continue };
            (start.id, start.parent) = (id, Some(above));
            if !stands(above, id) {
                start.entered = false;
                start.child = None;
                return;
            }
        }
    }

    /// Asks for the [`FolderRow`]s that it passes, if there is a tree.
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
        // Folders have the size 0: among them the index by size has them by their identifiers.
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
                WHERE w.step < {MOST_MOVES}
            )
            SELECT step, top, id, entered = 1 AS entered FROM walk ORDER BY step",
            list.text
        );
        Some(Statement::new(text, list.parameters.into_iter().chain(seed).collect()))
    }

    /// Takes the folders that it passes.
    pub fn pass(&mut self, rows: Vec<FolderRow>) {
        self.folders = rows;
    }

    fn entered(&self) -> Vec<&FolderRow> {
        self.folders.iter().filter(|row| row.entered).collect()
    }

    /// Asks for the [`EntryRow`]s of the folders that it enters, if it enters any.
    #[must_use]
    pub fn entries<D: Dialect>(&self, sought: &Sought, limit: usize) -> Option<Statement> {
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
        // As parameters: a number would have PostgreSQL read all of a folder and sort it.
        let most = Parameter::Integer(bytes(MOST_SEEN));
        let (children, holds) = (D::children(MOST_SEEN), holds::<D>("n", sought));
        parameters.push(most.clone());
        parameters.extend(children.parameters);
        parameters.push(most);
        parameters.extend(holds.parameters);
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
                SELECT place, id, kind, created_at FROM seen ORDER BY place DESC, kind DESC, created_at DESC, id DESC LIMIT 1
            ) AS tail",
            list.text,
            children.text,
            kind(sought.kind),
            holds.text,
        );
        Some(Statement::new(text, parameters))
    }

    /// Takes the entries that it has looked at.
    pub fn look(&mut self, rows: Vec<EntryRow>) {
        self.entries = rows;
    }

    /// What it came upon, up to `limit`.
    #[must_use]
    pub fn found(&self, limit: usize) -> Walked {
        let folders = self.entered();
        let trees: Vec<usize> = self.tops.iter().enumerate().filter(|(_, top)| top.is_folder).map(|(i, _)| i).collect();
        let top_of =
            |folder: &FolderRow| usize::try_from(folder.top - 1).ok().and_then(|tree| trees.get(tree)).copied();
        let folder_of =
            |row: &EntryRow| usize::try_from(row.place - 1).ok().and_then(|place| folders.get(place)).copied();
        let last = self.entries.iter().find(|row| row.what == "last");
        let is_cut = self.folders.last().is_some_and(|row| row.step >= bytes(MOST_MOVES));
        let end = match last {
            Some(last) if size_of(last.seen) >= MOST_SEEN => {
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

    /// The place after which there is more: behind the `last` of what was found, or in the folder in which the walk ended, as
    /// that is found.
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

    /// The place of what was found in the tree with that top.
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
    /// What it found, with its places.
    pub fn spots(&self) -> impl Iterator<Item = (NodeId, Spot)> + '_ {
        self.found.iter().map(|(id, top)| (*id, Spot::Tree(*top)))
    }

    /// Whether there is anything, here or further on.
    #[must_use]
    pub fn is_any(&self) -> bool {
        !self.found.is_empty() || !matches!(self.end, End::Over)
    }

    /// The folder in which the walk ended, to be fetched with the way up from it.
    #[must_use]
    pub const fn folder(&self) -> Option<NodeId> {
        match self.end {
            End::Within(folder, ..) => Some(folder),
            _ => None,
        }
    }
}

/// The nodes from `top` down to that one, itself included.
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
