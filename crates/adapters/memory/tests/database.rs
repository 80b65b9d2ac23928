//! A command happens wholly or not at all.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use clouddrive_domain::model::{
    Action, ChangePosition, Command, Email, Grant, Id, IdempotencyKey, IdempotencyRecord, KeyedRequest, Name, NodeId,
    ParseError, PasswordHash, RequestId, ResponseEncoder, Sha256, Timestamp, User, UserId, Username, authorize,
};
use clouddrive_domain::port::{
    ChangeRepository, Expiry, IdempotencyRepository, NodeRepository, Registration, UserRepository,
};
use clouddrive_domain::{Error, Result};
use clouddrive_memory::{Database, SeededRandom};
use futures_util::FutureExt;

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

/// A database with one user.
struct Fixture {
    database: Database,
    random: SeededRandom,
    user: UserId,
}

impl Fixture {
    async fn new() -> Result<Self> {
        let (database, random) = (Database::new(), SeededRandom::new(1));
        let invalid = |error: ParseError| Error::internal("test", error);
        let user = User {
            id: UserId::generate(NOW, &random),
            username: Username::parse("ann").map_err(invalid)?,
            email: Email::parse("ann@example.com").map_err(invalid)?,
            created_at: NOW,
            photo: None,
        };
        let fixture = Self { user: user.id, database, random };
        let registration = Registration {
            user,
            hash: PasswordHash::new("hash".to_owned()),
            drive: fixture.id(),
            root: fixture.id(),
            quota_bytes: 100,
            quota_entries: 1,
        };
        fixture.database.register(&fixture.command(None)?, &registration).await?;
        Ok(fixture)
    }

    fn id<T: Id>(&self) -> T {
        T::generate(NOW, &self.random)
    }

    fn command(&self, idempotency_record: Option<IdempotencyRecord>) -> Result<Command> {
        let request = RequestId::parse("test").map_err(|error| Error::internal("test", error))?;
        Ok(Command { actor: Some(self.user), at: NOW, request, idempotency_record })
    }

    /// A claimed idempotency record that serialises its answer with `write`.
    async fn idempotency_record(&self, key: &str, write: Arc<ResponseEncoder>) -> Result<IdempotencyRecord> {
        let key = IdempotencyKey::parse(key).map_err(|error| Error::internal("test", error))?;
        let digest = Some(Sha256::from_bytes([1; 32]));
        let request = KeyedRequest { user: self.user, path: "/drive".to_owned(), key, digest, former_digest: None };
        let idempotency_record = IdempotencyRecord::new(self.id(), request, write);
        self.database.claim(&idempotency_record, Expiry { now: NOW, held_until: NOW, kept_until: NOW }).await?;
        Ok(idempotency_record)
    }

    async fn root(&self) -> Result<Grant> {
        let home = self.database.find_user_drive(self.user).await?.ok_or(Error::NotFound)?;
        authorize(Some(home.root), Action::AddTo)
    }

    async fn create(&self, id: NodeId, idempotency_record: Option<IdempotencyRecord>) -> Result<()> {
        let name = Name::parse("folder").map_err(|error| Error::internal("test", error))?;
        let (command, root) = (self.command(idempotency_record)?, self.root().await?);
        self.database.create_folder(&command, &root, id, &name).await.map(drop)
    }

    /// How many entries the drive has, and how many rows the log.
    async fn counts(&self) -> Result<(u64, usize)> {
        let home = self.database.find_user_drive(self.user).await?.ok_or(Error::NotFound)?;
        let log = self.database.read(None, ChangePosition::default(), 100).await?;
        Ok((home.account.entries.used, log.changes.len()))
    }
}

#[tokio::test]
async fn a_command_that_fails_at_its_end_changes_nothing() {
    let fixture = Fixture::new().await.unwrap();
    let write: Arc<ResponseEncoder> = Arc::new(|_| Err(Error::internal("test", "an answer that cannot be serialised")));
    let idempotency_record = fixture.idempotency_record("key", write).await.unwrap();
    let id = fixture.id();
    assert!(matches!(fixture.create(id, Some(idempotency_record)).await, Err(Error::Internal { .. })));
    assert_eq!(fixture.database.find(id, fixture.user.into()).await.unwrap(), None);
    assert_eq!(fixture.counts().await.unwrap(), (0, 1));
    fixture.create(id, None).await.unwrap();
    assert_eq!(fixture.counts().await.unwrap(), (1, 2));
}

#[tokio::test]
async fn a_command_that_panics_changes_nothing_and_the_next_one_runs() {
    let fixture = Fixture::new().await.unwrap();
    let idempotency_record = fixture.idempotency_record("key", Arc::new(|_| panic!("a caller's error"))).await.unwrap();
    let id = fixture.id();
    AssertUnwindSafe(fixture.create(id, Some(idempotency_record))).catch_unwind().await.unwrap_err();
    assert_eq!(fixture.database.find(id, fixture.user.into()).await.unwrap(), None);
    assert_eq!(fixture.counts().await.unwrap(), (0, 1));
    fixture.create(id, None).await.unwrap();
    assert_eq!(fixture.counts().await.unwrap(), (1, 2));
}
