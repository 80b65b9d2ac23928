use actix_web::{HttpResponse, web};
use clouddrive_domain::model::UploadId;
use clouddrive_domain::service::UploadService;
use clouddrive_http::detached::run_to_completion;
use clouddrive_http::extract::{CurrentUser, PathId};
use clouddrive_http::problem::Problem;
use clouddrive_http::reply;

/// Aborts an upload and releases its reservation.
#[utoipa::path(delete, path = "/upload/{upload_id}", operation_id = "abort_upload", tag = "uploads",
    params(("upload_id" = Uuid, Path)),
    responses((status = 204, description = "The upload is over")))]
pub(crate) async fn abort(
    user: CurrentUser,
    id: PathId<UploadId>,
    uploads: web::Data<UploadService>,
) -> Result<HttpResponse, Problem> {
    run_to_completion(async move { uploads.abort(&user.actor, id.0).await }).await?;
    Ok(reply::no_content())
}
