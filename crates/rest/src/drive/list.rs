use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use clouddrive_contract::{FolderListing, ListParameters, paths};
use clouddrive_domain::model::NodeId;
use clouddrive_domain::service::FolderService;
use clouddrive_http::extract::{CurrentUser, PathId, Query};
use clouddrive_http::problem::Problem;
use clouddrive_http::reply;

use super::page::List;
use crate::cursor::Cursors;
use crate::endpoint::{Access, Endpoint, Idempotency, endpoint, errors};
use crate::map;

pub(super) const ENDPOINT: Endpoint =
    endpoint!(list, GET, paths::FOLDER, Access::VIEWER, Idempotency::ByMethod, &[errors::LIST, errors::ITEM]);

/// Lists a folder.
#[utoipa::path(get, path = paths::FOLDER, operation_id = "list_folder", tag = "folders",
    params(("folder_id" = Uuid, Path), ListParameters),
    responses((status = 200, description = "A page of the folder", body = FolderListing,
        headers(("ETag" = String)))))]
async fn list(
    user: CurrentUser,
    id: PathId<NodeId>,
    parameters: Query<ListParameters>,
    folders: web::Data<FolderService>,
    cursors: web::Data<Cursors>,
) -> Result<HttpResponse, Problem> {
    let list = List::new(&user.actor.user, Some(id.0), &parameters.0);
    let listing = folders.list(&user.actor, id.0, &list.query(&cursors, &parameters.0)?).await?;
    let body = FolderListing {
        folder: map::folder(listing.folder)?,
        path: map::path(listing.path),
        next_cursor: list.next_cursor(&cursors, listing.page.next.as_ref())?,
        items: map::items(listing.page.items)?,
    };
    Ok(reply::with_etag(StatusCode::OK, &body.folder.etag, &body))
}
