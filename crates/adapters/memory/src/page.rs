//! Pages of lists.

use std::cmp::Reverse;

use clouddrive_domain::model::Limit;

/// A page of `rows` in descending order of their `key`, which begins after the key `after`: at most `limit` + 1.
pub(crate) fn newest_first<T, K: Ord>(
    rows: impl Iterator<Item = T>,
    key: impl Fn(&T) -> K,
    after: Option<K>,
    limit: Limit,
) -> Vec<T> {
    let mut page: Vec<T> = rows.filter(|row| after.as_ref().is_none_or(|after| key(row) < *after)).collect();
    page.sort_by_key(|row| Reverse(key(row)));
    page.truncate(limit.get() + 1);
    page
}
