//! Sorted, paginated lists. A page begins after the position where the previous one ended.

use std::cmp::Ordering;

use super::{LinkId, Node, NodeId, NodeKind, OrderKey, Revision, SessionId, ShareId, Timestamp, UploadId, VersionId};

/// The page size: 1 to 1,000 items, 100 by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit(u16);

impl Limit {
    /// Checks that `count` is between 1 and 1,000.
    #[must_use]
    pub fn new(count: u64) -> Option<Self> {
        u16::try_from(count).ok().filter(|count| (1..=1000).contains(count)).map(Self)
    }

    /// The number of items.
    #[must_use]
    pub const fn get(self) -> usize {
        self.0 as usize
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(100)
    }
}

/// The sort key of a folder's list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SortBy {
    /// The name, in natural order: by [`OrderKey`].
    #[default]
    Name,
    /// When the node was created.
    CreatedAt,
    /// When its name, place or content last changed.
    ModifiedAt,
    /// The size; 0 for folders.
    Size,
}

/// The sort direction. Ties are broken by identifier, in the same direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Order {
    /// Smallest, oldest or alphabetically first comes first.
    #[default]
    Ascending,
    /// Largest, newest or alphabetically last comes first.
    Descending,
}

/// The order of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Sort {
    /// The sort key.
    pub by: SortBy,
    /// The direction.
    pub order: Order,
    /// Whether folders come before files, in either direction.
    pub folders_first: bool,
}

/// The sort key's value at a position in a list. Only values of the same sort key are compared.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SortValue {
    /// For lists by name: the key as stored, possibly of an older version.
    Name(OrderKey),
    /// For lists by either time.
    Time(Timestamp),
    /// For lists by size, in bytes.
    Size(u64),
}

/// A position in a folder's list: the item after which the next page begins. The item itself may be gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The item's value of the sort key.
    pub value: SortValue,
    /// File or folder.
    pub kind: NodeKind,
    /// The item.
    pub id: NodeId,
}

impl Position {
    /// The position of `node` in a list sorted by `by`, given the stored `key` of its name.
    #[must_use]
    pub fn new(node: &Node, key: &OrderKey, by: SortBy) -> Self {
        let value = match by {
            SortBy::Name => SortValue::Name(key.clone()),
            SortBy::CreatedAt => SortValue::Time(node.created_at),
            SortBy::ModifiedAt => SortValue::Time(node.modified_at),
            SortBy::Size => SortValue::Size(node.size()),
        };
        Self { value, kind: node.kind(), id: node.id }
    }

    /// Compares two positions of a list with this `sort`: the lesser comes first.
    #[must_use]
    pub fn compare(&self, other: &Self, sort: Sort) -> Ordering {
        let is_last = |position: &Self| sort.folders_first && position.kind == NodeKind::File;
        let ascending = (&self.value, self.id).cmp(&(&other.value, other.id));
        let in_order = match sort.order {
            Order::Ascending => ascending,
            Order::Descending => ascending.reverse(),
        };
        is_last(self).cmp(&is_last(other)).then(in_order)
    }
}

/// A position in a list sorted by time, newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimePosition<I> {
    /// The item's time: when it was created, began, or was trashed.
    pub at: Timestamp,
    /// The item. Of two with the same time, the greater identifier comes first.
    pub id: I,
}

/// A position in a list of shares, by creation time.
pub type SharePosition = TimePosition<ShareId>;

/// A position in a list of public links, by creation time.
pub type LinkPosition = TimePosition<LinkId>;

/// A position in a list of trashed items, by when they were trashed.
pub type TrashPosition = TimePosition<NodeId>;

/// A position in a list of sessions, by start time.
pub type SessionPosition = TimePosition<SessionId>;

/// A position in a list of uploads, by start time.
pub type UploadPosition = TimePosition<UploadId>;

/// A position in a list of versions, newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VersionPosition {
    /// The file revision that created the version.
    pub revision: Revision,
    /// The version.
    pub id: VersionId,
}

/// A position in search results: first the viewer's own drive, by name; then shared trees, in the order of the shares
/// and folder by folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SearchPosition {
    /// In the viewer's own drive.
    Own {
        /// The stored key of the node's name.
        key: OrderKey,
        /// The node.
        id: NodeId,
    },
    /// In the trees shared with the viewer.
    Shared(WalkPosition),
}

/// A position in a walk of the trees shared with a viewer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WalkPosition {
    /// The share that gives access to the tree; none before the first, and when walking a single requested folder.
    pub share: Option<SharePosition>,
    /// The folders from the top of the tree down to the current one; empty when the tree is done.
    pub path: Vec<NodeId>,
    /// The last visited child of that folder; none before the first.
    pub child: Option<ChildPosition>,
}

/// A position among the children of a folder: files first, each kind by creation time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChildPosition {
    /// Whether it is a folder.
    pub is_folder: bool,
    /// When it was created.
    pub at: Timestamp,
    /// The file or folder.
    pub id: NodeId,
}

/// The maximum total size of the names and paths on a page, in bytes.
pub const MAX_PAGE_BYTES: usize = 1 << 20;

