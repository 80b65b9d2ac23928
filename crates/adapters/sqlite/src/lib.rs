#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

mod accounts;
mod blob_records;
mod changes;
mod connector;
mod content;
mod database;
mod drive;
mod error;
mod idempotency_records;
mod jobs;
mod link_downloads;
mod links;
mod locate;
mod lock;
mod name_keys;
mod names;
mod placement;
mod quota;
mod reserve;
mod search;
mod sessions;
mod shares;
mod task_leases;
mod throttle;
mod trash;
mod trees;
mod uploads;
mod users;
mod versions;
mod writer;

pub use database::{Database, Options};
pub use lock::ServerLock;
