#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use std::cmp::Ordering;

use clouddrive_domain::model::{
    Action, ConflictPolicy, Grant, Limit, Node, NodeId, NodeKind, Order, OrderKey, Permission, Position, Sort, SortBy,
    Timestamp,
};
use clouddrive_domain::port::{FolderEntry, MetadataUpdate, Relocation};

use super::Fixture;
use crate::fixture::{TestUser, name};

/// Names that different sort orders do not put in the same order by accident.
const NAMES: [&str; 48] = [
    "a",
    "A",
    "a.txt",
    "A.TXT",
    "a b",
    "a-b",
    "a_b",
    "a%",
    "ab",
    "ä",
    "Ä",
    "z",
    "Z",
    "é",
    "É",
    "ß",
    "ss",
    "SS",
    "straße",
    "STRASSE",
    "Strasse",
    "ﬁ",
    "fi",
    "FI",
    "i",
    "I",
    "ı",
    "İ",
    "σ",
    "ς",
    "Σ",
    "Ж",
    "ж",
    "日本",
    "日本語",
    "Ａ",
    "ａ",
    "😀",
    "10",
    "9",
    "09",
    "Chapter 2",
    "chapter 9",
    "Chapter 10",
    "Chapter 10.5",
    "Chapter ١٠",
    ".hidden",
    "(1)",
];

pub(super) const SORTS: [SortBy; 4] = [SortBy::Name, SortBy::CreatedAt, SortBy::ModifiedAt, SortBy::Size];
pub(super) const ORDERS: [Order; 2] = [Order::Ascending, Order::Descending];

/// Creates files and folders of all these names, with ties in every order that allows them.
async fn fill(fixture: &Fixture<'_>, ann: &TestUser, folder: NodeId) -> Vec<Node> {
    let parent = fixture.grant(ann.id, folder, Action::AddTo).await;
    let start = fixture.now().as_millis();
    let at = |number: usize, kinds: usize| Timestamp::from_millis(start + (number * 7 % kinds) as i64);
    let mut nodes = Vec::new();
    for (number, text) in NAMES.into_iter().enumerate() {
        let made = fixture.command_at(Some(ann.id), at(number, 5));
        let node = if number % 3 == 0 {
            fixture.store.drive().create_folder(&made, &parent, fixture.id(), &name("new")).await.unwrap().node
        } else {
            let size = match number % 4 {
                0 => 0,
                1 | 2 => 1,
                _ => 1_000,
            };
            let upload = fixture.open(&parent, "new", Some(size)).await;
            let commit = fixture.completing(&upload, ConflictPolicy::Fail);
            fixture.store.uploads().commit(&made, &parent, &commit).await.unwrap().located.node
        };
        let item = fixture.grant(ann.id, node.id, Action::Rename).await;
        let spec = Relocation {
            item,
            to: None,
            name: Some(name(text)),
            conflict: ConflictPolicy::Fail,
            metadata: MetadataUpdate::default(),
            seen: None,
        };
        let renamed = fixture.command_at(Some(ann.id), at(number, 4));
        let mut node = fixture.store.drive().relocate(&renamed, &spec).await.unwrap().located.node;
        if number % 9 == 1 {
            node = fixture.replace(ann.id, folder, text, 500).await.node;
        }
        nodes.push(node);
    }
    nodes
}

/// The order that the port documents.
fn compare(a: &Node, b: &Node, sort: Sort) -> Ordering {
    let by_value = match sort.by {
        SortBy::Name => OrderKey::new(&a.name).cmp(&OrderKey::new(&b.name)),
        SortBy::CreatedAt => a.created_at.cmp(&b.created_at),
        SortBy::ModifiedAt => a.modified_at.cmp(&b.modified_at),
        SortBy::Size => a.size().cmp(&b.size()),
    };
    let ascending = by_value.then_with(|| a.id.as_uuid().as_bytes().cmp(b.id.as_uuid().as_bytes()));
    let in_order = match sort.order {
        Order::Ascending => ascending,
        Order::Descending => ascending.reverse(),
    };
    let rank = |node: &Node| sort.folders_first && node.kind() == NodeKind::File;
    rank(a).cmp(&rank(b)).then(in_order)
}

