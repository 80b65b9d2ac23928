//! Search in the viewer's own drive, in two ways: by the index of *grams* (pairs of characters, and single non-ASCII
//! ones), if few names contain all grams of the text; or by scanning the names in order, if many do or the text has no
//! grams. Either looks at a bounded number of nodes, and at none of another drive. Shared trees are
//! [walked](crate::walk).

use std::collections::HashMap;

use clouddrive_domain::Result;
use clouddrive_domain::model::{
    DriveId, Limit, Located, NodeId, OrderKey, PageRoom, SearchPosition, SearchText, UserId, WalkPosition,
};
use clouddrive_domain::port::{Hit, SearchCriteria};
use diesel::prelude::*;
use diesel::sql_types::{Binary, Nullable, Text};

use crate::dialect::{Clause, Dialect, contains_text, kind};
use crate::locate::MAX_STEPS;
use crate::statement::{Parameter, Statement};
use crate::types::{DbId, Id, bytes, invalid_row};
use crate::walk::{NodePosition, Walk};

/// The most matching nodes per page whose ancestors are checked, e.g. for being trashed.
pub const MAX_FOUND: u64 = 2_000;

/// The most names scanned per page.
pub const MAX_WALKED: u64 = 10_000;

/// The number of nodes fetched at once with their ancestors.
pub const FETCH_BATCH: usize = 100;

/// A drive.
#[derive(QueryableByName)]
pub struct DriveRow {
    /// The drive.
    #[diesel(sql_type = Id)]
    pub id: DbId,
}

/// Selects the [`DriveRow`] of the viewer's own drive.
#[must_use]
pub fn drive(viewer: UserId) -> Statement {
    Statement::new("SELECT id FROM drives WHERE owner_id = ?", vec![viewer.into()])
}

/// Whether a text has grams: all but a single ASCII character have some.
#[must_use]
pub fn has_grams(text: &SearchText) -> bool {
    text.folded().len() > 1
}

/// A result row of a search.
#[derive(QueryableByName)]
pub struct HitRow {
    /// `seen`: a node to show; `end`: rows beyond this were not looked at; `lacking`: search another way.
    #[diesel(sql_type = Text)]
    what: String,
    #[diesel(sql_type = Nullable<Id>)]
    id: Option<DbId>,
    #[diesel(sql_type = Binary)]
    order_key: Vec<u8>,
}

/// Selects the [`HitRow`]s of a page by the grams of the text.
#[must_use]
pub fn by_grams<D: Dialect>(drive: DriveId, criteria: &SearchCriteria) -> Statement {
    let found = D::by_grams(drive, criteria, after(criteria));
    let (beyond, contains_text, kind) = (after(criteria), contains_text::<D>("n", criteria), kind(criteria.kind));
    let text = format!(
        "{}, lacking (is_so) AS (SELECT {}),
        keyless (id, parent_id, kind, order_key) AS (
            SELECT n.id, n.parent_id, n.kind, n.order_key FROM nodes n
            WHERE n.drive_id = ? AND n.order_key {} AND n.trashed_at IS NULL AND {} AND {} LIMIT {MAX_FOUND}
        ),
        hit (id, parent_id, order_key) AS (
            SELECT id, parent_id, order_key FROM (SELECT * FROM found UNION ALL SELECT * FROM keyless) AS either
            WHERE {kind} AND NOT (SELECT is_so FROM lacking)
        )",
        found.text,
        D::is_incomplete(),
        D::KEYS_MISSING,
        beyond.text,
        contains_text.text,
    );
    let own = [drive.into()].into_iter().chain(beyond.parameters).chain(contains_text.parameters);
    let parameters = found.parameters.into_iter().chain(own).collect();
    let rest = format!("SELECT 'lacking', NULL, {} FROM lacking WHERE is_so", D::EMPTY_KEY);
    complete(Clause::new(text, parameters), criteria, &rest)
}

/// Selects the [`HitRow`]s of a page by scanning the names in order.
#[must_use]
pub fn by_scan<D: Dialect>(drive: DriveId, criteria: &SearchCriteria) -> Statement {
    let (beyond, contains_text, kind) = (after(criteria), contains_text::<D>("walked", criteria), kind(criteria.kind));
    let text = format!(
        "walked AS MATERIALIZED (
            SELECT n.id, n.parent_id, n.kind, n.order_key, n.sort_key, n.search_key FROM nodes n
            WHERE n.drive_id = ? AND n.trashed_at IS NULL AND n.kind <> 'root' AND {}
            ORDER BY n.order_key, n.id LIMIT {MAX_WALKED}
        ),
        hit (id, parent_id, order_key) AS (
            SELECT id, parent_id, order_key FROM walked WHERE {kind} AND {}
            ORDER BY order_key, id LIMIT {MAX_FOUND}
        )",
        beyond.text, contains_text.text
    );
    let last = |of: &str, max: u64| {
        format!(
            "SELECT 'end', id, order_key FROM (
                SELECT id, order_key FROM {of} ORDER BY order_key, id LIMIT 1 OFFSET {}
            ) AS last_{of}",
            max - 1
        )
    };
    let rest = format!("{} UNION ALL {}", last("walked", MAX_WALKED), last("hit", MAX_FOUND));
    let parameters = [drive.into()].into_iter().chain(beyond.parameters).chain(contains_text.parameters).collect();
    complete(Clause::new(text, parameters), criteria, &rest)
}

