use actix_web::{HttpResponse, web};
use clouddrive_contract::{ListParameters, RootListing, paths};
use clouddrive_domain::service::FolderService;
use clouddrive_http::extract::{CurrentUser, Query};
use clouddrive_http::problem::Problem;
use clouddrive_http::reply;

use super::page::List;
use crate::cursor::Cursors;
use crate::endpoint::{Access, Endpoint, Idempotency, endpoint, errors};
use crate::map;

pub(super) const ENDPOINT: Endpoint =
    endpoint!(list_root, GET, paths::DRIVE, Access::CALLER, Idempotency::ByMethod, &[errors::LIST, errors::ITEM]);

/// Lists the root of the caller's own drive.
#[utoipa::path(get, path = paths::DRIVE, operation_id = "list_root", tag = "folders", params(ListParameters),
    responses((status = 200, description = "A page of the root", body = RootListing)))]
async fn list_root(
    user: CurrentUser,
    parameters: Query<ListParameters>,
    folders: web::Data<FolderService>,
    cursors: web::Data<Cursors>,
) -> Result<HttpResponse, Problem> {
    let list = List::new(&user.actor.user, None, &parameters.0);
    let (account, page) = folders.list_root(&user.actor, &list.query(&cursors, &parameters.0)?).await?;
    Ok(reply::ok(&RootListing {
        user: map::user(account)?,
        folder: None,
        path: Vec::new(),
        next_cursor: list.next_cursor(&cursors, page.next.as_ref())?,
        items: map::items(page.items)?,
    }))
}
