use actix_web::{HttpResponse, web};
use clouddrive_contract::{Code, CreateUpload, CreatedFile, FileForm, paths};
use clouddrive_domain::model::{FileInfo, MediaType, NodeId};
use clouddrive_domain::service::{StartedUpload, UploadService};
use clouddrive_http::extract::{CurrentUser, Json};
use clouddrive_http::problem::Problem;
use clouddrive_http::reply;

use super::create_from_form::create_from_form;
use crate::endpoint::{Access, Endpoint, FormHandler, Idempotency, endpoint, errors};
use crate::{map, parse};

pub(super) const ENDPOINT: Endpoint = Endpoint {
    form: Some(FormHandler::Multipart(|route| route.to(create_from_form))),
    ..endpoint!(
        create,
        POST,
        paths::FILES,
        Access::CREATE,
        Idempotency::Keyed,
        &[
            errors::BODY,
            errors::JSON,
            errors::ITEM,
            &[Code::PermissionDenied, Code::QuotaExceeded, Code::NameTaken],
            &[Code::ChecksumMismatch, Code::SizeMismatch],
        ]
    )
};

/// Starts an upload (JSON), or uploads a whole file (form). The response to JSON is an upload with signed URLs for the
/// bytes; `POST /upload/{upload_id}/complete` then creates the file. A form contains the file, and the response is the
/// file.
#[utoipa::path(post, path = paths::FILES, operation_id = "create_file", tag = "files",
    request_body(content((CreateUpload = "application/json"), (FileForm = "multipart/form-data"))),
    responses((status = 201, description = "An upload (JSON), or the file (form)", body = CreatedFile,
        headers(("Location" = String)))))]
async fn create(
    user: CurrentUser,
    body: Json<CreateUpload>,
    uploads: web::Data<UploadService>,
) -> Result<HttpResponse, Problem> {
    let body = body.0;
    let size = body.file_size_in_bytes;
    let folder = body.parent_folder_id.map(NodeId::from_uuid);
    started(uploads.begin(&user.actor, folder, file_info(&body)?, size).await?)
}

/// The response for a started upload and its first parts.
pub(crate) fn started(started: StartedUpload) -> Result<HttpResponse, Problem> {
    let answer = map::created_upload(started)?;
    let location = paths::with_id(paths::UPLOAD, answer.upload.upload_id);
    Ok(reply::no_store(reply::created(location, &CreatedFile::Upload(Box::new(answer)))))
}

fn file_info(body: &CreateUpload) -> Result<FileInfo, Problem> {
    Ok(FileInfo {
        name: parse::name("file_name", &body.file_name)?,
        media_type: body.content_type.as_deref().map_or_else(|| Ok(MediaType::octet_stream()), parse::media_type)?,
        sha256: body.sha256.as_deref().map(parse::sha256).transpose()?,
        client_modified_at: body.client_modified_at.map(parse::timestamp),
        conflict: body.file_conflict.map(parse::conflict).unwrap_or_default(),
    })
}
