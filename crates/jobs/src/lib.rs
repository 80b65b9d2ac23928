#![doc = include_str!("../README.md")]

mod discard_upload;
mod figures;
mod maintenance;
mod purge_trash;
mod remove_drive;
mod services;
mod steps;
mod worker;

use std::time::Duration;

use clouddrive_domain::service::{GarbageCollector, JobQueue, ServiceContext};

pub use services::JobServices;

/// Does the background work of a server until it is dropped: periodic maintenance every `interval`, and queued jobs.
pub async fn run(
    collector: GarbageCollector,
    queue: JobQueue,
    services: JobServices,
    context: ServiceContext,
    interval: Duration,
) {
    let jobs = worker::work(queue, services, context.clone());
    tokio::join!(maintenance::collect(collector, context, interval), jobs);
}
