//! Commits: turning an upload into a file.

use clouddrive_domain::Error;
use clouddrive_domain::model::{
    ChangeKind, Charge, Command, CommandOutcome, Completion, Grant, Name, NodeBody, NodeId, Upload,
};
use clouddrive_domain::port::{Commit, ReceivedFile, SavedNode};
use clouddrive_sql::blob_records::ReleasedContents;
use clouddrive_sql::error::SqlError;
use clouddrive_sql::names::NewNode;
use clouddrive_sql::placement::PlacementOutcome;
use clouddrive_sql::schema::uploads;
use clouddrive_sql::statement::update;
use clouddrive_sql::types::DbId;
use clouddrive_sql::versions::NewVersionRow;
use diesel::prelude::{ExpressionMethods, QueryDsl};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::FutureExt;

use super::locked;
use crate::blob_records::release;
use crate::changes::record_change;
use crate::content::{insert_version, prune_versions, reference_blob};
use crate::idempotency_records::store_response;
use crate::locate::{self, actor};
use crate::names::touch;
use crate::placement::place_by_name;
use crate::quota::charge_quota;
use crate::transaction::pipeline;

pub(super) async fn run(
    connection: &AsyncPgConnection,
    command: &Command,
    folder: &Grant,
    spec: &Commit,
) -> Result<SavedNode, SqlError> {
    let viewer = folder.actor();
    // In this order: check the basis of the grant once the upload is locked.
    let upload = locked(connection, spec.upload).await?;
    let place = locate::find(connection, folder.node().id, viewer).await?;
    if upload.sender != viewer {
        return Err(Error::NotFound.into());
    }
    let completion = upload.completion(command.at);
    if let Ok(Completion::Repeat(file)) = completion {
        let file = locate::get(connection, file, viewer).await?;
        store_response(connection, command, CommandOutcome::Changed(&file)).await?;
        return Ok(file.into());
    }
    if upload.folder != folder.node().id {
        return Err(Error::NotFound.into());
    }
    let folder = folder.renew(place)?;
    completion?;
    let made = create_or_replace(connection, command, folder, &ReceivedFile::from_commit(&upload, spec), Some(&upload))
        .await?;
    if upload.blob != spec.blob.key {
        release(connection, &[upload.blob.as_str()], command.at).await?;
    }
    store_response(connection, command, CommandOutcome::Changed(&made.located)).await?;
    Ok(made)
}

pub(super) async fn create(
    connection: &AsyncPgConnection,
    command: &Command,
    folder: &Grant,
    new: &ReceivedFile,
) -> Result<SavedNode, SqlError> {
    let folder = locate::reauthorize(connection, folder).await?;
    let made = create_or_replace(connection, command, folder, new, None).await?;
    store_response(connection, command, CommandOutcome::Made(&made.located)).await?;
    Ok(made)
}

/// Creates a file from `new` in the granted folder, or replaces the content of the one with its name, and completes the
/// upload, if there is one.
async fn create_or_replace(
    connection: &AsyncPgConnection,
    command: &Command,
    folder: Grant,
    new: &ReceivedFile,
    upload: Option<&Upload>,
) -> Result<SavedNode, SqlError> {
    let (viewer, drive) = (folder.actor(), folder.drive());
    let node = node(&folder, new, &new.info.name);
    let placement = place_by_name(connection, command, &folder, &node, new.info.conflict).await?;
    let (file, revision, kind, content) = placement.file(new, command.at);
    // This may precede the insertion of the new version: no other version has its blob.
    let released = match &placement {
        PlacementOutcome::Created(_) => ReleasedContents::default(),
        PlacementOutcome::Replaced(_) => {
            prune_versions(connection, command, drive, file, new.version, new.max_versions).await?
        }
    };
    let charged = Charge {
        reserved: upload.and_then(|upload| upload.announced).unwrap_or(0),
        stored: content.size,
        freed: released.credited_bytes,
        entries: u64::from(kind == ChangeKind::FileCreated),
    };
    let creator = actor(connection, &folder).await?;
    pipeline([
        reference_blob(connection, &new.blob.key, &new.stored).boxed(),
        insert_version(connection, NewVersionRow::new(&content, (file, revision), viewer)).boxed(),
        close(connection, command, upload, file).boxed(),
        added(connection, command, &folder, &placement).boxed(),
        record_change(connection, command, placement.change(kind, &node)).boxed(),
        // Last, to lock the drive's counters as briefly as possible.
        charge_quota(connection, drive, charged).boxed(),
    ])
    .await?;
    let located = match placement {
        PlacementOutcome::Replaced(_) => locate::get(connection, file, viewer).await?,
        PlacementOutcome::Created(name) => {
            let node = self::node(&folder, new, &name);
            node.located(folder.into_located(), creator, NodeBody::File(content), command.at)
        }
    };
    Ok(SavedNode { located, freed: released.unreferenced()? })
}

fn node<'a>(folder: &Grant, new: &ReceivedFile, name: &'a Name) -> NewNode<'a> {
    let content = Some((new.version, new.stored.size));
    NewNode { id: new.file, drive: folder.drive(), parent: folder.node().id, name, content }
}

/// Sets the folder's modification time, if a node was added to it.
async fn added(
    connection: &AsyncPgConnection,
    command: &Command,
    folder: &Grant,
    placement: &PlacementOutcome,
) -> Result<(), SqlError> {
    match placement {
        PlacementOutcome::Created(_) => touch(connection, command, folder.node().id).await,
        PlacementOutcome::Replaced(_) => Ok(()),
    }
}

async fn close(
    mut connection: &AsyncPgConnection,
    command: &Command,
    upload: Option<&Upload>,
    file: NodeId,
) -> Result<(), SqlError> {
    let Some(upload) = upload else {
        return Ok(());
    };
    update(uploads::table.find(DbId::from(upload.id)))
        .set((
            uploads::state.eq("complete"),
            uploads::file_id.eq(DbId::from(file)),
            uploads::ended_at.eq(command.at.as_millis()),
        ))
        .execute(&mut connection)
        .await?;
    Ok(())
}
