use actix_web::{HttpResponse, web};
use clouddrive_contract::{CreateShare, Share};
use clouddrive_domain::model::Handle;

use crate::http::extract::{CurrentUser, Json};
use crate::http::problem::Outcome;
use crate::http::{App, map, parse, reply};

/// Shares a file or folder with another user.
#[utoipa::path(post, path = "/share", operation_id = "create_share", tag = "sharing", request_body = CreateShare,
    responses((status = 201, description = "The share", body = Share, headers(("Location" = String)))))]
pub(crate) async fn create(user: CurrentUser, body: Json<CreateShare>, app: web::Data<App>) -> Outcome<HttpResponse> {
    let item = parse::one_item(body.0.share_object_type, body.0.file_id, body.0.folder_id)?;
    let guest = Handle::parse(&body.0.username);
    let permission = parse::permission(body.0.permission)?;
    let share = map::share(app.shares.create(&user.actor, item, &guest, permission).await?)?;
    Ok(reply::created(format!("/share/{}", share.id), &share))
}
