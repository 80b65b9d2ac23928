#![doc = include_str!("../README.md")]

mod figures;
mod maintenance;
mod outage;
mod purge_trash;
mod remove_drive;
mod steps;
mod worker;

use std::time::Duration;

use clouddrive_domain::service::{GarbageCollector, JobQueue, Purges, ServiceContext};

/// Does the background work of a server until `stop` resolves: periodic maintenance every `interval`, and queued jobs.
/// The attempts of jobs that run then come to an end first, after their current steps, so that their leases hold up no
/// other instance; maintenance just ends.
pub async fn run(
    collector: GarbageCollector,
    queue: JobQueue,
    purges: Purges,
    context: ServiceContext,
    interval: Duration,
    stop: impl Future<Output = ()>,
) {
    tokio::select! {
        () = worker::work(queue, purges, context.clone(), stop) => {}
        never = maintenance::collect(collector, context, interval) => match never {},
    }
}
