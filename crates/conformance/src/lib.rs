#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

pub mod accounts;
pub mod ambient;
pub mod blob_records;
pub mod blobs;
pub mod changes;
pub mod direct_uploads;
pub mod drive;
pub mod passwords;
mod persistence;
pub mod photos;
mod samples;
pub mod sessions;
pub mod shares;
pub mod signed_urls;
pub mod throttle;
pub mod tokens;
pub mod uploads;
pub mod users;
mod world;

pub use persistence::Persistence;
