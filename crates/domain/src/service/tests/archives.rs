use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use mockall::predicate::eq;
use uuid::Uuid;

use super::{
    Counting, FILE, FOLDER, GUEST, OTHER_FOLDER, OWNER, PARENT, ROOT, STRANGER, Trail, actor, ambient, body, contents,
    drain, file, folder, for_guest, for_owner, for_stranger, leave, node, outage, trashed,
};
use crate::error::{Error, Refused, Result};
use crate::model::{
    Action, Content, Located, MediaType, Name, Node, NodeBody, NodeId, NodeKind, OrderKey, Permission, SortBy, Step,
    Timestamp,
};
use crate::port::{Child, Clock, Extent, MockBlobStore, MockDrive, MockTrees};
use crate::service::{Ambient, Archive, ArchiveEntry, Archives, MAX_ARCHIVE_ENTRIES, MAX_ARCHIVE_PATH_BYTES};
use crate::testing::{content, key, name};

/// A tree that can be changed while it is walked. Everything in it lies in [`FOLDER`], as `found` there.
#[derive(Clone)]
struct Tree(Arc<Mutex<State>>);

struct State {
    /// [`FOLDER`] as its viewer finds it; nobody does any more, when there is none.
    found: Option<Located>,
    /// Folders, by the folder in which they stand.
    parents: HashMap<NodeId, NodeId>,
    children: HashMap<NodeId, Vec<Node>>,
}

impl Tree {
    fn new(found: Located) -> Self {
        let state = State { found: Some(found), parents: HashMap::new(), children: HashMap::new() };
        Self(Arc::new(Mutex::new(state)))
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.0.lock().unwrap());
    }

    fn put(&self, parent: NodeId, child: Node) {
        self.change(|state| {
            if child.kind() == NodeKind::Folder {
                state.parents.insert(child.id, parent);
            }
            state.children.entry(parent).or_default().push(child);
        });
    }

    fn find(&self, id: NodeId) -> Option<Located> {
        let state = self.0.lock().unwrap();
        let mut located = state.found.clone()?;
        let mut steps = Vec::new();
        let mut at = id;
        while at != FOLDER {
            steps.push(Step { id: at, name: name("below"), trashed: false, share: None });
            at = *state.parents.get(&at)?;
        }
        if id != FOLDER {
            located.node = folder(id);
        }
        steps.append(&mut located.lineage);
        located.lineage = steps;
        Some(located)
    }

    fn drive(&self) -> MockDrive {
        let mut drive = MockDrive::new();
        let tree = self.clone();
        drive.expect_find().returning(move |id, viewer| Ok(tree.find(id).filter(|found| found.viewer == viewer)));
        let tree = self.clone();
        drive.expect_list().returning(move |grant, sort, after, limit| {
            assert_eq!(sort.by, SortBy::Name);
            let state = tree.0.lock().unwrap();
            let mut children = state.children.get(&grant.node().id).cloned().unwrap_or_default();
            children.sort_by_cached_key(|node| (OrderKey::of(&node.name), node.id));
            let after = after.map(|position| position.id);
            let start = after.map_or(0, |id| children.iter().position(|node| node.id == id).unwrap() + 1);
            let page = children.into_iter().skip(start).take(limit.get() + 1);
            Ok(page.map(|node| Child::new(node, None)).collect())
        });
        drive
    }

    async fn open(&self, user: crate::model::UserId) -> Archive {
        service(self.drive(), trees(1, 10)).open(&actor(user), FOLDER).await.ok().unwrap()
    }
}

fn service(drive: MockDrive, trees: MockTrees) -> Archives {
    Archives::new(Arc::new(drive), Arc::new(trees), contents(MockBlobStore::new()), ambient())
}

/// What measures every folder as so large.
fn trees(entries: u64, path_bytes: u64) -> MockTrees {
    let mut trees = MockTrees::new();
    trees.expect_measure().returning(move |_, most| {
        assert_eq!(most, MAX_ARCHIVE_ENTRIES);
        Ok(Extent { entries, path_bytes })
    });
    trees
}

