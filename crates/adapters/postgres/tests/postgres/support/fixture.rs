//! Numbered users, and their actions.

use clouddrive_domain::model::{
    Action, Command, ConflictPolicy, DriveId, Email, FileInfo, Grant, MediaType, Name, NodeId, PasswordHash, RequestId,
    StoreName, Stored, Timestamp, Upload, UploadId, UploadState, User, UserId, Username, VersionId, authorize,
};
use clouddrive_domain::port::{
    Commit, MetadataUpdate, NewUpload, NodeRepository, Registration, Relocation, UploadRepository, UserRepository,
};
use clouddrive_domain::{Result, model};
use clouddrive_postgres::Database;
use uuid::Uuid;

fn id(kind: u128, number: u128) -> Uuid {
    Uuid::from_u128(kind << 64 | number)
}

/// The registration of the user with that number.
pub(crate) fn registration(number: u128) -> Registration {
    Registration {
        user: User {
            id: UserId::from_uuid(id(1, number)),
            username: Username::parse(&format!("user-{number}")).unwrap(),
            email: Email::parse(&format!("user-{number}@example.com")).unwrap(),
            created_at: Timestamp::from_millis(1_000),
            photo: None,
        },
        hash: PasswordHash::new("$example$".to_owned()),
        drive: DriveId::from_uuid(id(2, number)),
        root: NodeId::from_uuid(id(3, number)),
        quota_bytes: 1_000,
        quota_entries: 1_000,
    }
}

pub(crate) fn folder_id(number: u128) -> NodeId {
    NodeId::from_uuid(id(4, number))
}

pub(crate) fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
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

/// A grant for the owner to do `action`.
pub(crate) async fn grant(database: &Database, owner: &Registration, node: NodeId, action: Action) -> Grant {
    authorize(NodeRepository::find(database, node, owner.user.id.into()).await.unwrap(), action).unwrap()
}

pub(crate) async fn create_folder(
    database: &Database,
    owner: &Registration,
    parent: NodeId,
    folder: NodeId,
    text: &str,
) -> Result<model::Located> {
    let parent = grant(database, owner, parent, Action::AddTo).await;
    database.create_folder(&command(owner), &parent, folder, &name(text)).await
}

pub(crate) async fn moving(database: &Database, owner: &Registration, node: NodeId, to: NodeId) -> Relocation {
    let item = grant(database, owner, node, Action::Move).await;
    let to = grant(database, owner, to, Action::AddTo).await;
    Relocation {
        item,
        to: Some(to),
        name: None,
        conflict: ConflictPolicy::Fail,
        metadata: MetadataUpdate::default(),
        seen: None,
    }
}

/// An upload of `size` bytes into the root.
pub(crate) fn new_upload(owner: &Registration, number: u128, text: &str, size: u64) -> NewUpload {
    let file = FileInfo {
        name: name(text),
        media_type: MediaType::octet_stream(),
        sha256: None,
        client_modified_at: None,
        conflict: ConflictPolicy::Fail,
    };
    let upload = Upload {
        id: UploadId::from_uuid(id(5, number)),
        drive: owner.drive,
        folder: owner.root,
        sender: owner.user.id,
        file,
        announced: Some(size),
        part_size: None,
        blob: model::BlobKey::parse(&format!("{number:032x}")).unwrap(),
        store: StoreName::parse("test").ok(),
        multipart_id: None,
        state: UploadState::Open,
        created_at: Timestamp::from_millis(1_000),
        expires_at: Timestamp::from_millis(1_000_000),
    };
    NewUpload { upload, max_open: 1_000 }
}

pub(crate) async fn begin(database: &Database, owner: &Registration, new_upload: &NewUpload) -> Result<model::Quota> {
    let root = grant(database, owner, owner.root, Action::AddTo).await;
    UploadRepository::begin(database, &command(owner), &root, new_upload).await
}

/// The commit of the upload, as the file with that number.
pub(crate) fn completing(new_upload: &NewUpload, number: u128, conflict: ConflictPolicy) -> Commit {
    Commit {
        upload: new_upload.upload.id,
        blob: new_upload.upload.blob_ref().unwrap(),
        stored: Stored { size: new_upload.upload.announced.unwrap(), ..Stored::default() },
        conflict,
        file: folder_id(number),
        version: VersionId::from_uuid(id(6, number)),
        max_versions: 20,
    }
}

pub(crate) async fn commit(database: &Database, owner: &Registration, commit: &Commit) -> Result<model::Located> {
    let root = grant(database, owner, owner.root, Action::AddTo).await;
    Ok(database.commit(&command(owner), &root, commit).await?.located)
}
