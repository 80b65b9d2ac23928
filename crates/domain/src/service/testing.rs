//! What the tests of the services share. They use mock ports, and check results and what is passed to the ports.
//!
//! Ports that a test does not mention must not be called: a mock without an expectation panics.

pub(super) mod links;

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::{FutureExt, TryStreamExt, stream};
use mockall::predicate::eq;
use uuid::Uuid;

use super::{BlobRemover, Contents, EndedUploads, ServiceContext};
use crate::error::{Conflict, Error, Forbidden, NameTaken, Result};
use crate::mock::Branch;
use crate::model::{
    Account, Action, Actor, AuditAction, AuditEvent, BlobKey, BlobRef, ClientInfo, Command, Credential, DriveId, Email,
    EntityTag, EntryQuota, Grant, Id, ItemRef, Located, Name, Node, NodeBody, NodeId, NodeKind, Origin, Permission,
    Precondition, Quota, RequestId, Revision, Scopes, SessionId, StoreName, Timestamp, User, UserId, UserRef, Username,
    authorize,
};
use crate::port::{
    AuditTrail, BlobStores, ByteStream, Clock, MockBlobRecordRepository, MockBlobStore, MockNodeRepository,
    MockUploadRepository, MockUrlPresigner, Random, StoreRouter, UrlPresigner, UserDrive,
};
use crate::testing::{content, name, store_name, upload};

/// The time of all tests. [`upload`](crate::testing::upload) is open then.
pub(super) const NOW: Timestamp = Timestamp::from_millis(10_000);

pub(super) const OWNER: UserId = UserId::from_uuid(Uuid::from_u128(1));
pub(super) const GUEST: UserId = UserId::from_uuid(Uuid::from_u128(2));
pub(super) const STRANGER: UserId = UserId::from_uuid(Uuid::from_u128(3));

/// The root of the owner's drive.
pub(super) const ROOT: NodeId = NodeId::from_uuid(Uuid::from_u128(10));
/// The folder in the root that contains everything the tests are about.
pub(super) const PARENT: NodeId = NodeId::from_uuid(Uuid::from_u128(20));
pub(super) const FOLDER: NodeId = NodeId::from_uuid(Uuid::from_u128(100));
pub(super) const OTHER_FOLDER: NodeId = NodeId::from_uuid(Uuid::from_u128(200));
pub(super) const FILE: NodeId = NodeId::from_uuid(Uuid::from_u128(300));

/// The precondition of a caller who has seen `revision`.
pub(super) fn seen(revision: u64) -> Precondition {
    Precondition::any_of(EntityTag::parse(&revision.to_string()).ok())
}

/// No precondition.
pub(super) fn unconditioned() -> Precondition {
    Precondition::default()
}

/// One store, the default, with the name of [`store_name`].
pub(super) fn one_store(store: MockBlobStore) -> BlobStores {
    BlobStores::new(store_name(), Arc::new(store))
}

/// The name of a second store.
pub(super) fn other_store() -> StoreName {
    StoreName::parse("bucket").unwrap()
}

/// The default store, and a second one.
pub(super) fn two_stores(store: MockBlobStore, other: MockBlobStore) -> BlobStores {
    one_store(store).with(other_store(), Arc::new(other))
}

/// The signer of URLs of the default store.
pub(super) fn one_presigner(presigner: MockUrlPresigner) -> StoreRouter<dyn UrlPresigner> {
    StoreRouter::<dyn UrlPresigner>::new(store_name(), Arc::new(presigner))
}

/// The bytes in `store`, none of which are missing.
pub(super) fn contents(store: MockBlobStore) -> Contents {
    Contents::new(one_store(store), Arc::new(MockBlobRecordRepository::new()))
}

pub(super) struct StoppedClock(Timestamp);

impl Clock for StoppedClock {
    fn now(&self) -> Timestamp {
        self.0
    }
}

/// Fills with ones first, then with twos, and so on.
pub(super) struct CountingRandom(AtomicU8);

impl CountingRandom {
    pub(super) fn from(first: u8) -> Self {
        Self(AtomicU8::new(first))
    }
}

impl Random for CountingRandom {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(self.0.fetch_add(1, Ordering::Relaxed));
    }
}

pub(super) fn context() -> ServiceContext {
    context_at(NOW)
}

pub(super) fn context_at(now: Timestamp) -> ServiceContext {
    context_with(now, Trail::default())
}

pub(super) fn context_with(now: Timestamp, trail: Trail) -> ServiceContext {
    ServiceContext::new(Arc::new(StoppedClock(now)), Arc::new(CountingRandom::from(1)), Arc::new(trail))
}

