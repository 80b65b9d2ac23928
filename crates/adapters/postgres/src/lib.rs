#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

mod accounts;
mod blob_records;
mod changes;
mod client;
mod connector;
mod content;
mod database;
mod drive;
mod error;
mod examine;
mod idempotency_records;
mod jobs;
mod link_downloads;
mod links;
mod locate;
mod migrations;
mod name_keys;
mod names;
mod options;
mod placement;
mod pooler;
mod quota;
mod renumbering;
mod retry;
mod search;
mod sessions;
mod shares;
mod target;
mod task_leases;
mod throttle;
mod tls;
mod transaction;
mod trash;
mod trees;
mod uploads;
mod users;
mod versions;

pub use database::Database;
pub use examine::Examination;
pub use options::{DISABLED_PLANNER_SETTINGS, Options};
pub use pooler::POOLER_ADVICE;
pub use search::Postgres;
pub use target::{ConnectionParams, InvalidTarget, Target};
