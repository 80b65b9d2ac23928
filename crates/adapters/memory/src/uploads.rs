mod commit;

use async_trait::async_trait;
use clouddrive_domain::model::{
    Action, Change, ChangeKind, Charge, Command, CommandOutcome, DriveId, Grant, Job, Limit, NodeKind, Placement,
    Quota, Timestamp, Upload, UploadId, UploadPosition, UploadState, UserId, authorize,
};
use clouddrive_domain::port::{Commit, NewUpload, OpenUpload, ReceivedFile, SavedNode, UploadRepository};
use clouddrive_domain::{Error, Result};

use crate::blob_records::give_back_reserved;
use crate::changes::log;
use crate::idempotency_records::store_response;
use crate::jobs::{has_discard_job, queue};
use crate::locate::{self, person};
use crate::page::newest_first;
use crate::placement;
use crate::state::{State, UploadRow};
use crate::{Database, content, quota};

fn find(state: &State, upload: UploadId) -> Result<&Upload> {
    state.uploads.get(&upload).map(|row| &row.upload).ok_or(Error::NotFound)
}

/// The uploads that are recorded as open, by expiry.
fn open(state: &State) -> Vec<&Upload> {
    let uploads = state.uploads.values().map(|row| &row.upload);
    let mut open: Vec<&Upload> = uploads.filter(|upload| upload.state == UploadState::Open).collect();
    open.sort_by_key(|upload| (upload.expires_at, upload.id));
    open
}

/// Whether the upload goes into the user's own drive.
fn is_into_drive_of(state: &State, upload: &Upload, user: UserId) -> bool {
    state.drives.get(&upload.drive).is_some_and(|drive| drive.owner == Some(user))
}

fn begin(state: &mut State, command: &Command, folder: &Grant, opening: &NewUpload) -> Result<Quota> {
    let upload = &opening.upload;
    let folder = locate::reauthorize(state, folder)?;
    let is_running = |own: &&Upload| own.sender == upload.sender && own.expires_at > command.at;
    let running = open(state).into_iter().filter(is_running).count();
    if running >= opening.max_open as usize {
        return Err(NewUpload::too_many_open(running));
    }
    let file = &upload.file;
    let (placement, _) = placement::plan(state, folder.node().id, &file.name, NodeKind::File, file.conflict)?;
    let entries = u64::from(placement != Placement::Replacing);
    let bytes = upload.announced.unwrap_or(0);
    quota::check(state, upload.drive, Charge { stored: bytes, entries, ..Charge::default() })?;
    let drive = state.drives.get_mut(&upload.drive).ok_or(Error::NotFound)?;
    drive.quota.reserved += bytes;
    let quota = drive.quota;
    let blob = upload.blob_ref()?;
    content::record(state, &blob.key, &blob.store, command.at, None)?;
    state.uploads.put(upload.id, UploadRow { upload: upload.clone(), ended_at: None });
    log(state, command, Change::for_upload(ChangeKind::UploadBegun, upload));
    store_response(state, command, CommandOutcome::UploadStarted(upload))?;
    Ok(quota)
}

fn extend(state: &mut State, command: &Command, folder: &Grant, id: UploadId, until: Timestamp) -> Result<()> {
    let folder = locate::reauthorize(state, folder)?;
    let upload = find(state, id)?.clone();
    if (upload.sender, upload.folder) != (folder.actor(), folder.node().id) {
        return Err(Error::NotFound);
    }
    upload.require_open(command.at)?;
    if let Some(row) = state.uploads.get_mut(&id).filter(|_| until > upload.expires_at) {
        row.upload.expires_at = until;
        log(state, command, Change::for_upload(ChangeKind::UploadExtended, &upload));
    }
    store_response(state, command, CommandOutcome::Again)
}

/// Ends an open upload that did not become a file: releases its reservation, and queues the deletion of its bytes.
fn end(state: &mut State, command: &Command, upload: &Upload, to: UploadState, kind: ChangeKind) {
    if let Some(row) = state.uploads.get_mut(&upload.id) {
        (row.upload.state, row.ended_at) = (to, Some(command.at));
    }
    quota::release(state, upload.drive, upload.announced.unwrap_or(0));
    content::release(state, &upload.blob, command.at);
    log(state, command, Change::for_upload(kind, upload));
    queue(state, command.at, Job::DiscardUpload(upload.id));
}

/// Aborts up to `max` open uploads for which `is_meant` holds, and returns the number.
pub(crate) fn abort_where(
    state: &mut State,
    command: &Command,
    max: u32,
    is_meant: impl Fn(&State, &Upload) -> bool,
) -> usize {
    let before = &*state;
    let meant = open(before).into_iter().filter(|upload| is_meant(before, upload)).take(max as usize);
    let meant: Vec<Upload> = meant.cloned().collect();
    for upload in &meant {
        end(state, command, upload, UploadState::Aborted, ChangeKind::UploadAborted);
    }
    meant.len()
}

/// Aborts the open uploads of `sender`.
pub(crate) fn abort_all(state: &mut State, command: &Command, sender: UserId) {
    abort_where(state, command, u32::MAX, |_, upload| upload.sender == sender);
}

/// Aborts the open uploads of guests into `drive` whose senders have lost the right to add to their folder. An owner's
/// own wait in a trashed folder, which may be restored.
pub(crate) fn end_without_right(state: &mut State, command: &Command, drive: DriveId) {
    abort_where(state, command, u32::MAX, |state, upload| {
        let may_add = || authorize(locate::find(state, upload.folder, upload.sender), Action::AddTo).is_ok();
        upload.drive == drive && !is_into_drive_of(state, upload, upload.sender) && !may_add()
    });
}

