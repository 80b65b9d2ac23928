//! Searching by name, in two ways. By the index of three characters in a row, the *trigrams*, when few names have all of the
//! text's; and by walking along the names in their order, when many do, or when the text has fewer than three characters and
//! the walk begins where it does. Either looks at a number of nodes that is bounded: how they are reached is the dialect's,
//! and what becomes of them is said here.

use std::collections::HashMap;

use clouddrive_domain::Result;
use clouddrive_domain::model::{Limit, Located, NodeId, NodeKind, Page, Position, SortValue, UserId};
use clouddrive_domain::port::Sought;
use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};

use crate::locate::MOST_STEPS;
use crate::statement::{Parameter, Statement};
use crate::types::{DbId, Id, bad_row, bytes, name};

/// How many nodes that have the text are looked at more closely, for one page: whether the viewer may see them.
pub const MOST_FOUND: u64 = 2_000;

/// How many names a walk passes for one page, in all drives together.
pub const MOST_WALKED: u64 = 10_000;

/// What differs between the databases.
pub trait Dialect {
    /// A list of drives as a parameter.
    fn list(drives: &[DbId]) -> Parameter;

    /// `found (id, drive_id, parent_id, kind, sort_key, name)` and what it needs before it: at most one more than
    /// [`MOST_FOUND`] of the drives' nodes that have the text, of those for which `after`, a condition on `n`, holds.
    fn by_trigrams(drives: Parameter, sought: &Sought, after: Clause) -> Clause;

    /// Whether `found` may lack something: an expression.
    fn is_lacking() -> String;

    /// `walked (id, drive_id, parent_id, kind, sort_key, name)`: of each drive the first `most` names for which `within`, a
    /// condition on `n`, holds.
    fn walk(drives: Parameter, within: Clause, most: u64) -> Clause;

    /// Whether the sort key of a walked node has the text, which is found anywhere within it.
    fn has(sought: &Sought) -> Clause;
}

/// A part of a statement with its parameters.
#[derive(Default)]
pub struct Clause {
    /// The text, with a `?` for each parameter.
    pub text: String,
    /// The parameters.
    pub parameters: Vec<Parameter>,
}

impl Clause {
    /// The part `text` with its `parameters`.
    pub fn new(text: impl Into<String>, parameters: Vec<Parameter>) -> Self {
        Self { text: text.into(), parameters }
    }

    fn and(mut self, other: Self) -> Self {
        self.text = format!("{} AND {}", self.text, other.text);
        self.parameters.extend(other.parameters);
        self
    }
}

/// A drive in which there may be something for the viewer.
#[derive(QueryableByName)]
pub struct DriveRow {
    /// The drive.
    #[diesel(sql_type = Id)]
    pub id: DbId,
}

/// Asks for the [`DriveRow`]s of the viewer's own drive and of those in which something is shared with the viewer.
#[must_use]
pub fn drives(viewer: UserId) -> Statement {
    let text = "SELECT id FROM drives WHERE owner_id = ?
        UNION SELECT n.drive_id FROM shares s JOIN nodes n ON n.id = s.node_id WHERE s.guest_id = ?";
    Statement::new(text, vec![viewer.into(), viewer.into()])
}

/// What the search came upon.
#[derive(QueryableByName)]
pub struct HitRow {
    /// `seen`: a node for the viewer; `end`: what lies beyond has not been looked at; `lacking`: use another way.
    #[diesel(sql_type = Text)]
    what: String,
    #[diesel(sql_type = Nullable<Id>)]
    id: Option<DbId>,
    #[diesel(sql_type = Text)]
    sort_key: String,
    #[diesel(sql_type = Text)]
    name: String,
}

/// Asks for the [`HitRow`]s of a page by the trigrams of the text.
#[must_use]
pub fn by_trigrams<D: Dialect>(viewer: UserId, drives: &[DbId], sought: &Sought) -> Statement {
    let after = place(sought.after.as_ref()).unwrap_or_else(|| Clause::new("1 = 1", vec![]));
    let found = D::by_trigrams(D::list(drives), sought, after);
    let kind = kind(sought.kind);
    let text = format!(
        "{}, lacking (is_so) AS (SELECT {}),
        hit (id, drive_id, parent_id, sort_key, name) AS (
            SELECT id, drive_id, parent_id, sort_key, name FROM found WHERE {kind} AND NOT (SELECT is_so FROM lacking)
        )",
        found.text,
        D::is_lacking()
    );
    let rest = "SELECT 'lacking', NULL, '', '' FROM lacking WHERE is_so";
    complete(Clause::new(text, found.parameters), viewer, sought, rest)
}

