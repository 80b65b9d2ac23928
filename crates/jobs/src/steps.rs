//! Jobs that consist of many short steps.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clouddrive_domain::Result;
use clouddrive_domain::service::JobProgress;
use tokio::time::Instant;

/// How many steps one attempt does, and for how long it begins further ones. After that other jobs get their turn, and
/// the job gets a new lease, long before the old one runs out.
const MAX_STEPS: u32 = 20;
const MAX_DURATION: Duration = Duration::from_secs(30);

/// Repeats `step` until nothing is left to do, or the attempt has done its share, or the server is `stopping`.
pub(crate) async fn in_steps<Step: Future<Output = Result<JobProgress>>>(
    stopping: &AtomicBool,
    step: impl Fn() -> Step,
) -> Result<JobProgress> {
    let begun = Instant::now();
    for _ in 0..MAX_STEPS {
        if step().await? == JobProgress::Done {
            return Ok(JobProgress::Done);
        }
        if stopping.load(Ordering::Relaxed) || begun.elapsed() > MAX_DURATION {
            break;
        }
    }
    Ok(JobProgress::More)
}