fn id(number: u128) -> NodeId {
    NodeId::from_uuid(Uuid::from_u128(1_000 + number))
}

fn named(number: u128, text: &str, body: NodeBody) -> Node {
    node(id(number), text, body)
}

async fn rest(archive: &mut Archive) -> Result<Vec<ArchiveEntry>> {
    let mut entries = Vec::new();
    while let Some(entry) = archive.next().await? {
        entries.push(entry);
    }
    Ok(entries)
}

fn paths(entries: &[ArchiveEntry]) -> Vec<&str> {
    entries.iter().map(ArchiveEntry::path).collect()
}

#[tokio::test]
async fn folders_come_before_what_lies_in_them_and_empty_ones_too() {
    for found in [for_owner(folder(FOLDER)), for_guest(folder(FOLDER), Permission::View)] {
        let tree = Tree::new(found.clone());
        tree.put(FOLDER, named(1, "b", NodeBody::Folder));
        tree.put(FOLDER, named(2, "a.txt", NodeBody::File(content(5))));
        tree.put(FOLDER, named(3, "Empty", NodeBody::Folder));
        let dated = Content { client_modified_at: Some(Timestamp::from_millis(9)), ..content(0) };
        tree.put(id(1), named(4, "Été 10:30", NodeBody::File(dated)));
        tree.put(id(1), named(5, "c", NodeBody::Folder));
        tree.put(id(5), named(6, "d", NodeBody::File(content(1))));
        let mut archive = tree.open(found.viewer.user().unwrap()).await;
        let entries = rest(&mut archive).await.unwrap();
        let expected = [
            "holiday/",
            "holiday/a.txt",
            "holiday/b/",
            "holiday/Empty/",
            "holiday/b/c/",
            "holiday/b/Été 10:30",
            "holiday/b/c/d",
        ];
        assert_eq!(paths(&entries), expected);
        let sizes: Vec<Option<u64>> = entries.iter().map(ArchiveEntry::size).collect();
        assert_eq!(sizes, [None, Some(5), None, None, None, Some(0), Some(1)]);
        let times: Vec<i64> = entries.iter().map(|entry| entry.modified_at().as_millis()).collect();
        assert_eq!(times, [700, 700, 700, 700, 700, 9, 700]);
        assert!(archive.next().await.unwrap().is_none());
    }
}

#[tokio::test]
async fn long_lists_are_read_page_by_page() {
    let tree = Tree::new(for_owner(folder(FOLDER)));
    for number in 0..2_500 {
        tree.put(FOLDER, named(number, &format!("{number:04}"), NodeBody::File(content(1))));
    }
    let entries = rest(&mut tree.open(OWNER).await).await.unwrap();
    let expected: Vec<String> = (0..2_500).map(|number| format!("holiday/{number:04}")).collect();
    assert_eq!(paths(&entries)[1..], expected);
}

#[tokio::test]
async fn of_two_who_had_one_name_after_each_other_the_first_is_in_it() {
    let tree = Tree::new(for_owner(folder(FOLDER)));
    for number in 0..1_002 {
        tree.put(FOLDER, named(number, &format!("{number:04}"), NodeBody::File(content(1))));
    }
    let mut archive = tree.open(OWNER).await;
    for _ in 0..1_001 {
        archive.next().await.unwrap();
    }
    // The page has ended with this one: it goes, and another gets its name.
    tree.put(FOLDER, named(5_000, "0999", NodeBody::File(content(7))));
    let entries = rest(&mut archive).await.unwrap();
    assert_eq!(paths(&entries), ["holiday/1000", "holiday/1001"]);
}

#[tokio::test]
async fn a_folder_that_has_left_is_passed_over() {
    let tree = Tree::new(for_owner(folder(FOLDER)));
    for (number, text) in [(1, "a"), (2, "b")] {
        tree.put(FOLDER, named(number, text, NodeBody::Folder));
        tree.put(id(number), named(number + 10, "file", NodeBody::File(content(1))));
    }
    let mut archive = tree.open(OWNER).await;
    for expected in ["holiday/", "holiday/a/", "holiday/b/"] {
        assert_eq!(archive.next().await.unwrap().unwrap().path(), expected);
    }
    tree.change(|state| state.parents.retain(|folder, _| *folder != id(1)));
    assert_eq!(paths(&rest(&mut archive).await.unwrap()), ["holiday/b/file"]);
}

