use actix_web::{HttpResponse, web};
use clouddrive_domain::model::UploadId;

use crate::http::extract::{CurrentUser, PathId};
use crate::http::problem::Outcome;
use crate::http::{App, reply};

/// Aborts an upload and releases its reservation.
#[utoipa::path(delete, path = "/upload/{upload_id}", operation_id = "abort_upload", tag = "uploads",
    params(("upload_id" = Uuid, Path)),
    responses((status = 204, description = "The upload is over")))]
pub(crate) async fn abort(user: CurrentUser, id: PathId<UploadId>, app: web::Data<App>) -> Outcome<HttpResponse> {
    app.uploads.abort(&user.actor, id.0).await?;
    Ok(reply::done())
}