fn expire_due(state: &mut State, command: &Command, max: u32) -> Vec<Upload> {
    let due = open(state).into_iter().filter(|upload| upload.expires_at <= command.at).take(max as usize);
    let due: Vec<Upload> = due.cloned().collect();
    for upload in &due {
        end(state, command, upload, UploadState::Expired, ChangeKind::UploadExpired);
    }
    due
}

fn find_ended(state: &State, upload: UploadId) -> Option<&Upload> {
    find(state, upload).ok().filter(|upload| upload.ended_without_file())
}

fn note_discarded(state: &mut State, at: Timestamp, upload: UploadId) {
    let Some(Upload { drive, blob, .. }) = find_ended(state, upload).cloned() else { return };
    state.jobs.remove(&Job::DiscardUpload(upload));
    give_back_reserved(state, &blob);
    if state.drives.get(&drive).is_some_and(|row| row.owner.is_none()) {
        queue(state, at, Job::RemoveDrive(drive));
    }
}

fn list(state: &State, user: UserId, now: Timestamp, after: Option<UploadPosition>, limit: Limit) -> Vec<OpenUpload> {
    let is_shown =
        |upload: &&Upload| upload.expires_at > now && (upload.sender == user || is_into_drive_of(state, upload, user));
    let after = after.map(|position| (position.at, position.id));
    let open = open(state).into_iter().filter(is_shown);
    let page = newest_first(open, |upload| (upload.created_at, upload.id), after, limit);
    let shown = |upload: &Upload| OpenUpload {
        sender: person(state, upload.sender),
        folder: locate::find(state, upload.folder, user),
        upload: upload.clone(),
    };
    page.into_iter().map(shown).collect()
}

#[async_trait]
impl UploadRepository for Database {
    async fn begin(&self, command: &Command, folder: &Grant, opening: &NewUpload) -> Result<Quota> {
        self.write(|state| begin(state, command, folder, opening))
    }

    async fn find(&self, upload: UploadId, sender: UserId) -> Result<Option<Upload>> {
        self.read(|state| Ok(find(state, upload).ok().filter(|upload| upload.sender == sender).cloned()))
    }

    async fn find_ended(&self, upload: UploadId) -> Result<Option<Upload>> {
        self.read(|state| Ok(find_ended(state, upload).cloned()))
    }

    async fn find_abortable(&self, upload: UploadId, user: UserId) -> Result<Option<Upload>> {
        self.read(|state| {
            let may_abort = |upload: &&Upload| {
                let into_own = upload.state == UploadState::Open && is_into_drive_of(state, upload, user);
                upload.sender == user || into_own
            };
            Ok(find(state, upload).ok().filter(may_abort).cloned())
        })
    }

    async fn list(
        &self,
        user: UserId,
        now: Timestamp,
        after: Option<UploadPosition>,
        limit: Limit,
    ) -> Result<Vec<OpenUpload>> {
        self.read(|state| Ok(list(state, user, now, after, limit)))
    }

    async fn extend(&self, command: &Command, folder: &Grant, upload: UploadId, until: Timestamp) -> Result<()> {
        self.write(|state| extend(state, command, folder, upload, until))
    }

    async fn commit(&self, command: &Command, folder: &Grant, commit: &Commit) -> Result<SavedNode> {
        self.write(|state| commit::commit(state, command, folder, commit))
    }

    async fn create(&self, command: &Command, folder: &Grant, new: &ReceivedFile) -> Result<SavedNode> {
        self.write(|state| commit::create(state, command, folder, new))
    }

    async fn abort(&self, command: &Command, upload: UploadId) -> Result<()> {
        self.write(|state| {
            let upload = find(state, upload)?.clone();
            if upload.abortion(command.at)? {
                end(state, command, &upload, UploadState::Aborted, ChangeKind::UploadAborted);
            }
            Ok(())
        })
    }

    async fn list_aborted(&self, at: Timestamp, after: Option<UploadId>, max: u32) -> Result<Vec<Upload>> {
        self.read(|state| {
            let aborted = state.uploads.values().filter(|row| {
                let is_after = after.is_none_or(|after| row.upload.id > after);
                is_after && row.upload.state == UploadState::Aborted && row.ended_at == Some(at)
            });
            Ok(aborted.map(|row| row.upload.clone()).take(max as usize).collect())
        })
    }

    async fn expire_due(&self, command: &Command, max: u32) -> Result<Vec<Upload>> {
        self.write(|state| Ok(expire_due(state, command, max)))
    }

    async fn note_discarded(&self, at: Timestamp, uploads: &[UploadId]) -> Result<()> {
        self.write(|state| {
            for upload in uploads {
                note_discarded(state, at, *upload);
            }
            Ok(())
        })
    }

    async fn prune_ended(&self, before: Timestamp, max: u32) -> Result<u32> {
        self.write(|state| {
            let State { uploads, jobs, .. } = state;
            let is_due = |row: &UploadRow| row.ended_at.is_some_and(|at| at < before);
            Ok(uploads.remove_where(max, |row| is_due(row) && !has_discard_job(jobs, row.upload.id)))
        })
    }

    async fn count_open(&self) -> Result<u64> {
        self.read(|state| Ok(open(state).len() as u64))
    }
}
