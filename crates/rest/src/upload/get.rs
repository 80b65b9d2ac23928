use actix_web::{HttpResponse, web};
use clouddrive_contract::Upload;
use clouddrive_domain::model::UploadId;
use clouddrive_domain::service::UploadService;
use clouddrive_http::extract::{CurrentUser, PathId};
use clouddrive_http::problem::Problem;
use clouddrive_http::reply;

use crate::map;

/// Returns the progress of an upload.
#[utoipa::path(get, path = "/upload/{upload_id}", operation_id = "get_upload", tag = "uploads",
    params(("upload_id" = Uuid, Path)),
    responses((status = 200, description = "The upload", body = Upload)))]
pub(crate) async fn get(
    user: CurrentUser,
    id: PathId<UploadId>,
    uploads: web::Data<UploadService>,
) -> Result<HttpResponse, Problem> {
    Ok(reply::ok(&map::upload(uploads.progress(&user.actor, id.0).await?)?))
}
