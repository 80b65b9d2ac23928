//! Finishes the purges of a drive that were too large for the requests that began them, or interrupted.

use std::sync::atomic::AtomicBool;

use clouddrive_domain::Result;
use clouddrive_domain::model::{DriveId, RequestId};
use clouddrive_domain::service::{JobProgress, PurgeService};

use crate::steps::in_steps;

pub(crate) async fn run(
    purges: &PurgeService,
    drive: DriveId,
    request: &RequestId,
    stopping: &AtomicBool,
) -> Result<JobProgress> {
    in_steps(stopping, || purges.purge(drive, request)).await
}
