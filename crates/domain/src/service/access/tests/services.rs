use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use crate::model::{
    ChangeBatch, ChangeCursor, ChangePosition, CommandOutcome, ItemRef, Located, MAX_PARTS, MIN_PART_BYTES, NodeId,
    NodeKind, Page, Permission, Share, ShareId,
};
use crate::port::{
    BlobStores, DirectUploadStore, MockAccountRepository, MockBlobRecordRepository, MockBlobStore,
    MockChangeRepository, MockDirectUploadStore, MockIdempotencyRepository, MockLinkRepository, MockLinkTokens,
    MockNodeRepository, MockPasswords, MockPhotoMaker, MockSearchRepository, MockSessionRepository,
    MockShareRepository, MockTokens, MockTrashRepository, MockTreeRepository, MockUploadRepository, MockUrlPresigner,
    MockUserRepository, MockVersionRepository, SignedUrl, StoreRouter, UrlPresigner,
};
use crate::service::testing::links::link;
use crate::service::testing::{
    FILE, FOLDER, GUEST, NOW, OTHER_FOLDER, OWNER, contents, context, drive_with, file, folder, for_owner,
    one_presigner, one_store, person,
};
use crate::service::{
    AccountPorts, AccountService, AccountSettings, ArchiveService, ArchiveStores, BlobRemover, ChangeService,
    CopyService, EndedUploads, FilePorts, FileService, FolderService, IdempotencyService, LinkPorts, LinkService,
    PhotoPorts, PhotoService, SearchService, SharePorts, ShareService, StoreTags, Throttling, TrashService,
    UploadPorts, UploadService, UploadSettings, UrlLifetimes, VersionService, VersionSettings, VersionStores,
};
use crate::testing::{name, store_name, upload};

pub(super) const MINUTE: Duration = Duration::from_secs(60);
pub(super) const SHARE: ShareId = ShareId::from_uuid(Uuid::from_u128(400));
/// A folder in the trash.
pub(super) const BIN: NodeId = OTHER_FOLDER;

/// The services on stores in which everything is found, nothing is listed, and nothing can be changed: a mutation
/// panics.
pub(super) struct Services {
    pub(super) folders: FolderService,
    pub(super) files: FileService,
    pub(super) copies: CopyService,
    pub(super) archives: ArchiveService,
    pub(super) uploads: UploadService,
    pub(super) trash: TrashService,
    pub(super) versions: VersionService,
    pub(super) shares: ShareService,
    pub(super) links: LinkService,
    pub(super) search: SearchService,
    pub(super) photos: PhotoService,
    pub(super) accounts: AccountService,
    pub(super) idempotency: IdempotencyService,
    pub(super) changes: ChangeService,
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

fn presigners() -> StoreRouter<dyn UrlPresigner> {
    let url = || SignedUrl { url: "https://store.example.com/x".to_owned(), headers: Vec::new(), expires_at: NOW };
    let mut presigner = MockUrlPresigner::new();
    presigner.expect_presign_get().returning(move |_, _, _| Ok(url()));
    presigner.expect_presign_watch().returning(move |_, _, _, _| Ok(url()));
    one_presigner(presigner)
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
    shares.expect_list_by_node().returning(|_, _, _| Ok(Vec::new()));
    shares.expect_list_access().returning(|_, _, _, _| Ok(Vec::new()));
    Arc::new(shares)
}

fn links() -> Arc<MockLinkRepository> {
    let mut links = MockLinkRepository::new();
    links.expect_find().returning(|_, _| Ok(Some(link())));
    links.expect_list_by_owner().returning(|_, _, _| Ok(Vec::new()));
    Arc::new(links)
}

pub(super) fn cursor() -> ChangeCursor {
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

fn stores() -> BlobStores {
    one_store(MockBlobStore::new())
}

fn records() -> Arc<MockBlobRecordRepository> {
    Arc::new(MockBlobRecordRepository::new())
}

fn remover() -> BlobRemover {
    BlobRemover::new(records(), stores())
}

fn ended() -> EndedUploads {
    EndedUploads::new(uploads(), remover())
}

impl Services {
    pub(super) fn new() -> Self {
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
        let direct = StoreRouter::<dyn DirectUploadStore>::new(store_name(), Arc::new(direct));
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
            blobs: stores(),
            presigners: presigners(),
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
        let account_settings =
            AccountSettings { token_lifetime: MINUTE, session_lifetime: MINUTE, refresh_grace: MINUTE };
        let lifetimes = UrlLifetimes { download: MINUTE, watch: MINUTE };
        let (users, maker) = (Arc::new(MockUserRepository::new()), Arc::new(MockPhotoMaker::new()));
        let (idempotency_records, write) =
            (Arc::new(MockIdempotencyRepository::new()), Arc::new(|_: CommandOutcome<'_>| Ok(String::new())));
        let file_ports =
            FilePorts { drive: drive(), contents: contents(MockBlobStore::new()), tags: StoreTags::none() };
        let upload_ports = UploadPorts { drive: drive(), uploads: uploads(), stores: stores(), records: records() };
        let share_ports = SharePorts { drive: drive(), shares: shares(), users: users.clone() };
        let (tokens, passwords) = (Arc::new(tokens), Arc::new(MockPasswords::new()));
        let link_ports = LinkPorts { drive: drive(), links: links(), tokens, passwords };
        let photo_ports =
            PhotoPorts { users, drive: drive(), records: records(), stores: stores(), presigners: presigners(), maker };
        Self {
            folders: FolderService::new(drive(), ended(), context()),
            files: FileService::new(file_ports, context()).with_signing(presigners(), lifetimes),
            copies: CopyService::new(drive(), Arc::new(MockTreeRepository::new()), remover(), context(), 7),
            archives: ArchiveService::new(archive_stores, context()),
            uploads: UploadService::new(upload_ports, context(), upload_settings).with_direct(direct),
            trash: TrashService::new(drive(), Arc::new(trash), remover(), ended(), context(), MINUTE),
            versions: VersionService::new(drive(), version_stores, context(), version_settings),
            shares: ShareService::new(share_ports, ended(), Throttling::off(), context()),
            links: LinkService::new(link_ports, context(), "https://drive.example.com"),
            search: SearchService::new(drive(), Arc::new(search)),
            photos: PhotoService::new(photo_ports, context(), MINUTE),
            accounts: AccountService::new(account_ports, ended(), Throttling::off(), context(), account_settings),
            idempotency: IdempotencyService::new(drive(), idempotency_records, write, context()),
            changes: ChangeService::new(changes(), drive()),
        }
    }
}
