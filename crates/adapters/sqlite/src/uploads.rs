mod commit;

use async_trait::async_trait;
use clouddrive_domain::model::{
    Change, ChangeKind, Command, CommandOutcome, DriveId, Grant, Job, Limit, NodeId, Quota, Timestamp, Upload,
    UploadId, UploadPosition, UploadState, UserId,
};
use clouddrive_domain::port::{Commit, NewUpload, OpenUpload, ReceivedFile, SavedNode, UploadRepository};
use clouddrive_domain::{Error, Result};
use clouddrive_sql::error::SqlError;
use clouddrive_sql::schema::{drives, uploads};
use clouddrive_sql::statement::update;
use clouddrive_sql::types::{DbId, bytes};
use clouddrive_sql::uploads::{
    self as rows, Among, OpenUploadRow, Senders, UploadColumns, UploadRow, by_sender, folders_of, has_no_job, is_open,
    open_into, open_of, state_word, unexpired_of, without_access,
};
use diesel::prelude::*;

use crate::Database;
use crate::blob_records::{self, give_back, release};
use crate::changes::record_change;
use crate::idempotency_records::store_response;
use crate::jobs::queue;
use crate::locate::{self, ID_AMONG, list};
use crate::names::existing_entry;
use crate::quota::reserve;

fn find(connection: &mut SqliteConnection, upload: UploadId) -> Result<Option<Upload>, SqlError> {
    let row = uploads::table.find(DbId::from(upload)).select(UploadRow::as_select()).first(connection).optional()?;
    Ok(row.map(Upload::try_from).transpose()?)
}

fn get(connection: &mut SqliteConnection, upload: UploadId) -> Result<Upload, SqlError> {
    find(connection, upload)?.ok_or(SqlError::Domain(Error::NotFound))
}

#[async_trait]
impl UploadRepository for Database {
    async fn begin(&self, command: &Command, folder: &Grant, new_upload: &NewUpload) -> Result<Quota> {
        let (command, folder, new_upload) = (command.clone(), folder.clone(), new_upload.clone());
        self.write_growing(move |connection| begin(connection, &command, &folder, &new_upload)).await
    }

    async fn find(&self, upload: UploadId, sender: UserId) -> Result<Option<Upload>> {
        self.read(move |connection| Ok(find(connection, upload)?.filter(|found| found.sender == sender))).await
    }

    async fn find_ended(&self, upload: UploadId) -> Result<Option<Upload>> {
        self.read(move |connection| Ok(find(connection, upload)?.filter(Upload::ended_without_file))).await
    }