/// The remaining room of a page, which ends before the first item that does not fit but has at least one.
#[derive(Clone, Copy, Debug, Default)]
pub struct PageRoom {
    used: usize,
    items: usize,
}

impl PageRoom {
    /// Reserves room for an item whose names have `bytes` bytes; false if it does not fit.
    pub const fn takes(&mut self, bytes: usize) -> bool {
        let used = self.used.saturating_add(bytes);
        if self.items > 0 && used > MAX_PAGE_BYTES {
            return false;
        }
        self.used = used;
        self.items += 1;
        true
    }
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T, P> {
    /// The items.
    pub items: Vec<T>,
    /// The position after which the next page begins, if any.
    pub next: Option<P>,
}

impl<T, P> Page<T, P> {
    /// Cuts a page from `rows`, which contain one more than `limit` if and only if there is a next page.
    ///
    /// `place` gives the position of a row.
    #[must_use]
    pub fn cut(mut rows: Vec<T>, limit: Limit, place: impl Fn(&T) -> P) -> Self {
        let more = rows.len() > limit.get();
        rows.truncate(limit.get());
        let next = rows.last().filter(|_| more).map(place);
        Self { items: rows, next }
    }

    /// Converts the items of the page.
    #[must_use]
    pub fn map<U>(self, change: impl FnMut(T) -> U) -> Page<U, P> {
        Page { items: self.items.into_iter().map(change).collect(), next: self.next }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::model::{DriveId, NodeBody, UserId, UserRef};
    use crate::testing::{content, name};

    #[test]
    fn a_page_has_one_to_a_thousand_items() {
        assert!(Limit::new(0).is_none() && Limit::new(1001).is_none() && Limit::new(u64::MAX).is_none());
        assert_eq!(Limit::new(1000).map(Limit::get), Some(1000));
    }

    #[test]
    fn only_a_row_too_many_makes_a_next_page() {
        let cut = |rows: &[u32]| Page::cut(rows.to_vec(), Limit(2), |row| *row);
        assert_eq!(cut(&[]), Page { items: vec![], next: None });
        assert_eq!(cut(&[1, 2]), Page { items: vec![1, 2], next: None });
        assert_eq!(cut(&[1, 2, 3]), Page { items: vec![1, 2], next: Some(2) });
    }

    #[test]
    fn a_page_has_one_item_and_no_more_than_fit() {
        let mut room = PageRoom::default();
        assert!(room.takes(MAX_PAGE_BYTES + 1) && !room.takes(0));
        let mut room = PageRoom::default();
        assert!(room.takes(MAX_PAGE_BYTES - 1) && room.takes(1) && !room.takes(1));
    }

    #[test]
    fn folders_come_first_in_either_direction_and_ties_are_broken_by_identifier() {
        let position = |size, kind, id| Position {
            value: SortValue::Size(size),
            kind,
            id: NodeId::from_uuid(Uuid::from_u128(id)),
        };
        let (folder, small) = (position(0, NodeKind::Folder, 3), position(0, NodeKind::File, 1));
        let (twin, large) = (position(0, NodeKind::File, 2), position(9, NodeKind::File, 4));
        let sorted = |order, folders_first| {
            let mut list = [&large, &twin, &folder, &small];
            list.sort_by(|a, b| a.compare(b, Sort { by: SortBy::Size, order, folders_first }));
            list
        };
        assert_eq!(sorted(Order::Ascending, false), [&small, &twin, &folder, &large]);
        assert_eq!(sorted(Order::Descending, false), [&large, &folder, &twin, &small]);
        assert_eq!(sorted(Order::Ascending, true), [&folder, &small, &twin, &large]);
        assert_eq!(sorted(Order::Descending, true), [&folder, &large, &twin, &small]);
    }

    #[test]
    fn a_position_has_the_value_of_the_sort_key() {
        let node = Node {
            id: NodeId::from_uuid(Uuid::from_u128(1)),
            drive: DriveId::from_uuid(Uuid::from_u128(2)),
            parent: None,
            name: name("beach.jpg"),
            body: NodeBody::File(content(10)),
            revision: Revision(1),
            created_by: UserRef { id: UserId::from_uuid(Uuid::from_u128(3)), username: None },
            created_at: Timestamp::from_millis(500),
            modified_at: Timestamp::from_millis(700),
        };
        let cases = [
            (SortBy::Name, SortValue::Name(OrderKey::new(&name("beach.jpg")))),
            (SortBy::CreatedAt, SortValue::Time(Timestamp::from_millis(500))),
            (SortBy::ModifiedAt, SortValue::Time(Timestamp::from_millis(700))),
            (SortBy::Size, SortValue::Size(10)),
        ];
        for (by, value) in cases {
            let expected = Position { value, kind: NodeKind::File, id: node.id };
            assert_eq!(Position::new(&node, &OrderKey::new(&node.name), by), expected, "{by:?}");
        }
        // The size of a folder is 0, whatever it contains.
        let folder = Node { body: NodeBody::Folder, ..node };
        assert_eq!(Position::new(&folder, &OrderKey::new(&folder.name), SortBy::Size).value, SortValue::Size(0));
    }
}
