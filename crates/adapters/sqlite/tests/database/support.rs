use std::path::{Path, PathBuf};

use clouddrive_domain::model::{
    Action, Command, Email, Grant, Name, NodeId, PasswordHash, RequestId, Timestamp, User, Username, authorize,
};
use clouddrive_domain::port::{NodeRepository, Registration, UserRepository};
use clouddrive_sqlite::{Database, Options};
use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use tempfile::TempDir;
use uuid::Uuid;

pub(crate) fn place() -> (PathBuf, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    (dir.path().join("clouddrive.db"), dir)
}

pub(crate) async fn open(path: &Path) -> Database {
    Database::open(path, Options::default()).await.unwrap()
}

/// The registration of the user with that number.
pub(crate) fn registration(number: u128) -> Registration {
    let id = |kind: u128| Uuid::from_u128(kind << 64 | number);
    Registration {
        user: User {
            id: clouddrive_domain::model::UserId::from_uuid(id(1)),
            username: Username::parse(&format!("user-{number}")).unwrap(),
            email: Email::parse(&format!("user-{number}@example.com")).unwrap(),
            created_at: Timestamp::from_millis(1_000),
            photo: None,
        },
        hash: PasswordHash::new("$example$".to_owned()),
        drive: clouddrive_domain::model::DriveId::from_uuid(id(2)),
        root: NodeId::from_uuid(id(3)),
        quota_bytes: 1_000,
        quota_entries: 1_000,
    }
}

pub(crate) fn command(of: &Registration) -> Command {
    Command {
        actor: Some(of.user.id),
        at: Timestamp::from_millis(1_000),
        request: RequestId::parse("a-request").unwrap(),
        idempotency_record: None,
    }
}

pub(crate) async fn register(database: &Database, number: u128) -> Registration {
    let new = registration(number);
    database.register(&command(&new), &new).await.unwrap();
    new
}

pub(crate) async fn grant(database: &Database, owner: &Registration, node: NodeId, action: Action) -> Grant {
    authorize(database.find(node, owner.user.id.into()).await.unwrap(), action).unwrap()
}

/// Creates a folder in the root of `owner`.
pub(crate) async fn create_folder(database: &Database, owner: &Registration, id: NodeId, name: &str) {
    let root = grant(database, owner, owner.root, Action::AddTo).await;
    database.create_folder(&command(owner), &root, id, &Name::parse(name).unwrap()).await.unwrap();
}

pub(crate) fn folder_id(number: u128) -> NodeId {
    NodeId::from_uuid(Uuid::from_u128(4 << 64 | number))
}

/// A connection outside of the adapter, like that of another process.
pub(crate) fn outsider(path: &Path) -> SqliteConnection {
    let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    connection.batch_execute("PRAGMA busy_timeout = 5000;").unwrap();
    connection
}
