//! Lists, sorted and in pages: where a page ended is what the next one begins after.

use super::{LinkId, Node, NodeId, NodeKind, OrderKey, Revision, SessionId, ShareId, Timestamp, UploadId, VersionId};

/// How many items a page has at the most: 1 to 1,000; 100 unless told.
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

/// What a folder's list is sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SortBy {
    /// The name, as people expect it: by [`OrderKey`].
    #[default]
    Name,
    /// When the node was made.
    CreatedAt,
    /// When its name, place or content changed last.
    ModifiedAt,
    /// The size; a folder counts as 0.
    Size,
}

/// In which direction. Ties go by identifier, in the same direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Order {
    /// Smallest, oldest or first first.
    #[default]
    Ascending,
    /// Largest, newest or last first.
    Descending,
}

/// How a list is sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Sort {
    /// By what.
    pub by: SortBy,
    /// In which direction.
    pub order: Order,
    /// Whether folders come before files, in either direction.
    pub folders_first: bool,
}

/// What stands at a place of a sorted list: the value that it is sorted by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SortValue {
    /// Of a list by name: the key as it is stored, which may be of an older version.
    Name(OrderKey),
    /// Of a list by either time.
    Time(Timestamp),
    /// Of a list by size, in bytes.
    Size(u64),
}

/// A place in a folder's list: the item after which the next page begins. The item itself need not stand any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// What the list is sorted by, of that item.
    pub value: SortValue,
    /// A file, or a folder.
    pub kind: NodeKind,
    /// The item.
    pub id: NodeId,
}

impl Position {
    /// The place of `node` in a list that is sorted by `by`, given the `key` of its name as it is stored.
    #[must_use]
    pub fn of(node: &Node, key: &OrderKey, by: SortBy) -> Self {
        let value = match by {
            SortBy::Name => SortValue::Name(key.clone()),
            SortBy::CreatedAt => SortValue::Time(node.created_at),
            SortBy::ModifiedAt => SortValue::Time(node.modified_at),
            SortBy::Size => SortValue::Size(node.size()),
        };
        Self { value, kind: node.kind(), id: node.id }
    }
}

/// A place in a list of what came to be at some time, newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimePosition<I> {
    /// When that came to be: was made, began, or was put into the trash.
    pub at: Timestamp,
    /// That: of two that came at once, the one that sorts higher stands first.
    pub id: I,
}

/// A place in a list of shares, by when they were made.
pub type SharePosition = TimePosition<ShareId>;

/// A place in a list of public links, by when they were made.
pub type LinkPosition = TimePosition<LinkId>;

/// A place in a list of what lies in the trash, by when it was put there.
pub type TrashPosition = TimePosition<NodeId>;

/// A place in a list of sessions, by when they began.
pub type SessionPosition = TimePosition<SessionId>;

/// A place in a list of uploads, by when they began.
pub type UploadPosition = TimePosition<UploadId>;

/// A place in a list of versions, newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VersionPosition {
    /// The revision of the file that came with that version.
    pub revision: Revision,
    /// That version.
    pub id: VersionId,
}

/// A place in what a search finds: first the own drive, by name; then what is shared, in the order of the shares, each tree
/// folder by folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SearchPosition {
    /// In the viewer's own drive.
    Own {
        /// The key of the node's name, as it is stored.
        key: OrderKey,
        /// The node.
        id: NodeId,
    },
    /// In what is shared with the viewer.
    Shared(WalkPosition),
}

/// A place in a walk of the trees that are shared with a viewer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WalkPosition {
    /// The share by which the tree is seen; none before the first, and where the walk is of one folder that was asked for.
    pub share: Option<SharePosition>,
    /// The folders from the top of that tree down to the one that the walk has come to; none when it is done with the tree.
    pub path: Vec<NodeId>,
    /// The last of those in that folder at which it has looked; none when at none yet.
    pub child: Option<ChildPosition>,
}

/// A place among those that stand in a folder: files first, each kind by when they were made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChildPosition {
    /// Whether it is a folder.
    pub is_folder: bool,
    /// When it was made.
    pub at: Timestamp,
    /// The file or folder.
    pub id: NodeId,
}

/// How many bytes the names and paths on one page may have, all together.
pub const MAX_PAGE_BYTES: usize = 1 << 20;

/// How much room a page still has: it ends before the first item that does not fit, however few it has then, but has one.
#[derive(Clone, Copy, Debug, Default)]
pub struct PageRoom {
    used: usize,
    items: usize,
}

impl PageRoom {
    /// Whether an item whose names have so many `bytes` still fits; if so, it has its place.
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
    /// What stands on it.
    pub items: Vec<T>,
    /// The place after which the next page begins, if there is more.
    pub next: Option<P>,
}

impl<T, P> Page<T, P> {
    /// The page that `rows` make, of which there is one more than `limit` if and only if there is a next page.
    ///
    /// `place` tells where a row stands.
    #[must_use]
    pub fn cut(mut rows: Vec<T>, limit: Limit, place: impl Fn(&T) -> P) -> Self {
        let more = rows.len() > limit.get();
        rows.truncate(limit.get());
        let next = rows.last().filter(|_| more).map(place);
        Self { items: rows, next }
    }

    /// The same page of other items.
    #[must_use]
    pub fn map<U>(self, change: impl FnMut(T) -> U) -> Page<U, P> {
        Page { items: self.items.into_iter().map(change).collect(), next: self.next }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::model::{DriveId, NodeBody, Person, UserId};
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
    fn a_place_in_a_list_is_told_by_what_the_list_is_sorted_by() {
        let node = Node {
            id: NodeId::from_uuid(Uuid::from_u128(1)),
            drive: DriveId::from_uuid(Uuid::from_u128(2)),
            parent: None,
            name: name("beach.jpg"),
            body: NodeBody::File(content(10)),
            revision: Revision(1),
            created_by: Person { id: UserId::from_uuid(Uuid::from_u128(3)), username: None },
            created_at: Timestamp::from_millis(500),
            modified_at: Timestamp::from_millis(700),
        };
        let cases = [
            (SortBy::Name, SortValue::Name(OrderKey::of(&name("beach.jpg")))),
            (SortBy::CreatedAt, SortValue::Time(Timestamp::from_millis(500))),
            (SortBy::ModifiedAt, SortValue::Time(Timestamp::from_millis(700))),
            (SortBy::Size, SortValue::Size(10)),
        ];
        for (by, value) in cases {
            let expected = Position { value, kind: NodeKind::File, id: node.id };
            assert_eq!(Position::of(&node, &OrderKey::of(&node.name), by), expected, "{by:?}");
        }
        // A folder counts as empty, whatever lies in it.
        let folder = Node { body: NodeBody::Folder, ..node };
        assert_eq!(Position::of(&folder, &OrderKey::of(&folder.name), SortBy::Size).value, SortValue::Size(0));
    }
}
