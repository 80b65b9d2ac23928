use actix_web::{HttpResponse, web};
use clouddrive_domain::model::ShareId;
use clouddrive_domain::service::ShareService;
use clouddrive_http::detached::run_to_completion;
use clouddrive_http::extract::{CurrentUser, PathId};
use clouddrive_http::problem::Problem;
use clouddrive_http::reply;

/// Ends a share: the owner revokes it, or the guest leaves it.
#[utoipa::path(delete, path = "/share/{share_id}", operation_id = "delete_share", tag = "sharing",
    params(("share_id" = Uuid, Path)),
    responses((status = 204, description = "The share is over")))]
pub(crate) async fn delete(
    user: CurrentUser,
    id: PathId<ShareId>,
    shares: web::Data<ShareService>,
) -> Result<HttpResponse, Problem> {
    run_to_completion(async move { shares.revoke(&user.actor, id.0).await }).await?;
    Ok(reply::no_content())
}
