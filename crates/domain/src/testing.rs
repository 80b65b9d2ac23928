//! Fixtures for tests.

use uuid::Uuid;

use crate::mock;
use crate::model::{
    BlobKey, BlobRef, ConflictPolicy, Content, DriveId, FileInfo, MediaType, Name, Node, NodeBody, NodeId, Revision,
    StoreName, Timestamp, Upload, UploadId, UploadState, UserId, UserRef,
};

pub(crate) fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

pub(crate) fn key() -> BlobKey {
    blob().key
}

pub(crate) fn store_name() -> StoreName {
    blob().store
}

pub(crate) fn blob() -> BlobRef {
    content(0).blob
}

pub(crate) fn content(size: u64) -> Content {
    Content { created_at: Timestamp::from_millis(7), ..mock::content(size) }
}

/// A file of ten bytes.
pub(crate) fn file_node(revision: Revision) -> Node {
    Node {
        id: NodeId::from_uuid(Uuid::from_u128(101)),
        drive: DriveId::from_uuid(Uuid::from_u128(9)),
        parent: Some(NodeId::from_uuid(Uuid::from_u128(100))),
        name: name("a.txt"),
        body: NodeBody::File(content(10)),
        revision,
        created_by: UserRef { id: UserId::from_uuid(Uuid::from_u128(1)), username: None },
        created_at: Timestamp::from_millis(7),
        modified_at: Timestamp::from_millis(7),
    }
}

pub(crate) fn file_info_named(text: &str) -> FileInfo {
    FileInfo {
        name: name(text),
        media_type: MediaType::octet_stream(),
        sha256: None,
        client_modified_at: None,
        conflict: ConflictPolicy::Fail,
    }
}

/// An open upload of ten bytes that begins at 1,000 ms and expires 30 s later.
pub(crate) fn upload() -> Upload {
    Upload {
        id: UploadId::from_uuid(Uuid::from_u128(50)),
        drive: DriveId::from_uuid(Uuid::from_u128(9)),
        folder: NodeId::from_uuid(Uuid::from_u128(100)),
        sender: UserId::from_uuid(Uuid::from_u128(1)),
        file: file_info_named("a.txt"),
        announced: Some(10),
        part_size: None,
        blob: key(),
        store: Some(store_name()),
        multipart_id: None,
        state: UploadState::Open,
        created_at: Timestamp::from_millis(1_000),
        expires_at: Timestamp::from_millis(31_000),
    }
}
