use async_trait::async_trait;
use clouddrive_domain::model::{
    Action, Answer, BlobKey, ChangeKind, Command, Completion, ConflictPolicy, DriveId, Grant, Limit, MediaType, NodeId,
    NodeKind, Quota, Revision, Stored, Timestamp, Upload, UploadId, UploadPosition, UploadState, UserId, VersionId,
    authorize,
};
use clouddrive_domain::port::{Commit, NewFile, OpenUpload, Opening, Saved, Uploads};
use clouddrive_domain::{Error, Result};
use clouddrive_sql::blob_records::Disposal;
use clouddrive_sql::drive::{Charge, ENTRIES, QUOTA, entries, quota};
use clouddrive_sql::fault::{Fault, Outcome};
use clouddrive_sql::names::{NewNode, Taken};
use clouddrive_sql::schema::{blobs, drives, uploads, versions};
use clouddrive_sql::types::{DbId, bytes};
use clouddrive_sql::uploads::{
    self as rows, NewVersionRow, OpenRow, Senders, UploadRow, by_sender, crc32, digest, etag, folders_of, is_open,
    open_into, open_of, state_word, unexpired_of, without_right,
};
use diesel::prelude::*;

use crate::Database;
use crate::blob_records::{self, refer, release};
use crate::changes::log;
use crate::locate;
use crate::names::{first_free, holder, insert, touch};
use crate::receipts::keep;
use crate::versions::{evict, point};

fn find(connection: &mut SqliteConnection, upload: UploadId) -> Outcome<Option<Upload>> {
    let row = uploads::table.find(DbId::from(upload)).select(UploadRow::as_select()).first(connection).optional()?;
    Ok(row.map(Upload::try_from).transpose()?)
}

fn found(connection: &mut SqliteConnection, upload: UploadId) -> Outcome<Upload> {
    find(connection, upload)?.ok_or(Fault::Domain(Error::NotFound))
}

#[async_trait]
impl Uploads for Database {
    async fn begin(&self, command: &Command, folder: &Grant, opening: &Opening) -> Result<Quota> {
        let (command, folder, opening) = (command.clone(), folder.clone(), opening.clone());
        self.grow(move |connection| begin(connection, &command, &folder, &opening)).await
    }

    async fn find(&self, upload: UploadId, sender: UserId) -> Result<Option<Upload>> {
        self.read(move |connection| Ok(find(connection, upload)?.filter(|found| found.sender == sender))).await
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
        self.read(move |connection| {
            connection.transaction(|connection| {
                let rows: Vec<rows::SentUploadRow> = page.load(connection)?;
                let folders: Vec<NodeId> = rows.iter().map(rows::SentUploadRow::folder).collect();
                let folders = locate::find_many(connection, &folders, user)?;
                let folders = folders.into_iter().map(|found| (found.node.id, found)).collect();
                Ok(rows.into_iter().map(|row| row.beside(&folders)).collect::<Result<_>>()?)
            })
        })
        .await
    }

    async fn extend(&self, command: &Command, folder: &Grant, upload: UploadId, until: Timestamp) -> Result<()> {
        let (command, folder) = (command.clone(), folder.clone());
        self.write(move |connection| {
            let folder = locate::renewed(connection, &folder)?;
            let upload = found(connection, upload)?;
            if (upload.sender, upload.folder) != (folder.actor(), folder.node().id) {
                return Err(Error::NotFound.into());
            }
            upload.require_open(command.at)?;
            if until > upload.expires_at {
                diesel::update(uploads::table.find(DbId::from(upload.id)))
                    .set(uploads::expires_at.eq(until.as_millis()))
                    .execute(connection)?;
                log(connection, &command, ChangeKind::UploadExtended, Some(upload.drive), Some(upload.folder))?;
            }
            keep(connection, &command, Answer::Again)
        })
        .await
    }

    async fn commit(&self, command: &Command, folder: &Grant, commit: &Commit) -> Result<Saved> {
        let (command, folder, wish) = (command.clone(), folder.clone(), commit.clone());
        self.write(move |connection| commit_upload(connection, &command, &folder, &wish)).await
    }

    async fn create(&self, command: &Command, folder: &Grant, new: &NewFile) -> Result<Saved> {
        let (command, folder, new) = (command.clone(), folder.clone(), new.clone());
        self.write(move |connection| create(connection, &command, &folder, &new)).await
    }

