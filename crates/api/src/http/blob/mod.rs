//! Signed URLs that lead here: what an S3 store does itself, for blobs on local disk.

mod get;
mod put;

pub(crate) use get::*;
pub(crate) use put::*;
