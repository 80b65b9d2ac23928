use actix_web::{HttpResponse, web};
use clouddrive_contract::{Code, SignParts, SignedParts, paths};
use clouddrive_domain::model::UploadId;
use clouddrive_domain::service::UploadService;
use clouddrive_http::extract::{CurrentUser, Json, PathId};
use clouddrive_http::problem::Problem;
use clouddrive_http::reply;

use crate::endpoint::{Access, Endpoint, Idempotency, endpoint, errors};
use crate::map;

pub(super) const ENDPOINT: Endpoint = endpoint!(
    sign_parts,
    POST,
    paths::UPLOAD_PARTS,
    Access::UPLOADER,
    Idempotency::Keyed,
    &[errors::BODY, errors::JSON, errors::ITEM, &[Code::PermissionDenied, Code::UploadClosed, Code::UploadExpired]]
);

/// Returns fresh URLs for parts of an upload, and extends the upload's lifetime, up to 30 days in total.
#[utoipa::path(post, path = paths::UPLOAD_PARTS, operation_id = "sign_parts", tag = "uploads",
    params(("upload_id" = Uuid, Path)), request_body = SignParts,
    responses((status = 200, description = "The URLs", body = SignedParts)))]
async fn sign_parts(
    user: CurrentUser,
    id: PathId<UploadId>,
    body: Json<SignParts>,
    uploads: web::Data<UploadService>,
) -> Result<HttpResponse, Problem> {
    let (until, parts) = uploads.sign_parts(&user.actor, id.0, &body.0.part_numbers).await?;
    let (parts, urls_expire_at) = map::parts(parts)?;
    Ok(reply::no_store(reply::ok(&SignedParts { parts, urls_expire_at, expires_at: map::time(until)? })))
}
