mod commit;

use std::collections::BTreeMap;

use async_trait::async_trait;
use clouddrive_domain::model::{
    Change, ChangeKind, Command, CommandOutcome, DriveId, Grant, JobKind, Limit, NodeId, Quota, Timestamp, Upload,
    UploadId, UploadPosition, UploadState, UserId,
};
use clouddrive_domain::port::{Commit, NewUpload, OpenUpload, ReceivedFile, SavedNode, UploadRepository};
use clouddrive_domain::{Error, Result};
use clouddrive_sql::blob_records::KeyRow;
use clouddrive_sql::changes::NewChangeRow;
use clouddrive_sql::error::SqlError;
use clouddrive_sql::schema::{drives, uploads};
use clouddrive_sql::statement::{Parameter, Statement, update};
use clouddrive_sql::types::{DbId, bytes};
use clouddrive_sql::uploads::{
    self as rows, Among, OpenUploadRow, Senders, UploadColumns, UploadRow, by_sender, folders_of, is_open, open_into,
    open_of, state_word, unexpired_of, without_access, without_job,
};
use diesel::prelude::{BoolExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl, SelectableHelper};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::FutureExt;
use futures_util::future::try_join3;

use crate::Database;
use crate::blob_records::{self, give_back, release};
use crate::changes::{record_change, record_changes};
use crate::error::domain_error;
use crate::idempotency_records::store_response;
use crate::jobs::queue_each;
use crate::locate::{self, ID_AMONG, array};
use crate::names::existing_entry;
use crate::new_entries::{NewBody, NewEntry};
use crate::quota::reserve;
use crate::transaction::{TxMode, pipeline};

async fn find(mut connection: &AsyncPgConnection, upload: UploadId) -> Result<Option<Upload>, SqlError> {
    let row = uploads::table.find(DbId::from(upload)).select(UploadRow::as_select());
    Ok(row.first(&mut connection).await.optional()?.map(Upload::try_from).transpose()?)
}

/// The upload, with its row locked until the transaction ends.
async fn locked(mut connection: &AsyncPgConnection, upload: UploadId) -> Result<Upload, SqlError> {
    let row = uploads::table.find(DbId::from(upload)).select(UploadRow::as_select()).for_update();
    let row = row.first(&mut connection).await.optional()?;
    row.map(Upload::try_from).transpose()?.ok_or(SqlError::Domain(Error::NotFound))
}

impl Database {
    /// Creates a file from `new`, which `entry` describes, or replaces the content of the one with its name.
    async fn create_file(&self, entry: &NewEntry, new: &ReceivedFile) -> Result<SavedNode, SqlError> {
        if let Some(made) = self.create_with_others(entry).await? {
            return Ok(made.into());
        }
        let (command, folder, new) = (entry.command.clone(), entry.parent.clone(), new.clone());
        let work =
            async move |connection: &AsyncPgConnection| commit::create(connection, &command, &folder, &new).await;
        self.run(TxMode::WriteInTree(entry.parent.drive()), work).await
    }
}

#[async_trait]
impl UploadRepository for Database {
    async fn begin(&self, command: &Command, folder: &Grant, new_upload: &NewUpload) -> Result<Quota> {
        let (command, folder, new_upload) = (command.clone(), folder.clone(), new_upload.clone());
        let mode = TxMode::BeginUpload(new_upload.upload.sender, folder.drive());
        let work = async move |connection: &AsyncPgConnection| begin(connection, &command, &folder, &new_upload).await;
        self.write(mode, work).await
    }

    async fn find(&self, upload: UploadId, sender: UserId) -> Result<Option<Upload>> {
        self.read(async move |connection: &AsyncPgConnection| {
            Ok(find(connection, upload).await?.filter(|found| found.sender == sender))
        })
        .await
    }

    async fn find_ended(&self, upload: UploadId) -> Result<Option<Upload>> {
        self.read(async move |connection: &AsyncPgConnection| {
            Ok(find(connection, upload).await?.filter(Upload::ended_without_file))
        })
        .await
    }

