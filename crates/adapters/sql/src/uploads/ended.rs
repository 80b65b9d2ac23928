//! Uploads that ended without becoming files, and what is left of them.

use clouddrive_domain::model::{JobKind, Timestamp};

use crate::jobs::queue_each;
use crate::statement::{Parameter, Statement};

/// The condition that the upload in the table or alias `of` has no job, which would still delete its bytes.
#[must_use]
pub fn without_job(of: &str) -> String {
    let kind = JobKind::DiscardUpload.as_str();
    format!("NOT EXISTS (SELECT 1 FROM jobs j WHERE j.kind = '{kind}' AND j.subject_id = {of}.id)")
}

/// Removes the jobs of ended uploads by a condition on `blob_key`, with its parameter: the collector deletes these bytes.
#[must_use]
pub fn remove_jobs_by_blob(condition: &str, keys: Parameter) -> Statement {
    let kind = JobKind::DiscardUpload.as_str();
    let text = format!(
        "DELETE FROM jobs WHERE kind = '{kind}' AND subject_id IN (
            SELECT id FROM uploads WHERE {condition} AND state IN ('aborted', 'expired'))"
    );
    Statement::new(text, vec![keys])
}

/// Uploads, by a condition on their `id` with its parameter.
#[derive(Clone)]
pub struct Among {
    /// The condition.
    pub condition: &'static str,
    /// Its parameter.
    pub parameter: Parameter,
}

impl Among {
    /// Selects `column` of those that ended without becoming files.
    fn ended(&self, column: &str) -> String {
        format!("SELECT {column} FROM uploads WHERE {} AND state IN ('aborted', 'expired')", self.condition)
    }
}

/// Selects the keys of the blobs of these uploads, as [`KeyRow`](crate::blob_records::KeyRow)s in their order.
#[must_use]
pub fn blobs_of_ended(uploads: Among) -> Statement {
    let text = format!("SELECT key FROM blobs WHERE key IN ({}) ORDER BY key", uploads.ended("blob_key"));
    Statement::new(text, vec![uploads.parameter])
}

/// Deletes what was reserved for the blobs of these uploads after their bytes could not be deleted, and returns it as
/// [`HeldBytesRow`](crate::blob_records::HeldBytesRow)s.
#[must_use]
pub fn release_reserved(uploads: Among) -> Statement {
    let text = format!(
        "DELETE FROM held_blobs WHERE blob_key IN ({}) AND counter = 'reserved'
        RETURNING drive_id, size_bytes, counter",
        uploads.ended("blob_key")
    );
    Statement::new(text, vec![uploads.parameter])
}

/// Deletes the jobs of these uploads.
#[must_use]
pub fn remove_jobs(uploads: Among) -> Statement {
    let kind = JobKind::DiscardUpload.as_str();
    let text = format!("DELETE FROM jobs WHERE kind = '{kind}' AND subject_id IN ({})", uploads.ended("id"));
    Statement::new(text, vec![uploads.parameter])
}

/// Queues the removal of the drives of these uploads that have no owner.
#[must_use]
pub fn queue_drive_removals(uploads: Among, at: Timestamp) -> Statement {
    let drives = format!("drives WHERE owner_id IS NULL AND id IN ({})", uploads.ended("drive_id"));
    queue_each(JobKind::RemoveDrive, (&drives, uploads.parameter), at)
}
