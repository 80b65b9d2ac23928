use actix_web::{HttpResponse, web};
use clouddrive_contract::{Upload, paths};
use clouddrive_domain::model::UploadId;
use clouddrive_domain::service::UploadService;
use clouddrive_http::extract::{CurrentUser, PathId};
use clouddrive_http::problem::Problem;
use clouddrive_http::reply;

use crate::endpoint::{Access, Endpoint, Idempotency, endpoint, errors};
use crate::map;

pub(super) const ENDPOINT: Endpoint =
    endpoint!(get, GET, paths::UPLOAD, Access::UPLOADER, Idempotency::ByMethod, &[errors::ITEM]);

/// Returns the progress of an upload.
#[utoipa::path(get, path = paths::UPLOAD, operation_id = "get_upload", tag = "uploads",
    params(("upload_id" = Uuid, Path)),
    responses((status = 200, description = "The upload", body = Upload)))]
async fn get(
    user: CurrentUser,
    id: PathId<UploadId>,
    uploads: web::Data<UploadService>,
) -> Result<HttpResponse, Problem> {
    Ok(reply::ok(&map::upload(uploads.progress(&user.actor, id.0).await?)?))
}