/// A page, and the position after which the next one begins.
pub(super) async fn page(
    fixture: &Fixture<'_>,
    folder: &Grant,
    sort: Sort,
    after: Option<&Position>,
    limit: u64,
) -> (Vec<FolderEntry>, Option<Position>) {
    let limit = Limit::new(limit).unwrap();
    let rows = fixture.store.drive().list(folder.read(), sort, after, limit).await.unwrap();
    let page = clouddrive_domain::model::Page::cut(rows, limit, |child| child.position(sort.by));
    (page.items, page.next)
}

fn ids(children: &[FolderEntry]) -> Vec<NodeId> {
    children.iter().map(|child| child.node.id).collect()
}

pub(super) async fn every_order_is_the_one_that_is_promised(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let folder = fixture.folder(ann.id, ann.root, "full").await;
    let mut nodes = fill(fixture, &ann, folder).await;
    let grant = fixture.grant(ann.id, folder, Action::Read).await;
    for by in SORTS {
        for order in ORDERS {
            for folders_first in [false, true] {
                let sort = Sort { by, order, folders_first };
                nodes.sort_by(|a, b| compare(a, b, sort));
                let expected: Vec<NodeId> = nodes.iter().map(|node| node.id).collect();
                let (whole, none) = page(fixture, &grant, sort, None, 1000).await;
                assert_eq!(ids(&whole), expected, "{sort:?}");
                assert_eq!(none, None);
                for limit in [1, 5, 42] {
                    let (mut walked, mut next) = page(fixture, &grant, sort, None, limit).await;
                    while let Some(place) = next {
                        let (more, after) = page(fixture, &grant, sort, Some(&place), limit).await;
                        walked.extend(more);
                        next = after;
                    }
                    assert_eq!(ids(&walked), expected, "{sort:?} in pages of {limit}");
                }
            }
        }
    }
}

pub(super) async fn numbers_sort_as_numbers_accents_beside_their_letters_and_folders_first(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let folder = fixture.folder(ann.id, ann.root, "book").await;
    for text in ["Chapter 10", "chapter 9", "Zebra", "Ärger"] {
        fixture.folder(ann.id, folder, text).await;
    }
    for text in ["Chapter 2", "apple", "ähre", "Åre", "b"] {
        fixture.file(ann.id, folder, text, 1).await;
    }
    let grant = fixture.grant(ann.id, folder, Action::Read).await;
    let names = async |order, folders_first| {
        let sort = Sort { by: SortBy::Name, order, folders_first };
        let (children, _) = page(fixture, &grant, sort, None, 100).await;
        children.iter().map(|child| child.node.name.to_string()).collect::<Vec<_>>()
    };
    let plain = ["ähre", "apple", "Åre", "Ärger", "b", "Chapter 2", "chapter 9", "Chapter 10", "Zebra"];
    assert_eq!(names(Order::Ascending, false).await, plain);
    assert_eq!(
        names(Order::Ascending, true).await,
        ["Ärger", "chapter 9", "Chapter 10", "Zebra", "ähre", "apple", "Åre", "b", "Chapter 2"]
    );
    assert_eq!(
        names(Order::Descending, true).await,
        ["Zebra", "Chapter 10", "chapter 9", "Ärger", "Chapter 2", "b", "Åre", "apple", "ähre"]
    );
}

pub(super) async fn a_page_has_one_row_too_many_if_there_is_more(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    for text in ["a", "b", "c"] {
        fixture.folder(ann.id, ann.root, text).await;
    }
    let grant = fixture.grant(ann.id, ann.root, Action::Read).await;
    for (limit, rows) in [(1, 2), (2, 3), (3, 3), (4, 3), (1000, 3)] {
        let limit = Limit::new(limit).unwrap();
        let page = fixture.store.drive().list(grant.read(), Sort::default(), None, limit).await.unwrap();
        assert_eq!(page.len(), rows);
    }
}