/// Asks for the [`HitRow`]s of a page by walking along the names.
#[must_use]
pub fn by_walking<D: Dialect>(viewer: UserId, drives: &[DbId], sought: &Sought) -> Statement {
    let most = (MOST_WALKED / (drives.len() as u64).max(1)).max(1);
    let walked = D::walk(D::list(drives), span(sought), most);
    let has = if sought.text.is_prefix() { Clause::new("1 = 1", vec![]) } else { D::has(sought) };
    let kind = kind(sought.kind);
    // Of a drive that has more, what lies behind the last name is not known; so no other drive's is shown from there on.
    let text = format!(
        "{}, placed AS (
            SELECT id, sort_key, name, row_number() OVER (PARTITION BY drive_id ORDER BY sort_key, name, id) AS place
            FROM walked
        ),
        border (id, sort_key, name) AS (
            SELECT id, sort_key, name FROM placed WHERE place = {most} ORDER BY sort_key, name, id LIMIT 1
        ),
        hit (id, drive_id, parent_id, sort_key, name) AS (
            SELECT id, drive_id, parent_id, sort_key, name FROM walked WHERE {kind} AND {}
                AND ((sort_key, name, id) <= (SELECT sort_key, name, id FROM border)) IS NOT FALSE
            ORDER BY sort_key, name, id LIMIT {MOST_FOUND}
        )",
        walked.text, has.text
    );
    let rest = format!(
        "SELECT 'end', id, sort_key, name FROM border
        UNION ALL SELECT 'end', id, sort_key, name FROM (
            SELECT id, sort_key, name FROM hit ORDER BY sort_key, name, id LIMIT 1 OFFSET {}
        ) AS last",
        MOST_FOUND - 1
    );
    let parameters = walked.parameters.into_iter().chain(has.parameters).collect();
    complete(Clause::new(text, parameters), viewer, sought, &rest)
}

/// What asks for those of `hit` that the viewer may see, and for `rest`. What the viewer may not see is left out here, so
/// that pages do not tell how much of it there is; what is shown is decided on once more, by the domain.
fn complete(hits: Clause, viewer: UserId, sought: &Sought, rest: &str) -> Statement {
    let mut parameters = hits.parameters;
    parameters.extend([viewer.into(), viewer.into()]);
    let below = sought.within.as_ref().map_or("", |folder| {
        parameters.push(folder.node().id.into());
        "AND sum(CASE WHEN up.id = ? AND up.distance > 0 THEN 1 ELSE 0 END) > 0"
    });
    parameters.push(Parameter::Integer(bytes(sought.limit.get() as u64 + 1)));
    let text = format!(
        "WITH RECURSIVE {},
        up (seed, sort_key, name, id, drive_id, parent_id, trashed_at, distance) AS (
            SELECT id, sort_key, name, id, drive_id, parent_id, CAST(NULL AS BIGINT), 0 FROM hit
            UNION ALL
            SELECT up.seed, up.sort_key, up.name, n.id, n.drive_id, n.parent_id, n.trashed_at, up.distance + 1
            FROM up JOIN nodes n ON n.id = up.parent_id WHERE up.distance < {MOST_STEPS}
        ),
        seen (id, sort_key, name) AS (
            SELECT up.seed, up.sort_key, up.name FROM up
            LEFT JOIN drives d ON d.id = up.drive_id AND d.owner_id = ?
            LEFT JOIN shares s ON s.node_id = up.id AND s.guest_id = ?
            GROUP BY up.seed, up.sort_key, up.name
            HAVING count(up.trashed_at) = 0 AND count(d.id) + count(s.id) > 0 {below}
        )
        SELECT 'seen' AS what, page.id, page.sort_key, page.name FROM (
            SELECT id, sort_key, name FROM seen ORDER BY sort_key, name, id LIMIT ?
        ) AS page
        UNION ALL {rest}",
        hits.text
    );
    Statement::new(text, parameters)
}

