//! Deletes the bytes of an upload that ended without becoming a file.

use clouddrive_domain::Result;
use clouddrive_domain::model::{Timestamp, UploadId};
use clouddrive_domain::service::{EndedUploads, JobProgress};

pub(crate) async fn run(ended: &EndedUploads, upload: UploadId, now: Timestamp) -> Result<JobProgress> {
    ended.finish(upload, now).await?;
    Ok(JobProgress::Done)
}
