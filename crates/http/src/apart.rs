//! Work that outlives its request: a handler is dropped as soon as the client disconnects.

use clouddrive_domain::caller::{caller, on_behalf_of};
use clouddrive_domain::{Error, Result};
use tokio::task::JoinHandle;
use tracing::Instrument;

use crate::audit;
use crate::problem::Outcome;

/// Spawns `work` as part of the same request, on behalf of the same caller.
pub fn apart<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
    tokio::spawn(on_behalf_of(caller(), audit::from(audit::address(), work)).in_current_span())
}

/// Runs `work` to its end, with or without the client: a transaction commits without its caller, and what follows the
/// commit must not be left out, such as deleting bytes that it released.
pub async fn to_the_end<T: Send + 'static>(work: impl Future<Output = Result<T>> + Send + 'static) -> Outcome<T> {
    let done = apart(work).await.map_err(|fault| Error::internal("request", fault))?;
    Ok(done?)
}
