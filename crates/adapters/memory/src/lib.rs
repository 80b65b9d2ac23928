#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

mod accounts;
mod blob_records;
mod changes;
mod content;
mod database;
mod drive;
mod effects;
mod idempotency_records;
mod jobs;
mod link_downloads;
mod links;
mod locate;
mod name_keys;
mod names;
mod page;
mod placement;
mod quota;
mod search;
mod sessions;
mod shares;
mod state;
mod store;
mod table;
mod task_leases;
mod throttle;
mod trash;
mod trees;
mod uploads;
mod users;
mod versions;

pub use database::Database;
pub use effects::{AuditLog, ManualClock, SeededRandom, TestPasswords};
pub use store::MemoryBlobStore;
