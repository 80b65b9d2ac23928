use std::sync::Arc;
use std::time::Duration;

use mockall::predicate::{always, eq};
use uuid::Uuid;

use crate::error::{Error, Forbidden};
use crate::model::{
    Action, Actor, AuditAction, BlobRef, ConflictPolicy, Content, EntityTag, Located, MediaType, Node, NodeBody,
    NodeId, NodeKind, Permission, Revision, Role, TrashItem, UserId,
};
use crate::port::{
    BlobStores, ContentHeaders, MetadataUpdate, MockBlobRecordRepository, MockBlobStore, MockNodeRepository,
    MockUrlPresigner, Relocated, Relocation, SignedUrl, Watch,
};
use crate::service::testing::{
    FILE, FOLDER, GUEST, NOW, OWNER, STRANGER, Trail, actor, body, command, contents, context, context_with, drain,
    drive_with, file, folder, for_guest, for_guest_of_parent, for_outsider, for_owner, grant_for, one_presigner,
    one_store, other_store, request, root, seen, trashed, unconditioned,
};
use crate::service::{
    Contents, Delivery, Destination, FilePorts, FileService, RelocationRequest, StoreTags, UrlLifetimes,
};
use crate::testing::{content, key, name, store_name};

const MINUTE: Duration = Duration::from_secs(60);
const LIFETIMES: UrlLifetimes = UrlLifetimes { download: MINUTE, watch: Duration::from_hours(6) };

fn service(drive: MockNodeRepository, store: MockBlobStore, presigner: MockUrlPresigner) -> FileService {
    let presigners = one_presigner(presigner);
    FileService::new(ports(drive, contents(store)), context()).with_signing(presigners, LIFETIMES)
}

fn ports(drive: MockNodeRepository, contents: Contents) -> FilePorts {
    FilePorts { drive: Arc::new(drive), contents, tags: StoreTags::none() }
}

fn files_of(drive: MockNodeRepository) -> FileService {
    service(drive, MockBlobStore::new(), MockUrlPresigner::new())
}

fn png() -> Content {
    Content { media_type: MediaType::parse("image/png").unwrap(), ..content(10) }
}

/// Nodes that are not visible as the file [`FILE`], each with its viewer.
fn unseen() -> [(Located, UserId); 4] {
    [
        (for_outsider(file(FILE)), STRANGER),
        (for_owner(folder(FILE)), OWNER),
        (trashed(for_owner(file(FILE))), OWNER),
        (trashed(for_guest(file(FILE), Permission::Edit)), GUEST),
    ]
}

#[tokio::test]
async fn a_download_is_signed_with_the_files_name_and_type() {
    for viewer in [OWNER, GUEST] {
        let node = Node { name: name("été.png"), body: NodeBody::File(png()), ..file(FILE) };
        let found = if viewer == OWNER { for_owner(node) } else { for_guest(node, Permission::View) };
        let content_headers = ContentHeaders::new(name("été.png"), &png());
        let url = SignedUrl { url: "https://store/x".to_owned(), headers: vec![], expires_at: NOW.plus(MINUTE) };
        let signed = url.clone();
        let mut presigner = MockUrlPresigner::new();
        presigner
            .expect_presign_get()
            .with(eq(key()), eq(content_headers), eq(NOW.plus(MINUTE)))
            .times(1)
            .return_once(|_, _, _| Ok(signed));
        let files = service(drive_with([found]), MockBlobStore::new(), presigner);
        let (entry, download) = files.download(&actor(viewer), FILE).await.unwrap();
        assert_eq!(entry.node.id, FILE);
        assert_eq!(entry.role, if viewer == OWNER { Role::Owner } else { Role::View });
        assert!(download == url);
    }
}

#[tokio::test]
async fn a_watch_url_lives_longer_and_names_user_and_file() {
    let session = actor(GUEST).session().unwrap();
    let watch = Watch { user: GUEST, session, file: FILE, version: content(10).version };
    let until = NOW.plus(Duration::from_hours(6));
    let mut presigner = MockUrlPresigner::new();
    let sign = presigner.expect_presign_watch().with(eq(key()), always(), eq(watch), eq(until));
    sign.times(1).returning(|_, _, _, expires_at| {
        Ok(SignedUrl { url: "https://store/x".to_owned(), headers: vec![], expires_at })
    });
    let drive = drive_with([for_guest(file(FILE), Permission::View)]);
    let files = service(drive, MockBlobStore::new(), presigner);
    let (entry, url) = files.watch(&actor(GUEST), FILE).await.unwrap();
    assert_eq!((entry.node.id, url.expires_at), (FILE, until));
    for (found, user) in unseen() {
        let watched = files_of(drive_with([found])).watch(&actor(user), FILE).await;
        assert!(matches!(watched, Err(Error::NotFound)));
    }
    let embedded = Actor::embedded(GUEST, request());
    let watched = files_of(drive_with([for_guest(file(FILE), Permission::View)])).watch(&embedded, FILE).await;
    assert!(matches!(watched, Err(Error::Unauthenticated(_))), "the URL is to end with a session");
}

