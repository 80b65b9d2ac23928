//! Commits: turning an upload into a file.

use clouddrive_domain::Error;
use clouddrive_domain::model::{
    Action, Answer, BlobKey, ChangeKind, Command, Completion, ConflictPolicy, Grant, MediaType, Name, NodeBody, NodeId,
    NodeKind, Revision, Stored, Upload, VersionId, authorize,
};
use clouddrive_domain::port::{Commit, NewFile, Saved};
use clouddrive_sql::blob_records::Disposal;
use clouddrive_sql::drive::Charge;
use clouddrive_sql::fault::Outcome;
use clouddrive_sql::names::{NewNode, Taken};
use clouddrive_sql::schema::{blobs, uploads, versions};
use clouddrive_sql::types::{DbId, bytes};
use clouddrive_sql::uploads::{NewVersionRow, crc32, digest, etag};
use diesel::prelude::{BoolExpressionMethods, ExpressionMethods, QueryDsl};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::FutureExt;

use super::locked;
use crate::blob_records::{release, require_usable};
use crate::changes::log;
use crate::counters::charge;
use crate::drive::actor;
use crate::locate;
use crate::names::{insert, insert_beside, insert_if_free, locked_holder, touch};
use crate::receipts::keep;
use crate::unit::{TRIES, together};
use crate::versions::{evict, point};

/// What a new item became.
pub(crate) enum Became {
    /// A node with that name.
    New(Name),
    /// The content of a file.
    Content(Replaced),
}

/// A file whose content is replaced.
pub(crate) struct Replaced {
    /// The file.
    pub(crate) file: NodeId,
    /// Its new revision.
    pub(crate) revision: Revision,
    /// Its former media type.
    pub(crate) media_type: Option<MediaType>,
}

pub(super) async fn run(
    connection: &AsyncPgConnection,
    command: &Command,
    folder: &Grant,
    wish: &Commit,
) -> Outcome<Saved> {
    let viewer = folder.actor();
    // In this order: check the basis of the grant once the upload is locked.
    let upload = locked(connection, wish.upload).await?;
    let place = locate::find(connection, folder.node().id, viewer).await?;
    if upload.sender != viewer {
        return Err(Error::NotFound.into());
    }
    let completion = upload.completion(command.at);
    if let Ok(Completion::Repeat(file)) = completion {
        let file = locate::found(connection, file, viewer).await?;
        keep(connection, command, Answer::Changed(&file)).await?;
        return Ok(file.into());
    }
    if upload.folder != folder.node().id {
        return Err(Error::NotFound.into());
    }
    let folder = folder.renew(place)?;
    completion?;
    let made = settle(connection, command, folder, &NewFile::of(&upload, wish), Some(&upload)).await?;
    if upload.blob != wish.blob {
        release(connection, &[upload.blob.as_str()], command.at).await?;
    }
    keep(connection, command, Answer::Changed(&made.located)).await?;
    Ok(made)
}

pub(super) async fn create(
    connection: &AsyncPgConnection,
    command: &Command,
    folder: &Grant,
    new: &NewFile,
) -> Outcome<Saved> {
    let folder = locate::renewed(connection, folder).await?;
    let made = settle(connection, command, folder, new, None).await?;
    keep(connection, command, Answer::Made(&made.located)).await?;
    Ok(made)
}

/// Creates a file from `new` in the granted folder, or replaces the content of the one with its name, and completes the
/// upload, if there is one.
async fn settle(
    connection: &AsyncPgConnection,
    command: &Command,
    folder: Grant,
    new: &NewFile,
    upload: Option<&Upload>,
) -> Outcome<Saved> {
    let (viewer, drive) = (folder.actor(), folder.drive());
    let node = node(&folder, new, &new.info.name);
    let became = name(connection, command, &folder, &node, new.info.conflict).await?;
    let (file, revision, kind, content) = match &became {
        Became::New(_) => (new.file, Revision(1), ChangeKind::FileCreated, new.content(None, command.at)),
        Became::Content(it) => {
            let content = new.content(it.media_type.as_ref(), command.at);
            (it.file, it.revision, ChangeKind::FileReplaced, content)
        }
    };
    // This may precede the insertion of the new version: no other version has its blob.
    let disposal = match &became {
        Became::New(_) => Disposal::default(),
        Became::Content(it) => evict(connection, command, drive, it.file, new.version, new.most_versions).await?,
    };
    let charged = Charge {
        reserved: upload.and_then(|upload| upload.announced).unwrap_or(0),
        stored: content.size,
        freed: disposal.given_back,
        entries: u64::from(kind == ChangeKind::FileCreated),
    };
    let maker = actor(connection, &folder).await?;
    together([
        attach(connection, &new.blob, &new.stored).boxed(),
        insert_version(connection, NewVersionRow::of(&content, (file, revision), viewer)).boxed(),
        close(connection, command, upload, file).boxed(),
        added(connection, command, &folder, &became).boxed(),
        log(connection, command, kind, Some(drive), Some(file)).boxed(),
        // Last, to lock the drive's counters as briefly as possible.
        charge(connection, drive, charged).boxed(),
    ])
    .await?;
    let located = match became {
        Became::Content(it) => locate::found(connection, it.file, viewer).await?,
        Became::New(name) => {
            let node = self::node(&folder, new, &name);
            node.located(folder.into_located(), maker, NodeBody::File(content), command.at)
        }
    };
    Ok(Saved { located, freed: disposal.freed()? })
}

