//! The client address that the audit events of a request include.

use std::net::IpAddr;

tokio::task_local! {
    /// The client address of the current request.
    static ADDRESS: Option<IpAddr>;
}

/// Runs `work` for a client at `address`, which its audit events include.
pub async fn from<T>(address: Option<IpAddr>, work: impl Future<Output = T>) -> T {
    ADDRESS.scope(address, work).await
}

/// The client address of the current request, for a task that does part of its work.
pub fn address() -> Option<IpAddr> {
    ADDRESS.try_with(|address| *address).ok().flatten()
}
