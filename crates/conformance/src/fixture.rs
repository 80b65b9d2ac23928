//! Fixtures of a case: its own users, its own span of time and shortcuts for common setup.

#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use std::collections::HashSet;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use clouddrive_domain::Result;
use clouddrive_domain::model::{
    Action, BlobKey, BlobRef, Command, ConflictPolicy, DriveId, Email, FileInfo, Grant, Id, IdSource, Limit, Located,
    LoginIdentifier, MediaType, MultipartUploadId, Name, NodeId, PasswordHash, Permission, Quota, RefreshToken,
    RequestId, ShareId, StoreName, Stored, Timestamp, Upload, UploadState, User, UserId, Username, authorize,
};
use clouddrive_domain::port::{
    AccountRepository, BlobRecordRepository, ChangeRepository, Commit, CopyRequest, IdempotencyRepository,
    JobRepository, LinkDownloadRepository, LinkRepository, MetadataUpdate, NameKeyRepository, NewContent, NewFile,
    NewShare, NewUpload, NodeRepository, Purge, PurgeStep, Random, Registration, Relocation, Restoration, SavedNode,
    SearchRepository, SessionRepository, ShareRepository, TaskLeaseRepository, ThrottleRepository, TrashRepository,
    TreeRepository, UploadRepository, UserRepository, VersionRepository,
};

/// Default quota of a drive, in bytes.
pub(crate) const QUOTA: u64 = 1_000_000;

/// Default limit of files and folders per drive.
pub(crate) const ENTRIES: u64 = 100_000;

/// Lifetime of uploads.
pub(crate) const LIFETIME: Duration = Duration::from_secs(3600);

/// Default limit of versions per file.
pub(crate) const MAX_VERSIONS: u32 = 20;

/// Name of the blob store of all blobs.
pub(crate) static STORE: LazyLock<StoreName> = LazyLock::new(|| StoreName::parse("conformance").unwrap());

/// The blob under that key.
pub(crate) fn in_store(key: BlobKey) -> BlobRef {
    BlobRef { store: STORE.clone(), key }
}

/// The keys of blobs, which all are in the store.
pub(crate) fn keys(blobs: &[BlobRef]) -> Vec<BlobKey> {
    blobs.iter().cloned().map(key_of).collect()
}

fn key_of(blob: BlobRef) -> BlobKey {
    assert_eq!(blob.store, *STORE, "each blob is found in the store that was recorded");
    blob.key
}

/// More than any case ever has: an effectively unlimited batch size.
pub(crate) const ALL: u32 = 1_000_000;

/// Asserts that the outcome is an error that matches the pattern.
macro_rules! assert_refused {
    ($outcome:expr, $reason:pat $(if $guard:expr)?) => {{
        let outcome = $outcome;
        let refused = matches!(&outcome, Err($reason) $(if $guard)?);
        assert!(refused, "expected {}, got {outcome:?}", stringify!($reason $(if $guard)?));
    }};
}

pub(crate) use assert_refused;

/// A scattered counter: its outputs are unique, and ids made of them are in no order.
struct Counter;

impl Random for Counter {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let number = scattered(next());
            for (byte, value) in chunk.iter_mut().zip(number.to_le_bytes()) {
                *byte = value;
            }
        }
    }
}

fn next() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// The SplitMix64 finaliser, a bijection on `u64`.
const fn scattered(number: u64) -> u64 {
    let z = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

pub(crate) fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

/// A user with a drive.
pub(crate) struct TestUser {
    pub(crate) id: UserId,
    pub(crate) username: String,
    pub(crate) drive: DriveId,
    pub(crate) root: NodeId,
}

impl TestUser {
    pub(crate) fn identifier(&self) -> LoginIdentifier {
        LoginIdentifier::parse(&self.username)
    }
}

/// The ports of the store, as far as the suite uses them.
pub(crate) struct Store<'a, P: ?Sized>(&'a P);

impl<P: ?Sized> Clone for Store<'_, P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P: ?Sized> Copy for Store<'_, P> {}

macro_rules! ports {
    ($($name:ident: $port:ident,)+) => {$(
        impl<'a, P: AsRef<dyn $port> + ?Sized> Store<'a, P> {
            pub(crate) fn $name(self) -> &'a dyn $port {
                self.0.as_ref()
            }
        }
    )+};
}

