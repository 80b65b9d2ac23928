use actix_web::{HttpResponse, web};
use clouddrive_contract::{Code, paths};
use clouddrive_domain::model::UploadId;
use clouddrive_domain::service::UploadService;
use clouddrive_http::extract::{CurrentUser, PathId};
use clouddrive_http::problem::Problem;
use clouddrive_http::reply;

use crate::endpoint::{Access, Endpoint, Idempotency, endpoint, errors};

pub(super) const ENDPOINT: Endpoint = endpoint!(
    abort,
    DELETE,
    paths::UPLOAD,
    Access::UPLOADER_OR_DRIVE_OWNER,
    Idempotency::Described("safe; the uploader gets the same answer, the owner of the drive 404 `not_found`."),
    &[errors::ITEM, &[Code::UploadClosed]]
);

/// Aborts an upload and releases its reservation.
#[utoipa::path(delete, path = paths::UPLOAD, operation_id = "abort_upload", tag = "uploads",
    params(("upload_id" = Uuid, Path)),
    responses((status = 204, description = "The upload is over")))]
async fn abort(
    user: CurrentUser,
    id: PathId<UploadId>,
    uploads: web::Data<UploadService>,
) -> Result<HttpResponse, Problem> {
    uploads.abort(&user.actor, id.0).await?;
    Ok(reply::no_content())
}
