//! Every method that takes an actor demands a scope of the actor's credential, before it changes anything.

use std::collections::BTreeSet;
use std::fs;
use std::num::NonZeroU64;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use uuid::Uuid;

use crate::error::{Error, Forbidden, Result};
use crate::model::{
    Actor, ChangeBatch, ChangeCursor, ChangePosition, CommandOutcome, Credential, Email, ItemRef, Limit, Located,
    LoginIdentifier, MAX_PARTS, MIN_PART_BYTES, MediaType, NodeId, NodeKind, NodePath, Page, Password, PathStart,
    Permission, Role, Scope, Scopes, SearchText, SessionId, Share, ShareId, StoreName, UploadId, VersionId,
};
use crate::port::{
    MockAccountRepository, MockBlobRecordRepository, MockBlobStore, MockChangeRepository, MockDirectUploadStore,
    MockIdempotencyRepository, MockLinkRepository, MockLinkTokens, MockNodeRepository, MockPasswords, MockPhotoMaker,
    MockSearchRepository, MockSessionRepository, MockShareRepository, MockTokens, MockTrashRepository,
    MockTreeRepository, MockUploadRepository, MockUrlPresigner, MockUserRepository, MockVersionRepository, SignedUrl,
};
use crate::service::testing::links::{LINK, link};
use crate::service::testing::{
    FILE, FOLDER, GUEST, NOW, OTHER_FOLDER, OWNER, STRANGER, actor, body, contents, context, drive_with, file, folder,
    for_owner, person, unconditioned,
};
use crate::service::{
    AccountPorts, AccountService, AccountSettings, ArchiveNames, ArchiveService, ArchiveStores, BlobRemover,
    ChangeService, Completing, ContentMetadata, CopyPlace, CopyService, EndedUploads, FileService, FolderService,
    IdempotencyService, LinkEdit, LinkRequest, LinkService, ListQuery, NewPlace, PhotoService, SearchQuery,
    SearchService, Selection, ShareService, StoreTags, StreamedFile, Throttling, TrashService, UploadService,
    UploadSettings, UrlLifetimes, VersionService, VersionSettings, VersionStores,
};
use crate::testing::{file_info, name, upload};

const MINUTE: Duration = Duration::from_secs(60);
const SESSION: SessionId = SessionId::from_uuid(Uuid::from_u128(60));
const SHARE: ShareId = ShareId::from_uuid(Uuid::from_u128(400));
const UPLOAD: UploadId = UploadId::from_uuid(Uuid::from_u128(50));
const VERSION: VersionId = VersionId::from_uuid(Uuid::from_u128(77));
/// A folder in the trash.
const BIN: NodeId = OTHER_FOLDER;

/// The services on stores in which everything is found, nothing is listed, and nothing can be changed: a mutation
/// panics.
struct Services {
    folders: FolderService,
    files: FileService,
    copies: CopyService,
    archives: ArchiveService,
    uploads: UploadService,
    trash: TrashService,
    versions: VersionService,
    shares: ShareService,
    links: LinkService,
    search: SearchService,
    photos: PhotoService,
    accounts: AccountService,
    idempotency: IdempotencyService,
    changes: ChangeService,
}

/// A call of a method by an actor.
type Act = for<'a> fn(&'a Services, &'a Actor) -> BoxFuture<'a, Result<()>>;

