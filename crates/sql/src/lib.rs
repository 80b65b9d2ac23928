#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

pub mod accounts;
pub mod blob_records;
pub mod changes;
pub mod chores;
pub mod drive;
pub mod fault;
pub mod links;
pub mod locate;
pub mod names;
pub mod page;
pub mod pool;
pub mod receipts;
pub mod schema;
pub mod search;
pub mod sessions;
pub mod shares;
pub mod statement;
pub mod throttle;
pub mod trash;
pub mod trees;
pub mod types;
pub mod uploads;
pub mod users;
pub mod versions;
pub mod watch;
