#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

mod blob_path;
mod checksums;
mod direct;
mod files;
mod layout;
mod manifest;
mod parts;
mod reader;
mod signing;
mod space;
mod store;
mod temp_blob;
mod workers;

pub use direct::DiskUploads;
pub use signing::DiskUrls;
pub use store::DiskStore;
