//! Signed URLs served by this server, for blobs on local disk; S3 serves its own.

mod get;
mod put;

pub(crate) use get::*;
pub(crate) use put::*;

use actix_web::{HttpRequest, web};
use clouddrive_domain::service::SignedBlobService;

/// Whether this server serves its signed URLs; otherwise the store does.
pub(crate) fn is_local(request: &HttpRequest) -> bool {
    request.app_data::<web::Data<SignedBlobService>>().is_some()
}