/// Every method that takes an actor, and the scope that it demands.
#[rustfmt::skip]
const METHODS: &[(&str, Scope, Act)] = &[
    ("AccountService::find", Scope::Read, |on, by| Box::pin(async move { on.accounts.find(by).await.map(drop) })),
    ("AccountService::change_email", Scope::Account, |on, by| Box::pin(async move {
        on.accounts.change_email(by, &Email::parse("olga@example.org").unwrap()).await.map(drop)
    })),
    ("AccountService::change_password", Scope::Account, |on, by| Box::pin(async move {
        on.accounts.change_password(by, "a quiet secret", &Password::attempt("a loud secret").unwrap()).await
    })),
    ("AccountService::delete", Scope::Account, |on, by| on.accounts.delete(by, "a quiet secret").boxed()),
    ("AccountService::list_sessions", Scope::Account, |on, by| Box::pin(async move {
        on.accounts.list_sessions(by, None, Limit::default()).await.map(drop)
    })),
    ("AccountService::end_session", Scope::Account, |on, by| on.accounts.end_session(by, SESSION).boxed()),
    ("ArchiveService::check", Scope::Read, |on, by| on.archives.check(by, &Selection::Drive).boxed()),
    ("ArchiveService::open", Scope::Read, |on, by| Box::pin(async move {
        on.archives.open(by, SESSION, &Selection::Drive, ArchiveNames::Unchanged).await.map(drop)
    })),
    ("ChangeService::start", Scope::Read, |on, by| Box::pin(async move { on.changes.start(by).await.map(drop) })),
    ("ChangeService::list", Scope::Read, |on, by| Box::pin(async move {
        on.changes.list(by, cursor(), Limit::default()).await.map(drop)
    })),
    ("CopyService::copy_file", Scope::Write, |on, by| Box::pin(async move {
        on.copies.copy_file(by, FILE, CopyPlace::default(), &unconditioned()).await.map(drop)
    })),
    ("CopyService::copy_folder", Scope::Write, |on, by| Box::pin(async move {
        on.copies.copy_folder(by, FOLDER, CopyPlace::default(), &unconditioned()).await.map(drop)
    })),
    ("FileService::open", Scope::Read, |on, by| Box::pin(async move { on.files.open(by, FILE).await.map(drop) })),
    ("FileService::download", Scope::Read, |on, by| Box::pin(async move { on.files.download(by, FILE).await.map(drop) })),
    ("FileService::watch", Scope::Read, |on, by| Box::pin(async move { on.files.watch(by, SESSION, FILE).await.map(drop) })),
    ("FileService::relocate", Scope::Write, |on, by| Box::pin(async move {
        on.files.relocate(by, FILE, new_name(), &unconditioned()).await.map(drop)
    })),
    ("FolderService::create", Scope::Write, |on, by| Box::pin(async move {
        on.folders.create(by, None, &name("new")).await.map(drop)
    })),
    ("FolderService::list_root", Scope::Read, |on, by| Box::pin(async move {
        on.folders.list_root(by, &ListQuery::default()).await.map(drop)
    })),
    ("FolderService::list", Scope::Read, |on, by| Box::pin(async move {
        on.folders.list(by, FOLDER, &ListQuery::default()).await.map(drop)
    })),
    ("FolderService::find_by_path", Scope::Read, |on, by| Box::pin(async move {
        let path = NodePath::new(vec![name("plan.txt")]).unwrap();
        on.folders.find_by_path(by, PathStart::OwnRoot, &path).await.map(drop)
    })),
    ("FolderService::relocate", Scope::Write, |on, by| Box::pin(async move {
        on.folders.relocate(by, FOLDER, new_name(), &unconditioned()).await.map(drop)
    })),
    ("IdempotencyService::check_repeat", Scope::Write, |on, by| Box::pin(async move {
        on.idempotency.check_repeat(by, Some((FILE, Role::View))).await
    })),
    ("LinkService::create", Scope::Write, |on, by| Box::pin(async move {
        on.links.create(by, (NodeKind::File, FILE), LinkRequest::default()).await.map(drop)
    })),
    ("LinkService::find_url", Scope::Read, |on, by| Box::pin(async move { on.links.find_url(by, LINK).await.map(drop) })),
    ("LinkService::list", Scope::Read, |on, by| Box::pin(async move {
        on.links.list(by, None, Limit::default()).await.map(drop)
    })),
    ("LinkService::change", Scope::Write, |on, by| Box::pin(async move {
        on.links.change(by, LINK, LinkEdit::default()).await.map(drop)
    })),
    ("LinkService::revoke", Scope::Write, |on, by| on.links.revoke(by, LINK).boxed()),
    ("PhotoService::set", Scope::Write, |on, by| Box::pin(async move { on.photos.set(by, Bytes::new()).await.map(drop) })),
    ("PhotoService::find", Scope::Read, |on, by| Box::pin(async move { on.photos.find(by).await.map(drop) })),
    ("PhotoService::remove", Scope::Write, |on, by| on.photos.remove(by).boxed()),
    ("SearchService::find", Scope::Read, |on, by| Box::pin(async move {
        let text = SearchText::parse("beach").ok().unwrap();
        let query = SearchQuery { text, kind: None, within: None, after: None, limit: Limit::default() };
        on.search.find(by, query).await.map(drop)
    })),
    ("ShareService::create", Scope::Write, |on, by| Box::pin(async move {
        let guest = LoginIdentifier::Username("gustav".to_owned());
        on.shares.create(by, (NodeKind::File, FILE), &guest, Permission::View).await.map(drop)
    })),
    ("ShareService::list_received", Scope::Read, |on, by| Box::pin(async move {
        on.shares.list_received(by, None, Limit::default()).await.map(drop)
    })),
    ("ShareService::list_given", Scope::Read, |on, by| Box::pin(async move {
        on.shares.list_given(by, None, Limit::default()).await.map(drop)
    })),
    ("ShareService::list_of", Scope::Read, |on, by| Box::pin(async move {
        on.shares.list_of(by, (NodeKind::File, FILE), None, Limit::default()).await.map(drop)
    })),
    ("ShareService::list_access", Scope::Read, |on, by| Box::pin(async move {
        on.shares.list_access(by, (NodeKind::File, FILE), None, Limit::default()).await.map(drop)
    })),
    ("ShareService::change", Scope::Write, |on, by| Box::pin(async move {
        on.shares.change(by, SHARE, Permission::Edit).await.map(drop)
    })),
    ("ShareService::revoke", Scope::Write, |on, by| on.shares.revoke(by, SHARE).boxed()),
    ("TrashService::put", Scope::Write, |on, by| Box::pin(async move {
        on.trash.put(by, (NodeKind::File, FILE), &unconditioned()).await
    })),
    ("TrashService::list", Scope::Read, |on, by| Box::pin(async move {
        on.trash.list(by, None, Limit::default()).await.map(drop)
    })),
    ("TrashService::list_folder", Scope::Read, |on, by| Box::pin(async move {
        on.trash.list_folder(by, BIN, &ListQuery::default()).await.map(drop)
    })),
    ("TrashService::restore", Scope::Write, |on, by| Box::pin(async move {
        on.trash.restore(by, BIN, None, &unconditioned()).await.map(drop)
    })),
    ("TrashService::purge", Scope::Write, |on, by| Box::pin(async move { on.trash.purge(by, BIN, &unconditioned()).await })),
    ("TrashService::empty", Scope::Write, |on, by| on.trash.empty(by).boxed()),
    ("UploadService::begin", Scope::Write, |on, by| Box::pin(async move {
        on.uploads.begin(by, None, file_info("new"), 1).await.map(drop)
    })),
    ("UploadService::find_started", Scope::Write, |on, by| Box::pin(async move { on.uploads.find_started(by, UPLOAD).await.map(drop) })),
    ("UploadService::progress", Scope::Read, |on, by| Box::pin(async move {
        on.uploads.progress(by, UPLOAD).await.map(drop)
    })),
    ("UploadService::list", Scope::Read, |on, by| Box::pin(async move {
        on.uploads.list(by, None, Limit::default()).await.map(drop)
    })),
    ("UploadService::sign_parts", Scope::Write, |on, by| Box::pin(async move {
        on.uploads.sign_parts(by, UPLOAD, &[1]).await.map(drop)
    })),
    ("UploadService::abort", Scope::Write, |on, by| on.uploads.abort(by, UPLOAD).boxed()),
    ("UploadService::complete", Scope::Write, |on, by| Box::pin(async move {
        on.uploads.complete(by, UPLOAD, Completing::default()).await.map(drop)
    })),
    ("UploadService::admit", Scope::Write, |on, by| Box::pin(async move {
        on.uploads.admit(by, None, Some(1), None).await.map(drop)
    })),
    ("UploadService::receive", Scope::Write, |on, by| Box::pin(async move {
        let permit = on.uploads.admit(&actor(OWNER), None, Some(1), None).await.ok().unwrap();
        let said = async { Ok(StreamedFile { folder: None, file: file_info("new"), announced: Some(1) }) };
        on.uploads.receive(by, permit, body([Ok("x")]), said).await.map(drop)
    })),
    ("VersionService::list", Scope::Read, |on, by| Box::pin(async move {
        on.versions.list(by, FILE, None, Limit::default()).await.map(drop)
    })),
    ("VersionService::download", Scope::Read, |on, by| Box::pin(async move {
        on.versions.download(by, FILE, VERSION).await.map(drop)
    })),
    ("VersionService::restore", Scope::Write, |on, by| Box::pin(async move {
        on.versions.restore(by, FILE, VERSION, &unconditioned()).await.map(drop)
    })),
    ("VersionService::delete", Scope::Write, |on, by| Box::pin(async move {
        on.versions.delete(by, FILE, VERSION, &unconditioned()).await
    })),
    ("VersionService::admit", Scope::Write, |on, by| Box::pin(async move {
        on.versions.admit(by, FILE, &unconditioned(), Some(1)).await.map(drop)
    })),
    ("VersionService::receive", Scope::Write, |on, by| Box::pin(async move {
        let permit = on.versions.admit(&actor(OWNER), FILE, &unconditioned(), Some(1)).await.ok().unwrap();
        let metadata = ContentMetadata { media_type: MediaType::octet_stream(), client_modified_at: None };
        on.versions.receive(by, permit, metadata, body([Ok("x")])).await.map(drop)
    })),
];