const fn kind(kind: Option<NodeKind>) -> &'static str {
    match kind {
        Some(NodeKind::File) => "kind = 'file'",
        Some(NodeKind::Folder) => "kind = 'folder'",
        _ => "kind <> 'root'",
    }
}

/// The condition on `n` that it stands after that place.
fn place(after: Option<&Position>) -> Option<Clause> {
    let position = after?;
    let SortValue::Name(name) = &position.value else { return None };
    let parameters =
        vec![Parameter::Text(name.sort_key()), Parameter::Text(name.as_str().to_owned()), position.id.into()];
    Some(Clause::new("(n.sort_key, n.name, n.id) > (?, ?, ?)", parameters))
}

/// The condition on `n` that a walk passes it.
fn span(sought: &Sought) -> Clause {
    let begin = place(sought.after.as_ref());
    if !sought.text.is_prefix() {
        return begin.unwrap_or_else(|| Clause::new("1 = 1", vec![]));
    }
    let prefix = sought.text.folded();
    let from = || Clause::new("n.sort_key >= ?", vec![Parameter::Text(prefix.to_owned())]);
    let begin = begin.unwrap_or_else(from);
    match beyond(prefix) {
        Some(beyond) => begin.and(Clause::new("n.sort_key < ?", vec![Parameter::Text(beyond)])),
        None => begin,
    }
}

/// The first text, by code points, that comes after all that begin with `prefix`; none when nothing does.
fn beyond(prefix: &str) -> Option<String> {
    let mut rest = prefix.to_owned();
    while let Some(last) = rest.pop() {
        // The range leaves out what is no character.
        if let Some(next) = (last..=char::MAX).nth(1) {
            rest.push(next);
            return Some(rest);
        }
    }
    None
}

/// What the rows of one way amount to.
pub enum Way {
    /// A page: which nodes stand on it, in their order, and the place after which the next one begins.
    Page(Vec<NodeId>, Option<Position>),
    /// There is too much for this way.
    Lacking,
}

/// What `rows` amount to.
///
/// # Errors
/// When a row says what cannot be.
pub fn way(rows: Vec<HitRow>, limit: Limit) -> Result<Way> {
    if rows.iter().any(|row| row.what == "lacking") {
        return Ok(Way::Lacking);
    }
    let sorted = |what: &str| {
        let mut some: Vec<&HitRow> = rows.iter().filter(|row| row.what == what).collect();
        some.sort_by_key(|row| (&row.sort_key, &row.name, row.id));
        some
    };
    let (seen, ends) = (sorted("seen"), sorted("end"));
    let last = match seen.get(limit.get()) {
        Some(_) => seen.get(limit.get() - 1),
        None => ends.first(),
    };
    let next = last.map(|row| position(row)).transpose()?;
    let nodes = seen.iter().take(limit.get()).filter_map(|row| row.id).map(NodeId::from).collect();
    Ok(Way::Page(nodes, next))
}

fn position(row: &HitRow) -> Result<Position> {
    let id = row.id.map(NodeId::from).ok_or_else(|| bad_row("nodes", "of a search", "id"))?;
    Ok(Position { value: SortValue::Name(name("nodes", id, &row.name)?), id })
}

/// Puts the nodes, found in no order, in the order of `ids`.
#[must_use]
pub fn in_order(ids: &[NodeId], mut nodes: Vec<Located>, next: Option<Position>) -> Page<Located, Position> {
    let places: HashMap<NodeId, usize> = ids.iter().enumerate().map(|(place, id)| (*id, place)).collect();
    nodes.sort_by_key(|found| places.get(&found.node.id).copied());
    Page { items: nodes, next }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_with_a_text_ends_before_the_next_one() {
        for (prefix, expected) in [
            ("a", Some("b")),
            ("ab", Some("ac")),
            ("\u{d7ff}", Some("\u{e000}")),
            ("a\u{10ffff}", Some("b")),
            ("\u{10ffff}", None),
        ] {
            assert_eq!(beyond(prefix).as_deref(), expected, "{prefix:?}");
        }
    }
}