ports! {
    users: UserRepository,
    accounts: AccountRepository,
    sessions: SessionRepository,
    throttle: ThrottleRepository,
    drive: NodeRepository,
    trees: TreeRepository,
    uploads: UploadRepository,
    trash: TrashRepository,
    versions: VersionRepository,
    shares: ShareRepository,
    links: LinkRepository,
    link_downloads: LinkDownloadRepository,
    search: SearchRepository,
    records: BlobRecordRepository,
    changes: ChangeRepository,
    task_leases: TaskLeaseRepository,
    jobs: JobRepository,
    name_keys: NameKeyRepository,
    idempotency_records: IdempotencyRepository,
}

/// The scope of one case in a shared store.
///
/// Each case has its own day, later than those of earlier cases: store-wide methods that act up to some time do not
/// affect later cases.
pub(crate) struct Fixture<'a, P: ?Sized> {
    pub(crate) store: Store<'a, P>,
    clock: AtomicI64,
}

impl<'a, P: ?Sized> Fixture<'a, P> {
    pub(crate) fn new(ports: &'a P) -> Self {
        static DAY: AtomicI64 = AtomicI64::new(20_000);
        let day = DAY.fetch_add(1, Ordering::Relaxed);
        Self { store: Store(ports), clock: AtomicI64::new(day * 86_400_000) }
    }

    /// The current time, which advances by a second per call.
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.clock.fetch_add(1000, Ordering::Relaxed))
    }

    pub(crate) fn id<T: Id>(&self) -> T {
        T::generate(self.now(), &Counter)
    }

    /// A new refresh token.
    pub(crate) fn token(&self) -> RefreshToken {
        RefreshToken::generate(&Counter)
    }

    pub(crate) fn key(&self) -> BlobKey {
        BlobKey::generate(&Counter)
    }

    /// A command issued now, with its own request id.
    pub(crate) fn command(&self, actor: UserId) -> Command {
        self.command_at(Some(actor), self.now())
    }

    pub(crate) fn command_at(&self, actor: Option<UserId>, at: Timestamp) -> Command {
        Command {
            actor,
            at,
            request: RequestId::parse(&format!("request-{}", next())).unwrap(),
            idempotency_record: None,
        }
    }

    /// A valid registration of a new user.
    pub(crate) fn registration(&self) -> Registration {
        let number = next();
        let user = User {
            id: self.id(),
            username: Username::parse(&format!("TestUser-{number}")).unwrap(),
            email: Email::parse(&format!("TestUser.{number}@Example.com")).unwrap(),
            created_at: self.now(),
            photo: None,
        };
        let hash = PasswordHash::new(format!("$example${number}"));
        Registration { user, hash, drive: self.id(), root: self.id(), quota_bytes: QUOTA, quota_entries: ENTRIES }
    }

    /// A request to begin an upload into `folder` now.
    pub(crate) fn new_upload(&self, folder: &Grant, text: &str, announced: Option<u64>) -> NewUpload {
        let now = self.now();
        let file = FileInfo {
            name: name(text),
            media_type: MediaType::octet_stream(),
            sha256: None,
            client_modified_at: None,
            conflict: ConflictPolicy::Fail,
        };
        let upload = Upload {
            id: self.id(),
            drive: folder.drive(),
            folder: folder.node().id,
            sender: folder.actor(),
            file,
            announced,
            part_size: None,
            blob: self.key(),
            store: Some(STORE.clone()),
            multipart_id: MultipartUploadId::parse("ticket-of-the-store").ok(),
            state: UploadState::Open,
            created_at: now,
            expires_at: now.plus(LIFETIME),
        };
        NewUpload { upload, max_open: ALL }
    }

    /// A commit of `upload` with its announced size.
    pub(crate) fn completing(&self, upload: &Upload, conflict: ConflictPolicy) -> Commit {
        Commit {
            upload: upload.id,
            blob: in_store(upload.blob.clone()),
            stored: Stored { size: upload.announced.unwrap_or(0), sha256: upload.file.sha256, ..Stored::default() },
            conflict,
            file: self.id(),
            version: self.id(),
            max_versions: MAX_VERSIONS,
        }
    }
}

