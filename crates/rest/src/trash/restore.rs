use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use clouddrive_contract::{Item, RestoreItem};
use clouddrive_domain::model::NodeId;
use clouddrive_domain::service::TrashService;
use clouddrive_http::extract::{CurrentUser, IfMatch, OptionalJson, PathId};
use clouddrive_http::problem::Problem;
use clouddrive_http::reply;

use crate::annotations::IfMatchParam;
use crate::{map, parse};

/// Restores a file or folder from the caller's trash, including one below a deleted folder. If the name is taken, a
/// number is added. A guest who deleted an item may restore it to its original place within an hour, while they may
/// still edit that folder.
#[utoipa::path(post, path = "/trash/{item_id}/restore", operation_id = "restore_item", tag = "trash",
    params(("item_id" = Uuid, Path), IfMatchParam),
    request_body = Option<RestoreItem>,
    responses((status = 200, description = "The file or folder", body = Item, headers(("ETag" = String)))))]
pub(crate) async fn restore(
    user: CurrentUser,
    id: PathId<NodeId>,
    wanted: IfMatch,
    body: OptionalJson<RestoreItem>,
    trash: web::Data<TrashService>,
) -> Result<HttpResponse, Problem> {
    let to = body.0.parent_folder_id.map(parse::destination);
    let item = map::item(trash.restore(&user.actor, id.0, to, &wanted.0).await?)?;
    Ok(reply::with_etag(StatusCode::OK, item.etag(), &item))
}
