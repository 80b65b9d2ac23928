use actix_web::{HttpResponse, web};
use clouddrive_contract::paths;
use clouddrive_domain::model::UserId;
use clouddrive_domain::service::TrashService;
use clouddrive_http::concurrency::ConcurrencyLimit;
use clouddrive_http::extract::CurrentUser;
use clouddrive_http::problem::Problem;
use clouddrive_http::reply;

use crate::endpoint::{Access, Endpoint, Idempotency, endpoint, errors};

pub(super) const ENDPOINT: Endpoint = endpoint!(
    empty,
    DELETE,
    paths::TRASH,
    Access::TRASH_OWNER,
    Idempotency::Described("safe; it answers the same."),
    &[errors::ITEM]
);

/// Empties the caller's trash permanently. Beyond 1,000 files and folders, the rest is deleted in the background.
#[utoipa::path(delete, path = paths::TRASH, operation_id = "empty_trash", tag = "trash",
    responses((status = 204, description = "The trash is empty")))]
async fn empty(
    user: CurrentUser,
    bulk: web::Data<ConcurrencyLimit<UserId>>,
    trash: web::Data<TrashService>,
) -> Result<HttpResponse, Problem> {
    let _permit = bulk.acquire(user.actor.user).await?;
    trash.empty(&user.actor).await?;
    Ok(reply::no_content())
}