fn new_name() -> NewPlace {
    NewPlace { name: Some(name("new")), ..NewPlace::default() }
}

fn with(scopes: &[Scope]) -> Actor {
    Actor { credential: Credential::Session(SESSION), scopes: scopes.iter().copied().collect(), ..actor(OWNER) }
}

fn drive() -> Arc<MockNodeRepository> {
    let bin = Located { lineage: trashed_itself(), ..for_owner(folder(BIN)) };
    let mut drive = drive_with([for_owner(file(FILE)), for_owner(folder(FOLDER)), bin]);
    drive.expect_list().returning(|_, _, _, _| Ok(Vec::new()));
    drive.expect_find_by_path().returning(|_, _, _| Ok(Some(for_owner(file(FILE)))));
    Arc::new(drive)
}

fn trashed_itself() -> Vec<crate::model::Step> {
    let mut lineage = for_owner(folder(BIN)).lineage;
    lineage[0].trashed = true;
    lineage
}

fn uploads() -> Arc<MockUploadRepository> {
    let mut uploads = MockUploadRepository::new();
    uploads.expect_find().returning(|_, _| Ok(Some(upload())));
    uploads.expect_find_abortable().returning(|_, _| Ok(Some(upload())));
    uploads.expect_list().returning(|_, _, _, _| Ok(Vec::new()));
    Arc::new(uploads)
}