    async fn find_abortable(&self, upload: UploadId, user: UserId) -> Result<Option<Upload>> {
        self.read(move |connection| {
            let own = drives::table.filter(drives::owner_id.eq(DbId::from(user))).select(drives::id);
            let into_own = is_open().and(uploads::drive_id.eq_any(own));
            let row = uploads::table
                .filter(uploads::id.eq(DbId::from(upload)))
                .filter(uploads::sender_id.eq(DbId::from(user)).or(into_own))
                .select(UploadRow::as_select());
            Ok(row.first(connection).optional()?.map(Upload::try_from).transpose()?)
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
        self.snapshot(move |connection| {
            let rows: Vec<rows::SentUploadRow> = page.load(connection)?;
            let folders: Vec<NodeId> = rows.iter().map(rows::SentUploadRow::folder).collect();
            let folders = locate::find_many(connection, &folders, user)?;
            let folders = folders.into_iter().map(|found| (found.node.id, found)).collect();
            Ok(rows.into_iter().map(|row| row.with_folder(&folders)).collect::<Result<_>>()?)
        })
        .await
    }

    async fn extend(&self, command: &Command, folder: &Grant, upload: UploadId, until: Timestamp) -> Result<()> {
        let (command, folder) = (command.clone(), folder.clone());
        self.write(move |connection| {
            let folder = locate::reauthorize(connection, &folder)?;
            let upload = get(connection, upload)?;
            if (upload.sender, upload.folder) != (folder.actor(), folder.node().id) {
                return Err(Error::NotFound.into());
            }
            upload.require_open(command.at)?;
            if until > upload.expires_at {
                update(uploads::table.find(DbId::from(upload.id)))
                    .set(uploads::expires_at.eq(until.as_millis()))
                    .execute(connection)?;
                record_change(connection, &command, Change::for_upload(ChangeKind::UploadExtended, &upload))?;
            }
            store_response(connection, &command, CommandOutcome::Again)
        })
        .await
    }

    async fn commit(&self, command: &Command, folder: &Grant, commit: &Commit) -> Result<SavedNode> {
        let (command, folder, spec) = (command.clone(), folder.clone(), commit.clone());
        self.write(move |connection| commit::run(connection, &command, &folder, &spec)).await
    }

    async fn create(&self, command: &Command, folder: &Grant, new: &ReceivedFile) -> Result<SavedNode> {
        let (command, folder, new) = (command.clone(), folder.clone(), new.clone());
        self.write(move |connection| commit::create(connection, &command, &folder, &new)).await
    }

    async fn abort(&self, command: &Command, upload: UploadId) -> Result<()> {
        let command = command.clone();
        self.write(move |connection| {
            let upload = get(connection, upload)?;
            if upload.abortion(command.at)? {
                end(connection, &command, &upload, UploadState::Aborted)?;
                record_change(connection, &command, Change::for_upload(ChangeKind::UploadAborted, &upload))?;
            }
            Ok(())
        })
        .await
    }

    async fn list_aborted(&self, at: Timestamp, after: Option<UploadId>, max: u32) -> Result<Vec<Upload>> {
        let aborted = rows::aborted(at, after, max);
        self.read(move |connection| {
            let rows: Vec<UploadRow> = aborted.load(connection)?;
            Ok(rows.into_iter().map(Upload::try_from).collect::<Result<_>>()?)
        })
        .await
    }

    async fn expire_due(&self, command: &Command, max: u32) -> Result<Vec<Upload>> {
        let command = command.clone();
        self.write_bulk(move |connection| {
            let due = rows::due(command.at).limit(max.into()).select(UploadRow::as_select()).load(connection)?;
            let mut ended = Vec::with_capacity(due.len());
            for row in due {
                let upload = Upload::try_from(row)?;
                end(connection, &command, &upload, UploadState::Expired)?;
                record_change(connection, &command, Change::for_upload(ChangeKind::UploadExpired, &upload))?;
                ended.push(upload);
            }
            Ok(ended)
        })
        .await
    }

    async fn note_discarded(&self, at: Timestamp, uploads: &[UploadId]) -> Result<()> {
        let among = Among { condition: ID_AMONG, parameter: list(uploads) };
        self.write(move |connection| {
            rows::remove_jobs(among.clone()).execute(connection)?;
            rows::queue_drive_removals(among.clone(), at).execute(connection)?;
            let reserved = rows::release_reserved(among.clone()).load(connection)?;
            give_back(connection, reserved)
        })
        .await
    }

    async fn prune_ended(&self, before: Timestamp, max: u32) -> Result<u32> {
        self.write_bulk(move |connection| {
            let over: Vec<DbId> = uploads::table
                .filter(uploads::ended_at.lt(before.as_millis()))
                .filter(has_no_job())
                .limit(max.into())
                .select(uploads::id)
                .load(connection)?;
            let gone = diesel::delete(uploads::table.filter(uploads::id.eq_any(over))).execute(connection)?;
            Ok(u32::try_from(gone).unwrap_or(max))
        })
        .await
    }

    async fn count_open(&self) -> Result<u64> {
        self.read(|connection| {
            let open: i64 = uploads::table.filter(is_open()).count().get_result(connection)?;
            Ok(open.unsigned_abs())
        })
        .await
    }
}

fn begin(
    connection: &mut SqliteConnection,
    command: &Command,
    folder: &Grant,
    new_upload: &NewUpload,
) -> Result<Quota, SqlError> {
    let upload = &new_upload.upload;
    let folder = locate::reauthorize(connection, folder)?;
    let open: i64 = unexpired_of(upload.sender, command.at).count().get_result(connection)?;
    if open >= i64::from(new_upload.max_open) {
        return Err(NewUpload::too_many_open(open).into());
    }
    let existing = existing_entry(connection, folder.node().id, &upload.file.name)?;
    let charge = rows::expected_charge(upload, folder.node().id, existing)?;
    let quota = reserve(connection, upload.drive, charge)?;
    let blob = upload.blob_ref()?;
    blob_records::insert(connection, &blob.key, &blob.store, command.at, None)?;
    diesel::insert_into(uploads::table).values(UploadColumns::from(upload)).execute(connection)?;
    record_change(connection, command, Change::for_upload(ChangeKind::UploadBegun, upload))?;
    store_response(connection, command, CommandOutcome::UploadStarted(upload))?;
    Ok(quota)
}

/// Aborts the open uploads of `sender`.
pub(crate) fn abort_all(connection: &mut SqliteConnection, command: &Command, sender: UserId) -> Result<(), SqlError> {
    let open = open_of(sender).order((uploads::expires_at, uploads::id)).select(UploadRow::as_select());
    for row in open.load(connection)? {
        let upload = Upload::try_from(row)?;
        end(connection, command, &upload, UploadState::Aborted)?;
        record_change(connection, command, Change::for_upload(ChangeKind::UploadAborted, &upload))?;
    }
    Ok(())
}

/// Aborts the open uploads of guests into `drive` whose senders lose access by this transaction.
pub(crate) fn abort_without_access(
    connection: &mut SqliteConnection,
    command: &Command,
    drive: DriveId,
    senders: Senders,
) -> Result<(), SqlError> {
    let open: Vec<OpenUploadRow> = open_into(drive, senders).load(connection)?;
    for (sender, open) in by_sender(open) {
        let folders = locate::find_many(connection, &folders_of(&open), sender)?;
        for id in without_access(open, folders) {
            let upload = get(connection, id.into())?;
            end(connection, command, &upload, UploadState::Aborted)?;
            record_change(connection, command, Change::for_upload(ChangeKind::UploadAborted, &upload))?;
        }
    }
    Ok(())
}

/// Ends an open upload that did not become a file: releases its reservation, and queues the deletion of its bytes.
pub(crate) fn end(
    connection: &mut SqliteConnection,
    command: &Command,
    upload: &Upload,
    state: UploadState,
) -> Result<(), SqlError> {
    update(uploads::table.find(DbId::from(upload.id)))
        .set((uploads::state.eq(state_word(state)), uploads::ended_at.eq(command.at.as_millis())))
        .execute(connection)?;
    update(drives::table.find(DbId::from(upload.drive)))
        .set(drives::reserved_bytes.eq(drives::reserved_bytes - bytes(upload.announced.unwrap_or(0))))
        .execute(connection)?;
    release(connection, upload.blob.as_str(), command.at)?;
    queue(connection, command, Job::DiscardUpload(upload.id))
}
