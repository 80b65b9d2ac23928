use actix_web::HttpResponse;
use clouddrive_contract::{Health, paths};
use clouddrive_http::reply;

use crate::endpoint::{Access, Endpoint, Idempotency, endpoint};

pub(super) const ENDPOINT: Endpoint = endpoint!(health, GET, paths::HEALTH, Access::Public, Idempotency::ByMethod, &[]);

/// Liveness check. It accesses no database or store.
#[utoipa::path(get, path = paths::HEALTH, operation_id = "health", tag = "service",
    responses((status = 200, description = "The process is up", body = Health)))]
async fn health() -> HttpResponse {
    reply::ok(&Health { status: "healthy".to_owned() })
}
