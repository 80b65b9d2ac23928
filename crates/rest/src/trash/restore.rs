use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use clouddrive_contract::{Code, Item, RestoreItem, paths};
use clouddrive_domain::model::NodeId;
use clouddrive_domain::service::TrashService;
use clouddrive_http::extract::{CurrentUser, IfMatch, OptionalJson, PathId};
use clouddrive_http::problem::Problem;
use clouddrive_http::reply;

use crate::annotations::IfMatchParam;
use crate::endpoint::{Access, Endpoint, Idempotency, endpoint, errors};
use crate::{map, parse};

const USERS: &str = "the owner. For an hour also the guest who deleted the item and still has `edit` on the folder.";

pub(super) const ENDPOINT: Endpoint = endpoint!(
    restore,
    POST,
    paths::TRASHED_ITEM_RESTORE,
    Access::Token(USERS),
    Idempotency::Keyed,
    &[errors::BODY, errors::JSON, errors::DELETE, &[Code::CrossDriveMove]]
);

/// Restores a file or folder from the caller's trash, including one below a deleted folder. If the name is taken, a
/// number is added. A guest who deleted an item may restore it to its original place within an hour, while they may
/// still edit that folder.
#[utoipa::path(post, path = paths::TRASHED_ITEM_RESTORE, operation_id = "restore_item", tag = "trash",
    params(("item_id" = Uuid, Path), IfMatchParam),
    request_body = Option<RestoreItem>,
    responses((status = 200, description = "The file or folder", body = Item, headers(("ETag" = String)))))]
async fn restore(
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
