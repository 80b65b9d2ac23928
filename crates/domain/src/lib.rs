#![doc = include_str!("../README.md")]
//!
//! # Where to begin
//!
//! | to | see |
//! | --- | --- |
//! | embed a drive | [`FolderService`](service::FolderService), [`FileService`](service::FileService), [`UploadService`](service::UploadService), [`ShareService`](service::ShareService) |
//! | write a database adapter | [`UserRepository`](port::UserRepository) and [`NodeRepository`](port::NodeRepository), then the others in [`Repositories`](port::Repositories) |
//! | write a blob store | [`BlobStore`](port::BlobStore); for signed URLs [`DirectUploadStore`](port::DirectUploadStore) and [`UrlPresigner`](port::UrlPresigner) |
//! | understand access | [`authorize`](model::authorize), [`Grant`](model::Grant), [`Located`](model::Located), [`Action`](model::Action) |
//! | map errors to a protocol | [`Error`](enum@Error), and [`Field`](error::Field) for invalid input |
#![deny(missing_docs)]

pub mod caller;
pub mod error;
#[cfg(any(test, feature = "mock"))]
pub mod mock;
pub mod model;
pub mod port;
pub mod service;

#[cfg(test)]
mod testing;

pub use error::{Error, Result};

// The ports use their types and macros: adapters need the same versions.
pub use {async_trait, bytes, futures_core, uuid};
