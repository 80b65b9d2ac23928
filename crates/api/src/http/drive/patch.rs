use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use clouddrive_contract::{Folder, PatchFolder};
use clouddrive_domain::model::NodeId;
use clouddrive_domain::port::Details;

use crate::http::extract::{CurrentUser, IfMatch, Json, PathId};
use crate::http::problem::Outcome;
use crate::http::{App, map, parse, reply};

/// Renames or moves a folder, or both at once.
#[utoipa::path(patch, path = "/drive/{folder_id}", operation_id = "patch_folder", tag = "folders",
    params(("folder_id" = Uuid, Path), ("If-Match" = Option<String>, Header, description = "The ETag that the folder must have")),
    request_body = PatchFolder,
    responses((status = 200, description = "The folder", body = Folder, headers(("ETag" = String)))))]
pub(crate) async fn patch(
    user: CurrentUser,
    id: PathId<NodeId>,
    wanted: IfMatch,
    body: Json<PatchFolder>,
    app: web::Data<App>,
) -> Outcome<HttpResponse> {
    let (name, parent) = (body.0.folder_name.as_deref(), body.0.parent_folder_id);
    let place = parse::new_place("folder_name", name, parent, Details::default())?;
    let folder = app.folders.relocate(&user.actor, id.0, place, &wanted.0).await?;
    let folder = map::folder(folder)?;
    Ok(reply::tagged(StatusCode::OK, &folder.etag, &folder))
}
