//! The services with mock ports: what they answer to callers, and what they tell the ports.
//!
//! A port that a test says nothing of must not be called: a mock without an expectation panics.

mod accounts;
mod administration;
mod archives;
mod collector;
mod copies;
mod ended_uploads;
mod files;
mod folders;
mod idempotency;
mod links;
mod photos;
mod places;
mod search;
mod shares;
mod signed_blobs;
mod trash;
mod uploads;
mod versions;
mod visits;

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::{FutureExt, TryStreamExt, stream};
use mockall::predicate::eq;
use uuid::Uuid;

use super::{Ambient, BlobRemover, Contents, EndedUploads};
use crate::error::{Conflict, Error, NameTaken, Result};
use crate::model::{
    Account, Action, Actor, AuditAction, AuditEvent, BlobKey, Command, DriveId, Email, EntityTag, EntryQuota, Grant,
    Id, ItemRef, Located, Name, Node, NodeBody, NodeId, NodeKind, Permission, Person, Precondition, Quota, RequestId,
    Revision, Step, Timestamp, User, UserId, Username, authorize,
};
use crate::port::{
    AuditTrail, ByteStream, Clock, Home, MockBlobRecords, MockBlobStore, MockDrive, MockUploads, Random,
};
use crate::testing::{content, name, upload};

/// The time at which everything here happens. [`upload`](crate::testing::upload) is open then.
const NOW: Timestamp = Timestamp::from_millis(10_000);

const OWNER: UserId = UserId::from_uuid(Uuid::from_u128(1));
const GUEST: UserId = UserId::from_uuid(Uuid::from_u128(2));
const STRANGER: UserId = UserId::from_uuid(Uuid::from_u128(3));

/// The root of the owner's drive.
const ROOT: NodeId = NodeId::from_uuid(Uuid::from_u128(10));
/// The folder, in the root, in which everything lies that the tests are about.
const PARENT: NodeId = NodeId::from_uuid(Uuid::from_u128(20));
const FOLDER: NodeId = NodeId::from_uuid(Uuid::from_u128(100));
const OTHER_FOLDER: NodeId = NodeId::from_uuid(Uuid::from_u128(200));
const FILE: NodeId = NodeId::from_uuid(Uuid::from_u128(300));

/// The precondition of a caller who has seen that revision.
fn seen(revision: u64) -> Precondition {
    Precondition::any_of(EntityTag::parse(&revision.to_string()))
}

/// That of a caller who insists on nothing.
fn unconditioned() -> Precondition {
    Precondition::default()
}

/// What lies in `store`, where nothing is missing.
fn contents(store: MockBlobStore) -> Contents {
    Contents::new(Arc::new(store), Arc::new(MockBlobRecords::new()))
}

struct StoppedClock(Timestamp);

impl Clock for StoppedClock {
    fn now(&self) -> Timestamp {
        self.0
    }
}

/// Nothing but ones at first, then nothing but twos, and so on.
struct Counting(AtomicU8);

impl Counting {
    fn from(first: u8) -> Self {
        Self(AtomicU8::new(first))
    }
}

impl Random for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(self.0.fetch_add(1, Ordering::Relaxed));
    }
}

fn ambient() -> Ambient {
    ambient_at(NOW)
}

fn ambient_at(now: Timestamp) -> Ambient {
    ambient_with(now, Trail::default())
}

fn ambient_with(now: Timestamp, trail: Trail) -> Ambient {
    Ambient::new(Arc::new(StoppedClock(now)), Arc::new(Counting::from(1)), Arc::new(trail))
}

/// A minute passes each time one looks.
struct FastClock(std::sync::atomic::AtomicI64);

impl Clock for FastClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.fetch_add(60_000, Ordering::Relaxed))
    }
}

struct Ones;

impl Random for Ones {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(1);
    }
}

/// With such a clock.
fn hurried() -> Ambient {
    let clock = FastClock(NOW.as_millis().into());
    Ambient::new(Arc::new(clock), Arc::new(Ones), Arc::new(Trail::default()))
}

/// An audit trail that can be read.
#[derive(Clone, Default)]
struct Trail(Arc<Mutex<Vec<AuditEvent>>>);

