#![doc = include_str!("../README.md")]

pub mod access_check;
mod attendance;
pub mod authn;
pub mod body;
mod client;
pub mod compress;
pub mod concurrency;
pub mod conditions;
pub mod content_response;
pub mod cors;
pub mod detached;
pub mod extract;
pub mod form;
pub mod idempotency_key;
pub mod map;
mod metrics;
pub mod middleware;
pub mod problem;
pub mod reply;
pub mod server;
