use actix_web::HttpResponse;
use clouddrive_contract::Health;
use clouddrive_http::reply;

/// Liveness check. It accesses no database or store.
#[utoipa::path(get, path = "/health", operation_id = "health", tag = "service", security(()),
    responses((status = 200, description = "The process is up", body = Health)))]
pub(crate) async fn health() -> HttpResponse {
    reply::ok(&Health { status: "healthy".to_owned() })
}
