#![doc = include_str!("../README.md")]

mod account;
mod annotations;
mod archive;
mod blob;
mod cursor;
mod digests;
mod drive;
mod file;
mod idempotent;
mod kept;
mod link;
mod list;
pub mod map;
pub mod openapi;
mod parse;
mod profile_photo;
mod routes;
mod search;
mod service;
mod services;
mod share;
mod trash;
mod upload;
mod version;
mod visit;
mod zip;

pub use archive::ArchiveUrls;
pub use cursor::Cursors;
pub use digests::Digests;
pub use kept::write_answer;
pub use service::{Part, check};
pub use services::Services;