fn node<'a>(folder: &Grant, new: &NewFile, name: &'a Name) -> NewNode<'a> {
    let content = Some((new.version, new.stored.size));
    NewNode { id: new.file, drive: folder.drive(), parent: folder.node().id, name, content }
}

/// Sets the folder's modification time, if a node was added to it.
async fn added(connection: &AsyncPgConnection, command: &Command, folder: &Grant, became: &Became) -> Outcome<()> {
    match became {
        Became::New(_) => touch(connection, command, folder.node().id).await,
        Became::Content(_) => Ok(()),
    }
}

/// Adds `node` to the granted folder, or makes it the content of the file that has its name. The unique index decides
/// who gets the name, not a query. The caller inserts the version, and [evicts](evict) superfluous ones.
pub(crate) async fn name(
    connection: &AsyncPgConnection,
    command: &Command,
    folder: &Grant,
    node: &NewNode<'_>,
    conflict: ConflictPolicy,
) -> Outcome<Became> {
    match (conflict, node.content) {
        (ConflictPolicy::Fail, _) | (ConflictPolicy::Replace, None) => {
            insert(connection, command, node).await?;
            Ok(Became::New(node.name.clone()))
        }
        (ConflictPolicy::Keep, _) => Ok(Became::New(insert_beside(connection, command, node).await?)),
        (ConflictPolicy::Replace, Some(content)) => {
            for _ in 0..TRIES {
                if insert_if_free(connection, command, node).await? {
                    return Ok(Became::New(node.name.clone()));
                }
                match locked_holder(connection, node.parent, node.name).await? {
                    Some(holder) if holder.item.kind == NodeKind::File => {
                        return replace(connection, command, folder, holder.item.id, content).await;
                    }
                    Some(holder) => return Err(Taken::for_file(node.parent, holder).into()),
                    None => {}
                }
            }
            Err(Error::unavailable("database", "a name changes hands too fast").into())
        }
    }
}

/// Points the locked `file` at the version that the caller inserts next.
async fn replace(
    connection: &AsyncPgConnection,
    command: &Command,
    folder: &Grant,
    file: NodeId,
    (version, size): (VersionId, u64),
) -> Outcome<Became> {
    let grant = authorize(locate::find(connection, file, folder.actor()).await?, Action::Replace)?;
    let revision = point(connection, command, &grant, (version, size)).await?;
    let media_type = grant.node().content().map(|content| content.media_type.clone());
    Ok(Became::Content(Replaced { file, revision, media_type }))
}

/// Records what was stored in the blob and marks it as referenced; it must not have been condemned.
pub(crate) async fn attach(mut connection: &AsyncPgConnection, blob: &BlobKey, stored: &Stored) -> Outcome<()> {
    let usable = blobs::table.filter(blobs::key.eq(blob.as_str()).and(blobs::condemned_at.is_null()));
    let found = diesel::update(usable)
        .set((
            blobs::unreferenced_at.eq(None::<i64>),
            blobs::size_bytes.eq(bytes(stored.size)),
            blobs::sha256.eq(digest(stored.sha256)),
            blobs::etag.eq(etag(stored.tag.as_ref())),
            blobs::crc32.eq(crc32(stored.crc32)),
        ))
        .execute(&mut connection)
        .await?;
    require_usable(found)
}

pub(crate) async fn insert_version(mut connection: &AsyncPgConnection, row: NewVersionRow) -> Outcome<()> {
    diesel::insert_into(versions::table).values(row).execute(&mut connection).await?;
    Ok(())
}

async fn close(
    mut connection: &AsyncPgConnection,
    command: &Command,
    upload: Option<&Upload>,
    file: NodeId,
) -> Outcome<()> {
    let Some(upload) = upload else {
        return Ok(());
    };
    diesel::update(uploads::table.find(DbId::from(upload.id)))
        .set((
            uploads::state.eq("complete"),
            uploads::file_id.eq(DbId::from(file)),
            uploads::ended_at.eq(command.at.as_millis()),
        ))
        .execute(&mut connection)
        .await?;
    Ok(())
}