/// A clock that advances by a minute per reading.
pub(super) struct FastClock(std::sync::atomic::AtomicI64);

impl Clock for FastClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.fetch_add(60_000, Ordering::Relaxed))
    }
}

pub(super) struct ConstantRandom;

impl Random for ConstantRandom {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(1);
    }
}

/// A [`ServiceContext`] with a [`FastClock`].
pub(super) fn context_with_fast_clock() -> ServiceContext {
    let clock = FastClock(NOW.as_millis().into());
    ServiceContext::new(Arc::new(clock), Arc::new(ConstantRandom), Arc::new(Trail::default()))
}

/// A readable audit trail.
#[derive(Clone, Default)]
pub(super) struct Trail(Arc<Mutex<Vec<AuditEvent>>>);

impl Trail {
    /// The recorded actors and actions. All have the time and request of these tests.
    pub(super) fn read(&self) -> Vec<(Option<UserId>, AuditAction)> {
        let events = self.0.lock().unwrap();
        assert!(events.iter().all(|event| event.at == NOW && event.request == request()));
        events.iter().map(|event| (event.actor, event.action.clone())).collect()
    }
}

impl AuditTrail for Trail {
    fn record(&self, event: &AuditEvent) {
        self.0.lock().unwrap().push(event.clone());
    }
}

/// The identifier generated by the `nth` use of randomness.
pub(super) fn made<T: Id>(nth: u8) -> T {
    T::generate(NOW, &CountingRandom::from(nth))
}

/// The key generated by the `nth` use of randomness.
pub(super) fn nth_key(nth: u8) -> BlobKey {
    BlobKey::generate(&CountingRandom::from(nth))
}

/// The blob with that key in the default store.
pub(super) fn nth_blob(nth: u8) -> BlobRef {
    BlobRef { store: store_name(), key: nth_key(nth) }
}

pub(super) fn request() -> RequestId {
    RequestId::parse("request-7").unwrap()
}

/// The request, from an unknown client.
pub(super) fn origin() -> Origin {
    request().into()
}

/// The request, from a client at `address`.
pub(super) fn origin_at(address: &str) -> Origin {
    Origin { client: ClientInfo { address: address.parse().ok(), user_agent: None }, ..origin() }
}

pub(super) fn actor(user: UserId) -> Actor {
    let credential = Credential::Session(SessionId::from_uuid(Uuid::from_u128(60)));
    Actor { user, credential, scopes: Scopes::full(), origin: origin(), idempotency_record: None }
}

/// The command of a mutation on behalf of `user`.
pub(super) fn command(user: UserId) -> Command {
    command_at(user, NOW)
}

pub(super) fn command_at(user: UserId, at: Timestamp) -> Command {
    Command { actor: Some(user), at, request: request(), idempotency_record: None }
}

pub(super) fn person(id: UserId, username: &str) -> UserRef {
    UserRef { id, username: Some(username.to_owned()) }
}

pub(super) fn node(id: NodeId, text: &str, body: NodeBody) -> Node {
    Node {
        id,
        drive: DriveId::from_uuid(Uuid::from_u128(9)),
        parent: (body != NodeBody::Root).then_some(PARENT),
        name: name(text),
        body,
        revision: Revision(1),
        created_by: person(OWNER, "olga"),
        created_at: Timestamp::from_millis(500),
        modified_at: Timestamp::from_millis(700),
    }
}

pub(super) fn folder(id: NodeId) -> Node {
    node(id, "holiday", NodeBody::Folder)
}

pub(super) fn file(id: NodeId) -> Node {
    node(id, "beach.jpg", NodeBody::File(content(10)))
}

pub(super) fn located(node: Node, viewer: UserId, share: Option<Permission>, inherited: Option<Permission>) -> Located {
    let shelf = Branch::new(OWNER).with_id(ROOT).folder("shelf").with_id(PARENT).shared(inherited);
    Located { owner: person(OWNER, "olga"), ..shelf.node(node).shared(share).seen_by(viewer) }
}

/// The node as its owner finds it.
pub(super) fn for_owner(node: Node) -> Located {
    located(node, OWNER, None, None)
}

/// The node as found by a guest who has a share on the node itself.
pub(super) fn for_guest(node: Node, permission: Permission) -> Located {
    located(node, GUEST, Some(permission), None)
}

/// The node as found by a guest who has a share on the folder above it.
pub(super) fn for_guest_of_parent(node: Node, permission: Permission) -> Located {
    located(node, GUEST, None, Some(permission))
}

/// The node as found by a user without any share.
pub(super) fn for_outsider(node: Node) -> Located {
    located(node, STRANGER, None, None)
}

