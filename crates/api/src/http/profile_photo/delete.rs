use actix_web::{HttpResponse, web};

use crate::http::extract::CurrentUser;
use crate::http::problem::Outcome;
use crate::http::{App, reply};

/// Removes the caller's profile photo. `/profile-photo` is an alias.
#[utoipa::path(delete, path = "/profile_photo", operation_id = "delete_profile_photo", tag = "profile photo",
    responses((status = 204, description = "There is no photo any more")))]
pub(crate) async fn delete(user: CurrentUser, app: web::Data<App>) -> Outcome<HttpResponse> {
    app.photos.remove(&user.actor).await?;
    Ok(reply::done())
}
