#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

pub mod effects;
mod files;
mod fixture;
mod identity;
mod maintenance;
mod persistence;
mod samples;
mod sharing;
mod storage;

pub use files::{changes, drive, name_keys, search, trash, trees, uploads, versions};
pub use identity::{accounts, passwords, photos, sessions, throttle, tokens, users};
pub use maintenance::{idempotency_records, jobs, task_leases};
pub use persistence::Persistence;
pub use sharing::{link_access, link_downloads, link_tokens, links, shares};
pub use storage::{blob_records, blobs, direct_uploads, signed_urls, staged_uploads};
