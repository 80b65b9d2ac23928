//! The differences between the databases in a search, and the conditions that all its statements share.

use clouddrive_domain::model::{DriveId, NodeId, NodeKind};
use clouddrive_domain::port::Sought;

use crate::statement::Parameter;

/// The differences between the databases.
pub trait Dialect {
    /// The function that returns the position of a substring, or 0.
    const PLACE_OF: &'static str;

    /// An empty `order_key`.
    const NO_KEY: &'static str;

    /// The condition on `order_key` for names without keys of this version.
    const WITHOUT_KEYS: &'static str;

    /// The CTE `found (id, parent_id, kind, order_key)`, and those it needs before it: at most
    /// [`MOST_FOUND`](crate::search::MOST_FOUND) + 1 of the drive's nodes that contain the text and for which `after`,
    /// a condition on `n`, holds.
    fn by_grams(drive: DriveId, sought: &Sought, after: Clause) -> Clause;

    /// An expression: whether `found` may be incomplete.
    fn is_lacking() -> String;

    /// The CTE `list (place, id)`: the identifiers, numbered from 1.
    fn list(ids: &[NodeId]) -> Clause;

    /// A query of `place, id, kind, created_at, order_key, sort_key, search_key` of the entries of the folders in
    /// `list` with `place > 1`, folder by folder, each ordered by kind, time and identifier; at most `most` per folder.
    fn children(most: u64) -> Clause;
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
pub fn holds<D: Dialect>(n: &str, sought: &Sought) -> Clause {
    let (place_of, keyless) = (D::PLACE_OF, format!("{n}.order_key {}", D::WITHOUT_KEYS));
    let text =
        format!("CASE WHEN {keyless} THEN {place_of}({n}.sort_key, ?) ELSE {place_of}({n}.search_key, ?) END > 0");
    Clause::new(text, [sought.text.cased(), sought.text.folded()].map(|text| Parameter::Text(text.to_owned())).into())
}

pub(crate) const fn kind(kind: Option<NodeKind>) -> &'static str {
    match kind {
        Some(NodeKind::File) => "kind = 'file'",
        Some(NodeKind::Folder) => "kind = 'folder'",
        _ => "kind <> 'root'",
    }
}
