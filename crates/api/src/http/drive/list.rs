use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use clouddrive_contract::{FolderListing, ListParameters};
use clouddrive_domain::model::NodeId;

use super::page::List;
use crate::http::extract::{CurrentUser, PathId, Query};
use crate::http::problem::Outcome;
use crate::http::{App, map, reply};

/// Lists a folder.
#[utoipa::path(get, path = "/drive/{folder_id}", operation_id = "list_folder", tag = "folders",
    params(("folder_id" = Uuid, Path), ListParameters),
    responses((status = 200, description = "A page of the folder", body = FolderListing,
        headers(("ETag" = String)))))]
pub(crate) async fn list(
    user: CurrentUser,
    id: PathId<NodeId>,
    parameters: Query<ListParameters>,
    app: web::Data<App>,
) -> Outcome<HttpResponse> {
    let list = List::new(&user.actor.user, Some(id.0), &parameters.0);
    let listing = app.folders.list(&user.actor, id.0, &list.query(&app, &parameters.0)?).await?;
    let body = FolderListing {
        folder: map::folder(listing.folder)?,
        path: map::path(listing.path),
        next_cursor: list.next_cursor(&app, listing.page.next.as_ref())?,
        items: map::items(listing.page.items)?,
    };
    Ok(reply::tagged(StatusCode::OK, &body.folder.etag, &body))
}
