use actix_web::{HttpResponse, web};
use clouddrive_contract::{Code, CreateShare, Share, paths};
use clouddrive_domain::model::LoginIdentifier;
use clouddrive_domain::service;
use clouddrive_http::extract::{CurrentUser, Json};
use clouddrive_http::problem::Problem;
use clouddrive_http::reply;

use crate::endpoint::{Access, Endpoint, Idempotency, endpoint, errors};
use crate::{map, parse};

pub(super) const ENDPOINT: Endpoint = endpoint!(
    create,
    POST,
    paths::SHARES,
    Access::OWNER,
    Idempotency::Keyed,
    &[
        errors::BODY,
        errors::JSON,
        errors::THROTTLED,
        errors::ITEM,
        &[Code::PermissionDenied, Code::AlreadyShared, Code::CannotShareWithOwner],
    ]
);

/// Shares a file or folder with another user.
#[utoipa::path(post, path = paths::SHARES, operation_id = "create_share", tag = "sharing", request_body = CreateShare,
    responses((status = 201, description = "The share", body = Share, headers(("Location" = String)))))]
async fn create(
    user: CurrentUser,
    body: Json<CreateShare>,
    shares: web::Data<service::ShareService>,
) -> Result<HttpResponse, Problem> {
    let item = parse::one_item(body.0.share_object_type, body.0.file_id, body.0.folder_id)?;
    let guest = LoginIdentifier::parse(&body.0.username);
    let permission = parse::permission(body.0.permission)?;
    let share = map::share(shares.create(&user.actor, item, &guest, permission).await?)?;
    Ok(reply::created(paths::with_id(paths::SHARE, share.id), &share))
}