#[tokio::test]
async fn no_url_is_signed_for_invisible_files() {
    for (found, user) in unseen() {
        let mut presigner = MockUrlPresigner::new();
        presigner.expect_presign_get().never();
        let files = service(drive_with([found]), MockBlobStore::new(), presigner);
        assert!(matches!(files.download(&actor(user), FILE).await, Err(Error::NotFound)));
    }
    assert!(matches!(files_of(drive_with([])).download(&actor(OWNER), FILE).await, Err(Error::NotFound)));
}

#[tokio::test]
async fn the_bytes_of_an_open_file_come_from_its_blob() {
    let mut store = MockBlobStore::new();
    store
        .expect_get()
        .with(eq(key()), eq(10), eq(3..10))
        .times(1)
        .returning(|_, _, _| Ok(body([Ok("lo w"), Ok("orl")])));
    let drive = drive_with([for_guest_of_parent(file(FILE), Permission::View)]);
    let files = service(drive, store, MockUrlPresigner::new());
    let open = files.open(&actor(GUEST), FILE).await.ok().unwrap();
    assert_eq!((open.entry().node.id, open.content()), (FILE, &content(10)));
    let bytes = files.read(&open, 3..10).await.ok().unwrap();
    assert_eq!(drain(bytes).unwrap(), b"lo worl");
}

#[tokio::test]
async fn missing_bytes_are_damaged_if_referenced_or_else_not_found() {
    for referred in [true, false] {
        let mut store = MockBlobStore::new();
        store.expect_get().returning(|_, _, _| Err(Error::NotFound));
        let mut records = MockBlobRecordRepository::new();
        records.expect_is_referred_to().with(eq(key())).times(1).returning(move |_| Ok(referred));
        let contents = Contents::new(one_store(store), Arc::new(records));
        let files = FileService::new(ports(drive_with([for_owner(file(FILE))]), contents), context());
        let open = files.open(&actor(OWNER), FILE).await.ok().unwrap();
        match files.read(&open, 5..10).await.err().unwrap() {
            Error::Damaged { blob, .. } => assert!(referred && blob == key().as_str()),
            error => assert!(!referred && matches!(error, Error::NotFound), "{error}"),
        }
    }
}

#[tokio::test]
async fn bytes_come_from_a_store_that_serves_them_itself_and_else_through_the_server() {
    let url = SignedUrl { url: "https://bucket/x".to_owned(), headers: vec![], expires_at: NOW.plus(MINUTE) };
    let cases = [(store_name(), Delivery::Stream), (other_store(), Delivery::Redirect(url.clone()))];
    for (store, delivery) in cases {
        let blob = BlobRef { store, key: key() };
        let stored = Content { blob, store_tag: EntityTag::parse("t").ok(), ..content(10) };
        let drive = drive_with([for_owner(Node { body: NodeBody::File(stored), ..file(FILE) })]);
        let mut presigner = MockUrlPresigner::new();
        let (url, until) = (url.clone(), NOW.plus(MINUTE));
        presigner.expect_presign_get().with(eq(key()), always(), eq(until)).returning(move |_, _, _| Ok(url.clone()));
        let presigners = one_presigner(MockUrlPresigner::new()).with(other_store(), Arc::new(presigner));
        let serving = BlobStores::new(other_store(), Arc::new(MockBlobStore::new()));
        let tags = StoreTags::new(serving, Arc::new(MockBlobRecordRepository::new()));
        let ports = FilePorts { tags, ..ports(drive, contents(MockBlobStore::new())) };
        let files = FileService::new(ports, context()).with_signing(presigners, LIFETIMES);
        let open = files.open(&actor(OWNER), FILE).await.ok().unwrap();
        assert_eq!(files.content(&open).await.ok().unwrap(), delivery);
    }
}