    async fn abort(&self, command: &Command, upload: UploadId) -> Result<()> {
        let command = command.clone();
        self.write(move |connection| {
            let upload = found(connection, upload)?;
            if upload.abortion(command.at)? {
                end(connection, &command, &upload, UploadState::Aborted)?;
                log(connection, &command, ChangeKind::UploadAborted, Some(upload.drive), Some(upload.folder))?;
            }
            Ok(())
        })
        .await
    }

    async fn list_aborted(&self, at: Timestamp, after: Option<UploadId>, most: u32) -> Result<Vec<Upload>> {
        let aborted = rows::aborted(at, after, most);
        self.read(move |connection| {
            let rows: Vec<UploadRow> = aborted.load(connection)?;
            Ok(rows.into_iter().map(Upload::try_from).collect::<Result<_>>()?)
        })
        .await
    }

    async fn expire_due(&self, command: &Command, most: u32) -> Result<Vec<Upload>> {
        let command = command.clone();
        self.write(move |connection| {
            let due = rows::due(command.at).limit(most.into()).select(UploadRow::as_select()).load(connection)?;
            let mut ended = Vec::with_capacity(due.len());
            for row in due {
                let upload = Upload::try_from(row)?;
                end(connection, &command, &upload, UploadState::Expired)?;
                log(connection, &command, ChangeKind::UploadExpired, Some(upload.drive), Some(upload.folder))?;
                ended.push(upload);
            }
            Ok(ended)
        })
        .await
    }

