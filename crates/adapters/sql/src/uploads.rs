//! Uploads, and the versions that they create.

use std::collections::{BTreeMap, HashMap, HashSet};

use clouddrive_domain::model::{
    Action, BlobKey, Charge, Content, Crc32, DriveId, EntityTag, FileInfo, JobKind, Limit, Located, MediaType,
    MultipartUploadId, NodeId, NodeKind, PartPlan, Placement, Revision, Sha256, Timestamp, Upload, UploadId,
    UploadPosition, UploadState, UserId, UserRef, authorize,
};
use clouddrive_domain::port::OpenUpload;
use clouddrive_domain::{Error, Result};
use diesel::backend::Backend;
use diesel::dsl::auto_type;
use diesel::expression::{ValidGrouping, is_aggregate};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{Bool, Nullable, Text};
use uuid::Uuid;

use crate::error::SqlError;
use crate::jobs::queue_each;
use crate::names::{ExistingEntry, NameConflict};
use crate::page::newest_first;
use crate::schema::{uploads, versions};
use crate::statement::{Parameter, Statement};
use crate::types::{DbId, Id, bytes, conflict, conflict_word, invalid_row, name, sha256, size};

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

/// Defines a condition on uploads with a fixed text. Unlike with `diesel::dsl::sql`, statements with it are prepared once
/// per connection.
macro_rules! condition {
    ($(#[$docs:meta])* $name:ident: $text:expr) => {
        $(#[$docs])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name;

        impl Expression for $name {
            type SqlType = Bool;
        }

        impl<QS: ?Sized> AppearsOnTable<QS> for $name {}

        impl<GroupBy> ValidGrouping<GroupBy> for $name {
            type IsAggregate = is_aggregate::No;
        }

        impl<DB: Backend> QueryFragment<DB> for $name {
            fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
                out.push_sql($text);
                Ok(())
            }
        }

        impl QueryId for $name {
            type QueryId = Self;
        }
    };
}

condition! {
    /// The condition [`is_open`].
    IsOpen: "uploads.state = 'open'"
}

condition! {
    /// The condition [`has_no_job`].
    HasNoJob: &without_job("uploads")
}

/// The condition that an upload is open. A literal, since diesel binds constants as parameters: both databases plan
/// without the values of parameters, so a bound word would not match the condition of the indexes `uploads_open_by_*`.
#[must_use]
pub const fn is_open() -> IsOpen {
    IsOpen
}

/// The open uploads of `sender`, whether expired or not.
#[auto_type(no_type_alias)]
pub fn open_of(sender: UserId) -> _ {
    let sender: DbId = sender.into();
    let open: IsOpen = is_open();
    uploads::table.filter(uploads::sender_id.eq(sender).and(open))
}

/// The uploads of `sender` that are open and not expired at `now`.
#[auto_type(no_type_alias)]
pub fn unexpired_of(sender: UserId, now: Timestamp) -> _ {
    let sender: DbId = sender.into();
    let now: i64 = now.as_millis();
    let open: IsOpen = is_open();
    uploads::table.filter(uploads::sender_id.eq(sender).and(open)).filter(uploads::expires_at.gt(now))
}

/// The open uploads that are expired at `now`, those first that expired first.
#[auto_type(no_type_alias)]
pub fn due(now: Timestamp) -> _ {
    let now: i64 = now.as_millis();
    let open: IsOpen = is_open();
    uploads::table.filter(uploads::expires_at.le(now).and(open)).order((uploads::expires_at, uploads::id))
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
#[derive(Insertable, Queryable, QueryableByName, Selectable)]
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
        let bad = |what| invalid_row("uploads", id, what);
        let state = match (row.state.as_str(), row.file_id) {
            ("open", None) => UploadState::Open,
            ("complete", Some(file)) => UploadState::Complete(file.into()),
            ("aborted", None) => UploadState::Aborted,
            ("expired", None) => UploadState::Expired,
            _ => return Err(bad("state")),
        };
        let file = FileInfo {
            name: name("uploads", id, &row.name)?,
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
        self.upload.folder_id.into()
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

/// Selects the [`SentUploadRow`]s of a page of the uploads that are open at `now`, sent by `user` or into the user's
/// own drive.
#[must_use]
pub fn page(user: UserId, now: Timestamp, after: Option<UploadPosition>, limit: Limit) -> Statement {
    let list =
        "SELECT u.id, u.drive_id, u.folder_id, u.sender_id, u.name, u.media_type, u.sha256, u.client_modified_at,
            u.conflict, u.announced_bytes, u.part_bytes, u.blob_key, u.ticket, u.state, u.file_id, u.created_at,
            u.expires_at, sender.username AS sender_name
        FROM uploads u LEFT JOIN users sender ON sender.id = u.sender_id
        WHERE u.id IN (
            SELECT id FROM uploads WHERE state = 'open' AND sender_id = ?
            UNION SELECT o.id FROM uploads o JOIN drives d ON d.id = o.drive_id
                WHERE o.state = 'open' AND d.owner_id = ?
        ) AND u.expires_at > ?";
    let parameters = vec![user.into(), user.into(), Parameter::Integer(now.as_millis())];
    newest_first(list, parameters, ["u.created_at", "u.id"], after, limit)
}

/// Selects the [`UploadRow`]s of up to `max` uploads that were aborted at `at`, in the order of their identifiers.
#[must_use]
pub fn aborted(at: Timestamp, after: Option<UploadId>, max: u32) -> Statement {
    let text = "SELECT id, drive_id, folder_id, sender_id, name, media_type, sha256, client_modified_at, conflict,
            announced_bytes, part_bytes, blob_key, ticket, state, file_id, created_at, expires_at
        FROM uploads WHERE ended_at = ? AND state = 'aborted' AND id > ? ORDER BY id LIMIT ?";
    let after = after.unwrap_or(UploadId::from_uuid(Uuid::nil()));
    Statement::new(text, vec![Parameter::Integer(at.as_millis()), after.into(), Parameter::Integer(max.into())])
}

/// The condition that an upload has no job, which would still delete its bytes.
#[must_use]
pub const fn has_no_job() -> HasNoJob {
    HasNoJob
}

/// The same, for the upload in the table or alias `of`.
#[must_use]
pub fn without_job(of: &str) -> String {
    let kind = JobKind::DiscardUpload.as_str();
    format!("NOT EXISTS (SELECT 1 FROM jobs j WHERE j.kind = '{kind}' AND j.subject_id = {of}.id)")
}

/// Removes the jobs of ended uploads by a condition on `blob_key`, with its parameter: the collector deletes these bytes.
#[must_use]
pub fn remove_jobs_by_blob(condition: &str, keys: Parameter) -> Statement {
    let kind = JobKind::DiscardUpload.as_str();
    let text = format!(
        "DELETE FROM jobs WHERE kind = '{kind}' AND subject_id IN (
            SELECT id FROM uploads WHERE {condition} AND state IN ('aborted', 'expired'))"
    );
    Statement::new(text, vec![keys])
}

/// Uploads, by a condition on their `id` with its parameter.
#[derive(Clone)]
pub struct Among {
    /// The condition.
    pub condition: &'static str,
    /// Its parameter.
    pub parameter: Parameter,
}

impl Among {
    /// Selects `column` of those that ended without becoming files.
    fn ended(&self, column: &str) -> String {
        format!("SELECT {column} FROM uploads WHERE {} AND state IN ('aborted', 'expired')", self.condition)
    }
}

/// Selects the keys of the blobs of these uploads, as [`KeyRow`](crate::blob_records::KeyRow)s in their order.
#[must_use]
pub fn blobs_of_ended(uploads: Among) -> Statement {
    let text = format!("SELECT key FROM blobs WHERE key IN ({}) ORDER BY key", uploads.ended("blob_key"));
    Statement::new(text, vec![uploads.parameter])
}

/// Deletes what was reserved for the blobs of these uploads after their bytes could not be deleted, and returns it as
/// [`HeldBytesRow`](crate::blob_records::HeldBytesRow)s.
#[must_use]
pub fn release_reserved(uploads: Among) -> Statement {
    let text = format!(
        "DELETE FROM held_blobs WHERE blob_key IN ({}) AND counter = 'reserved'
        RETURNING drive_id, size_bytes, counter",
        uploads.ended("blob_key")
    );
    Statement::new(text, vec![uploads.parameter])
}

/// Deletes the jobs of these uploads.
#[must_use]
pub fn remove_jobs(uploads: Among) -> Statement {
    let kind = JobKind::DiscardUpload.as_str();
    let text = format!("DELETE FROM jobs WHERE kind = '{kind}' AND subject_id IN ({})", uploads.ended("id"));
    Statement::new(text, vec![uploads.parameter])
}

/// Queues the removal of the drives of these uploads that have no owner.
#[must_use]
pub fn queue_drive_removals(uploads: Among, at: Timestamp) -> Statement {
    let drives = format!("drives WHERE owner_id IS NULL AND id IN ({})", uploads.ended("drive_id"));
    queue_each(JobKind::RemoveDrive, (&drives, uploads.parameter), at)
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
    /// The row of `content`, uploaded by `creator` to `file` at that `revision`.
    #[must_use]
    pub fn new(content: &Content, (file, revision): (NodeId, Revision), creator: UserId) -> Self {
        Self {
            id: content.version.into(),
            node_id: file.into(),
            blob_key: content.blob.key.as_str().to_owned(),
            size_bytes: bytes(content.size),
            media_type: content.media_type.as_str().to_owned(),
            client_modified_at: content.client_modified_at.map(Timestamp::as_millis),
            created_by: creator.into(),
            created_at: content.created_at.as_millis(),
            revision: bytes(revision.0),
        }
    }
}

/// What `upload` is expected to add to its drive when it begins, given the existing entry with its name in `folder`.
///
/// # Errors
/// If a commit with that name would fail now.
pub fn expected_charge(upload: &Upload, folder: NodeId, existing: Option<ExistingEntry>) -> Result<Charge, SqlError> {
    let placement =
        upload.file.conflict.placement(NodeKind::File, existing.as_ref().map(|existing| existing.item.kind));
    let entries = match (placement, existing) {
        (Placement::Refused, Some(existing)) => return Err(NameConflict::for_file(folder, existing).into()),
        (Placement::Replacing, _) => 0,
        _ => 1,
    };
    Ok(Charge { stored: upload.announced.unwrap_or(0), entries, ..Charge::default() })
}

/// The senders whose open uploads may have lost access.
#[derive(Clone, Copy, Debug)]
pub enum Senders {
    /// This guest.
    Guest(UserId),
    /// All but this user, the owner.
    AllExcept(UserId),
}

/// An open upload, its folder and its sender.
#[derive(QueryableByName)]
pub struct OpenUploadRow {
    #[diesel(sql_type = Id)]
    id: DbId,
    #[diesel(sql_type = Id)]
    folder_id: DbId,
    #[diesel(sql_type = Id)]
    sender_id: DbId,
}

/// Selects the [`OpenUploadRow`]s of these senders' uploads into `drive`.
#[must_use]
pub fn open_into(drive: DriveId, senders: Senders) -> Statement {
    const OPEN: &str =
        "SELECT id, folder_id, sender_id FROM uploads WHERE drive_id = ? AND state = 'open' AND sender_id";
    let (text, user) = match senders {
        Senders::Guest(guest) => (format!("{OPEN} = ?"), guest),
        Senders::AllExcept(owner) => (format!("{OPEN} <> ?"), owner),
    };
    Statement::new(text, vec![drive.into(), user.into()])
}

/// The uploads of each sender.
#[must_use]
pub fn by_sender(rows: Vec<OpenUploadRow>) -> BTreeMap<UserId, Vec<OpenUploadRow>> {
    let mut senders: BTreeMap<UserId, Vec<OpenUploadRow>> = BTreeMap::new();
    for row in rows {
        senders.entry(row.sender_id.into()).or_default().push(row);
    }
    senders
}

/// The target folders of these uploads, without duplicates.
#[must_use]
pub fn folders_of(open: &[OpenUploadRow]) -> Vec<NodeId> {
    let folders: HashSet<NodeId> = open.iter().map(|row| row.folder_id.into()).collect();
    folders.into_iter().collect()
}

/// The uploads of one sender that the sender may not complete any more, given the `folders` as the sender sees them.
#[must_use]
pub fn without_access(open: Vec<OpenUploadRow>, folders: Vec<Located>) -> Vec<DbId> {
    let allowed: HashSet<NodeId> = folders
        .into_iter()
        .filter_map(|folder| authorize(Some(folder), Action::AddTo).ok())
        .map(|grant| grant.node().id)
        .collect();
    open.into_iter().filter(|row| !allowed.contains(&row.folder_id.into())).map(|row| row.id).collect()
}
