use actix_web::{HttpResponse, web};
use clouddrive_contract::{CreateFolder, Folder};
use clouddrive_domain::model::NodeId;
use clouddrive_domain::service::FolderService;
use clouddrive_http::extract::{CurrentUser, Json};
use clouddrive_http::problem::Problem;
use clouddrive_http::reply;

use crate::{map, parse};

/// Creates a folder.
#[utoipa::path(post, path = "/drive", operation_id = "create_folder", tag = "folders", request_body = CreateFolder,
    responses((status = 201, description = "The folder", body = Folder,
        headers(("Location" = String), ("ETag" = String)))))]
pub(crate) async fn create(
    user: CurrentUser,
    body: Json<CreateFolder>,
    folders: web::Data<FolderService>,
) -> Result<HttpResponse, Problem> {
    let name = parse::name("folder_name", &body.0.folder_name)?;
    let parent = body.0.parent_folder_id.map(NodeId::from_uuid);
    let folder = map::folder(folders.create(&user.actor, parent, &name).await?)?;
    Ok(reply::created_with_etag(format!("/drive/{}", folder.id), &folder.etag, &folder))
}