/// The same, but the folder above it is in the trash.
pub(super) fn trashed(mut located: Located) -> Located {
    located.lineage[1].trashed = true;
    located
}

/// The root of the owner's drive, as `viewer` finds it.
pub(super) fn root(viewer: UserId) -> Located {
    let node = Node { name: Name::root(), ..node(ROOT, "root", NodeBody::Root) };
    Located { node, owner: person(OWNER, "olga"), ..Branch::new(OWNER).with_id(ROOT).seen_by(viewer) }
}

pub(super) fn user_drive() -> UserDrive {
    let user = User {
        id: OWNER,
        username: Username::parse("olga").unwrap(),
        email: Email::parse("olga@example.com").unwrap(),
        created_at: Timestamp::from_millis(0),
        photo: None,
    };
    UserDrive { account: Account { user, quota: QUOTA, entries: EntryQuota { total: 9, used: 1 } }, root: root(OWNER) }
}

/// Thirty bytes are free.
pub(super) const QUOTA: Quota = Quota { total: 100, used: 50, reserved: 20 };

pub(super) fn grant_for(found: &Located, action: Action) -> Grant {
    authorize(Some(found.clone()), action).unwrap()
}

/// A drive with these nodes, each found by exactly its viewer, and the drive of the owner.
pub(super) fn drive_with(nodes: impl IntoIterator<Item = Located>) -> MockNodeRepository {
    let nodes: Vec<Located> = nodes.into_iter().collect();
    let mut drive = MockNodeRepository::new();
    drive.expect_find().returning(move |id, viewer| {
        Ok(nodes.iter().find(|found| found.node.id == id && found.viewer == viewer).cloned())
    });
    drive.expect_find_user_drive().returning(|user| Ok((user == OWNER).then(user_drive)));
    drive
}

pub(super) fn name_taken() -> Error {
    Error::Conflict(Conflict::NameTaken(Box::new(NameTaken {
        item: ItemRef { kind: NodeKind::Folder, id: OTHER_FOLDER, name: name("holiday") },
        revision: Revision(4),
        suggested: name("holiday (1)"),
    })))
}

/// The bytes do not fit into the owner's drive.
pub(super) fn quota_exceeded() -> Error {
    Error::Forbidden(Forbidden::Quota { quota: QUOTA, needed: 31 })
}

/// One more file or folder does not fit into the owner's drive.
pub(super) fn entry_quota_exceeded() -> Error {
    Error::Forbidden(Forbidden::Entries { quota: QUOTA, entries: EntryQuota { total: 9, used: 9 }, needed: 1 })
}

pub(super) fn outage() -> Error {
    Error::unavailable("database", "no connection")
}

/// A body of these chunks.
pub(super) fn body<const N: usize>(pieces: [Result<&'static str>; N]) -> ByteStream {
    Box::pin(stream::iter(pieces.map(|piece| piece.map(|text| Bytes::from_static(text.as_bytes())))))
}

/// All bytes of a body that is never pending.
pub(super) fn drain(body: ByteStream) -> Result<Vec<u8>> {
    let whole = body.try_fold(vec![], async |mut whole, piece| {
        whole.extend_from_slice(&piece);
        Ok(whole)
    });
    whole.now_or_never().expect("the body is all there")
}

/// The change ends no uploads.
pub(super) fn nothing_ended() -> EndedUploads {
    let mut uploads = MockUploadRepository::new();
    uploads.expect_list_aborted().returning(|_, _, _| Ok(Vec::new()));
    ended_among(uploads, MockBlobRecordRepository::new(), MockBlobStore::new())
}

/// The change ends one upload [now](NOW): its bytes must be deleted.
pub(super) fn one_ended_upload() -> EndedUploads {
    let mut uploads = MockUploadRepository::new();
    let list = uploads.expect_list_aborted().withf(|at, after, _| *at == NOW && after.is_none());
    list.times(1).returning(|_, _, _| Ok(vec![upload()]));
    let note = uploads.expect_note_discarded().withf(|at, noted| *at == NOW && noted == [upload().id]);
    note.times(1).returning(|_, _| Ok(()));
    let mut store = MockBlobStore::new();
    store.expect_abort().with(eq(upload().multipart())).times(1).returning(|_| Ok(()));
    ended_among(uploads, MockBlobRecordRepository::new(), store)
}

pub(super) fn ended_among(
    uploads: MockUploadRepository,
    records: MockBlobRecordRepository,
    store: MockBlobStore,
) -> EndedUploads {
    EndedUploads::new(Arc::new(uploads), BlobRemover::new(Arc::new(records), one_store(store)))
}
