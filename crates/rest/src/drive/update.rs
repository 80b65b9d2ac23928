use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use clouddrive_contract::{Code, Folder, PatchFolder, paths};
use clouddrive_domain::model::NodeId;
use clouddrive_domain::port::MetadataUpdate;
use clouddrive_domain::service::FolderService;
use clouddrive_http::extract::{CurrentUser, IfMatch, Json, PathId};
use clouddrive_http::problem::Problem;
use clouddrive_http::reply;

use crate::annotations::IfMatchParam;
use crate::endpoint::{Access, Endpoint, Idempotency, endpoint, errors};
use crate::{map, parse};

pub(super) const ENDPOINT: Endpoint = endpoint!(
    update,
    PATCH,
    paths::FOLDER,
    Access::RELOCATE,
    Idempotency::ByMethod,
    &[errors::BODY, errors::JSON, errors::RELOCATE, &[Code::FolderCycle]]
);

/// Renames or moves a folder, or both at once. If the name is taken, `folder_conflict` decides; what is replaced can be
/// restored from the trash.
#[utoipa::path(patch, path = paths::FOLDER, operation_id = "patch_folder", tag = "folders",
    params(("folder_id" = Uuid, Path), IfMatchParam),
    request_body = PatchFolder,
    responses((status = 200, description = "The folder", body = Folder, headers(("ETag" = String)))))]
async fn update(
    user: CurrentUser,
    id: PathId<NodeId>,
    wanted: IfMatch,
    body: Json<PatchFolder>,
    folders: web::Data<FolderService>,
) -> Result<HttpResponse, Problem> {
    let (name, parent) = (body.0.folder_name.as_deref(), body.0.parent_folder_id);
    let relocation =
        parse::relocation_request("folder_name", name, parent, body.0.folder_conflict, MetadataUpdate::default())?;
    let folder = folders.relocate(&user.actor, id.0, relocation, &wanted.0).await?;
    let folder = map::folder(folder)?;
    Ok(reply::with_etag(StatusCode::OK, &folder.etag, &folder))
}