#[tokio::test]
async fn who_may_not_see_the_folder_any_more_gets_no_whole_archive() {
    let tree = Tree::new(for_guest(folder(FOLDER), Permission::View));
    tree.put(FOLDER, named(1, "a", NodeBody::Folder));
    let mut archive = tree.open(GUEST).await;
    for expected in ["holiday/", "holiday/a/"] {
        assert_eq!(archive.next().await.unwrap().unwrap().path(), expected);
    }
    tree.change(|state| state.found = Some(Located { viewer: GUEST.into(), ..for_stranger(folder(FOLDER)) }));
    assert!(matches!(archive.next().await, Err(Error::NotFound)));
}

struct MovedClock(AtomicI64);

impl Clock for MovedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::Relaxed))
    }
}

#[tokio::test]
async fn a_share_that_was_revoked_ends_an_archive_within_a_second_also_in_the_middle_of_a_page() {
    let tree = Tree::new(for_guest(folder(FOLDER), Permission::View));
    for number in 0..4 {
        tree.put(FOLDER, named(number, &format!("{number}"), NodeBody::File(content(1))));
    }
    let clock = Arc::new(MovedClock(AtomicI64::new(10_000)));
    let ambient = Ambient::new(clock.clone(), Arc::new(Counting::from(1)), Arc::new(Trail::default()));
    let archives =
        Archives::new(Arc::new(tree.drive()), Arc::new(trees(5, 50)), contents(MockBlobStore::new()), ambient);
    let mut archive = archives.open(&actor(GUEST), FOLDER).await.ok().unwrap();
    for _ in 0..2 {
        archive.next().await.unwrap();
    }
    clock.0.store(11_500, Ordering::Relaxed);
    assert!(archive.next().await.unwrap().is_some(), "the share is still there");
    tree.change(|state| state.found = Some(trashed(for_guest(folder(FOLDER), Permission::View))));
    clock.0.store(12_499, Ordering::Relaxed);
    assert!(archive.next().await.unwrap().is_some());
    clock.0.store(12_500, Ordering::Relaxed);
    assert!(matches!(archive.next().await, Err(Error::NotFound)));
}

#[tokio::test]
async fn what_cannot_be_seen_is_not_packed_nor_measured() {
    for (found, user) in [
        (for_stranger(folder(FOLDER)), STRANGER),
        (for_owner(file(FOLDER)), OWNER),
        (trashed(for_owner(folder(FOLDER))), OWNER),
    ] {
        let mut trees = MockTrees::new();
        trees.expect_measure().never();
        let opened = service(super::drive_with([found]), trees).open(&actor(user), FOLDER).await;
        assert!(matches!(opened.err(), Some(Error::NotFound)));
    }
    let as_root = service(super::drive_with([super::root(OWNER)]), MockTrees::new()).open(&actor(OWNER), ROOT).await;
    assert!(matches!(as_root.err(), Some(Error::NotFound)));
}

#[tokio::test]
async fn what_is_too_much_is_refused_before_anything_is_packed() {
    for (entries, path_bytes, limit) in [
        (MAX_ARCHIVE_ENTRIES, MAX_ARCHIVE_PATH_BYTES, None),
        (MAX_ARCHIVE_ENTRIES + 1, 10, Some(MAX_ARCHIVE_ENTRIES)),
        (10, MAX_ARCHIVE_PATH_BYTES + 1, Some(MAX_ARCHIVE_PATH_BYTES)),
    ] {
        let tree = Tree::new(for_owner(folder(FOLDER)));
        let opened = service(tree.drive(), trees(entries, path_bytes)).open(&actor(OWNER), FOLDER).await;
        let told = match opened {
            Ok(_) => None,
            Err(Error::Refused(Refused::TooManyEntries { limit, .. })) => Some(limit),
            Err(fault) => unreachable!("{fault}"),
        };
        assert_eq!(told, limit);
    }
    let mut trees = MockTrees::new();
    trees.expect_measure().returning(|_, _| Err(outage()));
    let opened = service(Tree::new(for_owner(folder(FOLDER))).drive(), trees).open(&actor(OWNER), FOLDER).await;
    assert!(matches!(opened.err(), Some(Error::Unavailable { .. })));
}

