#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

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
mod trash;
mod uploads;
mod users;
mod versions;

pub use database::{Database, Options};
pub use lock::ServerLock;