pub(super) async fn a_list_holds_the_children_as_they_are_found(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let folder = fixture.folder(ann.id, ann.root, "a").await;
    let below = fixture.folder(ann.id, folder, "b").await;
    let file = fixture.file(ann.id, folder, "c.txt", 5).await;
    fixture.folder(ann.id, below, "too deep").await;
    fixture.folder(ann.id, ann.root, "too high").await;
    fixture.folder(bob.id, bob.root, "too far").await;
    let grant = fixture.grant(ann.id, folder, Action::Read).await;
    let (children, _) = page(fixture, &grant, Sort::default(), None, 10).await;
    assert_eq!(ids(&children), [below, file]);
    for child in children {
        assert_eq!(child.node, fixture.located(child.node.id, ann.id).await.node);
        assert_eq!(child.share, None);
    }
}

pub(super) async fn an_empty_folder_has_an_empty_list(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let grant = fixture.grant(ann.id, ann.root, Action::Read).await;
    for by in SORTS {
        let (children, next) = page(fixture, &grant, Sort { by, ..Sort::default() }, None, 10).await;
        assert!(children.is_empty() && next.is_none());
    }
}

pub(super) async fn a_place_outlives_its_item(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let away = fixture.folder(ann.id, ann.root, "away").await;
    let folder = fixture.folder(ann.id, ann.root, "a").await;
    let grant = fixture.grant(ann.id, folder, Action::Read).await;
    for by in SORTS {
        let (first, second) = (fixture.folder(ann.id, folder, "b").await, fixture.folder(ann.id, folder, "c").await);
        let sort = Sort { by, ..Sort::default() };
        let node = fixture.located(first.min(second), ann.id).await.node;
        let place = Position::new(&node, &OrderKey::new(&node.name), by);
        for gone in [first, second] {
            fixture.rename(ann.id, gone, &gone.to_string()).await.unwrap();
            fixture.move_into(ann.id, gone, away).await.unwrap();
        }
        let last = fixture.file(ann.id, folder, "d", 1).await;
        let (children, _) = page(fixture, &grant, sort, Some(&place), 10).await;
        assert_eq!(ids(&children), [last], "{by:?}");
        fixture.rename(ann.id, last, &last.to_string()).await.unwrap();
        fixture.move_into(ann.id, last, away).await.unwrap();
    }
}

pub(super) async fn children_tell_the_shares_of_the_viewer_on_them(fixture: &Fixture<'_>) {
    let (ann, bob, carl) = (fixture.user().await, fixture.user().await, fixture.user().await);
    let folder = fixture.folder(ann.id, ann.root, "a").await;
    let shared = fixture.folder(ann.id, folder, "b").await;
    let plain = fixture.file(ann.id, folder, "c", 1).await;
    fixture.share(ann.id, folder, bob.id, Permission::View).await;
    fixture.share(ann.id, shared, bob.id, Permission::Edit).await;
    fixture.share(ann.id, folder, carl.id, Permission::Edit).await;
    fixture.share(ann.id, plain, carl.id, Permission::View).await;
    for (viewer, on_shared, on_plain) in
        [(&bob, Some(Permission::Edit), None), (&carl, None, Some(Permission::View)), (&ann, None, None)]
    {
        let grant = fixture.grant(viewer.id, folder, Action::Read).await;
        for by in SORTS {
            let (children, _) = page(fixture, &grant, Sort { by, ..Sort::default() }, None, 10).await;
            assert_eq!(children.len(), 2);
            for child in children {
                let expected = if child.node.id == shared { on_shared } else { on_plain };
                assert_eq!(child.share, expected);
            }
        }
    }
}
