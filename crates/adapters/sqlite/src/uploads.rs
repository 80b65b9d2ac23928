use async_trait::async_trait;
use clouddrive_domain::error::Forbidden;
use clouddrive_domain::model::{
    Action, ChangeKind, Command, Completion, ConflictPolicy, Content, DriveId, Grant, Located, Name, Node, NodeId,
    NodeKind, Quota, Timestamp, Upload, UploadId, UploadState, UserId, authorize,
};
use clouddrive_domain::port::{Commit, Opening, Uploads};
use clouddrive_domain::{Error, Result};
use clouddrive_sql::drive::{QUOTA, quota};
use clouddrive_sql::fault::{Fault, Outcome};
use clouddrive_sql::names::{Holder, NewNode, Taken};
use clouddrive_sql::schema::{blobs, drives, nodes, uploads, versions};
use clouddrive_sql::types::{DbId, bytes};
use clouddrive_sql::uploads::{NewVersionRow, UploadRow, digest, state_word};
use diesel::prelude::*;

use crate::Database;
use crate::blob_records::{self, refer, release};
use crate::changes::log;
use crate::locate;
use crate::names::{first_free, holder, insert};

fn find(connection: &mut SqliteConnection, upload: UploadId) -> Outcome<Option<Upload>> {
    let row = uploads::table.find(DbId::from(upload)).select(UploadRow::as_select()).first(connection).optional()?;
    Ok(row.map(Upload::try_from).transpose()?)
}

fn found(connection: &mut SqliteConnection, upload: UploadId) -> Outcome<Upload> {
    find(connection, upload)?.ok_or(Fault::Domain(Error::NotFound))
}

fn quota_of(connection: &mut SqliteConnection, drive: DriveId) -> Outcome<Quota> {
    Ok(quota(drives::table.find(DbId::from(drive)).select(QUOTA).first(connection)?))
}

#[async_trait]
impl Uploads for Database {
    async fn begin(&self, command: &Command, folder: &Grant, opening: &Opening) -> Result<Quota> {
        let (command, folder, opening) = (command.clone(), folder.clone(), opening.clone());
        self.write(move |connection| begin(connection, &command, &folder, &opening)).await
    }

    async fn find(&self, upload: UploadId, sender: UserId) -> Result<Option<Upload>> {
        self.read(move |connection| Ok(find(connection, upload)?.filter(|found| found.sender == sender))).await
    }

    async fn extend(&self, command: &Command, folder: &Grant, upload: UploadId, until: Timestamp) -> Result<()> {
        let (command, folder) = (command.clone(), folder.clone());
        self.write(move |connection| {
            let folder = folder.renew(locate::find(connection, folder.node().id, folder.actor())?)?;
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
            Ok(())
        })
        .await
    }