fn presigner() -> Arc<MockUrlPresigner> {
    let url = || SignedUrl { url: "https://store.example.com/x".to_owned(), headers: Vec::new(), expires_at: NOW };
    let mut presigner = MockUrlPresigner::new();
    presigner.expect_presign_get().returning(move |_, _, _| Ok(url()));
    presigner.expect_presign_watch().returning(move |_, _, _, _| Ok(url()));
    Arc::new(presigner)
}

fn share() -> Share {
    Share {
        id: SHARE,
        permission: Permission::View,
        item: ItemRef { kind: NodeKind::Folder, id: FOLDER, name: name("holiday") },
        shared_with: person(GUEST, "gustav"),
        shared_by: person(OWNER, "olga"),
        shared_at: NOW,
    }
}

fn shares() -> Arc<MockShareRepository> {
    let mut shares = MockShareRepository::new();
    shares.expect_find().returning(|_, _| Ok(Some(share())));
    shares.expect_list_received().returning(|_, _, _| Ok(Vec::new()));
    shares.expect_list_given().returning(|_, _, _| Ok(Vec::new()));
    shares.expect_list_of().returning(|_, _, _| Ok(Vec::new()));
    shares.expect_list_access().returning(|_, _, _, _| Ok(Vec::new()));
    Arc::new(shares)
}

fn links() -> Arc<MockLinkRepository> {
    let mut links = MockLinkRepository::new();
    links.expect_find().returning(|_, _| Ok(Some(link())));
    links.expect_list_made().returning(|_, _, _| Ok(Vec::new()));
    Arc::new(links)
}

fn cursor() -> ChangeCursor {
    let after = ChangePosition::default();
    ChangeCursor { drive: for_owner(file(FILE)).node.drive, after }
}

