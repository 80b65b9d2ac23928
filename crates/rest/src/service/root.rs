use actix_web::HttpResponse;
use clouddrive_contract::ServiceInfo;
use clouddrive_http::reply;

/// Returns the name and version of the service.
#[utoipa::path(get, path = "/", operation_id = "root", tag = "service", security(()),
    responses((status = 200, description = "The server runs", body = ServiceInfo)))]
pub(crate) async fn root() -> HttpResponse {
    reply::ok(&ServiceInfo {
        message: "CloudDrive API".to_owned(),
        status: "running".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    })
}
