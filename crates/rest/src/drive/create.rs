use actix_web::{HttpResponse, web};
use clouddrive_contract::{Code, CreateFolder, Folder, paths};
use clouddrive_domain::model::NodeId;
use clouddrive_domain::service::FolderService;
use clouddrive_http::extract::{CurrentUser, Json};
use clouddrive_http::problem::Problem;
use clouddrive_http::reply;

use crate::endpoint::{Access, Endpoint, Idempotency, endpoint, errors};
use crate::{map, parse};

pub(super) const ENDPOINT: Endpoint = endpoint!(
    create,
    POST,
    paths::DRIVE,
    Access::CREATE,
    Idempotency::Keyed,
    &[errors::BODY, errors::JSON, errors::ITEM, &[Code::PermissionDenied, Code::NameTaken, Code::QuotaExceeded]]
);

/// Creates a folder.
#[utoipa::path(post, path = paths::DRIVE, operation_id = "create_folder", tag = "folders", request_body = CreateFolder,
    responses((status = 201, description = "The folder", body = Folder,
        headers(("Location" = String), ("ETag" = String)))))]
async fn create(
    user: CurrentUser,
    body: Json<CreateFolder>,
    folders: web::Data<FolderService>,
) -> Result<HttpResponse, Problem> {
    let name = parse::name("folder_name", &body.0.folder_name)?;
    let parent = body.0.parent_folder_id.map(NodeId::from_uuid);
    let folder = map::folder(folders.create(&user.actor, parent, &name).await?)?;
    Ok(reply::created_with_etag(paths::with_id(paths::FOLDER, folder.id), &folder.etag, &folder))
}
