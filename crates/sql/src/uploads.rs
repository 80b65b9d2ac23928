//! Uploads and the versions that they become.

use clouddrive_domain::model::{
    BlobKey, Command, Content, Crc32, EntityTag, FileInfo, MediaType, NodeId, PartPlan, Revision, Sha256, Ticket,
    Timestamp, Upload, UploadId, UploadState, UserId,
};
use clouddrive_domain::port::Commit;
use clouddrive_domain::{Error, Result};
use diesel::prelude::*;

use crate::schema::{uploads, versions};
use crate::types::{DbId, bad_row, bytes, conflict, conflict_word, name, sha256, size};

/// The word for the state of an upload.
#[must_use]
pub const fn state_word(state: UploadState) -> &'static str {
    match state {
        UploadState::Open => "open",
        UploadState::Complete(_) => "complete",
        UploadState::Aborted => "aborted",
        UploadState::Expired => "expired",
    }
}

/// The digest's column.
#[must_use]
pub fn digest(sha256: Option<Sha256>) -> Option<Vec<u8>> {
    sha256.map(|digest| digest.as_bytes().to_vec())
}

/// The column of a store's tag.
#[must_use]
pub fn etag(tag: Option<&EntityTag>) -> Option<String> {
    tag.map(|tag| tag.as_str().to_owned())
}

/// The column of a CRC-32.
#[must_use]
pub fn crc32(sum: Option<Crc32>) -> Option<i64> {
    sum.map(|Crc32(sum)| sum.into())
}

/// An upload.
#[derive(Insertable, Queryable, Selectable)]
#[diesel(table_name = uploads, treat_none_as_default_value = false)]
pub struct UploadRow {
    id: DbId,
    drive_id: DbId,
    folder_id: DbId,
    sender_id: DbId,
    name: String,
    media_type: String,
    sha256: Option<Vec<u8>>,
    client_modified_at: Option<i64>,
    conflict: String,
    announced_bytes: Option<i64>,
    part_bytes: Option<i64>,
    blob_key: String,
    ticket: Option<String>,
    state: String,
    file_id: Option<DbId>,
    created_at: i64,
    expires_at: i64,
}

impl TryFrom<UploadRow> for Upload {
    type Error = Error;

    fn try_from(row: UploadRow) -> Result<Self> {
        let id = UploadId::from(row.id);
        let bad = |what| bad_row("uploads", id, what);
        let state = match (row.state.as_str(), row.file_id) {
            ("open", None) => UploadState::Open,
            ("complete", Some(file)) => UploadState::Complete(file.into()),
            ("aborted", None) => UploadState::Aborted,
            ("expired", None) => UploadState::Expired,
            _ => return Err(bad("state")),
        };
        let file = FileInfo {
            name: name("uploads", id, &row.name)?,
            media_type: MediaType::parse(&row.media_type).ok_or_else(|| bad("media_type"))?,
            sha256: row.sha256.map(|digest| sha256("uploads", id, digest)).transpose()?,
            client_modified_at: row.client_modified_at.map(Timestamp::from_millis),
            conflict: conflict("uploads", id, &row.conflict)?,
        };
        let (announced, part_size) = (row.announced_bytes.map(size), row.part_bytes.map(size));
        PartPlan::restore(announced.unwrap_or(0), part_size).ok_or_else(|| bad("part_bytes"))?;
        Ok(Self {
            id,
            drive: row.drive_id.into(),
            folder: row.folder_id.into(),
            sender: row.sender_id.into(),
            file,
            announced,
            part_size,
            blob: BlobKey::parse(&row.blob_key).ok_or_else(|| bad("blob_key"))?,
            ticket: row.ticket.map(|text| Ticket::parse(&text).ok_or_else(|| bad("ticket"))).transpose()?,
            state,
            created_at: Timestamp::from_millis(row.created_at),
            expires_at: Timestamp::from_millis(row.expires_at),
        })
    }
}

impl From<&Upload> for UploadRow {
    fn from(upload: &Upload) -> Self {
        let file_id = match upload.state {
            UploadState::Complete(file) => Some(file.into()),
            _ => None,
        };
        Self {
            id: upload.id.into(),
            drive_id: upload.drive.into(),
            folder_id: upload.folder.into(),
            sender_id: upload.sender.into(),
            name: upload.file.name.as_str().to_owned(),
            media_type: upload.file.media_type.as_str().to_owned(),
            sha256: digest(upload.file.sha256),
            client_modified_at: upload.file.client_modified_at.map(Timestamp::as_millis),
            conflict: conflict_word(upload.file.conflict).to_owned(),
            announced_bytes: upload.announced.map(bytes),
            part_bytes: upload.part_size.map(bytes),
            blob_key: upload.blob.as_str().to_owned(),
            ticket: upload.ticket.as_ref().map(|ticket| ticket.as_str().to_owned()),
            state: state_word(upload.state).to_owned(),
            file_id,
            created_at: upload.created_at.as_millis(),
            expires_at: upload.expires_at.as_millis(),
        }
    }
}

/// A row of `versions` to be inserted.
#[derive(Insertable)]
#[diesel(table_name = versions, treat_none_as_default_value = false)]
pub struct NewVersionRow {
    id: DbId,
    node_id: DbId,
    blob_key: String,
    size_bytes: i64,
    media_type: String,
    client_modified_at: Option<i64>,
    created_by: DbId,
    created_at: i64,
    revision: i64,
}

impl NewVersionRow {
    /// The content of `file`, at that `revision`, that `upload` becomes.
    #[must_use]
    pub fn new(command: &Command, upload: &Upload, (file, revision): (NodeId, Revision), wish: &Commit) -> Self {
        let content = Content {
            version: wish.version,
            blob: upload.blob.clone(),
            size: wish.stored.size,
            sha256: wish.stored.sha256,
            media_type: upload.file.media_type.clone(),
            client_modified_at: upload.file.client_modified_at,
            store_tag: wish.stored.tag.clone(),
            created_at: command.at,
        };
        Self::of(&content, (file, revision), upload.sender)
    }

    /// The `content` that `creator` brings to `file`, at that `revision`.
    #[must_use]
    pub fn of(content: &Content, (file, revision): (NodeId, Revision), creator: UserId) -> Self {
        Self {
            id: content.version.into(),
            node_id: file.into(),
            blob_key: content.blob.as_str().to_owned(),
            size_bytes: bytes(content.size),
            media_type: content.media_type.as_str().to_owned(),
            client_modified_at: content.client_modified_at.map(Timestamp::as_millis),
            created_by: creator.into(),
            created_at: content.created_at.as_millis(),
            revision: bytes(revision.0),
        }
    }
}