    async fn find_abortable(&self, upload: UploadId, user: UserId) -> Result<Option<Upload>> {
        self.read(async move |mut connection: &AsyncPgConnection| {
            let own = drives::table.filter(drives::owner_id.eq(DbId::from(user))).select(drives::id);
            let into_own = is_open().and(uploads::drive_id.eq_any(own));
            let row = uploads::table
                .filter(uploads::id.eq(DbId::from(upload)))
                .filter(uploads::sender_id.eq(DbId::from(user)).or(into_own))
                .select(UploadRow::as_select());
            Ok(row.first(&mut connection).await.optional()?.map(Upload::try_from).transpose()?)
        })
        .await
    }

    async fn list(
        &self,
        user: UserId,
        now: Timestamp,
        after: Option<UploadPosition>,
        limit: Limit,
    ) -> Result<Vec<OpenUpload>> {
        let page = rows::page(user, now, after, limit);
        // Both queries see the same state.
        let work = async move |mut connection: &AsyncPgConnection| {
            let rows: Vec<rows::SentUploadRow> = page.load(&mut connection).await?;
            let folders: Vec<NodeId> = rows.iter().map(rows::SentUploadRow::folder).collect();
            let folders = locate::find_many(connection, &folders, user).await?;
            let folders = folders.into_iter().map(|found| (found.node.id, found)).collect();
            Ok(rows.into_iter().map(|row| row.with_folder(&folders)).collect::<Result<_>>()?)
        };
        self.run(TxMode::Snapshot, work).await.map_err(domain_error)
    }

    async fn extend(&self, command: &Command, folder: &Grant, upload: UploadId, until: Timestamp) -> Result<()> {
        let (command, folder) = (command.clone(), folder.clone());
        let mode = TxMode::WriteInTree(folder.drive());
        let work =
            async move |connection: &AsyncPgConnection| extend(connection, &command, &folder, upload, until).await;
        self.write(mode, work).await
    }

    async fn commit(&self, command: &Command, folder: &Grant, commit: &Commit) -> Result<SavedNode> {
        let (command, folder, spec) = (command.clone(), folder.clone(), commit.clone());
        let mode = TxMode::WriteInTree(folder.drive());
        let work = async move |connection: &AsyncPgConnection| commit::run(connection, &command, &folder, &spec).await;
        self.write(mode, work).await
    }

    async fn create(&self, command: &Command, folder: &Grant, new: &ReceivedFile) -> Result<SavedNode> {
        let body = NewBody::File(Box::new(new.clone()));
        let entry = NewEntry { command: command.clone(), parent: folder.clone(), body };
        self.explain_conflicts(|| self.create_file(&entry, new)).await
    }

    async fn abort(&self, command: &Command, upload: UploadId) -> Result<()> {
        let command = command.clone();
        self.write(TxMode::Write, async move |connection: &AsyncPgConnection| {
            let upload = locked(connection, upload).await?;
            if upload.abortion(command.at)? {
                end(connection, &command, &[upload], UploadState::Aborted, ChangeKind::UploadAborted, None).await?;
            }
            Ok(())
        })
        .await
    }

    async fn list_aborted(&self, at: Timestamp, after: Option<UploadId>, max: u32) -> Result<Vec<Upload>> {
        let aborted = rows::aborted(at, after, max);
        self.read(async move |mut connection: &AsyncPgConnection| {
            let rows: Vec<UploadRow> = aborted.load(&mut connection).await?;
            Ok(rows.into_iter().map(Upload::try_from).collect::<Result<_>>()?)
        })
        .await
    }

    async fn expire_due(&self, command: &Command, max: u32) -> Result<Vec<Upload>> {
        let command = command.clone();
        self.write(TxMode::Write, async move |mut connection: &AsyncPgConnection| {
            // Skip uploads that another instance is expiring.
            let due = rows::due(command.at)
                .limit(max.into())
                .select(UploadRow::as_select())
                .for_update()
                .skip_locked()
                .load(&mut connection)
                .await?;
            let due: Vec<Upload> = due.into_iter().map(Upload::try_from).collect::<Result<_>>()?;
            end(connection, &command, &due, UploadState::Expired, ChangeKind::UploadExpired, None).await?;
            Ok(due)
        })
        .await
    }