/// Completes the statement: selects the rows of `hit` that are not below a trashed node, and are below the requested
/// folder if there is one, and `rest`.
fn complete(hits: Clause, criteria: &SearchCriteria, rest: &str) -> Statement {
    let mut parameters = hits.parameters;
    let below = criteria.within.as_ref().map_or("", |folder| {
        parameters.push(folder.node().id.into());
        "AND sum(CASE WHEN up.id = ? AND up.distance > 0 THEN 1 ELSE 0 END) > 0"
    });
    parameters.push(Parameter::Integer(bytes(criteria.limit.get() as u64 + 1)));
    let text = format!(
        "WITH RECURSIVE {},
        up (seed, order_key, id, parent_id, trashed_at, distance) AS (
            SELECT id, order_key, id, parent_id, CAST(NULL AS BIGINT), 0 FROM hit
            UNION ALL
            SELECT up.seed, up.order_key, n.id, n.parent_id, n.trashed_at, up.distance + 1
            FROM up JOIN nodes n ON n.id = up.parent_id WHERE up.distance < {MAX_STEPS}
        ),
        seen (id, order_key) AS (
            SELECT up.seed, up.order_key FROM up GROUP BY up.seed, up.order_key HAVING count(up.trashed_at) = 0 {below}
        )
        SELECT 'seen' AS what, page.id, page.order_key FROM (
            SELECT id, order_key FROM seen ORDER BY order_key, id LIMIT ?
        ) AS page
        UNION ALL {rest}",
        hits.text
    );
    Statement::new(text, parameters)
}

/// The condition that `n` comes after the position of the previous page.
fn after(criteria: &SearchCriteria) -> Clause {
    match &criteria.after {
        Some(SearchPosition::Own { key, id }) => {
            let parameters = vec![Parameter::Binary(key.as_bytes().to_vec()), (*id).into()];
            Clause::new("(n.order_key, n.id) > (?, ?)", parameters)
        }
        _ => Clause::new("1 = 1", vec![]),
    }
}

/// Where a page begins.
pub enum PageStart {
    /// In the viewer's own drive.
    Own(DriveId),
    /// In the shared trees.
    Shared(WalkPosition),
}

impl PageStart {
    /// Where the page `criteria` begins, for a viewer whose drive is `own`.
    #[must_use]
    pub fn new(criteria: &SearchCriteria, own: Option<DriveId>) -> Self {
        let is_own = |drive: &DriveId| criteria.within.as_ref().is_none_or(|folder| folder.drive() == *drive);
        match (&criteria.after, own.filter(is_own)) {
            (Some(SearchPosition::Shared(after)), _) => Self::Shared(after.clone()),
            (_, Some(drive)) => Self::Own(drive),
            _ => Self::Shared(WalkPosition::default()),
        }
    }
}

/// Nodes that were found, in order, and the position to continue from.
#[derive(Default)]
pub struct FoundNodes {
    /// The nodes with their positions.
    pub places: Vec<(NodeId, NodePosition)>,
    /// The position after which there is more, if there is.
    pub next: Option<SearchPosition>,
}

/// The result of one way of searching.
pub enum SearchAttempt {
    /// A part of the list.
    Found(FoundNodes),
    /// Too many nodes for this way.
    TooMany,
}

/// Converts `rows` to a result.
///
/// # Errors
/// If a row is invalid.
pub fn search_attempt(rows: Vec<HitRow>, limit: Limit) -> Result<SearchAttempt> {
    if rows.iter().any(|row| row.what == "lacking") {
        return Ok(SearchAttempt::TooMany);
    }
    let sorted = |what: &str| {
        let mut some: Vec<&HitRow> = rows.iter().filter(|row| row.what == what).collect();
        some.sort_by_key(|row| (&row.order_key, row.id));
        some
    };
    let (seen, ends) = (sorted("seen"), sorted("end"));
    let last = match seen.get(limit.get()) {
        Some(_) => seen.get(limit.get() - 1),
        None => ends.first(),
    };
    let next = last.map(|row| place(row)).transpose()?.map(|(_, position)| position);
    let known = |row: &&HitRow| place(row).map(|(id, position)| (id, NodePosition::Known(position)));
    let places = seen.iter().take(limit.get()).map(known).collect::<Result<_>>()?;
    Ok(SearchAttempt::Found(FoundNodes { places, next }))
}

fn place(row: &HitRow) -> Result<(NodeId, SearchPosition)> {
    let id = row.id.map(NodeId::from).ok_or_else(|| invalid_row("nodes", "of a search", "id"))?;
    Ok((id, SearchPosition::Own { key: OrderKey::from_bytes(row.order_key.clone()), id }))
}

/// A page being filled with fetched nodes, [a few](FETCH_BATCH) at a time, until it is full.
#[derive(Default)]
pub struct PageBuilder {
    /// The hits on the page.
    pub hits: Vec<Hit>,
    room: PageRoom,
}

impl PageBuilder {
    /// Adds the nodes at those `places`; `nodes` may be in any order. Returns false if the page is full before all are
    /// added.
    pub fn add(&mut self, places: &[(NodeId, NodePosition)], nodes: Vec<Located>, walk: Option<&Walk>) -> bool {
        let mut nodes: HashMap<NodeId, Located> = nodes.into_iter().map(|found| (found.node.id, found)).collect();
        for (id, spot) in places {
            let Some(located) = nodes.remove(id) else { continue };
            let position = match spot {
                NodePosition::Known(position) => Some(position.clone()),
                NodePosition::InTree(top) => {
                    walk.and_then(|walk| walk.position(&located, *top)).map(SearchPosition::Shared)
                }
            };
            let Some(position) = position else { continue };
            if !self.room.takes(located.path_bytes()) {
                return false;
            }
            self.hits.push(Hit { located, position });
        }
        true
    }

    /// The position of the last hit.
    #[must_use]
    pub fn last(&self) -> Option<SearchPosition> {
        self.hits.last().map(|hit| hit.position.clone())
    }
}
