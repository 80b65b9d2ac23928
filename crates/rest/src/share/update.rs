use actix_web::{HttpResponse, web};
use clouddrive_contract::{Code, PatchShare, Share, paths};
use clouddrive_domain::model::ShareId;
use clouddrive_domain::service::ShareService;
use clouddrive_http::extract::{CurrentUser, Json, PathId};
use clouddrive_http::problem::Problem;
use clouddrive_http::reply;

use crate::endpoint::{Access, Endpoint, Idempotency, endpoint, errors};
use crate::{map, parse};

pub(super) const ENDPOINT: Endpoint = endpoint!(
    update,
    PATCH,
    paths::SHARE,
    Access::OWNER,
    Idempotency::ByMethod,
    &[errors::BODY, errors::JSON, errors::ITEM, &[Code::PermissionDenied]]
);

/// Changes the permission of a share, immediately and for everything below the item.
#[utoipa::path(patch, path = paths::SHARE, operation_id = "patch_share", tag = "sharing",
    params(("share_id" = Uuid, Path)), request_body = PatchShare,
    responses((status = 200, description = "The share", body = Share)))]
async fn update(
    user: CurrentUser,
    id: PathId<ShareId>,
    body: Json<PatchShare>,
    shares: web::Data<ShareService>,
) -> Result<HttpResponse, Problem> {
    let permission = parse::permission(body.0.permission)?;
    let share = shares.change(&user.actor, id.0, permission).await?;
    Ok(reply::ok(&map::share(share)?))
}
