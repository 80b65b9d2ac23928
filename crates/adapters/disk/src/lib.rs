#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

mod draft;
mod files;
mod layout;
mod signing;
mod store;
mod workers;

pub use signing::DiskUrls;
pub use store::DiskStore;
