//! The differences between the databases in a search, and the conditions that all its statements share.

use clouddrive_domain::model::{DriveId, NodeId, NodeKind};
use clouddrive_domain::port::SearchCriteria;

use crate::statement::Parameter;

/// The differences between the databases.
pub trait Dialect {
    /// The function that returns the position of a substring, or 0.
    const POSITION_FUNCTION: &'static str;

    /// An empty `order_key`.
    const EMPTY_KEY: &'static str;

    /// The condition on `order_key` for names without keys of this version.
    const KEYS_MISSING: &'static str;

    /// The CTE `found (id, parent_id, kind, order_key)`, and those it needs before it: at most
    /// [`MAX_FOUND`](crate::search::MAX_FOUND) + 1 of the drive's nodes that contain the text and for which `after`,
    /// a condition on `n`, holds.
    fn by_grams(drive: DriveId, criteria: &SearchCriteria, after: Clause) -> Clause;

    /// An expression: whether `found` may be incomplete.
    fn is_incomplete() -> String;

    /// The CTE `list (place, id)`: the identifiers, numbered from 1.
    fn list(ids: &[NodeId]) -> Clause;

    /// A query of `place, id, kind, created_at, order_key, sort_key, search_key` of the entries of the folders in
    /// `list` with `place > 1`, folder by folder, each ordered by kind, time and identifier; at most `max` per folder.
    fn children(max: u64) -> Clause;
}

/// A part of a statement, with its parameters.
#[derive(Default)]
pub struct Clause {
    /// The text, with a `?` for each parameter.
    pub text: String,
    /// The parameters.
    pub parameters: Vec<Parameter>,
}

impl Clause {
    /// Creates a clause.
    pub fn new(text: impl Into<String>, parameters: Vec<Parameter>) -> Self {
        Self { text: text.into(), parameters }
    }
}

/// The condition that the name of a node `n` contains the text. A name without keys, written by the previous version of
/// the server, is matched by that version's key.
#[must_use]
pub fn contains_text<D: Dialect>(n: &str, criteria: &SearchCriteria) -> Clause {
    let (place_of, keyless) = (D::POSITION_FUNCTION, format!("{n}.order_key {}", D::KEYS_MISSING));
    let text =
        format!("CASE WHEN {keyless} THEN {place_of}({n}.sort_key, ?) ELSE {place_of}({n}.search_key, ?) END > 0");
    Clause::new(
        text,
        [criteria.text.cased(), criteria.text.folded()].map(|text| Parameter::Text(text.to_owned())).into(),
    )
}

pub(crate) const fn kind(kind: Option<NodeKind>) -> &'static str {
    match kind {
        Some(NodeKind::File) => "kind = 'file'",
        Some(NodeKind::Folder) => "kind = 'folder'",
        _ => "kind <> 'root'",
    }
}