    async fn commit(&self, command: &Command, folder: &Grant, commit: &Commit) -> Result<Located> {
        let (command, folder, wish) = (command.clone(), folder.clone(), commit.clone());
        self.write(move |connection| commit_upload(connection, &command, &folder, &wish)).await
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

    async fn expire_due(&self, command: &Command, most: u32) -> Result<u32> {
        let command = command.clone();
        self.write(move |connection| {
            let due = uploads::table
                .filter(uploads::state.eq("open").and(uploads::expires_at.le(command.at.as_millis())))
                .order(uploads::expires_at)
                .limit(most.into())
                .select(UploadRow::as_select())
                .load(connection)?;
            let mut ended = 0;
            for row in due {
                let upload = Upload::try_from(row)?;
                end(connection, &command, &upload, UploadState::Expired)?;
                log(connection, &command, ChangeKind::UploadExpired, Some(upload.drive), Some(upload.folder))?;
                ended += 1;
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
            let open: i64 = uploads::table.filter(uploads::state.eq("open")).count().get_result(connection)?;
            Ok(open.unsigned_abs())
        })
        .await
    }
}

fn begin(connection: &mut SqliteConnection, command: &Command, folder: &Grant, opening: &Opening) -> Outcome<Quota> {
    let upload = &opening.upload;
    let folder = folder.renew(locate::find(connection, folder.node().id, folder.actor())?)?;
    let open: i64 = uploads::table
        .filter(uploads::sender_id.eq(DbId::from(upload.sender)).and(uploads::state.eq("open")))
        .filter(uploads::expires_at.gt(command.at.as_millis()))
        .count()
        .get_result(connection)?;
    if open >= i64::from(opening.most_open) {
        let message = format!("{open} uploads are open already: complete or abort one of them");
        return Err(Error::invalid("file_name", message).into());
    }
    if let Some(holder) = holder(connection, folder.node().id, &upload.file.name)? {
        match (upload.file.conflict, holder.item.kind) {
            (ConflictPolicy::Keep, _) | (ConflictPolicy::Replace, NodeKind::File) => {}
            _ => return Err(Taken::for_file(folder.node().id, holder).into()),
        }
    }
    let needed = upload.announced.unwrap_or(0);
    let mut quota = quota_of(connection, upload.drive)?;
    if !quota.admits(needed) {
        return Err(Error::Forbidden(Forbidden::Quota { quota, needed }).into());
    }
    quota.reserved += needed;
    diesel::update(drives::table.find(DbId::from(upload.drive)))
        .set(drives::reserved_bytes.eq(bytes(quota.reserved)))
        .execute(connection)?;
    blob_records::insert(connection, &upload.blob, &opening.store, command.at, None)?;
    diesel::insert_into(uploads::table).values(UploadRow::from(upload)).execute(connection)?;
    log(connection, command, ChangeKind::UploadBegun, Some(upload.drive), Some(upload.folder))?;
    Ok(quota)
}

/// Aborts the open uploads of `sender`.
pub(crate) fn abort_all(connection: &mut SqliteConnection, command: &Command, sender: UserId) -> Outcome<()> {
    let open = uploads::table.filter(uploads::sender_id.eq(DbId::from(sender)).and(uploads::state.eq("open")));
    for row in open.order((uploads::expires_at, uploads::id)).select(UploadRow::as_select()).load(connection)? {
        let upload = Upload::try_from(row)?;
        end(connection, command, &upload, UploadState::Aborted)?;
        log(connection, command, ChangeKind::UploadAborted, Some(upload.drive), Some(upload.folder))?;
    }
    Ok(())
}

/// Ends an open upload that became no file: its reservation ends, and its blob is the collector's.
fn end(connection: &mut SqliteConnection, command: &Command, upload: &Upload, state: UploadState) -> Outcome<()> {
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
) -> Outcome<Located> {
    let actor = folder.actor();
    let upload = find(connection, wish.upload)?.filter(|upload| upload.sender == actor).ok_or(Error::NotFound)?;
    if let Completion::Repeat(file) = upload.completion(command.at)? {
        return locate::found(connection, file, actor);
    }
    let folder = folder.renew(locate::find(connection, upload.folder, actor)?)?;
    let holder = holder(connection, upload.folder, &upload.file.name)?;
    let (file, freed) = match (holder, wish.conflict) {
        (None, _) => (create(connection, command, &upload, wish, &upload.file.name)?, 0),
        (Some(Holder { item, .. }), ConflictPolicy::Replace) if item.kind == NodeKind::File => {
            replace(connection, command, item.id, actor, wish)?
        }
        (Some(_), ConflictPolicy::Keep) => {
            let free = first_free(connection, upload.folder, &upload.file.name, NodeKind::File)?;
            (create(connection, command, &upload, wish, &free)?, 0)
        }
        (Some(holder), _) => return Err(Taken::for_file(upload.folder, holder).into()),
    };
    insert_version(connection, command, &upload, file, wish)?;
    charge(connection, &upload, wish.stored.size, freed)?;
    diesel::update(uploads::table.find(DbId::from(upload.id)))
        .set((
            uploads::state.eq("complete"),
            uploads::file_id.eq(DbId::from(file)),
            uploads::ended_at.eq(command.at.as_millis()),
        ))
        .execute(connection)?;
    let kind = if file == wish.file { ChangeKind::FileCreated } else { ChangeKind::FileReplaced };
    log(connection, command, kind, Some(folder.drive()), Some(file))?;
    locate::found(connection, file, actor)
}

/// Makes the file that the upload becomes. Its version is inserted next, in the same transaction.
fn create(
    connection: &mut SqliteConnection,
    command: &Command,
    upload: &Upload,
    wish: &Commit,
    name: &Name,
) -> Outcome<NodeId> {
    let content = Some((wish.version, wish.stored.size));
    let node = NewNode { id: wish.file, drive: upload.drive, parent: upload.folder, name, content };
    insert(connection, command, &node)?;
    Ok(wish.file)
}

/// Points `file` at the version that is inserted next, drops the former one, and tells how many bytes that frees.
fn replace(
    connection: &mut SqliteConnection,
    command: &Command,
    file: NodeId,
    actor: UserId,
    wish: &Commit,
) -> Outcome<(NodeId, u64)> {
    let grant = authorize(locate::find(connection, file, actor)?, Action::Replace)?;
    let former = Node::content(grant.node()).cloned().ok_or(Error::NotFound)?;
    diesel::update(nodes::table.find(DbId::from(file)))
        .set((
            nodes::version_id.eq(DbId::from(wish.version)),
            nodes::size_bytes.eq(bytes(wish.stored.size)),
            nodes::revision.eq(nodes::revision + 1),
            nodes::modified_at.eq(command.at.as_millis()),
        ))
        .execute(connection)?;
    let Content { version, blob, size, .. } = former;
    diesel::delete(versions::table.find(DbId::from(version))).execute(connection)?;
    release(connection, blob.as_str(), command.at)?;
    Ok((file, size))
}

fn insert_version(
    connection: &mut SqliteConnection,
    command: &Command,
    upload: &Upload,
    file: NodeId,
    wish: &Commit,
) -> Outcome<()> {
    refer(connection, &upload.blob)?;
    diesel::update(blobs::table.find(upload.blob.as_str()))
        .set((blobs::size_bytes.eq(bytes(wish.stored.size)), blobs::sha256.eq(digest(wish.stored.sha256))))
        .execute(connection)?;
    diesel::insert_into(versions::table).values(NewVersionRow::new(command, upload, file, wish)).execute(connection)?;
    Ok(())
}

/// Turns the upload's reservation into use. What was announced has been admitted already; more than that must fit now.
fn charge(connection: &mut SqliteConnection, upload: &Upload, stored: u64, freed: u64) -> Outcome<()> {
    let quota = quota_of(connection, upload.drive)?;
    let reserved = upload.announced.unwrap_or(0);
    let unannounced = stored.saturating_sub(reserved);
    if unannounced > 0 && unannounced > quota.available().saturating_add(freed) {
        return Err(Error::Forbidden(Forbidden::Quota { quota, needed: unannounced }).into());
    }
    diesel::update(drives::table.find(DbId::from(upload.drive)))
        .set((
            drives::reserved_bytes.eq(drives::reserved_bytes - bytes(reserved)),
            drives::used_bytes.eq(drives::used_bytes + bytes(stored) - bytes(freed)),
        ))
        .execute(connection)?;
    Ok(())
}