fn changes() -> Arc<MockChangeRepository> {
    let mut changes = MockChangeRepository::new();
    changes.expect_end().returning(|| Ok(cursor().after));
    changes.expect_read().returning(|_, after, _| Ok(ChangeBatch { changes: Vec::new(), end: after }));
    Arc::new(changes)
}

fn sessions() -> Arc<MockSessionRepository> {
    let mut sessions = MockSessionRepository::new();
    sessions.expect_find_username().returning(|_, _, _| Ok(Some("olga".to_owned())));
    Arc::new(sessions)
}

fn store() -> Arc<MockBlobStore> {
    let mut store = MockBlobStore::new();
    store.expect_name().return_const(StoreName("disk"));
    Arc::new(store)
}

fn records() -> Arc<MockBlobRecordRepository> {
    Arc::new(MockBlobRecordRepository::new())
}

fn remover() -> BlobRemover {
    BlobRemover::new(records(), store())
}

fn ended() -> EndedUploads {
    EndedUploads::new(uploads(), remover())
}

impl Services {
    fn new() -> Self {
        let mut trash = MockTrashRepository::new();
        trash.expect_list().returning(|_, _, _| Ok(Vec::new()));
        let mut versions = MockVersionRepository::new();
        versions.expect_list().returning(|_, _, _| Ok(Vec::new()));
        versions.expect_find().returning(|_, _| Ok(None));
        let mut search = MockSearchRepository::new();
        search.expect_search().returning(|_, _| Ok(Page { items: Vec::new(), next: None }));
        let mut trees = MockTreeRepository::new();
        trees.expect_list().returning(|_, _| Ok(Vec::new()));
        let mut tokens = MockLinkTokens::new();
        tokens.expect_open().returning(|_, _| None);
        let mut direct = MockDirectUploadStore::new();
        direct.expect_list_received().returning(|_, _| Ok(Vec::new()));
        let archive_stores = ArchiveStores {
            drive: drive(),
            trees: Arc::new(trees),
            contents: contents(MockBlobStore::new()),
            records: records(),
            sessions: sessions(),
            links: links(),
        };
        let version_stores = VersionStores {
            versions: Arc::new(versions),
            records: records(),
            store: store(),
            presigner: presigner(),
            tags: StoreTags::none(),
        };
        let version_settings = VersionSettings { max: 7, url_lifetime: MINUTE, upload_lifetime: MINUTE };
        let upload_settings = UploadSettings {
            lifetime: MINUTE,
            url_lifetime: MINUTE,
            max_open: 20,
            part_bytes: NonZeroU64::new(MIN_PART_BYTES).unwrap(),
            max_parts: MAX_PARTS,
            max_versions: 7,
        };
        let account_ports = AccountPorts {
            users: Arc::new(MockUserRepository::new()),
            accounts: Arc::new(MockAccountRepository::new()),
            sessions: sessions(),
            drive: drive(),
            passwords: Arc::new(MockPasswords::new()),
            tokens: Arc::new(MockTokens::new()),
        };
        let account_settings = AccountSettings {
            quota_bytes: 1_000,
            quota_entries: 9,
            token_lifetime: MINUTE,
            session_lifetime: MINUTE,
            refresh_grace: MINUTE,
        };
        let lifetimes = UrlLifetimes { download: MINUTE, watch: MINUTE };
        let (users, maker) = (Arc::new(MockUserRepository::new()), Arc::new(MockPhotoMaker::new()));
        let (idempotency_records, write) =
            (Arc::new(MockIdempotencyRepository::new()), Arc::new(|_: CommandOutcome<'_>| Ok(String::new())));
        let passwords = Arc::new(MockPasswords::new());
        let bytes = contents(MockBlobStore::new());
        Self {
            folders: FolderService::new(drive(), ended(), context()),
            files: FileService::new(drive(), bytes, StoreTags::none(), presigner(), context(), lifetimes),
            copies: CopyService::new(drive(), Arc::new(MockTreeRepository::new()), remover(), context(), 7),
            archives: ArchiveService::new(archive_stores, context()),
            uploads: UploadService::new(
                drive(),
                uploads(),
                store(),
                records(),
                Arc::new(direct),
                context(),
                upload_settings,
            ),
            trash: TrashService::new(drive(), Arc::new(trash), remover(), ended(), context(), MINUTE),
            versions: VersionService::new(drive(), version_stores, context(), version_settings),
            shares: ShareService::new(drive(), shares(), users.clone(), ended(), Throttling::off(), context()),
            links: LinkService::new(
                drive(),
                links(),
                Arc::new(tokens),
                passwords,
                context(),
                "https://drive.example.com",
            ),
            search: SearchService::new(drive(), Arc::new(search)),
            photos: PhotoService::new(users, drive(), records(), store(), presigner(), maker, context(), MINUTE),
            accounts: AccountService::new(account_ports, ended(), Throttling::off(), context(), account_settings),
            idempotency: IdempotencyService::new(drive(), idempotency_records, write, context()),
            changes: ChangeService::new(changes(), drive()),
        }
    }
}

fn lacks_a_scope<T>(outcome: &Result<T>) -> bool {
    matches!(outcome, Err(Error::Forbidden(Forbidden::Scope(_))))
}

#[tokio::test]
async fn each_method_refuses_a_credential_without_its_scope_before_anything_is_changed() {
    for (method, demanded, act) in METHODS {
        let others: Vec<Scope> = Scope::ALL.into_iter().filter(|scope| scope != demanded).collect();
        for held in [&others[..], &[]] {
            let outcome = act(&Services::new(), &with(held)).await;
            assert!(lacks_a_scope(&outcome), "{method} with {held:?}: {outcome:?}");
        }
    }
}

#[tokio::test]
async fn a_read_only_credential_is_enough_to_read_and_for_nothing_else() {
    for (method, demanded, act) in METHODS {
        let outcome = act(&Services::new(), &with(&[Scope::Read])).await;
        assert_eq!(lacks_a_scope(&outcome), *demanded != Scope::Read, "{method}: {outcome:?}");
    }
}

#[tokio::test]
async fn what_a_caller_cannot_see_is_not_found_whatever_the_scopes() {
    let absent = NodeId::from_uuid(Uuid::from_u128(999));
    for scopes in [Scopes::full(), [Scope::Read].into_iter().collect()] {
        let (on, by) = (Services::new(), Actor { scopes, ..actor(OWNER) });
        let outcome = on.files.relocate(&by, absent, new_name(), &unconditioned()).await;
        assert!(matches!(outcome, Err(Error::NotFound)), "{outcome:?}");
        let stranger = Actor { user: STRANGER, ..by };
        let outcome = on.trash.put(&stranger, (NodeKind::File, FILE), &unconditioned()).await;
        assert!(matches!(outcome, Err(Error::NotFound)), "{outcome:?}");
    }
}

/// The public methods of the services in `text` that take an actor.
fn methods(text: &str) -> Vec<String> {
    let (mut service, mut names) = ("", Vec::new());
    for (at, line) in text.lines().enumerate() {
        if let Some(rest) = line.strip_prefix("impl ") {
            service = rest.split([' ', '<']).next().unwrap();
        }
        let Some(rest) = line.strip_prefix("    pub async fn ").or_else(|| line.strip_prefix("    pub fn ")) else {
            continue;
        };
        let signature: Vec<&str> = text.lines().skip(at).take_while(|line| !line.ends_with('{')).collect();
        if line.contains("actor: &Actor") || signature.iter().any(|line| line.contains("actor: &Actor")) {
            names.push(format!("{service}::{}", rest.split(['(', '<']).next().unwrap()));
        }
    }
    names
}

/// The methods of all services in `folder` and below.
fn methods_below(folder: &Path) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.file_stem().is_some_and(|name| name == "tests") {
            continue;
        }
        if path.is_dir() {
            names.extend(methods_below(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            names.extend(methods(&fs::read_to_string(&path).unwrap()));
        }
    }
    names
}

#[test]
fn the_table_has_every_method_that_takes_an_actor() {
    let found = methods_below(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/service"));
    let listed: BTreeSet<String> = METHODS.iter().map(|(method, ..)| (*method).to_owned()).collect();
    assert_eq!(found, listed);
    assert_eq!(listed.len(), METHODS.len(), "one row each");
}
