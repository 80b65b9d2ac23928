#![doc = include_str!("../README.md")]

mod figures;
mod maintenance;
mod purge_trash;
mod remove_drive;
mod steps;
mod worker;

use std::time::Duration;

use clouddrive_domain::service::{Ambient, Collector, JobQueue, Purges};

/// Does the background work of a server until it is dropped: periodic maintenance every `interval`, and queued jobs.
pub async fn run(collector: Collector, queue: JobQueue, purges: Purges, ambient: Ambient, interval: Duration) {
    let jobs = worker::work(queue, purges, ambient.clone());
    tokio::join!(maintenance::collect(collector, ambient, interval), jobs);
}
