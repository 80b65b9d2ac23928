//! Uploads.

mod access;
mod ended;
mod expressions;
mod rows;

use clouddrive_domain::model::{Charge, NodeId, NodeKind, Placement, Upload, UploadState};

use crate::error::SqlError;
use crate::names::{ExistingEntry, NameConflict};

pub use access::{OpenUploadRow, Senders, by_sender, folders_of, open_into, without_access};
pub use ended::{
    Among, blobs_of_ended, queue_drive_removals, release_reserved, remove_jobs, remove_jobs_by_blob, without_job,
};
pub use expressions::{HasNoJob, IsOpen, StoreOfBlob, due, has_no_job, is_open, open_of, unexpired_of};
pub use rows::{SentUploadRow, UploadColumns, UploadRow, aborted, page};

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
