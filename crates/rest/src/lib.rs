#![doc = include_str!("../README.md")]

mod account;
mod annotations;
mod archive;
mod blob;
mod cursor;
mod digests;
mod drive;
mod endpoint;
mod families;
mod file;
mod idempotent;
mod link;
mod list;
pub mod map;
pub mod openapi;
mod parse;
mod profile_photo;
mod public_link;
mod routes;
mod search;
mod service;
mod services;
mod share;
mod stored_response;
mod trash;
mod upload;
mod version;
mod zip;

pub use archive::ArchiveUrls;
pub use cursor::Cursors;
pub use digests::Digests;
pub use service::{HealthCheck, check};
pub use services::Services;
pub use stored_response::encode_response;
