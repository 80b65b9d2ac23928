//! Jobs that consist of many short steps.

use clouddrive_domain::Result;
use clouddrive_domain::service::JobProgress;

/// How many steps one attempt does. After that other jobs get their turn, and the lease is renewed.
const STEPS: u32 = 20;

/// Repeats `step` until nothing is left to do, or the attempt has done its share.
pub(crate) async fn in_steps<Step: Future<Output = Result<JobProgress>>>(
    step: impl Fn() -> Step,
) -> Result<JobProgress> {
    for _ in 0..STEPS {
        if step().await? == JobProgress::Done {
            return Ok(JobProgress::Done);
        }
    }
    Ok(JobProgress::More)
}
