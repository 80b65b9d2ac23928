#![doc = include_str!("../README.md")]

mod figures;
mod maintenance;
mod purge_trash;
mod remove_drive;
mod steps;
mod worker;

use std::time::Duration;

use clouddrive_domain::service::{GarbageCollector, JobQueue, Purges, ServiceContext};

/// Does the background work of a server until it is dropped: periodic maintenance every `interval`, and queued jobs.
pub async fn run(
    collector: GarbageCollector,
    queue: JobQueue,
    purges: Purges,
    context: ServiceContext,
    interval: Duration,
) {
    let jobs = worker::work(queue, purges, context.clone());
    tokio::join!(maintenance::collect(collector, context, interval), jobs);
}
