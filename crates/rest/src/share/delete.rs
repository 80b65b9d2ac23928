use actix_web::{HttpResponse, web};
use clouddrive_contract::paths;
use clouddrive_domain::model::ShareId;
use clouddrive_domain::service::ShareService;
use clouddrive_http::extract::{CurrentUser, PathId};
use clouddrive_http::problem::Problem;
use clouddrive_http::reply;

use crate::endpoint::{Access, Endpoint, Idempotency, endpoint, errors};

pub(super) const ENDPOINT: Endpoint = endpoint!(
    delete,
    DELETE,
    paths::SHARE,
    Access::Token("the owner of the item, or the guest, who leaves."),
    Idempotency::ByMethod,
    &[errors::ITEM]
);

/// Ends a share: the owner revokes it, or the guest leaves it.
#[utoipa::path(delete, path = paths::SHARE, operation_id = "delete_share", tag = "sharing",
    params(("share_id" = Uuid, Path)),
    responses((status = 204, description = "The share is over")))]
async fn delete(
    user: CurrentUser,
    id: PathId<ShareId>,
    shares: web::Data<ShareService>,
) -> Result<HttpResponse, Problem> {
    shares.revoke(&user.actor, id.0).await?;
    Ok(reply::no_content())
}
