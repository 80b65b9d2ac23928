//! The rows of uploads.

use std::collections::HashMap;

use clouddrive_domain::model::{
    BlobKey, FileInfo, Limit, Located, MediaType, MultipartUploadId, NodeId, PartPlan, Timestamp, Upload, UploadId,
    UploadPosition, UploadState, UserId, UserRef,
};
use clouddrive_domain::port::OpenUpload;
use clouddrive_domain::{Error, Result};
use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};
use uuid::Uuid;

use super::expressions::{StoreOfBlob, store_of};
use super::state_word;
use crate::blob_records::{digest, store_name};
use crate::page::newest_first;
use crate::schema::uploads;
use crate::statement::{Parameter, Statement};
use crate::types::{DbId, bytes, conflict, conflict_word, invalid_row, name, sha256, size};

/// The columns of `uploads`, which are inserted.
#[derive(Insertable, Queryable, QueryableByName, Selectable)]
#[diesel(table_name = uploads, treat_none_as_default_value = false)]
pub struct UploadColumns {
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

/// An upload with the store of its blob.
#[derive(Queryable, QueryableByName, Selectable)]
#[diesel(table_name = uploads)]
pub struct UploadRow {
    #[diesel(embed)]
    columns: UploadColumns,
    #[diesel(select_expression = StoreOfBlob, select_expression_type = StoreOfBlob)]
    #[diesel(sql_type = Nullable<Text>)]
    store: Option<String>,
}

impl TryFrom<UploadRow> for Upload {
    type Error = Error;

    fn try_from(UploadRow { columns: row, store }: UploadRow) -> Result<Self> {
        let id = UploadId::from(row.id);
        let bad = |what| invalid_row("uploads", id, what);
        let state = match (row.state.as_str(), row.file_id) {
            ("open", None) => UploadState::Open,
            ("complete", Some(file)) => UploadState::Complete(file.into()),
            ("aborted", None) => UploadState::Aborted,
            ("expired", None) => UploadState::Expired,
            _ => return Err(bad("state")),
        };
        let file = FileInfo {
            name: name("uploads", id, row.name)?,
            media_type: MediaType::parse(&row.media_type).map_err(|_| bad("media_type"))?,
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
            blob: BlobKey::parse(&row.blob_key).map_err(|_| bad("blob_key"))?,
            store: store.as_deref().map(store_name).transpose()?,
            multipart_id: row
                .ticket
                .map(|text| MultipartUploadId::parse(&text).map_err(|_| bad("ticket")))
                .transpose()?,
            state,
            created_at: Timestamp::from_millis(row.created_at),
            expires_at: Timestamp::from_millis(row.expires_at),
        })
    }
}

impl From<&Upload> for UploadColumns {
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
            ticket: upload.multipart_id.as_ref().map(|id| id.as_str().to_owned()),
            state: state_word(upload.state).to_owned(),
            file_id,
            created_at: upload.created_at.as_millis(),
            expires_at: upload.expires_at.as_millis(),
        }
    }
}

/// An upload with its sender's name.
#[derive(QueryableByName)]
pub struct SentUploadRow {
    #[diesel(embed)]
    upload: UploadRow,
    #[diesel(sql_type = Nullable<Text>)]
    sender_name: Option<String>,
}

impl SentUploadRow {
    /// The target folder.
    #[must_use]
    pub fn folder(&self) -> NodeId {
        self.upload.columns.folder_id.into()
    }

    /// The upload, with its folder if that is among `folders`, which are as the user sees them.
    ///
    /// # Errors
    /// If the row is invalid.
    pub fn with_folder(self, folders: &HashMap<NodeId, Located>) -> Result<OpenUpload> {
        let upload = Upload::try_from(self.upload)?;
        let sender = UserRef { id: upload.sender, username: self.sender_name };
        Ok(OpenUpload { folder: folders.get(&upload.folder).cloned(), sender, upload })
    }
}

/// The columns of an [`UploadRow`] of the upload `u`.
fn columns() -> String {
    format!(
        "u.id, u.drive_id, u.folder_id, u.sender_id, u.name, u.media_type, u.sha256, u.client_modified_at, u.conflict,
            u.announced_bytes, u.part_bytes, u.blob_key, u.ticket, u.state, u.file_id, u.created_at, u.expires_at,
            {} AS store",
        store_of("u")
    )
}

/// Selects the [`SentUploadRow`]s of a page of the uploads that are open at `now`, sent by `user` or into the user's
/// own drive.
#[must_use]
pub fn page(user: UserId, now: Timestamp, after: Option<UploadPosition>, limit: Limit) -> Statement {
    let list = format!(
        "SELECT {}, sender.username AS sender_name
        FROM uploads u LEFT JOIN users sender ON sender.id = u.sender_id
        WHERE u.id IN (
            SELECT id FROM uploads WHERE state = 'open' AND sender_id = ?
            UNION SELECT o.id FROM uploads o JOIN drives d ON d.id = o.drive_id
                WHERE o.state = 'open' AND d.owner_id = ?
        ) AND u.expires_at > ?",
        columns()
    );
    let parameters = vec![user.into(), user.into(), Parameter::Integer(now.as_millis())];
    newest_first(&list, parameters, ["u.created_at", "u.id"], after, limit)
}

/// Selects the [`UploadRow`]s of up to `max` uploads that were aborted at `at`, in the order of their identifiers.
#[must_use]
pub fn aborted(at: Timestamp, after: Option<UploadId>, max: u32) -> Statement {
    let text = format!(
        "SELECT {} FROM uploads u WHERE u.ended_at = ? AND u.state = 'aborted' AND u.id > ? ORDER BY u.id LIMIT ?",
        columns()
    );
    let after = after.unwrap_or(UploadId::from_uuid(Uuid::nil()));
    Statement::new(text, vec![Parameter::Integer(at.as_millis()), after.into(), Parameter::Integer(max.into())])
}
