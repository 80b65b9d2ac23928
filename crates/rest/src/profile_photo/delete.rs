use actix_web::{HttpResponse, web};
use clouddrive_contract::paths;
use clouddrive_domain::service::PhotoService;
use clouddrive_http::extract::CurrentUser;
use clouddrive_http::problem::Problem;
use clouddrive_http::reply;

use crate::endpoint::{Access, Endpoint, Idempotency, endpoint, errors};

pub(super) const ENDPOINT: Endpoint =
    endpoint!(delete, DELETE, paths::PROFILE_PHOTO, Access::CALLER, Idempotency::ByMethod, &[errors::ITEM]);

/// Removes the caller's profile photo. `/profile-photo` is an alias.
#[utoipa::path(delete, path = paths::PROFILE_PHOTO, operation_id = "delete_profile_photo", tag = "profile photo",
    responses((status = 204, description = "There is no photo any more")))]
async fn delete(user: CurrentUser, photos: web::Data<PhotoService>) -> Result<HttpResponse, Problem> {
    photos.remove(&user.actor).await?;
    Ok(reply::no_content())
}
