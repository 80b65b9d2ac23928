//! Commits: bytes become a file, or a new version of one.

use clouddrive_domain::model::{ChangeKind, Charge, Command, CommandOutcome, Completion, Grant, NodeId, UploadState};
use clouddrive_domain::port::{Commit, ReceivedFile, SavedNode};
use clouddrive_domain::{Error, Result};

use super::find;
use crate::changes::log;
use crate::idempotency_records::store_response;
use crate::names::{NewNode, touch};
use crate::placement::place;
use crate::state::State;
use crate::{content, locate, quota};

pub(super) fn commit(state: &mut State, command: &Command, folder: &Grant, commit: &Commit) -> Result<SavedNode> {
    let actor = folder.actor();
    let upload = find(state, commit.upload)?.clone();
    if upload.sender != actor {
        return Err(Error::NotFound);
    }
    let completion = upload.completion(command.at);
    if let Ok(Completion::Repeat(file)) = completion {
        let file = locate::found(state, file, actor)?;
        store_response(state, command, CommandOutcome::Changed(&file))?;
        return Ok(file.into());
    }
    let folder = folder.renew(locate::find(state, upload.folder, actor))?;
    completion?;
    let new = ReceivedFile::from_commit(&upload, commit);
    let made = create_or_replace(state, command, &folder, &new, upload.announced.unwrap_or(0))?;
    close(state, command, commit, made.located.node.id);
    if upload.blob != commit.blob.key {
        content::release(state, &upload.blob, command.at);
    }
    store_response(state, command, CommandOutcome::Changed(&made.located))?;
    Ok(made)
}

fn close(state: &mut State, command: &Command, commit: &Commit, file: NodeId) {
    if let Some(row) = state.uploads.get_mut(&commit.upload) {
        (row.upload.state, row.ended_at) = (UploadState::Complete(file), Some(command.at));
    }
}

pub(super) fn create(state: &mut State, command: &Command, folder: &Grant, new: &ReceivedFile) -> Result<SavedNode> {
    let folder = locate::reauthorize(state, folder)?;
    let made = create_or_replace(state, command, &folder, new, 0)?;
    store_response(state, command, CommandOutcome::Made(&made.located))?;
    Ok(made)
}

/// Creates a file from `new` in the granted folder, or replaces the content of the one with its name. `reserved` bytes
/// were reserved for it.
fn create_or_replace(
    state: &mut State,
    command: &Command,
    folder: &Grant,
    new: &ReceivedFile,
    reserved: u64,
) -> Result<SavedNode> {
    let (actor, drive, parent) = (folder.actor(), folder.drive(), folder.node().id);
    let node = NewNode { id: new.file, drive, parent, name: &new.info.name, version: Some(new.version) };
    let placed = place(state, command, actor, &node, new.info.conflict)?;
    content::attach(state, &new.blob.key, &new.stored)?;
    let version = new.content(placed.media_type.as_ref(), command.at);
    content::add_version(state, (placed.node, placed.revision), &version, actor);
    let released = placed.prune_versions(state, command, &node, new.max_versions);
    let is_new = placed.is_new(&node);
    let (stored, freed) = (new.stored.size, released.credited_bytes);
    quota::charge(state, drive, Charge { reserved, stored, freed, entries: u64::from(is_new) })?;
    if is_new {
        touch(state, command, parent);
    }
    let kind = if is_new { ChangeKind::FileCreated } else { ChangeKind::FileReplaced };
    let file = placed.node;
    let change = placed.change(state, kind, drive);
    log(state, command, change);
    Ok(SavedNode { located: locate::found(state, file, actor)?, freed: released.freed })
}