impl<P: AsRef<dyn UserRepository> + ?Sized> Fixture<'_, P> {
    pub(crate) async fn register(&self, new: &Registration) -> Result<()> {
        self.store.users().register(&self.command_at(Some(new.user.id), new.user.created_at), new).await
    }

    pub(crate) async fn user(&self) -> TestUser {
        self.user_with_quota(QUOTA).await
    }

    pub(crate) async fn user_with_quota(&self, quota_bytes: u64) -> TestUser {
        let new = Registration { quota_bytes, ..self.registration() };
        self.register(&new).await.unwrap();
        let username = new.user.username.as_str().to_owned();
        TestUser { id: new.user.id, username, drive: new.drive, root: new.root }
    }

    /// A member with this limit of files and folders.
    pub(crate) async fn user_with_entries(&self, quota_entries: u64) -> TestUser {
        let new = Registration { quota_entries, ..self.registration() };
        self.register(&new).await.unwrap();
        let username = new.user.username.as_str().to_owned();
        TestUser { id: new.user.id, username, drive: new.drive, root: new.root }
    }

    pub(crate) async fn set_photo(&self, user: UserId, photo: Option<&BlobKey>) -> Result<bool> {
        self.store.users().set_photo(&self.command(user), user, photo).await
    }
}

impl<P: AsRef<dyn NodeRepository> + ?Sized> Fixture<'_, P> {
    /// The number of entries that count towards the user's limit.
    pub(crate) async fn entries(&self, user: UserId) -> u64 {
        self.store.drive().find_user_drive(user).await.unwrap().unwrap().account.entries.used
    }

    pub(crate) async fn quota(&self, user: UserId) -> Quota {
        self.store.drive().find_user_drive(user).await.unwrap().unwrap().account.quota
    }

    pub(crate) async fn located(&self, node: NodeId, viewer: UserId) -> Located {
        self.store.drive().find(node, viewer.into()).await.unwrap().unwrap()
    }

    /// A grant for `actor` to perform `action` on `node`, obtained as the services do.
    pub(crate) async fn grant(&self, actor: UserId, node: NodeId, action: Action) -> Grant {
        self.try_grant(actor, node, action).await.unwrap()
    }

    pub(crate) async fn try_grant(&self, actor: UserId, node: NodeId, action: Action) -> Result<Grant> {
        authorize(self.store.drive().find(node, actor.into()).await?, action)
    }

    pub(crate) async fn create_folder(&self, parent: &Grant, text: &str) -> Result<Located> {
        let command = self.command(parent.actor());
        self.store.drive().create_folder(&command, parent, self.id(), &name(text)).await
    }

    pub(crate) async fn folder(&self, actor: UserId, parent: NodeId, text: &str) -> NodeId {
        let parent = self.grant(actor, parent, Action::AddTo).await;
        self.create_folder(&parent, text).await.unwrap().node.id
    }

    pub(crate) async fn relocate(&self, spec: &Relocation) -> Result<Located> {
        Ok(self.store.drive().relocate(&self.command(spec.item.actor()), spec).await?.located)
    }

    pub(crate) async fn renaming(&self, actor: UserId, node: NodeId, to: &str) -> Relocation {
        let item = self.grant(actor, node, Action::Rename).await;
        Relocation {
            item,
            to: None,
            name: Some(name(to)),
            conflict: ConflictPolicy::Fail,
            metadata: MetadataUpdate::default(),
            seen: None,
        }
    }

    pub(crate) async fn moving(&self, actor: UserId, node: NodeId, to: NodeId) -> Relocation {
        let item = self.grant(actor, node, Action::Move).await;
        let to = self.grant(actor, to, Action::AddTo).await;
        Relocation {
            item,
            to: Some(to),
            name: None,
            conflict: ConflictPolicy::Fail,
            metadata: MetadataUpdate::default(),
            seen: None,
        }
    }

    pub(crate) async fn rename(&self, actor: UserId, node: NodeId, to: &str) -> Result<Located> {
        self.relocate(&self.renaming(actor, node, to).await).await
    }

    pub(crate) async fn move_into(&self, actor: UserId, node: NodeId, to: NodeId) -> Result<Located> {
        self.relocate(&self.moving(actor, node, to).await).await
    }

    /// A request to copy `node` into the folder `to`.
    pub(crate) async fn copy_request(&self, actor: UserId, node: NodeId, to: NodeId) -> CopyRequest {
        let item = self.grant(actor, node, Action::Read).await;
        let to = self.grant(actor, to, Action::AddTo).await;
        let ids = IdSource::new(self.now(), Arc::new(Counter));
        CopyRequest { item, to, name: None, conflict: ConflictPolicy::Fail, seen: None, max_versions: 20, ids }
    }

    /// A request to restore the node to its original place.
    pub(crate) async fn restoration(&self, owner: UserId, node: NodeId) -> Restoration {
        Restoration { item: self.grant(owner, node, Action::Restore).await, to: None, seen: None, trashed_after: None }
    }

    /// The blob of a file's current content.
    pub(crate) async fn blob_of(&self, file: NodeId, viewer: UserId) -> BlobKey {
        key_of(self.located(file, viewer).await.node.content().unwrap().blob.clone())
    }

    pub(crate) async fn photo(&self, user: UserId) -> Option<BlobKey> {
        self.store.drive().find_user_drive(user).await.unwrap().unwrap().account.user.photo.map(key_of)
    }
}

