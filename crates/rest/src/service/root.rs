use actix_web::HttpResponse;
use clouddrive_contract::{ServiceInfo, paths};
use clouddrive_http::reply;

use crate::endpoint::{Access, Endpoint, Idempotency, endpoint};

pub(super) const ENDPOINT: Endpoint = endpoint!(root, GET, paths::ROOT, Access::Public, Idempotency::ByMethod, &[]);

/// Returns the name and version of the service.
#[utoipa::path(get, path = paths::ROOT, operation_id = "root", tag = "service",
    responses((status = 200, description = "The server runs", body = ServiceInfo)))]
async fn root() -> HttpResponse {
    reply::ok(&ServiceInfo {
        message: "CloudDrive API".to_owned(),
        status: "running".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    })
}
