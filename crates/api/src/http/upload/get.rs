use actix_web::{HttpResponse, web};
use clouddrive_contract::Upload;
use clouddrive_domain::model::UploadId;

use crate::http::extract::{CurrentUser, PathId};
use crate::http::problem::Outcome;
use crate::http::{App, map, reply};

/// Returns the progress of an upload.
#[utoipa::path(get, path = "/upload/{upload_id}", operation_id = "get_upload", tag = "uploads",
    params(("upload_id" = Uuid, Path)),
    responses((status = 200, description = "The upload", body = Upload)))]
pub(crate) async fn get(user: CurrentUser, id: PathId<UploadId>, app: web::Data<App>) -> Outcome<HttpResponse> {
    Ok(reply::ok(&map::upload(app.uploads.progress(&user.actor, id.0).await?)?))
}
