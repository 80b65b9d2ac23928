use actix_web::{HttpResponse, web};
use clouddrive_contract::{Code, paths};
use clouddrive_domain::model::{NodeId, UserId};
use clouddrive_domain::service::TrashService;
use clouddrive_http::concurrency::ConcurrencyLimit;
use clouddrive_http::extract::{CurrentUser, IfMatch, PathId};
use clouddrive_http::problem::Problem;
use clouddrive_http::reply;

use crate::annotations::IfMatchParam;
use crate::endpoint::{Access, Endpoint, Idempotency, endpoint, errors};

pub(super) const ENDPOINT: Endpoint = endpoint!(
    purge,
    DELETE,
    paths::TRASHED_ITEM,
    Access::TRASH_OWNER,
    Idempotency::ByMethod,
    &[errors::ITEM, &[Code::PreconditionFailed]]
);

/// Deletes an item in the caller's trash permanently, with everything below it. Beyond 1,000 files and folders, the
/// rest is deleted in the background.
#[utoipa::path(delete, path = paths::TRASHED_ITEM, operation_id = "purge_item", tag = "trash",
    params(("item_id" = Uuid, Path), IfMatchParam),
    responses((status = 204, description = "It is gone")))]
async fn purge(
    user: CurrentUser,
    id: PathId<NodeId>,
    wanted: IfMatch,
    bulk: web::Data<ConcurrencyLimit<UserId>>,
    trash: web::Data<TrashService>,
) -> Result<HttpResponse, Problem> {
    let _permit = bulk.acquire(user.actor.user).await?;
    trash.purge(&user.actor, id.0, &wanted.0).await?;
    Ok(reply::no_content())
}