    async fn note_discarded(&self, at: Timestamp, uploads: &[UploadId]) -> Result<()> {
        let among = Among { condition: ID_AMONG, parameter: array(uploads) };
        let work = async move |connection: &AsyncPgConnection| note_discarded(connection, &among, at).await;
        self.write(TxMode::Write, work).await
    }

    async fn prune_ended(&self, before: Timestamp, max: u32) -> Result<u32> {
        self.write(TxMode::Write, async move |mut connection: &AsyncPgConnection| {
            let text = format!(
                "DELETE FROM uploads WHERE id = ANY (ARRAY(
                SELECT id FROM uploads u WHERE ended_at < ? AND {}
                ORDER BY ended_at LIMIT ? FOR UPDATE SKIP LOCKED))",
                without_job("u")
            );
            let parameters = vec![Parameter::Integer(before.as_millis()), Parameter::Integer(max.into())];
            let gone = Statement::new(text, parameters).execute(&mut connection).await?;
            Ok(u32::try_from(gone).unwrap_or(max))
        })
        .await
    }

    async fn count_open(&self) -> Result<u64> {
        self.read(async |mut connection: &AsyncPgConnection| {
            let open: i64 = uploads::table.filter(is_open()).count().get_result(&mut connection).await?;
            Ok(open.unsigned_abs())
        })
        .await
    }
}

/// Begins an upload. The sender's row is locked, so that the sender's open uploads can be counted.
async fn begin(
    connection: &AsyncPgConnection,
    command: &Command,
    folder: &Grant,
    new_upload: &NewUpload,
) -> Result<Quota, SqlError> {
    let upload = &new_upload.upload;
    let (place, open, existing) = try_join3(
        locate::find(connection, folder.node().id, folder.actor()),
        count_open(connection, upload.sender, command.at),
        existing_entry(connection, folder.node().id, &upload.file.name),
    )
    .await?;
    let folder = folder.renew(place)?;
    if open >= i64::from(new_upload.max_open) {
        return Err(NewUpload::too_many_open(open).into());
    }
    let charge = rows::expected_charge(upload, folder.node().id, existing)?;
    let blob = upload.blob_ref()?;
    pipeline([
        blob_records::insert(connection, &blob.key, &blob.store, command.at).boxed(),
        insert(connection, upload).boxed(),
        record_change(connection, command, Change::for_upload(ChangeKind::UploadBegun, upload)).boxed(),
    ])
    .await?;
    store_response(connection, command, CommandOutcome::UploadStarted(upload)).await?;
    // Last, to lock the drive's counters as briefly as possible.
    reserve(connection, upload.drive, charge).await
}

async fn insert(mut connection: &AsyncPgConnection, upload: &Upload) -> Result<(), SqlError> {
    diesel::insert_into(uploads::table).values(UploadColumns::from(upload)).execute(&mut connection).await?;
    Ok(())
}

async fn count_open(mut connection: &AsyncPgConnection, sender: UserId, at: Timestamp) -> Result<i64, SqlError> {
    Ok(unexpired_of(sender, at).count().get_result(&mut connection).await?)
}

async fn extend(
    mut connection: &AsyncPgConnection,
    command: &Command,
    folder: &Grant,
    upload: UploadId,
    until: Timestamp,
) -> Result<(), SqlError> {
    let folder = locate::reauthorize(connection, folder).await?;
    let upload = locked(connection, upload).await?;
    if (upload.sender, upload.folder) != (folder.actor(), folder.node().id) {
        return Err(Error::NotFound.into());
    }
    upload.require_open(command.at)?;
    if until > upload.expires_at {
        let row = update(uploads::table.find(DbId::from(upload.id)));
        row.set(uploads::expires_at.eq(until.as_millis())).execute(&mut connection).await?;
        record_change(connection, command, Change::for_upload(ChangeKind::UploadExtended, &upload)).await?;
    }
    store_response(connection, command, CommandOutcome::Again).await
}

