use actix_web::{HttpResponse, web};
use clouddrive_contract::{VersionWithDownload, paths};
use clouddrive_domain::service::VersionService;
use clouddrive_http::extract::{CurrentUser, VersionPath};
use clouddrive_http::problem::Problem;
use clouddrive_http::reply;

use crate::endpoint::{Access, Endpoint, Idempotency, endpoint, errors};
use crate::map;

pub(super) const ENDPOINT: Endpoint =
    endpoint!(get, GET, paths::VERSION, Access::VIEWER, Idempotency::ByMethod, &[errors::ITEM]);

/// Returns a version of a file with a short-lived download URL.
#[utoipa::path(get, path = paths::VERSION, operation_id = "get_version", tag = "versions",
    params(("file_id" = Uuid, Path), ("version_id" = Uuid, Path)),
    responses((status = 200, description = "The version", body = VersionWithDownload)))]
async fn get(
    user: CurrentUser,
    path: VersionPath,
    versions: web::Data<VersionService>,
) -> Result<HttpResponse, Problem> {
    let (version, url) = versions.download(&user.actor, path.0, path.1).await?;
    let body = VersionWithDownload { version: map::version(version)?, download: map::download(url)? };
    Ok(reply::no_store(reply::ok(&body)))
}
