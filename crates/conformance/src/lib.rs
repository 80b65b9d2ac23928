#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

pub mod accounts;
pub mod ambient;
pub mod blob_records;
pub mod blobs;
pub mod changes;
pub mod chores;
pub mod direct_uploads;
pub mod drive;
pub mod link_access;
pub mod link_downloads;
pub mod link_tokens;
pub mod links;
pub mod name_keys;
pub mod passwords;
mod persistence;
pub mod photos;
pub mod receipts;
mod samples;
pub mod search;
pub mod sessions;
pub mod shares;
pub mod signed_urls;
pub mod staged_uploads;
pub mod throttle;
pub mod tokens;
pub mod trash;
pub mod trees;
pub mod uploads;
pub mod users;
pub mod versions;
mod world;

pub use persistence::Persistence;