/// Notes that the bytes of these uploads are deleted. The rows of their blobs are locked first, in key order, and the
/// drives updated last, as everywhere.
async fn note_discarded(mut connection: &AsyncPgConnection, uploads: &Among, at: Timestamp) -> Result<(), SqlError> {
    let lock = rows::blobs_of_ended(uploads.clone()).before("FOR UPDATE");
    lock.load::<KeyRow>(&mut connection).await?;
    rows::remove_jobs(uploads.clone()).execute(&mut connection).await?;
    rows::queue_drive_removals(uploads.clone(), at).execute(&mut connection).await?;
    let reserved = rows::release_reserved(uploads.clone()).load(&mut connection).await?;
    give_back(connection, reserved).await
}

/// Aborts the open uploads of `sender`. Also locks the drive `own`, in lock order.
pub(crate) async fn abort_all(
    mut connection: &AsyncPgConnection,
    command: &Command,
    sender: UserId,
    own: Option<DriveId>,
) -> Result<(), SqlError> {
    let open = open_of(sender)
        .order((uploads::expires_at, uploads::id))
        .select(UploadRow::as_select())
        .for_update()
        .load(&mut connection)
        .await?;
    let open: Vec<Upload> = open.into_iter().map(Upload::try_from).collect::<Result<_>>()?;
    end(connection, command, &open, UploadState::Aborted, ChangeKind::UploadAborted, own).await
}

/// Aborts the open uploads of guests into `drive` whose senders lose access by this transaction, which holds the
/// exclusive lock on the tree.
pub(crate) async fn abort_without_access(
    mut connection: &AsyncPgConnection,
    command: &Command,
    drive: DriveId,
    senders: Senders,
) -> Result<(), SqlError> {
    let open: Vec<OpenUploadRow> = open_into(drive, senders).load(&mut connection).await?;
    let mut lost = Vec::new();
    for (sender, open) in by_sender(open) {
        let folders = locate::find_many(connection, &folders_of(&open), sender).await?;
        lost.extend(without_access(open, folders));
    }
    if lost.is_empty() {
        return Ok(());
    }
    // Some may have been aborted or expired meanwhile.
    let still = uploads::table
        .filter(uploads::id.eq_any(lost).and(is_open()))
        .order((uploads::expires_at, uploads::id))
        .select(UploadRow::as_select())
        .for_update()
        .load(&mut connection)
        .await?;
    let still: Vec<Upload> = still.into_iter().map(Upload::try_from).collect::<Result<_>>()?;
    end(connection, command, &still, UploadState::Aborted, ChangeKind::UploadAborted, None).await
}

/// Ends open, locked uploads that did not become files: releases their reservations, and queues the deletion of their
/// bytes. The drive `also` is locked with theirs.
pub(crate) async fn end(
    mut connection: &AsyncPgConnection,
    command: &Command,
    ended: &[Upload],
    state: UploadState,
    kind: ChangeKind,
    also: Option<DriveId>,
) -> Result<(), SqlError> {
    if ended.is_empty() && also.is_none() {
        return Ok(());
    }
    let ids: Vec<DbId> = ended.iter().map(|upload| upload.id.into()).collect();
    update(uploads::table.filter(uploads::id.eq_any(ids)))
        .set((uploads::state.eq(state_word(state)), uploads::ended_at.eq(command.at.as_millis())))
        .execute(&mut connection)
        .await?;
    let keys: Vec<&str> = ended.iter().map(|upload| upload.blob.as_str()).collect();
    release(connection, &keys, command.at).await?;
    let ids = array(ended.iter().map(|upload| upload.id));
    let rows = format!("uploads WHERE {ID_AMONG}");
    queue_each(connection, command, JobKind::DiscardUpload, (&rows, ids)).await?;
    let row = |upload: &Upload| NewChangeRow::new(command, Change::for_upload(kind, upload));
    record_changes(connection, ended.iter().map(row).collect()).await?;
    // Update drives in the order of their identifiers, as everywhere, to avoid deadlocks.
    let mut reserved: BTreeMap<DbId, i64> = also.map(|drive| (drive.into(), 0)).into_iter().collect();
    for upload in ended {
        *reserved.entry(upload.drive.into()).or_default() += bytes(upload.announced.unwrap_or(0));
    }
    for (drive, freed) in reserved {
        let less = drives::reserved_bytes.eq(drives::reserved_bytes - freed);
        update(drives::table.find(drive)).set(less).execute(&mut connection).await?;
    }
    Ok(())
}
