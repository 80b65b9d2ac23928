//! Pages of lists, newest first.

use std::collections::HashMap;

use clouddrive_domain::model::{Limit, Located, NodeId, TimePosition, VersionPosition};

use crate::statement::{Parameter, Statement};
use crate::types::{DbId, bytes};

/// A position in a list: the values of the two columns that it is ordered by.
pub struct SortKey([Parameter; 2]);

impl<I: Into<DbId>> From<TimePosition<I>> for SortKey {
    fn from(position: TimePosition<I>) -> Self {
        Self([Parameter::Integer(position.at.as_millis()), Parameter::Id(position.id.into())])
    }
}

impl From<VersionPosition> for SortKey {
    fn from(position: VersionPosition) -> Self {
        Self([Parameter::Integer(bytes(position.revision.0)), position.id.into()])
    }
}

/// Selects a page of `list`, a statement that ends within its `WHERE` clause, ordered by the two columns `by`,
/// descending. Selects one row more than `limit`, to tell whether there is another page.
pub(crate) fn newest_first(
    list: &str,
    mut parameters: Vec<Parameter>,
    by: [&str; 2],
    after: Option<impl Into<SortKey>>,
    limit: Limit,
) -> Statement {
    let [first, second] = by;
    let start = after.map_or_else(String::new, |position| {
        let SortKey(key) = position.into();
        parameters.extend(key);
        format!("AND ({first}, {second}) < (?, ?)")
    });
    parameters.push(Parameter::Integer(bytes(limit.get() as u64 + 1)));
    Statement::new(format!("{list} {start} ORDER BY {first} DESC, {second} DESC LIMIT ?"), parameters)
}

/// Pairs each item of a page with its node; items whose node is not found are left out.
#[must_use]
pub fn pair_with_nodes<T>(items: Vec<T>, node: impl Fn(&T) -> NodeId, nodes: Vec<Located>) -> Vec<(T, Located)> {
    let nodes: HashMap<NodeId, Located> = nodes.into_iter().map(|found| (found.node.id, found)).collect();
    let pair = |item: T| {
        let found = nodes.get(&node(&item))?.clone();
        Some((item, found))
    };
    items.into_iter().filter_map(pair).collect()
}