impl<P: AsRef<dyn BlobRecordRepository> + ?Sized> Fixture<'_, P> {
    /// Forgets what is left over, as if its bytes had been deleted, and returns the file or folder.
    pub(crate) async fn prune_freed_blobs(&self, saved: SavedNode) -> Located {
        self.store.records().remove(&STORE, &keys(&saved.freed)).await.unwrap();
        saved.located
    }

    /// A new file of one byte, whose blob has been recorded.
    pub(crate) async fn new_file(&self, text: &str) -> NewFile {
        NewFile {
            file: self.id(),
            version: self.id(),
            blob: in_store(self.record().await),
            stored: Stored { size: 1, ..Stored::default() },
            info: FileInfo {
                name: name(text),
                media_type: MediaType::octet_stream(),
                sha256: None,
                client_modified_at: None,
                conflict: ConflictPolicy::Fail,
            },
            max_versions: 20,
        }
    }

    /// A new content of `size` bytes, whose blob has been recorded.
    pub(crate) async fn new_content(&self, size: u64) -> NewContent {
        NewContent {
            version: self.id(),
            blob: in_store(self.record().await),
            stored: Stored { size, ..Stored::default() },
            media_type: MediaType::parse("text/plain").unwrap(),
            client_modified_at: None,
            seen: None,
            max_versions: MAX_VERSIONS,
        }
    }

    /// Records a new, unreferenced blob.
    pub(crate) async fn record(&self) -> BlobKey {
        let key = self.key();
        self.store.records().record(&key, &STORE, self.now()).await.unwrap();
        key
    }

    /// Marks all eligible blobs for deletion, including those of earlier cases.
    pub(crate) async fn marked_for_deletion(&self, before: Timestamp) -> HashSet<BlobKey> {
        self.store.records().mark_for_deletion(&STORE, before, self.now(), ALL).await.unwrap().into_iter().collect()
    }
}

impl<P> Fixture<'_, P>
where
    P: AsRef<dyn BlobRecordRepository> + AsRef<dyn NodeRepository> + AsRef<dyn TreeRepository> + ?Sized,
{
    pub(crate) async fn copy(&self, spec: &CopyRequest) -> Result<Located> {
        Ok(self.prune_freed_blobs(self.store.trees().copy(&self.command(spec.item.actor()), spec).await?).await)
    }

    pub(crate) async fn copy_into(&self, actor: UserId, node: NodeId, to: NodeId) -> Result<Located> {
        self.copy(&self.copy_request(actor, node, to).await).await
    }
}

