//! Lists, sorted and in pages: where a page ended is what the next one begins after.

use super::{LinkId, Name, Node, NodeId, Revision, SessionId, ShareId, Timestamp, UploadId, VersionId};

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
    /// The case-folded name, then the name.
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
}

/// What stands at a place of a sorted list: the value that it is sorted by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SortValue {
    /// Of a list by name.
    Name(Name),
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
    /// The item.
    pub id: NodeId,
}

impl Position {
    /// The place of `node` in a list that is sorted by `by`.
    #[must_use]
    pub fn of(node: &Node, by: SortBy) -> Self {
        let value = match by {
            SortBy::Name => SortValue::Name(node.name.clone()),
            SortBy::CreatedAt => SortValue::Time(node.created_at),
            SortBy::ModifiedAt => SortValue::Time(node.modified_at),
            SortBy::Size => SortValue::Size(node.size()),
        };
        Self { value, id: node.id }
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
            (SortBy::Name, SortValue::Name(name("beach.jpg"))),
            (SortBy::CreatedAt, SortValue::Time(Timestamp::from_millis(500))),
            (SortBy::ModifiedAt, SortValue::Time(Timestamp::from_millis(700))),
            (SortBy::Size, SortValue::Size(10)),
        ];
        for (by, value) in cases {
            assert_eq!(Position::of(&node, by), Position { value, id: node.id }, "{by:?}");
        }
        // A folder counts as empty, whatever lies in it.
        let folder = Node { body: NodeBody::Folder, ..node };
        assert_eq!(Position::of(&folder, SortBy::Size).value, SortValue::Size(0));
    }
}
