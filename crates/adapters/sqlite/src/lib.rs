#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

mod accounts;
mod blob_records;
mod changes;
mod database;
mod drive;
mod fault;
mod locate;
mod lock;
mod names;
mod sessions;
mod shares;
mod throttle;
mod uploads;
mod users;

pub use database::{Database, Options};
pub use lock::ServerLock;