#[tokio::test]
async fn invisible_files_do_not_open() {
    for (found, user) in unseen() {
        let opened = files_of(drive_with([found])).open(&actor(user), FILE).await;
        assert!(matches!(opened.err(), Some(Error::NotFound)));
    }
}

#[tokio::test]
async fn the_owner_renames_and_moves_an_unchanged_file_at_once() {
    let (item, destination) = (for_owner(file(FILE)), for_owner(folder(FOLDER)));
    let mut drive = drive_with([item.clone(), destination.clone()]);
    let relocation = Relocation {
        item: grant_for(&item, Action::Move),
        to: Some(grant_for(&destination, Action::AddTo)),
        name: Some(name("dune.jpg")),
        conflict: ConflictPolicy::Fail,
        metadata: MetadataUpdate::default(),
        seen: Some(Revision(1)),
    };
    let moved = Located { node: Node { name: name("dune.jpg"), ..file(FILE) }, ..item };
    drive.expect_relocate().with(eq(command(OWNER)), eq(relocation)).times(1).return_once(move |_, _| Ok(moved.into()));
    let place = RelocationRequest {
        name: Some(name("dune.jpg")),
        to: Some(Destination::Folder(FOLDER)),
        ..RelocationRequest::default()
    };
    let entry = files_of(drive).relocate(&actor(OWNER), FILE, place, &seen(1)).await.unwrap();
    assert_eq!(entry.node.name, name("dune.jpg"));
}

#[tokio::test]
async fn a_file_replaced_by_an_upload_is_audited_as_trashed() {
    let old = NodeId::from_uuid(Uuid::from_u128(301));
    for replaced in [None, Some(old)] {
        let item = for_owner(file(FILE));
        let mut drive = drive_with([item.clone()]);
        let asked = drive.expect_relocate().withf(|_, spec| spec.conflict == ConflictPolicy::Replace);
        asked.times(1).return_once(move |_, _| Ok(Relocated { located: item, replaced }));
        let trail = Trail::default();
        let ports = ports(drive, contents(MockBlobStore::new()));
        let files = FileService::new(ports, context_with(NOW, trail.clone()));
        let conflict = ConflictPolicy::Replace;
        let place = RelocationRequest { name: Some(name("dune.jpg")), conflict, ..RelocationRequest::default() };
        files.relocate(&actor(OWNER), FILE, place, &unconditioned()).await.unwrap();
        let trashed = |node| (Some(OWNER), AuditAction::ItemTrashed(TrashItem { kind: NodeKind::File, node }));
        assert_eq!(trail.read(), replaced.map(trashed).into_iter().collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_refused_rename_changes_nothing() {
    let renamed = || RelocationRequest { name: Some(name("mine.jpg")), to: None, ..RelocationRequest::default() };
    let refused = async |found: Located, place: RelocationRequest| {
        let user = found.viewer.user().unwrap();
        let mut drive = drive_with([found, root(user)]);
        drive.expect_relocate().never();
        files_of(drive).relocate(&actor(user), FILE, place, &unconditioned()).await.unwrap_err()
    };
    for permission in [Permission::View, Permission::Edit] {
        // Only the owner may rename the shared file itself, even if the guest may edit it.
        let error = refused(for_guest(file(FILE), permission), renamed()).await;
        assert!(matches!(error, Error::Forbidden(Forbidden::Permission)));
    }
    let into_root = RelocationRequest { name: None, to: Some(Destination::Root), ..RelocationRequest::default() };
    let error = refused(for_guest_of_parent(file(FILE), Permission::Edit), into_root).await;
    assert!(matches!(error, Error::Forbidden(Forbidden::Permission)));
    for (found, _) in unseen() {
        assert!(matches!(refused(found, renamed()).await, Error::NotFound));
    }
}

#[tokio::test]
async fn without_signing_files_can_be_read_but_have_no_urls() {
    let mut store = MockBlobStore::new();
    store.expect_get().returning(|_, _, _| Ok(body([Ok("0123456789")])));
    let files = FileService::new(ports(drive_with([for_owner(file(FILE))]), contents(store)), context());
    let open = files.open(&actor(OWNER), FILE).await.unwrap();
    assert_eq!(drain(files.read(&open, 0..10).await.unwrap()).unwrap(), b"0123456789");
    assert!(matches!(files.download(&actor(OWNER), FILE).await, Err(Error::Unavailable { .. })));
    assert!(matches!(files.watch(&actor(OWNER), FILE).await, Err(Error::Unavailable { .. })));
}
