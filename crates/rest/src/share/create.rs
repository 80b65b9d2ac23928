use actix_web::{HttpResponse, web};
use clouddrive_contract::{CreateShare, Share};
use clouddrive_domain::model::LoginIdentifier;
use clouddrive_domain::service;
use clouddrive_http::extract::{CurrentUser, Json};
use clouddrive_http::problem::Problem;
use clouddrive_http::reply;

use crate::{map, parse};

/// Shares a file or folder with another user.
#[utoipa::path(post, path = "/share", operation_id = "create_share", tag = "sharing", request_body = CreateShare,
    responses((status = 201, description = "The share", body = Share, headers(("Location" = String)))))]
pub(crate) async fn create(
    user: CurrentUser,
    body: Json<CreateShare>,
    shares: web::Data<service::ShareService>,
) -> Result<HttpResponse, Problem> {
    let item = parse::one_item(body.0.share_object_type, body.0.file_id, body.0.folder_id)?;
    let guest = LoginIdentifier::parse(&body.0.username);
    let permission = parse::permission(body.0.permission)?;
    let share = map::share(shares.create(&user.actor, item, &guest, permission).await?)?;
    Ok(reply::created(format!("/share/{}", share.id), &share))
}
