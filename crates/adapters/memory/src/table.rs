//! Tables whose changes can be undone.

use std::collections::BTreeMap;
use std::ops::RangeBounds;

/// Rows by their key. The former rows are kept until the command that changes them commits.
pub(crate) struct Table<K, V> {
    rows: BTreeMap<K, V>,
    /// The former rows, in the order of the changes; none for a row that was added.
    undo: Vec<(K, Option<V>)>,
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self { rows: BTreeMap::new(), undo: Vec::new() }
    }
}

impl<K: Clone + Ord, V: Clone> Table<K, V> {
    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.rows.get(key)
    }

    pub(crate) fn contains(&self, key: &K) -> bool {
        self.rows.contains_key(key)
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (&K, &V)> {
        self.rows.iter()
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        self.rows.values()
    }

    pub(crate) fn range(&self, keys: impl RangeBounds<K>) -> impl Iterator<Item = (&K, &V)> {
        self.rows.range(keys)
    }

    /// Adds the row, or replaces the one with its key.
    pub(crate) fn put(&mut self, key: K, row: V) {
        let former = self.rows.insert(key.clone(), row);
        self.undo.push((key, former));
    }

    /// The row, to be changed.
    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let row = self.rows.get_mut(key)?;
        self.undo.push((key.clone(), Some(row.clone())));
        Some(row)
    }

    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        let former = self.rows.remove(key)?;
        self.undo.push((key.clone(), Some(former.clone())));
        Some(former)
    }

    /// The keys of up to `max` rows for which `is_due` holds.
    pub(crate) fn keys_where(&self, max: u32, is_due: impl Fn(&V) -> bool) -> Vec<K> {
        self.rows.iter().filter(|(_, row)| is_due(row)).map(|(key, _)| key.clone()).take(max as usize).collect()
    }

    /// Removes up to `max` rows for which `is_due` holds, and returns the number.
    pub(crate) fn remove_where(&mut self, max: u32, is_due: impl Fn(&V) -> bool) -> u32 {
        let due = self.keys_where(max, is_due);
        for key in &due {
            self.remove(key);
        }
        u32::try_from(due.len()).unwrap_or(max)
    }
}

/// The end of a command.
pub(crate) trait Undo {
    /// Makes the changes permanent.
    fn commit(&mut self);

    /// Undoes the changes.
    fn roll_back(&mut self);
}

impl<K: Ord, V> Undo for Table<K, V> {
    fn commit(&mut self) {
        self.undo.clear();
    }

    fn roll_back(&mut self) {
        while let Some((key, former)) = self.undo.pop() {
            match former {
                Some(row) => self.rows.insert(key, row),
                None => self.rows.remove(&key),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rollback_undoes_everything() {
        let mut table = Table::default();
        table.put(1, "a");
        table.put(2, "b");
        table.commit();
        table.put(1, "changed");
        table.put(3, "added");
        *table.get_mut(&2).unwrap() = "changed";
        *table.get_mut(&3).unwrap() = "added and changed";
        table.remove(&1);
        table.roll_back();
        assert_eq!(table.iter().collect::<Vec<_>>(), [(&1, &"a"), (&2, &"b")]);
    }
}
