use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use clouddrive_contract::{Code, File, paths};
use clouddrive_domain::service::VersionService;
use clouddrive_http::extract::{CurrentUser, IfMatch, VersionPath};
use clouddrive_http::problem::Problem;
use clouddrive_http::reply;

use crate::annotations::IfMatchParam;
use crate::endpoint::{Access, Endpoint, Idempotency, endpoint, errors};
use crate::map;

pub(super) const ENDPOINT: Endpoint = endpoint!(
    restore,
    POST,
    paths::VERSION_RESTORE,
    Access::FILE_EDITOR,
    Idempotency::Keyed,
    &[errors::DELETE, &[Code::QuotaExceeded]]
);

/// Restores a former version of a file as a new current version, which counts against the quota. Requires edit
/// permission. If the version is already current, nothing changes.
#[utoipa::path(post, path = paths::VERSION_RESTORE, operation_id = "restore_version",
    tag = "versions",
    params(("file_id" = Uuid, Path), ("version_id" = Uuid, Path), IfMatchParam),
    responses((status = 200, description = "The file", body = File, headers(("ETag" = String)))))]
async fn restore(
    user: CurrentUser,
    path: VersionPath,
    wanted: IfMatch,
    versions: web::Data<VersionService>,
) -> Result<HttpResponse, Problem> {
    let file = map::file(versions.restore(&user.actor, path.0, path.1, &wanted.0).await?)?;
    Ok(reply::with_etag(StatusCode::OK, &file.etag, &file))
}
