use actix_web::{HttpResponse, web};

use crate::http::extract::{CurrentUser, IfMatch, VersionPath};
use crate::http::problem::Outcome;
use crate::http::{App, reply};

/// Deletes a former version of a file permanently. Owner only. The current version cannot be deleted.
#[utoipa::path(delete, path = "/file/{file_id}/version/{version_id}", operation_id = "delete_version", tag = "versions",
    params(("file_id" = Uuid, Path), ("version_id" = Uuid, Path),
        ("If-Match" = Option<String>, Header, description = "The ETag that the file must have")),
    responses((status = 204, description = "It is gone")))]
pub(crate) async fn delete(
    user: CurrentUser,
    path: VersionPath,
    wanted: IfMatch,
    app: web::Data<App>,
) -> Outcome<HttpResponse> {
    app.versions.delete(&user.actor, path.0, path.1, &wanted.0).await?;
    Ok(reply::done())
}
