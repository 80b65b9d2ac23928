use actix_web::{HttpResponse, web};
use clouddrive_contract::{ListParameters, TrashedFolder};
use clouddrive_domain::model::NodeId;
use clouddrive_domain::service::TrashService;
use clouddrive_http::extract::{CurrentUser, PathId, Query};
use clouddrive_http::problem::Problem;
use clouddrive_http::reply;

use crate::cursor::Cursors;
use crate::drive::List;
use crate::map;

/// Lists the contents of a folder in the caller's trash, at any depth. Each item can be restored on its own. Items that
/// were deleted separately are not included: `GET /trash` lists them.
#[utoipa::path(get, path = "/trash/{item_id}/item", operation_id = "list_trashed_folder", tag = "trash",
    params(("item_id" = Uuid, Path), ListParameters),
    responses((status = 200, description = "A page of the folder", body = TrashedFolder)))]
pub(crate) async fn list_folder(
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
