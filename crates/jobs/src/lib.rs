#![doc = include_str!("../README.md")]

mod convert;
mod discard_upload;
mod maintenance;
mod outage;
mod purge_trash;
mod remove_drive;
mod services;
mod steps;
mod supervise;
#[cfg(test)]
mod testing;
mod worker;

use std::time::Duration;

use clouddrive_domain::service::{GarbageCollector, JobQueue, ServiceContext};

pub use services::JobServices;
pub use supervise::supervise;

/// Does the background work of a server until `stop` resolves: periodic maintenance every `interval`, and queued jobs.
/// The attempts of jobs that run then come to an end first, after their current steps, so that their leases hold up no
/// other instance; maintenance just ends.
pub async fn run(
    collector: GarbageCollector,
    queue: JobQueue,
    services: JobServices,
    context: ServiceContext,
    interval: Duration,
    stop: impl Future<Output = ()>,
) {
    tokio::select! {
        () = worker::work(queue, services, context.clone(), stop) => {}
        never = maintenance::collect(collector, context, interval) => match never {},
    }
}
