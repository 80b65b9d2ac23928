use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use clouddrive_contract::{FolderListing, ListParameters};
use clouddrive_domain::model::NodeId;
use clouddrive_domain::service::Folders;
use clouddrive_http::extract::{CurrentUser, PathId, Query};
use clouddrive_http::problem::Outcome;
use clouddrive_http::reply;

use super::page::List;
use crate::cursor::Cursors;
use crate::map;

/// Lists a folder.
#[utoipa::path(get, path = "/drive/{folder_id}", operation_id = "list_folder", tag = "folders",
    params(("folder_id" = Uuid, Path), ListParameters),
    responses((status = 200, description = "A page of the folder", body = FolderListing,
        headers(("ETag" = String)))))]
pub(crate) async fn list(
    user: CurrentUser,
    id: PathId<NodeId>,
    parameters: Query<ListParameters>,
    folders: web::Data<Folders>,
    cursors: web::Data<Cursors>,
) -> Outcome<HttpResponse> {
    let list = List::new(&user.actor.user, Some(id.0), &parameters.0);
    let listing = folders.list(&user.actor, id.0, &list.query(&cursors, &parameters.0)?).await?;
    let body = FolderListing {
        folder: map::folder(listing.folder)?,
        path: map::path(listing.path),
        next_cursor: list.next_cursor(&cursors, listing.page.next.as_ref())?,
        items: map::items(listing.page.items)?,
    };
    Ok(reply::tagged(StatusCode::OK, &body.folder.etag, &body))
}
