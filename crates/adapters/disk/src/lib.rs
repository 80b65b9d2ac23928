#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

mod checksums;
mod direct;
mod draft;
mod files;
mod layout;
mod manifest;
mod parts;
mod place;
mod reader;
mod signing;
mod space;
mod store;
mod workers;

pub use direct::DiskUploads;
pub use signing::DiskUrls;
pub use store::DiskStore;