impl<P> Fixture<'_, P>
where
    P: AsRef<dyn BlobRecordRepository> + AsRef<dyn NodeRepository> + AsRef<dyn UploadRepository> + ?Sized,
{
    pub(crate) async fn begin(&self, folder: &Grant, new_upload: &NewUpload) -> Result<Quota> {
        let command = self.command_at(Some(folder.actor()), new_upload.upload.created_at);
        self.store.uploads().begin(&command, folder, new_upload).await
    }

    /// Begins an upload. A name conflict does not prevent it.
    pub(crate) async fn open(&self, folder: &Grant, text: &str, announced: Option<u64>) -> Upload {
        let mut new_upload = self.new_upload(folder, text, announced);
        new_upload.upload.file.conflict = ConflictPolicy::Keep;
        self.begin(folder, &new_upload).await.unwrap();
        new_upload.upload
    }

    pub(crate) async fn commit(&self, folder: &Grant, commit: &Commit) -> Result<Located> {
        Ok(self
            .prune_freed_blobs(self.store.uploads().commit(&self.command(folder.actor()), folder, commit).await?)
            .await)
    }

    /// The upload as stored.
    pub(crate) async fn upload(&self, upload: &Upload) -> Upload {
        self.store.uploads().find(upload.id, upload.sender).await.unwrap().unwrap()
    }

    /// Creates a file of `size` bytes.
    pub(crate) async fn file(&self, actor: UserId, parent: NodeId, text: &str, size: u64) -> NodeId {
        let folder = self.grant(actor, parent, Action::AddTo).await;
        let upload = self.open(&folder, text, Some(size)).await;
        let commit = self.completing(&upload, ConflictPolicy::Fail);
        self.commit(&folder, &commit).await.unwrap().node.id
    }

    /// Replaces the named file's content with `size` bytes.
    pub(crate) async fn replace(&self, actor: UserId, parent: NodeId, text: &str, size: u64) -> Located {
        let folder = self.grant(actor, parent, Action::AddTo).await;
        let mut new_upload = self.new_upload(&folder, text, Some(size));
        new_upload.upload.file.conflict = ConflictPolicy::Replace;
        self.begin(&folder, &new_upload).await.unwrap();
        let commit = self.completing(&new_upload.upload, ConflictPolicy::Replace);
        self.commit(&folder, &commit).await.unwrap()
    }
}

impl<P> Fixture<'_, P>
where
    P: AsRef<dyn BlobRecordRepository> + AsRef<dyn NodeRepository> + AsRef<dyn TrashRepository> + ?Sized,
{
    /// Moves the node to the trash.
    pub(crate) async fn trash(&self, actor: UserId, node: NodeId) {
        let item = self.grant(actor, node, Action::Trash).await;
        self.store.trash().put(&self.command(actor), &item, None).await.unwrap();
    }

    pub(crate) async fn restore(&self, owner: UserId, node: NodeId) -> Result<Located> {
        self.store.trash().restore(&self.command(owner), &self.restoration(owner, node).await).await
    }

    /// The nodes in the owner's trash, newest first.
    pub(crate) async fn trashed(&self, owner: &TestUser) -> Vec<NodeId> {
        let root = self.grant(owner.id, owner.root, Action::Read).await;
        let rows = self.store.trash().list(&root, None, Limit::new(1000).unwrap()).await.unwrap();
        rows.into_iter().map(|row| row.located.node.id).collect()
    }

    pub(crate) async fn begin_purge(&self, owner: UserId, node: NodeId) -> Result<()> {
        let item = self.grant(owner, node, Action::Purge).await;
        self.store.trash().begin_purge(&self.command(owner), &item, None).await
    }

    /// Runs one purge step as the server and removes the records of the freed blobs, as if their bytes had been deleted.
    pub(crate) async fn purge_step(&self, which: Purge, max: u32) -> PurgeStep {
        let step = self.store.trash().purge(&self.command_at(None, self.now()), which, max).await.unwrap();
        self.store.records().remove(&STORE, &keys(&step.freed)).await.unwrap();
        step
    }

    /// Purges until nothing is left and returns the number of removed nodes.
    pub(crate) async fn purge(&self, which: Purge, max: u32) -> u32 {
        let mut removed = 0;
        loop {
            let step = self.purge_step(which, max).await;
            assert!(step.removed <= max * 2 && step.reached <= max, "{step:?}");
            removed += step.removed;
            if step.is_idle() {
                assert!(!step.more, "nothing is done, and more is to do");
                return removed;
            }
        }
    }
}

impl<P: AsRef<dyn NodeRepository> + AsRef<dyn ShareRepository> + ?Sized> Fixture<'_, P> {
    pub(crate) async fn share(&self, owner: UserId, node: NodeId, guest: UserId, permission: Permission) -> ShareId {
        let item = self.grant(owner, node, Action::Share).await;
        let share = NewShare { id: self.id(), guest, permission };
        self.store.shares().create(&self.command(owner), &item, &share).await.unwrap().id
    }

    pub(crate) async fn allow(&self, owner: UserId, node: NodeId, share: ShareId, permission: Permission) {
        let item = self.grant(owner, node, Action::Share).await;
        self.store.shares().change(&self.command(owner), &item, share, permission).await.unwrap();
    }

    pub(crate) async fn revoke(&self, owner: UserId, share: ShareId) {
        self.store.shares().revoke(&self.command(owner), share).await.unwrap();
    }
}
