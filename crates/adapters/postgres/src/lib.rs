#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

mod accounts;
mod blob_records;
mod changes;
mod chores;
mod client;
mod connector;
mod content;
mod database;
mod drive;
mod examine;
mod fault;
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
mod receipts;
mod retry;
mod search;
mod sessions;
mod shares;
mod target;
mod throttle;
mod tls;
mod trash;
mod trees;
mod unit;
mod uploads;
mod users;
mod versions;

pub use database::Database;
pub use examine::Examination;
pub use options::{Options, PLANNED_WITHOUT};
pub use pooler::ADVICE as POOLER_ADVICE;
pub use search::Postgres;
pub use target::{InvalidTarget, Parts, Target};
