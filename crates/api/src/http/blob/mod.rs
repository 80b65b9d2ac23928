//! Signed URLs served by this server, for blobs on local disk; S3 serves its own.

mod get;
mod put;

pub(crate) use get::*;
pub(crate) use put::*;
