//! Signed URLs served by this server, for blobs on local disk; S3 serves its own.

mod get;
mod put;

use crate::endpoint::Endpoint;

pub(crate) const ENDPOINTS: &[Endpoint] = &[get::ENDPOINT, put::ENDPOINT];