#[tokio::test]
async fn a_folder_that_grows_past_the_bounds_while_it_is_packed_makes_no_whole_archive() {
    let mut drive = MockDrive::new();
    drive.expect_find().returning(|_, _| Ok(Some(for_owner(folder(FOLDER)))));
    let mut met = 0_u128;
    drive.expect_list().returning(move |_, _, _, limit| {
        let page = met..met + limit.get() as u128 + 1;
        met = page.end - 1;
        Ok(page
            .map(|number| Child::new(named(number, &format!("{number}"), NodeBody::File(content(0))), None))
            .collect())
    });
    let mut archive = service(drive, trees(1, 8)).open(&actor(OWNER), FOLDER).await.ok().unwrap();
    let mut told = 0;
    let fault = loop {
        match archive.next().await {
            Ok(entry) => told += u64::from(entry.is_some()),
            Err(fault) => break fault,
        }
    };
    assert!(matches!(fault, Error::Refused(Refused::TooManyEntries { limit: MAX_ARCHIVE_ENTRIES, .. })));
    assert_eq!(told, MAX_ARCHIVE_ENTRIES);
}

#[tokio::test]
async fn the_bytes_of_a_file_come_from_its_blob_and_a_folder_has_none() {
    let tree = Tree::new(for_owner(folder(FOLDER)));
    tree.put(FOLDER, named(1, "a", NodeBody::File(content(10))));
    let mut store = MockBlobStore::new();
    store
        .expect_get()
        .with(eq(key()), eq(10), eq(0..10))
        .times(1)
        .returning(|_, _, _| Ok(body([Ok("hello "), Ok("you.")])));
    let archives = Archives::new(Arc::new(tree.drive()), Arc::new(trees(2, 10)), contents(store), ambient());
    let mut archive = archives.open(&actor(OWNER), FOLDER).await.ok().unwrap();
    let (top, file) = (archive.next().await.unwrap().unwrap(), archive.next().await.unwrap().unwrap());
    assert_eq!(drain(archive.reader().read(&file).await.ok().unwrap()).unwrap(), b"hello you.");
    assert!(matches!(archive.reader().read(&top).await.err(), Some(Error::NotFound)));
}

#[tokio::test]
async fn an_archive_is_called_after_its_folder_as_far_as_there_is_room() {
    let long = "é".repeat(127);
    let kept = format!("{}.zip", "é".repeat(125));
    for (of_folder, expected) in [("v1.2", "v1.2.zip"), (long.as_str(), kept.as_str())] {
        let mut found = for_owner(folder(FOLDER));
        found.node.name = name(of_folder);
        let archive = Tree::new(found).open(OWNER).await;
        let media_type = MediaType::parse("application/zip").unwrap();
        let told = archive.presentation(media_type.clone(), ".zip");
        assert_eq!((told.media_type, told.attachment), (media_type, Some(name(expected))));
    }
}

/// [`FOLDER`] stands where these tests think it does.
#[test]
fn the_tree_of_these_tests_is_like_any_other() {
    let tree = Tree::new(for_owner(folder(FOLDER)));
    tree.put(FOLDER, named(1, "a", NodeBody::Folder));
    let found = tree.find(id(1)).unwrap();
    let steps: Vec<NodeId> = found.lineage.iter().map(|step| step.id).collect();
    assert_eq!(steps, [id(1), FOLDER, PARENT, ROOT]);
    assert!(leave(&found, Action::Read).located().is_at_or_below(FOLDER));
    assert!(tree.find(FILE).is_none() && tree.find(OTHER_FOLDER).is_none());
    assert_eq!(Name::of_root(), found.lineage[3].name);
}
