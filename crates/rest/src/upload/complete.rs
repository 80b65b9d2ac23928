use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use clouddrive_contract::{Code, CompleteUpload, File, paths};
use clouddrive_domain::model::UploadId;
use clouddrive_domain::service::{CompletionOptions, UploadService};
use clouddrive_http::extract::{CurrentUser, OptionalJson, PathId};
use clouddrive_http::problem::Problem;
use clouddrive_http::reply;

use crate::endpoint::{Access, Endpoint, Idempotency, endpoint, errors};
use crate::{map, parse};

pub(super) const ENDPOINT: Endpoint = endpoint!(
    complete,
    POST,
    paths::UPLOAD_COMPLETE,
    Access::UPLOADER,
    Idempotency::Keyed,
    &[
        errors::BODY,
        errors::JSON,
        errors::ITEM,
        &[Code::PermissionDenied, Code::QuotaExceeded, Code::NameTaken],
        &[Code::UploadIncomplete, Code::UploadClosed, Code::UploadExpired],
        &[Code::SizeMismatch, Code::ChecksumMismatch],
    ]
);

/// Completes an upload whose bytes have all arrived, creating the file. A repeat returns the same file. 409
/// `upload_incomplete` names the missing parts, which may still be sent. 422 `checksum_mismatch` means that the SHA-256
/// of the bytes differs from the announced one: no file is changed.
#[utoipa::path(post, path = paths::UPLOAD_COMPLETE, operation_id = "complete_upload", tag = "uploads",
    params(("upload_id" = Uuid, Path)), request_body = Option<CompleteUpload>,
    responses((status = 200, description = "The file", body = File, headers(("ETag" = String)))))]
async fn complete(
    user: CurrentUser,
    id: PathId<UploadId>,
    body: OptionalJson<CompleteUpload>,
    uploads: web::Data<UploadService>,
) -> Result<HttpResponse, Problem> {
    let options = CompletionOptions {
        conflict: body.0.file_conflict.map(parse::conflict),
        sha256: body.0.sha256.as_deref().map(parse::sha256).transpose()?,
    };
    let file = uploads.complete(&user.actor, id.0, options).await?;
    let file = map::file(file)?;
    Ok(reply::with_etag(StatusCode::OK, &file.etag, &file))
}
