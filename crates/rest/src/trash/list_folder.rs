use actix_web::{HttpResponse, web};
use clouddrive_contract::{ListParameters, TrashedFolder, paths};
use clouddrive_domain::model::NodeId;
use clouddrive_domain::service::TrashService;
use clouddrive_http::extract::{CurrentUser, PathId, Query};
use clouddrive_http::problem::Problem;
use clouddrive_http::reply;

use crate::cursor::Cursors;
use crate::drive::List;
use crate::endpoint::{Access, Endpoint, Idempotency, endpoint, errors};
use crate::map;

pub(super) const ENDPOINT: Endpoint = endpoint!(
    list_folder,
    GET,
    paths::TRASHED_FOLDER,
    Access::TRASH_OWNER,
    Idempotency::ByMethod,
    &[errors::LIST, errors::ITEM]
);

/// Lists the contents of a folder in the caller's trash, at any depth. Each item can be restored on its own. Items that
/// were deleted separately are not included: `GET /trash` lists them.
#[utoipa::path(get, path = paths::TRASHED_FOLDER, operation_id = "list_trashed_folder", tag = "trash",
    params(("item_id" = Uuid, Path), ListParameters),
    responses((status = 200, description = "A page of the folder", body = TrashedFolder)))]
async fn list_folder(
    user: CurrentUser,
    id: PathId<NodeId>,
    parameters: Query<ListParameters>,
    trash: web::Data<TrashService>,
    cursors: web::Data<Cursors>,
) -> Result<HttpResponse, Problem> {
    let list = List::new(&format_args!("trash {}", user.actor.user), Some(id.0), &parameters.0);
    let page = trash.list_folder(&user.actor, id.0, &list.query(&cursors, &parameters.0)?).await?;
    let next_cursor = list.next_cursor(&cursors, page.next.as_ref())?;
    Ok(reply::ok(&TrashedFolder { items: map::items(page.items)?, next_cursor }))
}
