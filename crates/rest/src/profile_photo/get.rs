use actix_web::{HttpResponse, web};
use clouddrive_contract::{Download, paths};
use clouddrive_domain::port::SignedUrl;
use clouddrive_domain::service::PhotoService;
use clouddrive_http::extract::CurrentUser;
use clouddrive_http::problem::Problem;
use clouddrive_http::reply;

use crate::endpoint::{Access, Endpoint, Idempotency, endpoint, errors};
use crate::map;

pub(super) const ENDPOINT: Endpoint =
    endpoint!(get, GET, paths::PROFILE_PHOTO, Access::CALLER, Idempotency::ByMethod, &[errors::ITEM]);

/// Returns a short-lived URL of the caller's profile photo. `/profile-photo` is an alias.
#[utoipa::path(get, path = paths::PROFILE_PHOTO, operation_id = "get_profile_photo", tag = "profile photo",
    responses((status = 200, description = "The URL", body = Download)))]
async fn get(user: CurrentUser, photos: web::Data<PhotoService>) -> Result<HttpResponse, Problem> {
    found(photos.find(&user.actor).await?)
}

/// The response with a photo's URL.
pub(crate) fn found(url: SignedUrl) -> Result<HttpResponse, Problem> {
    Ok(reply::no_store(reply::ok(&map::download(url)?)))
}
