//! Commits: turning an upload into a file.

use clouddrive_domain::Error;
use clouddrive_domain::model::{ChangeKind, Charge, Command, CommandOutcome, Completion, Grant};
use clouddrive_domain::port::{Commit, ReceivedFile, SavedNode};
use clouddrive_sql::blob_records::ReleasedContents;
use clouddrive_sql::error::SqlError;
use clouddrive_sql::names::NewNode;
use clouddrive_sql::placement::PlacementOutcome;
use clouddrive_sql::schema::uploads;
use clouddrive_sql::statement::update;
use clouddrive_sql::types::DbId;
use clouddrive_sql::versions::NewVersionRow;
use diesel::prelude::*;

use super::find;
use crate::blob_records::release;
use crate::changes::record_change;
use crate::content::{insert_version, prune_versions, reference_blob};
use crate::idempotency_records::store_response;
use crate::locate;
use crate::names::touch;
use crate::placement::place_by_name;
use crate::quota::charge_quota;

pub(super) fn run(
    connection: &mut SqliteConnection,
    command: &Command,
    folder: &Grant,
    spec: &Commit,
) -> Result<SavedNode, SqlError> {
    let actor = folder.actor();
    let upload = find(connection, spec.upload)?.filter(|upload| upload.sender == actor).ok_or(Error::NotFound)?;
    let completion = upload.completion(command.at);
    if let Ok(Completion::Repeat(file)) = completion {
        let file = locate::get(connection, file, actor)?;
        store_response(connection, command, CommandOutcome::Changed(&file))?;
        return Ok(file.into());
    }
    let folder = folder.renew(locate::find(connection, upload.folder, actor)?)?;
    completion?;
    let made = create_or_replace(
        connection,
        command,
        &folder,
        &ReceivedFile::from_commit(&upload, spec),
        upload.announced.unwrap_or(0),
    )?;
    update(uploads::table.find(DbId::from(upload.id)))
        .set((
            uploads::state.eq("complete"),
            uploads::file_id.eq(DbId::from(made.located.node.id)),
            uploads::ended_at.eq(command.at.as_millis()),
        ))
        .execute(connection)?;
    if upload.blob != spec.blob.key {
        release(connection, upload.blob.as_str(), command.at)?;
    }
    store_response(connection, command, CommandOutcome::Changed(&made.located))?;
    Ok(made)
}

pub(super) fn create(
    connection: &mut SqliteConnection,
    command: &Command,
    folder: &Grant,
    new: &ReceivedFile,
) -> Result<SavedNode, SqlError> {
    let folder = locate::reauthorize(connection, folder)?;
    let made = create_or_replace(connection, command, &folder, new, 0)?;
    store_response(connection, command, CommandOutcome::Made(&made.located))?;
    Ok(made)
}

/// Creates a file from `new` in the granted folder, or replaces the content of the one with its name. `reserved` bytes
/// were reserved for it.
fn create_or_replace(
    connection: &mut SqliteConnection,
    command: &Command,
    folder: &Grant,
    new: &ReceivedFile,
    reserved: u64,
) -> Result<SavedNode, SqlError> {
    let (actor, drive, parent) = (folder.actor(), folder.drive(), folder.node().id);
    let size = new.stored.size;
    let node = NewNode { id: new.file, drive, parent, name: &new.info.name, content: Some((new.version, size)) };
    let placement = place_by_name(connection, command, folder, &node, new.info.conflict)?;
    let (file, revision, kind, content) = placement.file(new, command.at);
    reference_blob(connection, &new.blob.key, &new.stored)?;
    insert_version(connection, NewVersionRow::new(&content, (file, revision), actor))?;
    let released = match &placement {
        PlacementOutcome::Created(_) => {
            touch(connection, command, parent)?;
            ReleasedContents::default()
        }
        PlacementOutcome::Replaced(_) => {
            prune_versions(connection, command, drive, file, new.version, new.max_versions)?
        }
    };
    let entries = u64::from(kind == ChangeKind::FileCreated);
    charge_quota(connection, drive, Charge { reserved, stored: size, freed: released.credited_bytes, entries })?;
    record_change(connection, command, placement.change(kind, &node))?;
    Ok(SavedNode { located: locate::get(connection, file, actor)?, freed: released.unreferenced()? })
}
