#![doc = include_str!("../README.md")]

mod maintenance;

use std::time::Duration;

use clouddrive_domain::service::{GarbageCollector, ServiceContext};

/// Does the background work of a server, with periodic maintenance every `interval`, until it is dropped.
pub async fn run(collector: GarbageCollector, context: ServiceContext, interval: Duration) {
    maintenance::collect(collector, context, interval).await;
}
