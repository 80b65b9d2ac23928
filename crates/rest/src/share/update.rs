use actix_web::{HttpResponse, web};
use clouddrive_contract::{PatchShare, Share};
use clouddrive_domain::model::ShareId;
use clouddrive_domain::service::ShareService;
use clouddrive_http::detached::run_to_completion;
use clouddrive_http::extract::{CurrentUser, Json, PathId};
use clouddrive_http::problem::Problem;
use clouddrive_http::reply;

use crate::{map, parse};

/// Changes the permission of a share, immediately and for everything below the item.
#[utoipa::path(patch, path = "/share/{share_id}", operation_id = "patch_share", tag = "sharing",
    params(("share_id" = Uuid, Path)), request_body = PatchShare,
    responses((status = 200, description = "The share", body = Share)))]
pub(crate) async fn update(
    user: CurrentUser,
    id: PathId<ShareId>,
    body: Json<PatchShare>,
    shares: web::Data<ShareService>,
) -> Result<HttpResponse, Problem> {
    let permission = parse::permission(body.0.permission)?;
    let share = run_to_completion(async move { shares.change(&user.actor, id.0, permission).await }).await?;
    Ok(reply::ok(&map::share(share)?))
}
