//! Work that outlives its request: a handler is dropped as soon as the client disconnects.

use clouddrive_domain::caller::{caller, on_behalf_of};
use clouddrive_domain::{Error, Result};
use tokio::task::JoinHandle;
use tracing::Instrument;

use crate::audit;
use crate::problem::Problem;

/// Spawns `work` as part of the same request, on behalf of the same caller.
pub fn spawn_detached<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
    tokio::spawn(on_behalf_of(caller(), audit::with_client_address(audit::client_address(), work)).in_current_span())
}

/// Runs `work` to its end, with or without the client: a transaction commits without its caller, and what follows the
/// commit must not be left out, such as deleting bytes that it released.
pub async fn run_to_completion<T: Send + 'static>(
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T, Problem> {
    let done = spawn_detached(work).await.map_err(|error| Error::internal("request", error))?;
    Ok(done?)
}