impl Trail {
    /// What was recorded: by whom, and what. All of it at the time and in the request of these tests.
    fn read(&self) -> Vec<(Option<UserId>, AuditAction)> {
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

/// The identifier that comes of the `nth` use of randomness.
fn made<T: Id>(nth: u8) -> T {
    T::generate(NOW, &Counting::from(nth))
}

/// The key that comes of the `nth` use of randomness.
fn made_key(nth: u8) -> BlobKey {
    BlobKey::generate(&Counting::from(nth))
}

fn request() -> RequestId {
    RequestId::parse("request-7").unwrap()
}

fn actor(user: UserId) -> Actor {
    Actor { user, request: request(), receipt: None }
}

/// What a port is told of a mutation on behalf of `user`.
fn command(user: UserId) -> Command {
    command_at(user, NOW)
}

fn command_at(user: UserId, at: Timestamp) -> Command {
    Command { actor: Some(user), at, request: request(), receipt: None }
}

fn person(id: UserId, username: &str) -> Person {
    Person { id, username: Some(username.to_owned()) }
}

fn node(id: NodeId, text: &str, body: NodeBody) -> Node {
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

fn folder(id: NodeId) -> Node {
    node(id, "holiday", NodeBody::Folder)
}

fn file(id: NodeId) -> Node {
    node(id, "beach.jpg", NodeBody::File(content(10)))
}

fn located(node: Node, viewer: UserId, share: Option<Permission>, inherited: Option<Permission>) -> Located {
    let step = |id, name, share| Step { id, name, trashed: false, share };
    let lineage = vec![
        step(node.id, node.name.clone(), share),
        step(PARENT, name("shelf"), inherited),
        step(ROOT, Name::of_root(), None),
    ];
    Located { node, owner: person(OWNER, "olga"), viewer: viewer.into(), lineage }
}

/// The node as its owner finds it.
fn for_owner(node: Node) -> Located {
    located(node, OWNER, None, None)
}

/// The node as a guest finds it with whom that very node is shared.
fn for_guest(node: Node, permission: Permission) -> Located {
    located(node, GUEST, Some(permission), None)
}

/// The node as a guest finds it with whom the folder above it is shared.
fn for_heir(node: Node, permission: Permission) -> Located {
    located(node, GUEST, None, Some(permission))
}

/// The node as somebody finds it with whom nothing is shared.
fn for_stranger(node: Node) -> Located {
    located(node, STRANGER, None, None)
}

/// The same, but the folder above it lies in the trash.
fn trashed(mut located: Located) -> Located {
    located.lineage[1].trashed = true;
    located
}

/// The root of the owner's drive, as `viewer` finds it.
fn root(viewer: UserId) -> Located {
    let step = Step { id: ROOT, name: Name::of_root(), trashed: false, share: None };
    let node = Node { name: Name::of_root(), ..node(ROOT, "root", NodeBody::Root) };
    Located { node, owner: person(OWNER, "olga"), viewer: viewer.into(), lineage: vec![step] }
}

fn home() -> Home {
    let user = User {
        id: OWNER,
        username: Username::parse("olga").unwrap(),
        email: Email::parse("olga@example.com").unwrap(),
        created_at: Timestamp::from_millis(0),
        photo: None,
    };
    Home { account: Account { user, quota: QUOTA, entries: EntryQuota { total: 9, used: 1 } }, root: root(OWNER) }
}

/// Thirty bytes are free.
const QUOTA: Quota = Quota { total: 100, used: 50, reserved: 20 };

fn leave(found: &Located, action: Action) -> Grant {
    authorize(Some(found.clone()), action).unwrap()
}

/// A drive in which these nodes are found, by just the viewers who find them so, and the owner's home.
fn drive_with(nodes: impl IntoIterator<Item = Located>) -> MockDrive {
    let nodes: Vec<Located> = nodes.into_iter().collect();
    let mut drive = MockDrive::new();
    drive.expect_find().returning(move |id, viewer| {
        Ok(nodes.iter().find(|found| found.node.id == id && found.viewer == viewer).cloned())
    });
    drive.expect_find_home().returning(|user| Ok((user == OWNER).then(home)));
    drive
}

fn name_taken() -> Error {
    Error::Conflict(Conflict::NameTaken(Box::new(NameTaken {
        item: ItemRef { kind: NodeKind::Folder, id: OTHER_FOLDER, name: name("holiday") },
        revision: Revision(4),
        suggested: name("holiday (1)"),
    })))
}

fn outage() -> Error {
    Error::unavailable("database", "no connection")
}

/// A body that comes in these pieces.
fn body<const N: usize>(pieces: [Result<&'static str>; N]) -> ByteStream {
    Box::pin(stream::iter(pieces.map(|piece| piece.map(|text| Bytes::from_static(text.as_bytes())))))
}

/// All that comes of a body which never has to wait.
fn drain(body: ByteStream) -> Result<Vec<u8>> {
    let whole = body.try_fold(vec![], async |mut whole, piece| {
        whole.extend_from_slice(&piece);
        Ok(whole)
    });
    whole.now_or_never().expect("the body is all there")
}

/// Nothing ends with what is changed.
fn nothing_ended() -> EndedUploads {
    let mut uploads = MockUploads::new();
    uploads.expect_list_aborted().returning(|_, _, _| Ok(Vec::new()));
    ended_among(uploads, MockBlobRecords::new(), MockBlobStore::new())
}

/// One upload ends with what is changed [now](NOW): its bytes must be deleted.
fn one_ended() -> EndedUploads {
    let mut uploads = MockUploads::new();
    let list = uploads.expect_list_aborted().withf(|at, after, _| *at == NOW && after.is_none());
    list.times(1).returning(|_, _, _| Ok(vec![upload()]));
    let mut store = MockBlobStore::new();
    store.expect_discard().with(eq(upload().transfer())).times(1).returning(|_| Ok(()));
    ended_among(uploads, MockBlobRecords::new(), store)
}

fn ended_among(uploads: MockUploads, records: MockBlobRecords, store: MockBlobStore) -> EndedUploads {
    EndedUploads::new(Arc::new(uploads), BlobRemover::new(Arc::new(records), Arc::new(store)))
}
