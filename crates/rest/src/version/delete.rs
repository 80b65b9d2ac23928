use actix_web::{HttpResponse, web};
use clouddrive_domain::service::VersionService;
use clouddrive_http::extract::{CurrentUser, IfMatch, VersionPath};
use clouddrive_http::problem::Problem;
use clouddrive_http::reply;

use crate::annotations::IfMatchParam;

/// Deletes a former version of a file permanently. Owner only. The current version cannot be deleted.
#[utoipa::path(delete, path = "/file/{file_id}/version/{version_id}", operation_id = "delete_version", tag = "versions",
    params(("file_id" = Uuid, Path), ("version_id" = Uuid, Path), IfMatchParam),
    responses((status = 204, description = "It is gone")))]
pub(crate) async fn delete(
    user: CurrentUser,
    path: VersionPath,
    wanted: IfMatch,
    versions: web::Data<VersionService>,
) -> Result<HttpResponse, Problem> {
    versions.delete(&user.actor, path.0, path.1, &wanted.0).await?;
    Ok(reply::no_content())
}
