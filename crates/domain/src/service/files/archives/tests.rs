use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use mockall::predicate::eq;
use uuid::Uuid;

use crate::error::{Error, Gone, Refused, Result, Unauthenticated};
use crate::model::{
    Actor, BlobKey, Crc32, Credential, Link, Located, MediaType, Node, NodeId, PasswordHash, Permission, SessionId,
    Step, Timestamp, UserId,
};
use crate::port::{
    Clock, MockBlobRecordRepository, MockBlobStore, MockLinkAccess, MockLinkDownloadRepository, MockLinkRepository,
    MockNodeRepository, MockPasswords, MockSessionRepository, MockTreeRepository, MockUrlPresigner, TreeContent,
    TreeEntry,
};
use crate::service::testing::links::{TOKEN, hash, link};
use crate::service::testing::{
    CountingRandom, FILE, FOLDER, GUEST, NOW, OTHER_FOLDER, OWNER, ROOT, STRANGER, Trail, actor, body, contents, drain,
    drive_with, file, folder, for_guest, for_outsider, for_owner, one_presigner, origin, outage, request, root,
    trashed, user_drive,
};
use crate::service::{
    Archive, ArchiveEntry, ArchiveNames, ArchiveService, ArchiveStores, LinkBearer, MAX_ARCHIVE_ENTRIES,
    MAX_ARCHIVE_PATH_BYTES, PublicLinkPorts, PublicLinkService, Selection, ServiceContext, StoreTags, Throttling,
};
use crate::testing::{blob, key, name};

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
    fn go_on(&self, millis: i64) {
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

#[tokio::test]
async fn folders_precede_their_contents_in_any_listing_order() {
    for found in [for_owner(folder(FOLDER)), for_guest(folder(FOLDER), Permission::View)] {
        let user = found.viewer.user().unwrap();
        let mut entries = sample();
        let dated = entries.iter_mut().find(|entry| entry.id == id(3)).unwrap().content.as_mut().unwrap();
        dated.client_modified_at = Some(Timestamp::from_millis(9));
        dated.crc32 = Some(Crc32(7));
        let archive =
            Fixture::with([found]).listing(entries).open(user, &Selection::Folder(FOLDER)).await.ok().unwrap();
        let expected = ["holiday/", "holiday/Empty/", "holiday/a.txt", "holiday/b/", "holiday/b/Été 10:30"];
        assert_eq!(paths(&archive), expected);
        let sizes: Vec<Option<u64>> = archive.entries().map(|entry| entry.file.map(|file| file.size)).collect();
        assert_eq!(sizes, [None, None, Some(5), None, Some(0)]);
        let times: Vec<i64> = archive.entries().map(|entry| entry.modified_at.as_millis()).collect();
        assert_eq!(times, [700, 700, 700, 700, 9]);
        let known = |number| archive.entry(number).and_then(|entry: ArchiveEntry<'_>| entry.file?.crc32);
        assert_eq!((known(2), known(4), archive.len(), archive.entry(5)), (None, Some(Crc32(7)), 5, None));
        assert_eq!(archive.modified_at(), Timestamp::from_millis(700));
    }
}

#[tokio::test]
async fn a_drive_is_packed_without_its_root_and_may_be_empty() {
    let listed = |mut entries: Vec<TreeEntry>| {
        entries.push(TreeEntry { parent: None, ..folder_entry(ROOT, ROOT, "drive") });
        Fixture::with([root(OWNER)]).listing(entries)
    };
    let empty = listed(Vec::new()).open(OWNER, &Selection::Drive).await.ok().unwrap();
    assert!(empty.is_empty() && empty.entry(0).is_none());
    let entries =
        vec![file_entry(FILE, ROOT, "z", 1), folder_entry(id(1), ROOT, "a"), file_entry(id(2), id(1), "x", 1)];
    let drive = listed(entries).open(OWNER, &Selection::Drive).await.ok().unwrap();
    assert_eq!(paths(&drive), ["a/", "a/x", "z"]);
    let zip = MediaType::parse("application/zip").unwrap();
    assert_eq!(drive.content_headers(zip, ".zip").attachment, Some(name("Drive.zip")));
}

/// A file in [`FOLDER`].
fn in_folder(node: Node) -> Located {
    let mut found = for_owner(Node { parent: Some(FOLDER), ..node });
    found.lineage.insert(1, Step { id: FOLDER, name: name("holiday"), trashed: false, share: None });
    found
}

#[tokio::test]
async fn a_selection_is_packed_in_order_without_duplicates() {
    let found = [
        for_owner(folder(FOLDER)),
        in_folder(file(FILE)),
        for_owner(Node { name: name("beach.jpg"), ..file(id(9)) }),
        for_owner(Node { name: name("holiday"), ..folder(OTHER_FOLDER) }),
    ];
    let mut entries = sample();
    entries.extend([file_entry(id(9), id(0), "beach.jpg", 1), folder_entry(OTHER_FOLDER, id(0), "holiday")]);
    let mut fixture = Fixture::with(found);
    fixture.trees.expect_list().returning(move |tops, _| {
        let tops: Vec<NodeId> = tops.iter().map(|top| top.node().id).collect();
        assert_eq!(tops, [id(9), OTHER_FOLDER, FOLDER], "what lies in another is there already");
        Ok(entries.clone())
    });
    let selection = Selection::Items(vec![id(9), OTHER_FOLDER, FILE, FOLDER, id(9)]);
    let archive = fixture.open(OWNER, &selection).await.ok().unwrap();
    let expected = [
        "beach.jpg",
        "holiday/",
        "holiday (1)/",
        "holiday (1)/Empty/",
        "holiday (1)/a.txt",
        "holiday (1)/b/",
        "holiday (1)/b/Été 10:30",
    ];
    assert_eq!(paths(&archive), expected);
    let zip = MediaType::parse("application/zip").unwrap();
    assert_eq!(archive.content_headers(zip, ".zip").attachment, Some(name("Archive.zip")));
}

#[tokio::test]
async fn invisible_items_are_not_packed() {
    let one = |id| Selection::Items(vec![id]);
    for (found, user, selection) in [
        (for_outsider(folder(FOLDER)), STRANGER, Selection::Folder(FOLDER)),
        (for_owner(file(FOLDER)), OWNER, Selection::Folder(FOLDER)),
        (trashed(for_owner(folder(FOLDER))), OWNER, Selection::Folder(FOLDER)),
        (root(OWNER), OWNER, Selection::Folder(ROOT)),
        (root(OWNER), OWNER, one(ROOT)),
        (for_outsider(file(FILE)), STRANGER, one(FILE)),
        (trashed(for_owner(file(FILE))), OWNER, one(FILE)),
        (for_owner(file(FILE)), OWNER, Selection::Items(vec![FILE, FOLDER])),
        (for_owner(file(FILE)), STRANGER, Selection::Drive),
    ] {
        let archives = Fixture::with([found]).archives();
        let checked = archives.check(&actor(user), &selection).await;
        assert!(matches!(checked, Err(Error::NotFound)), "{selection:?}");
        let opened = archives.open(&actor(user), &selection, ArchiveNames::Unchanged).await;
        assert!(matches!(opened.err(), Some(Error::NotFound)), "{selection:?}");
    }
    let archives = Fixture::with([for_owner(file(FILE))]).archives();
    archives.check(&actor(OWNER), &one(FILE)).await.unwrap();
}

#[tokio::test]
async fn an_ended_session_opens_nothing() {
    let archives = Fixture::with([for_owner(folder(FOLDER))]).archives();
    let ended = Credential::Session(SessionId::from_uuid(Uuid::from_u128(61)));
    let actor = Actor { credential: ended, ..actor(OWNER) };
    let opened = archives.open(&actor, &Selection::Folder(FOLDER), ArchiveNames::Unchanged).await;
    assert!(matches!(opened.err(), Some(Error::Unauthenticated(Unauthenticated::InvalidToken))));
}

#[tokio::test]
async fn a_program_that_embeds_the_services_needs_no_session() {
    let mut fixture = Fixture::with([for_owner(folder(FOLDER))]).listing(sample());
    let mut sessions = MockSessionRepository::new();
    sessions.expect_find_username().never();
    fixture.sessions = Some(sessions);
    let (archives, actor) = (fixture.archives(), Actor::embedded(OWNER, request()));
    archives.open(&actor, &Selection::Folder(FOLDER), ArchiveNames::Unchanged).await.ok().unwrap();
}

/// Opens an archive, ends its authorization with `end`, checks it just before and just after the next recheck, and
/// returns the error.
async fn after<E: FnOnce()>(fixture: Fixture, user: UserId, end: E) -> Error {
    let clock = fixture.clock.clone();
    let fixture = fixture.listing(sample());
    let mut archive = fixture.open(user, &Selection::Folder(FOLDER)).await.ok().unwrap();
    clock.go_on(500);
    archive.check().await.unwrap();
    end();
    clock.go_on(499);
    archive.check().await.unwrap();
    clock.go_on(1);
    archive.check().await.unwrap_err()
}

#[tokio::test]
async fn an_archive_ends_within_a_second_of_its_right() {
    let shared = || for_guest(folder(FOLDER), Permission::View);
    for now in [vec![Located { viewer: GUEST.into(), ..for_outsider(folder(FOLDER)) }], vec![trashed(shared())], vec![]]
    {
        let found = Arc::new(Mutex::new(vec![shared()]));
        let ended = after(Fixture::finding(found.clone()), GUEST, || *found.lock().unwrap() = now).await;
        assert!(matches!(ended, Error::NotFound));
    }
    let running = Arc::new(Mutex::new(Some("gus".to_owned())));
    let mut fixture = Fixture::with([shared()]);
    let (mut sessions, name) = (MockSessionRepository::new(), running.clone());
    sessions.expect_find_username().returning(move |_, _, _| Ok(name.lock().unwrap().clone()));
    fixture.sessions = Some(sessions);
    let ended = after(fixture, GUEST, || *running.lock().unwrap() = None).await;
    assert!(matches!(ended, Error::Unauthenticated(Unauthenticated::InvalidToken)));
}

fn bearer() -> LinkBearer {
    LinkBearer { token: TOKEN.to_owned(), password: None, access: None, origin: origin() }
}

#[tokio::test]
async fn an_archive_ends_within_a_second_of_its_link() {
    type End = fn(Link, Located) -> Option<(Link, Located)>;
    type Told = fn(&Error) -> bool;
    let ends: [(End, Told); 4] = [
        (|_, _| None, |error| matches!(error, Error::NotFound)),
        (|link, found| Some((link, trashed(found))), |error| matches!(error, Error::NotFound)),
        (
            |link, found| Some((Link { expires_at: Some(NOW), ..link }, found)),
            |error| matches!(error, Error::Gone(Gone::LinkExpired)),
        ),
        (
            |link, found| Some((Link { password: Some(PasswordHash::new("another".to_owned())), ..link }, found)),
            |error| matches!(error, Error::Unauthenticated(Unauthenticated::LinkPassword)),
        ),
    ];
    for (end, is_expected) in ends {
        let found = Located { viewer: link().viewer(), ..for_owner(folder(FOLDER)) };
        let state = Arc::new(Mutex::new(Some((link(), found.clone()))));
        let mut fixture = Fixture::with([found.clone()]).listing(sample());
        let clock = fixture.clock.clone();
        let links = || {
            let (mut links, state) = (MockLinkRepository::new(), state.clone());
            links.expect_find_by_token().with(eq(hash())).returning(move |_| Ok(state.lock().unwrap().clone()));
            links
        };
        fixture.links = links();
        let ports = PublicLinkPorts {
            drive: Arc::new(drive_with([])),
            links: Arc::new(links()),
            downloads: Arc::new(MockLinkDownloadRepository::new()),
            passwords: Arc::new(MockPasswords::new()),
            link_access: Arc::new(MockLinkAccess::new()),
            contents: contents(MockBlobStore::new()),
            tags: StoreTags::none(),
            presigners: one_presigner(MockUrlPresigner::new()),
        };
        let lifetime = std::time::Duration::from_secs(60);
        let public_links =
            PublicLinkService::new(ports, Throttling::off(), crate::service::testing::context(), lifetime);
        let folder = public_links.open_folder(&bearer(), None).await.ok().unwrap();
        let archives = fixture.archives();
        let mut archive = archives.open_linked(&bearer(), &folder, ArchiveNames::Portable).await.ok().unwrap();
        assert_eq!(paths(&archive).last(), Some(&"holiday/b/Été 10_30"));
        clock.go_on(500);
        archive.check().await.unwrap();
        *state.lock().unwrap() = end(link(), found);
        clock.go_on(500);
        assert!(is_expected(&archive.check().await.unwrap_err()));
    }
}

#[tokio::test]
async fn archives_per_user_are_limited() {
    let fixture =
        Fixture::with([for_owner(folder(FOLDER)), for_guest(folder(FOLDER), Permission::View)]).listing(sample());
    let archives = fixture.archives();
    let open = async |user| archives.open(&actor(user), &Selection::Folder(FOLDER), ArchiveNames::Unchanged).await;
    let mut running = Vec::new();
    for _ in 0..4 {
        running.push(open(OWNER).await.ok().unwrap());
    }
    assert!(matches!(open(OWNER).await.err(), Some(Error::TooManyRunning { what: "archives", limit: 4, .. })));
    open(GUEST).await.ok().unwrap();
    running.pop();
    open(OWNER).await.ok().unwrap();
}

#[tokio::test]
async fn too_large_archives_are_refused_before_packing() {
    let many = |count: u64| -> Vec<TreeEntry> {
        let files = (1..count).map(|number| file_entry(id(number.into()), FOLDER, &format!("{number}"), 0));
        files.chain([folder_entry(FOLDER, id(0), "f")]).collect()
    };
    // Each path has at least 2 + 16 × 252 bytes.
    let deep = |count: u64| -> Vec<TreeEntry> {
        let long = |number: u128| format!("{number:0>251}");
        let mut entries = vec![folder_entry(FOLDER, id(0), "f")];
        let parent = |level: u128| if level == 0 { FOLDER } else { id(level - 1) };
        entries.extend((0..16).map(|level| folder_entry(id(level), parent(level), &long(level))));
        entries
            .extend((0..count).map(|number| file_entry(id(100 + u128::from(number)), id(15), &long(number.into()), 0)));
        entries
    };
    let per_file = 2 + 16 * 252 + 251;
    let fits = (MAX_ARCHIVE_PATH_BYTES - 100_000) / per_file;
    for (entries, limit) in [
        (many(MAX_ARCHIVE_ENTRIES), None),
        (many(MAX_ARCHIVE_ENTRIES + 1), Some(MAX_ARCHIVE_ENTRIES)),
        (deep(fits), None),
        (deep(MAX_ARCHIVE_PATH_BYTES / per_file + 1), Some(MAX_ARCHIVE_PATH_BYTES)),
    ] {
        let opened = Fixture::with([for_owner(folder(FOLDER))]).listing(entries);
        let reported = match opened.open(OWNER, &Selection::Folder(FOLDER)).await {
            Ok(_) => None,
            Err(Error::Refused(Refused::TooManyEntries { limit, .. })) => Some(limit),
            Err(error) => unreachable!("{error}"),
        };
        assert_eq!(reported, limit);
    }
    let mut fixture = Fixture::with([for_owner(folder(FOLDER))]);
    fixture.trees.expect_list().returning(|_, _| Err(outage()));
    assert!(matches!(fixture.open(OWNER, &Selection::Folder(FOLDER)).await.err(), Some(Error::Unavailable { .. })));
}

#[tokio::test]
async fn the_bytes_of_a_file_come_from_its_blob_and_a_folder_has_none() {
    let mut fixture = Fixture::with([for_owner(folder(FOLDER))]).listing(sample());
    let get = fixture.store.expect_get().with(eq(key()), eq(5), eq(1..5));
    get.times(1).returning(|_, _, _| Ok(body([Ok("ell"), Ok("o")])));
    let archive = fixture.open(OWNER, &Selection::Folder(FOLDER)).await.ok().unwrap();
    let blob = archive.blob(2).unwrap();
    assert_eq!(drain(archive.reader().read(&blob, 1..5).await.ok().unwrap()).unwrap(), b"ello");
    assert!(archive.blob(0).is_none() && archive.blob(5).is_none());
}

#[tokio::test]
async fn learned_checksums_are_recorded_in_batches() {
    let entries = (0..150).map(|number| file_entry(id(number), FOLDER, &format!("{number:03}"), 1));
    let large = file_entry(id(200), FOLDER, "large", 16 << 20);
    let entries: Vec<TreeEntry> = entries.chain([large, folder_entry(FOLDER, id(900), "f")]).collect();
    let mut fixture = Fixture::with([for_owner(folder(FOLDER))]).listing(entries);
    let noted = Arc::new(Mutex::new(Vec::new()));
    let counts = noted.clone();
    fixture.records.expect_record_crc32s().returning(move |sums: &[(BlobKey, Crc32)]| {
        assert!(sums.iter().all(|(blob, _)| *blob == key()));
        counts.lock().unwrap().push(sums.len());
        Ok(())
    });
    let mut archive = fixture.open(OWNER, &Selection::Folder(FOLDER)).await.ok().unwrap();
    for number in 1..=150 {
        archive.record_crc32(number, Crc32(9)).await.unwrap();
        // Known checksums are not learned again.
        archive.record_crc32(number, Crc32(8)).await.unwrap();
        assert_eq!(archive.entry(number).unwrap().file.unwrap().crc32, Some(Crc32(9)));
    }
    // Folders have none.
    archive.record_crc32(0, Crc32(9)).await.unwrap();
    assert_eq!(*noted.lock().unwrap(), [64, 64]);
    archive.record_crc32(151, Crc32(9)).await.unwrap();
    archive.flush_checksums().await.unwrap();
    archive.flush_checksums().await.unwrap();
    assert_eq!(*noted.lock().unwrap(), [64, 64, 23]);
}

#[tokio::test]
async fn an_archive_is_named_after_its_folder() {
    let long = "é".repeat(127);
    let kept = format!("{}.zip", "é".repeat(125));
    for (of_folder, expected) in [("v1.2", "v1.2.zip"), (long.as_str(), kept.as_str())] {
        let mut found = for_owner(folder(FOLDER));
        found.node.name = name(of_folder);
        let archive =
            Fixture::with([found]).listing(sample()).open(OWNER, &Selection::Folder(FOLDER)).await.ok().unwrap();
        let media_type = MediaType::parse("application/zip").unwrap();
        let reported = archive.content_headers(media_type.clone(), ".zip");
        assert_eq!((reported.media_type, reported.attachment), (media_type, Some(name(expected))));
    }
}
