mod authorization;
mod contents;
mod limits;
mod listing;

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use mockall::predicate::eq;
use uuid::Uuid;

use crate::error::{Error, Result};
use crate::model::{Crc32, Located, NodeId, Permission, SessionId, Timestamp, UserId};
use crate::port::{
    Clock, MockBlobRecordRepository, MockBlobStore, MockLinkRepository, MockNodeRepository, MockSessionRepository,
    MockTreeRepository, TreeContent, TreeEntry,
};
use crate::service::testing::{
    CountingRandom, FILE, FOLDER, GUEST, NOW, OWNER, ROOT, Trail, actor, contents, file, folder, for_guest, for_owner,
    root, user_drive,
};
use crate::service::{
    Archive, ArchiveNames, ArchiveService, ArchiveStores, MAX_ARCHIVE_ENTRIES, Selection, ServiceContext,
};
use crate::testing::{blob, name};

const SESSION: SessionId = SessionId::from_uuid(Uuid::from_u128(60));

/// The ports of an archive; its session runs unless a test says otherwise.
#[derive(Default)]
struct Fixture {
    drive: MockNodeRepository,
    trees: MockTreeRepository,
    store: MockBlobStore,
    records: MockBlobRecordRepository,
    sessions: Option<MockSessionRepository>,
    links: MockLinkRepository,
    clock: MovedClock,
}

/// A manually advanced clock.
#[derive(Clone)]
struct MovedClock(Arc<AtomicI64>);

impl Default for MovedClock {
    fn default() -> Self {
        Self(Arc::new(AtomicI64::new(NOW.as_millis())))
    }
}

impl Clock for MovedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::Relaxed))
    }
}

impl MovedClock {
    fn advance(&self, millis: i64) {
        self.0.fetch_add(millis, Ordering::Relaxed);
    }
}

impl Fixture {
    /// Finds nodes for exactly the viewers recorded in `found`, while they are in it.
    fn finding(found: Arc<Mutex<Vec<Located>>>) -> Self {
        let mut drive = MockNodeRepository::new();
        let nodes = found.clone();
        drive.expect_find().returning(move |id, viewer| {
            Ok(nodes.lock().unwrap().iter().find(|found| found.node.id == id && found.viewer == viewer).cloned())
        });
        drive.expect_find_many().returning(move |ids, viewer| {
            let found = found.lock().unwrap();
            Ok(found.iter().filter(|found| ids.contains(&found.node.id) && found.viewer == viewer).cloned().collect())
        });
        drive.expect_find_user_drive().returning(|user| Ok((user == OWNER).then(user_drive)));
        Self { drive, ..Self::default() }
    }

    fn with(found: impl IntoIterator<Item = Located>) -> Self {
        Self::finding(Arc::new(Mutex::new(found.into_iter().collect())))
    }

    fn listing(mut self, entries: Vec<TreeEntry>) -> Self {
        self.trees.expect_list().returning(move |_, max| {
            assert_eq!(max, MAX_ARCHIVE_ENTRIES);
            Ok(entries.clone())
        });
        self
    }

    fn archives(self) -> ArchiveService {
        let sessions = self.sessions.unwrap_or_else(|| {
            let mut sessions = MockSessionRepository::new();
            sessions.expect_find_username().returning(|session, _, _| Ok((session == SESSION).then(|| "x".to_owned())));
            sessions
        });
        let stores = ArchiveStores {
            drive: Arc::new(self.drive),
            trees: Arc::new(self.trees),
            contents: contents(self.store),
            records: Arc::new(self.records),
            sessions: Arc::new(sessions),
            links: Arc::new(self.links),
        };
        let context =
            ServiceContext::new(Arc::new(self.clock), Arc::new(CountingRandom::from(1)), Arc::new(Trail::default()));
        ArchiveService::new(stores, context)
    }

    async fn open(self, user: UserId, selection: &Selection) -> Result<Archive> {
        self.archives().open(&actor(user), selection, ArchiveNames::Unchanged).await
    }
}

fn id(number: u128) -> NodeId {
    NodeId::from_uuid(Uuid::from_u128(1_000 + number))
}

fn folder_entry(id: NodeId, parent: NodeId, text: &str) -> TreeEntry {
    TreeEntry { id, parent: Some(parent), name: name(text), modified_at: Timestamp::from_millis(700), content: None }
}

fn file_entry(id: NodeId, parent: NodeId, text: &str, size: u64) -> TreeEntry {
    let content = TreeContent { blob: blob(), size, crc32: None, client_modified_at: None };
    TreeEntry { content: Some(content), ..folder_entry(id, parent, text) }
}

/// [`FOLDER`] with two files and an empty folder.
fn sample() -> Vec<TreeEntry> {
    vec![
        file_entry(id(3), id(1), "Été 10:30", 0),
        folder_entry(id(2), FOLDER, "Empty"),
        folder_entry(FOLDER, id(0), "holiday"),
        folder_entry(id(1), FOLDER, "b"),
        file_entry(id(4), FOLDER, "a.txt", 5),
    ]
}

fn paths(archive: &Archive) -> Vec<&str> {
    archive.entries().map(|entry| entry.path).collect()
}