    async fn forget_ended(&self, before: Timestamp, most: u32) -> Result<u32> {
        self.write(move |connection| {
            let over: Vec<DbId> = uploads::table
                .filter(uploads::ended_at.lt(before.as_millis()))
                .limit(most.into())
                .select(uploads::id)
                .load(connection)?;
            let gone = diesel::delete(uploads::table.filter(uploads::id.eq_any(over))).execute(connection)?;
            Ok(u32::try_from(gone).unwrap_or(most))
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

fn begin(connection: &mut SqliteConnection, command: &Command, folder: &Grant, opening: &Opening) -> Outcome<Quota> {
    let upload = &opening.upload;
    let folder = locate::renewed(connection, folder)?;
    let open: i64 = unexpired_of(upload.sender, command.at).count().get_result(connection)?;
    if open >= i64::from(opening.most_open) {
        let message = format!("{open} uploads are open already: complete or abort one of them; GET /upload lists them");
        return Err(Error::invalid("file_name", message).into());
    }
    let holder = holder(connection, folder.node().id, &upload.file.name)?;
    let charge = rows::addition(upload, folder.node().id, holder)?;
    let row = drives::table.find(DbId::from(upload.drive)).select((QUOTA, ENTRIES));
    let (bytes_of, entries_of) = row.first::<((i64, i64, i64), (i64, i64))>(connection)?;
    let mut quota = quota(bytes_of);
    if let Some(refusal) = charge.refusal(quota, entries(entries_of)) {
        return Err(Error::Forbidden(refusal).into());
    }
    quota.reserved += charge.stored;
    diesel::update(drives::table.find(DbId::from(upload.drive)))
        .set(drives::reserved_bytes.eq(bytes(quota.reserved)))
        .execute(connection)?;
    blob_records::insert(connection, &upload.blob, &opening.store, command.at, None)?;
    diesel::insert_into(uploads::table).values(UploadRow::from(upload)).execute(connection)?;
    log(connection, command, ChangeKind::UploadBegun, Some(upload.drive), Some(upload.folder))?;
    keep(connection, command, Answer::Begun(upload))?;
    Ok(quota)
}

/// Aborts the open uploads of `sender`.
pub(crate) fn abort_all(connection: &mut SqliteConnection, command: &Command, sender: UserId) -> Outcome<()> {
    let open = open_of(sender).order((uploads::expires_at, uploads::id)).select(UploadRow::as_select());
    for row in open.load(connection)? {
        let upload = Upload::try_from(row)?;
        end(connection, command, &upload, UploadState::Aborted)?;
        log(connection, command, ChangeKind::UploadAborted, Some(upload.drive), Some(upload.folder))?;
    }
    Ok(())
}

/// Aborts the open uploads of guests into `drive` whose senders lose access by this transaction.
pub(crate) fn end_without_right(
    connection: &mut SqliteConnection,
    command: &Command,
    drive: DriveId,
    senders: Senders,
) -> Outcome<()> {
    let open: Vec<OpenRow> = open_into(drive, senders).load(connection)?;
    for (sender, open) in by_sender(open) {
        let folders = locate::find_many(connection, &folders_of(&open), sender)?;
        for id in without_right(open, folders) {
            let upload = found(connection, id.into())?;
            end(connection, command, &upload, UploadState::Aborted)?;
            log(connection, command, ChangeKind::UploadAborted, Some(upload.drive), Some(upload.folder))?;
        }
    }
    Ok(())
}

/// Ends an open upload that did not become a file: releases its reservation, and leaves its blob to the collector.
pub(crate) fn end(
    connection: &mut SqliteConnection,
    command: &Command,
    upload: &Upload,
    state: UploadState,
) -> Outcome<()> {
    diesel::update(uploads::table.find(DbId::from(upload.id)))
        .set((uploads::state.eq(state_word(state)), uploads::ended_at.eq(command.at.as_millis())))
        .execute(connection)?;
    diesel::update(drives::table.find(DbId::from(upload.drive)))
        .set(drives::reserved_bytes.eq(drives::reserved_bytes - bytes(upload.announced.unwrap_or(0))))
        .execute(connection)?;
    release(connection, upload.blob.as_str(), command.at)
}

fn commit_upload(
    connection: &mut SqliteConnection,
    command: &Command,
    folder: &Grant,
    wish: &Commit,
) -> Outcome<Saved> {
    let actor = folder.actor();
    let upload = find(connection, wish.upload)?.filter(|upload| upload.sender == actor).ok_or(Error::NotFound)?;
    let completion = upload.completion(command.at);
    if let Ok(Completion::Repeat(file)) = completion {
        let file = locate::found(connection, file, actor)?;
        keep(connection, command, Answer::Changed(&file))?;
        return Ok(file.into());
    }
    let folder = folder.renew(locate::find(connection, upload.folder, actor)?)?;
    completion?;
    let made = settle(connection, command, &folder, &NewFile::of(&upload, wish), upload.announced.unwrap_or(0))?;
    diesel::update(uploads::table.find(DbId::from(upload.id)))
        .set((
            uploads::state.eq("complete"),
            uploads::file_id.eq(DbId::from(made.located.node.id)),
            uploads::ended_at.eq(command.at.as_millis()),
        ))
        .execute(connection)?;
    if upload.blob != wish.blob {
        release(connection, upload.blob.as_str(), command.at)?;
    }
    keep(connection, command, Answer::Changed(&made.located))?;
    Ok(made)
}

fn create(connection: &mut SqliteConnection, command: &Command, folder: &Grant, new: &NewFile) -> Outcome<Saved> {
    let folder = locate::renewed(connection, folder)?;
    let made = settle(connection, command, &folder, new, 0)?;
    keep(connection, command, Answer::Made(&made.located))?;
    Ok(made)
}

/// Creates a file from `new` in the granted folder, or replaces the content of the one with its name. `reserved` bytes
/// were reserved for it.
fn settle(
    connection: &mut SqliteConnection,
    command: &Command,
    folder: &Grant,
    new: &NewFile,
    reserved: u64,
) -> Outcome<Saved> {
    let (actor, drive, parent) = (folder.actor(), folder.drive(), folder.node().id);
    let size = new.stored.size;
    let node = NewNode { id: new.file, drive, parent, name: &new.info.name, content: Some((new.version, size)) };
    let placed = name(connection, command, actor, &node, new.info.conflict)?;
    attach(connection, &new.blob, &new.stored)?;
    let content = new.content(placed.media_type.as_ref(), command.at);
    let row = NewVersionRow::of(&content, (placed.file, placed.revision), actor);
    diesel::insert_into(versions::table).values(row).execute(connection)?;
    let disposal = placed.evict(connection, command, &node, new.most_versions)?;
    let entries = u64::from(placed.file == new.file);
    charge(connection, drive, Charge { reserved, stored: size, freed: disposal.given_back, entries })?;
    let kind = if placed.file == new.file {
        touch(connection, command, parent)?;
        ChangeKind::FileCreated
    } else {
        ChangeKind::FileReplaced
    };
    log(connection, command, kind, Some(drive), Some(placed.file))?;
    Ok(Saved { located: locate::found(connection, placed.file, actor)?, freed: disposal.freed()? })
}

/// The node that a new item became.
pub(crate) struct Placed {
    /// The node.
    pub(crate) file: NodeId,
    /// Its new revision.
    pub(crate) revision: Revision,
    /// The media type of the replaced content.
    pub(crate) media_type: Option<MediaType>,
}

impl Placed {
    const fn new(node: NodeId) -> Self {
        Self { file: node, revision: Revision(1), media_type: None }
    }

    /// If the item became the content of a file, removes that file's superfluous versions. The caller MUST have
    /// inserted the new version, since a removed one may have the same blob.
    pub(crate) fn evict(
        &self,
        connection: &mut SqliteConnection,
        command: &Command,
        node: &NewNode<'_>,
        most_versions: u32,
    ) -> Outcome<Disposal> {
        match node.content {
            Some((version, _)) if self.file != node.id => {
                evict(connection, command, node.drive, self.file, version, most_versions)
            }
            _ => Ok(Disposal::default()),
        }
    }
}

/// Adds `node` to its folder, or makes it the content of the file that has its name. The caller inserts the version
/// next, in the same transaction.
pub(crate) fn name(
    connection: &mut SqliteConnection,
    command: &Command,
    actor: UserId,
    node: &NewNode<'_>,
    conflict: ConflictPolicy,
) -> Outcome<Placed> {
    let Some(holder) = holder(connection, node.parent, node.name)? else {
        insert(connection, command, node)?;
        return Ok(Placed::new(node.id));
    };
    match (conflict, node.content) {
        (ConflictPolicy::Keep, _) => {
            let free = first_free(connection, node.parent, node.name, node.kind())?;
            insert(connection, command, &NewNode { name: &free, ..*node })?;
            Ok(Placed::new(node.id))
        }
        (ConflictPolicy::Replace, Some(content)) if holder.item.kind == NodeKind::File => {
            replace(connection, command, holder.item.id, actor, content)
        }
        _ => {
            Err(Taken { folder: node.parent, name: node.name.clone(), kind: node.kind(), holder: Some(holder) }.into())
        }
    }
}

/// Points `file` at the version that the caller inserts next.
fn replace(
    connection: &mut SqliteConnection,
    command: &Command,
    file: NodeId,
    actor: UserId,
    (version, size): (VersionId, u64),
) -> Outcome<Placed> {
    let grant = authorize(locate::find(connection, file, actor)?, Action::Replace)?;
    let revision = point(connection, command, &grant, (version, size))?;
    let media_type = grant.node().content().map(|content| content.media_type.clone());
    Ok(Placed { file, revision, media_type })
}

/// Records what was stored in the blob and marks it as referenced; it must not have been condemned.
pub(crate) fn attach(connection: &mut SqliteConnection, blob: &BlobKey, stored: &Stored) -> Outcome<()> {
    refer(connection, blob)?;
    diesel::update(blobs::table.find(blob.as_str()))
        .set((
            blobs::size_bytes.eq(bytes(stored.size)),
            blobs::sha256.eq(digest(stored.sha256)),
            blobs::etag.eq(etag(stored.tag.as_ref())),
            blobs::crc32.eq(crc32(stored.crc32)),
        ))
        .execute(connection)?;
    Ok(())
}

/// Turns a reservation into usage. Reserved bytes have been admitted already; any beyond must fit now.
pub(crate) fn charge(connection: &mut SqliteConnection, drive: DriveId, charge: Charge) -> Outcome<()> {
    check_charge(connection, drive, charge)?;
    diesel::update(drives::table.find(DbId::from(drive)))
        .set((
            drives::reserved_bytes.eq(drives::reserved_bytes - bytes(charge.reserved)),
            drives::used_bytes.eq(drives::used_bytes + bytes(charge.stored) - bytes(charge.freed)),
            drives::used_entries.eq(drives::used_entries + bytes(charge.entries)),
        ))
        .execute(connection)?;
    Ok(())
}

/// Fails if `charge` does not fit into the drive.
pub(crate) fn check_charge(connection: &mut SqliteConnection, drive: DriveId, charge: Charge) -> Outcome<()> {
    let row = drives::table.find(DbId::from(drive)).select((QUOTA, ENTRIES));
    let (bytes_of, entries_of) = row.first::<((i64, i64, i64), (i64, i64))>(connection)?;
    let (quota, entries) = (quota(bytes_of), entries(entries_of));
    if let Some(refusal) = charge.refusal(quota, entries) {
        return Err(Error::Forbidden(refusal).into());
    }
    Ok(())
}
