#![doc = include_str!("../README.md")]

mod maintenance;

use std::time::Duration;

use clouddrive_domain::service::{Ambient, Collector};

/// Does the background work of a server, with periodic maintenance every `interval`, until it is dropped.
pub async fn run(collector: Collector, ambient: Ambient, interval: Duration) {
    maintenance::collect(collector, ambient, interval).await;
}
