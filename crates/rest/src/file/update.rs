use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use clouddrive_contract::{File, PatchFile, paths};
use clouddrive_domain::model::NodeId;
use clouddrive_domain::port::MetadataUpdate;
use clouddrive_domain::service::FileService;
use clouddrive_http::extract::{CurrentUser, IfMatch, Json, PathId};
use clouddrive_http::problem::Problem;
use clouddrive_http::reply;

use crate::annotations::IfMatchParam;
use crate::endpoint::{Access, Endpoint, Idempotency, endpoint, errors};
use crate::{map, parse};

pub(super) const ENDPOINT: Endpoint = endpoint!(
    update,
    PATCH,
    paths::FILE,
    Access::RELOCATE,
    Idempotency::ByMethod,
    &[errors::BODY, errors::JSON, errors::RELOCATE]
);

/// Renames or moves a file, or changes its media type or client modification time; several at once are possible. If the
/// name is taken, `file_conflict` decides; what is replaced can be restored from the trash.
#[utoipa::path(patch, path = paths::FILE, operation_id = "patch_file", tag = "files",
    params(("file_id" = Uuid, Path), IfMatchParam),
    request_body = PatchFile,
    responses((status = 200, description = "The file", body = File, headers(("ETag" = String)))))]
async fn update(
    user: CurrentUser,
    id: PathId<NodeId>,
    wanted: IfMatch,
    body: Json<PatchFile>,
    files: web::Data<FileService>,
) -> Result<HttpResponse, Problem> {
    let metadata = MetadataUpdate {
        media_type: body.0.content_type.as_deref().map(parse::media_type).transpose()?,
        client_modified_at: body.0.client_modified_at.map(parse::timestamp),
    };
    let (name, parent) = (body.0.file_name.as_deref(), body.0.parent_folder_id);
    let relocation = parse::relocation_request("file_name", name, parent, body.0.file_conflict, metadata)?;
    let file = map::file(files.relocate(&user.actor, id.0, relocation, &wanted.0).await?)?;
    Ok(reply::with_etag(StatusCode::OK, &file.etag, &file))
}
