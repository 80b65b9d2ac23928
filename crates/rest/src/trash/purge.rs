use actix_web::{HttpResponse, web};
use clouddrive_domain::model::NodeId;
use clouddrive_domain::model::UserId;
use clouddrive_domain::service::Trash;
use clouddrive_http::extract::{CurrentUser, IfMatch, PathId};
use clouddrive_http::problem::Outcome;
use clouddrive_http::reply;
use clouddrive_http::slots::Slots;

use crate::annotations::IfMatchParam;

/// Deletes an item in the caller's trash permanently, with everything below it. Beyond 1,000 files and folders, the
/// rest is deleted in the background.
#[utoipa::path(delete, path = "/trash/{item_id}", operation_id = "purge_item", tag = "trash",
    params(("item_id" = Uuid, Path), IfMatchParam),
    responses((status = 204, description = "It is gone")))]
pub(crate) async fn purge(
    user: CurrentUser,
    id: PathId<NodeId>,
    wanted: IfMatch,
    bulk: web::Data<Slots<UserId>>,
    trash: web::Data<Trash>,
) -> Outcome<HttpResponse> {
    let _slot = bulk.enter(user.actor.user).await?;
    trash.purge(&user.actor, id.0, &wanted.0).await?;
    Ok(reply::done())
}
