use actix_web::{HttpResponse, web};
use clouddrive_contract::{PatchShare, Share};
use clouddrive_domain::model::ShareId;

use crate::http::extract::{CurrentUser, Json, PathId};
use crate::http::problem::Outcome;
use crate::http::{App, map, parse, reply};

/// Changes the permission of a share, immediately and for everything below the item.
#[utoipa::path(patch, path = "/share/{share_id}", operation_id = "patch_share", tag = "sharing",
    params(("share_id" = Uuid, Path)), request_body = PatchShare,
    responses((status = 200, description = "The share", body = Share)))]
pub(crate) async fn patch(
    user: CurrentUser,
    id: PathId<ShareId>,
    body: Json<PatchShare>,
    app: web::Data<App>,
) -> Outcome<HttpResponse> {
    let permission = parse::permission(body.0.permission);
    let share = app.shares.change(&user.actor, id.0, permission).await?;
    Ok(reply::ok(&map::share(share)?))
}
